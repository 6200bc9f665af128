"""Raters and items both fixed: a two-way table of each condition, whose error is what raters and items leave in it.

    score = condition + rater within the condition + item within the condition + residual

No effect is random, so that this is least squares. The residual holds the interaction of raters with items. In a
table without repeats nothing tells it from noise, and where raters truly differ about items the error is too large
rather than too small: Scheffé, The Analysis of Variance, 1959, section 4.8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.crossed.cells import Cells, Floats
from analysis.crossed.estimate import Fit
from analysis.crossed.solution import Solution
from analysis.frame import RatingsError

ALONE = 1e-9
"""Share of the largest eigenvalue below which one is 0."""


@dataclass(frozen=True, eq=False)
class Table:
    """Least squares in the ratings of one condition.

    Attributes
    ----------
    mean : float
        All raters and all items with the same weight.
    unscaled : float
        Its variance for a residual variance of 1.
    residual : float
        Sum of squares.
    df : int
    of_rater : ndarray, shape (raters,)
        Means of the raters over all items.
    of_item : ndarray, shape (items,)
        What the items add to them; 0 in sum.
    """

    mean: float
    unscaled: float
    residual: float
    df: int
    of_rater: Floats
    of_item: Floats


def additive(n: Floats, total: Floats, squares: float) -> Table:
    """Fit a mean, raters and items to a table in which cells may be empty.

    Parameters
    ----------
    n, total : ndarray, shape (raters, items)
        Counts and sums of the scores; no rater and no item without any.
    squares : float
        Sum of the squared scores.

    Raises
    ------
    RatingsError
        If the ratings fall into groups of raters and items with nothing in common.
    """
    raters, items = n.shape
    n_raters = n.sum(axis=1)
    own = total.sum(axis=1) / n_raters
    gram = np.diag(n.sum(axis=0)) - (n / n_raters[:, None]).T @ n
    values, vectors = np.linalg.eigh(gram)
    linked = values > ALONE * max(float(values[-1]), 1.0)
    if linked.sum() < items - 1:
        raise RatingsError(
            "The ratings of a condition fall into groups of raters and items that have nothing in common, so that with "
            "both fixed there is no mean over all. Take the raters or the items as random."
        )
    inverse = (vectors[:, linked] / values[linked]) @ vectors[:, linked].T
    right = total.sum(axis=0) - n.T @ own
    of_item = inverse @ right
    weights = (n / n_raters[:, None]).mean(axis=0)
    of_rater = own - (n / n_raters[:, None]) @ of_item
    return Table(
        mean=float(of_rater.mean()),
        unscaled=float((1 / n_raters).sum()) / raters**2 + float(weights @ inverse @ weights),
        residual=squares - float((n_raters * own**2).sum()) - float(right @ of_item),
        df=round(float(n.sum())) - (raters + items - 1),
        of_rater=of_rater,
        of_item=of_item,
    )


def additive_tables(cells: Cells) -> list[Table]:
    """Least squares for each condition. Cells hold one rating at most."""
    return [
        additive(n, total, float((total**2).sum()))
        for n, total in zip(np.moveaxis(cells.n, 2, 0), np.moveaxis(cells.total, 2, 0), strict=True)
    ]


def fit_both_fixed(cells: Cells, needs_rest: bool = True) -> Fit:
    """Means of the conditions, all with the residual variance of all tables together.

    Returns
    -------
    Fit
        Without random effects; one mean for each condition.

    Raises
    ------
    RatingsError
        If raters and items explain every rating.
    """
    found = additive_tables(cells)
    df = sum(table.df for table in found)
    if df < 1:
        raise RatingsError("There are no more ratings than means to estimate: no variance can be told.")
    residual = sum(table.residual for table in found)
    variance = max(residual / df, cells.nothing)
    if needs_rest:
        cells.check(residual / df)
    unscaled = np.diag([table.unscaled for table in found])
    beta = cells.centre + np.array([table.mean for table in found])
    return Fit(
        theta=np.zeros(5),
        active=(),
        sigma=variance**0.5,
        deviance=float("nan"),
        solution=Solution(beta, unscaled, float("nan"), residual),
        vary=np.array([[2 * variance**2 / df]]),
        slopes=unscaled[None],
    )
