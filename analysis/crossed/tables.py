"""Complete tables of raters by items, with one number in each cell: their mean, its error and degrees of freedom.

The mean squares of raters, of items and of the rest say all there is to know. Where raters or items are fixed, their
mean square says nothing about the error of the mean, and the others give it:

    raters and items random    MS rater + MS item - MS rest
    items fixed                MS rater
    raters fixed               MS item
    both fixed                 MS rest
    one item, or one rater     MS rater, or MS item: the only one there is

each divided by raters x items. A random factor whose variance is estimated as none gives its mean square to the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.crossed.cells import NOTHING_LEFT, Floats
from analysis.crossed.strata import Strata


def mean_products(scores: Floats) -> Floats:
    """Mean squares and products of complete tables, in the strata of raters, items and the rest.

    Parameters
    ----------
    scores : ndarray, shape (..., raters, items, conditions)

    Returns
    -------
    ndarray, shape (..., 3, conditions, conditions)
        0 for a stratum without degrees of freedom.
    """
    r, i = scores.shape[-3:-1]
    mean = scores.mean(axis=(-3, -2))
    of_rater = scores.mean(axis=-2) - mean[..., None, :]
    of_item = scores.mean(axis=-3) - mean[..., None, :]
    rest = scores - mean[..., None, None, :] - of_rater[..., :, None, :] - of_item[..., None, :, :]
    products = np.stack(
        [
            i * np.einsum("...ra,...rb->...ab", of_rater, of_rater),
            r * np.einsum("...ia,...ib->...ab", of_item, of_item),
            np.einsum("...ria,...rib->...ab", rest, rest),
        ],
        axis=-3,
    )
    df = table_degrees(r, i)
    return np.where((df > 0)[:, None, None], products / np.maximum(df, 1)[:, None, None], 0.0)


def table_degrees(raters: int, items: int) -> Floats:
    """Degrees of freedom of raters, items and the rest."""
    return np.array([raters - 1, items - 1, (raters - 1) * (items - 1)], float)


def shares_of_mean(
    squares: Floats, raters: int, items: int, *, fixed_raters: bool = False, fixed_items: bool = False
) -> tuple[Floats, Floats, Floats]:
    """How the mean squares make up the variance of a table's mean.

    Parameters
    ----------
    squares : ndarray, shape (..., 3)
        Mean squares of raters, items and the rest.
    raters, items : int
        More than one rating in all.
    fixed_raters, fixed_items : bool

    Returns
    -------
    shares : ndarray, shape (..., 3)
    variance : ndarray, shape (...)
        The sum of shares times mean squares: that of the mean, times raters x items.
    df : ndarray, shape (...)
        Satterthwaite's; infinite where the variance is 0.

    Notes
    -----
    By restricted maximum likelihood. Searle, Casella and McCulloch, Variance
    Components, 1992, chapter 4.
    """
    df = table_degrees(raters, items)
    there = np.asarray(df > 0)
    if there.all():
        there = np.array([not fixed_raters, not fixed_items, True])
    strata = Strata(df[there], np.array([[1.0, items, 0], [1, 0, raters], [1, 0, 0]])[there][:, _columns(there)])
    effects = np.asarray(strata.most_likely(squares[..., there])[..., 1:] > 0)
    shares = np.zeros(squares.shape)
    if there.all():
        shares[..., :2] = effects
        shares[..., 2] = -1.0 * effects.all(axis=-1)
    elif there[2] and there.sum() == 2:
        shares[..., :2] = effects & there[:2]
    # Without an effect of either, all are pooled.
    pooled = np.where(there, df, 0.0) / df[there].sum()
    neither = np.asarray(~shares.any(axis=-1))
    shares = np.where(neither[..., None], pooled, shares)
    variance = np.maximum((shares * squares).sum(axis=-1), 0.0)
    spread = ((shares * squares) ** 2 / np.maximum(df, 1)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.where(spread > 0, variance**2 / spread, np.inf)
    return shares, variance, np.where(neither & (variance > 0), df[there].sum(), degrees)


def _columns(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Variances that a table tells: of the rest, and of raters and items where their strata are there beside it."""
    return np.array([True, bool(there[0] and there[2]), bool(there[1] and there[2])])


def table_means(
    tables: Floats, *, fixed_raters: bool = False, fixed_items: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Mean, its standard error and degrees of freedom, of complete tables of raters by items.

    A table holds the scores of one condition, or the differences of two: then
    this is what `search_pair` finds, in which both conditions may vary against
    each other.

    Parameters
    ----------
    tables : ndarray, shape (..., raters, items)
    fixed_raters, fixed_items : bool

    Returns
    -------
    mean, se, df : ndarray, shape (...)
        Satterthwaite's degrees of freedom.
    """
    r, i = tables.shape[-2:]
    squares = mean_products(tables[..., None])[..., 0, 0]
    least = NOTHING_LEFT * (tables**2).mean(axis=(-2, -1))[..., None]
    squares = np.where(table_degrees(r, i) > 0, np.maximum(squares, least), 0.0)
    _, variance, df = shares_of_mean(squares, r, i, fixed_raters=fixed_raters, fixed_items=fixed_items)
    return tables.mean(axis=(-2, -1)), np.sqrt(variance / (r * i)), df
