"""Complete studies, where every rater rated every condition of every item: all by formula, thousands at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.crossed.cells import TERMS, Cells, Floats
from analysis.crossed.estimate import Fit
from analysis.crossed.solution import deviance, solve
from analysis.crossed.strata import Strata


def is_complete(cells: Cells) -> bool:
    """Whether each rater rated each condition of each item equally often, with both random."""
    return (
        not (cells.fixed_items or cells.fixed_raters)
        and bool((cells.n == cells.n.flat[0]).all())
        and min(cells.n.shape[:2]) > 1
    )


def mean_squares(totals: Floats, times: float, squares: Floats) -> Floats:
    """Mean squares of complete studies, for many studies at once.

    Parameters
    ----------
    totals : ndarray, shape (..., raters, items, conditions)
        Sums of the `times` scores of each cell.
    times : float
    squares : ndarray, shape (...)
        Sum of all squared scores.

    Returns
    -------
    ndarray, shape (..., 6)
        Of rater, rater:condition, item, item:condition, rater:item and of the rest, on the scale of single scores;
        0 for those that have no degrees of freedom (`degrees`).
    """
    r, i, c = totals.shape[-3:]
    y = totals / times
    all_ = y.mean(axis=(-3, -2, -1))
    rater, item, condition = y.mean(axis=(-2, -1)), y.mean(axis=(-3, -1)), y.mean(axis=(-3, -2))
    rc, ic, ri = y.mean(axis=-2), y.mean(axis=-3), y.mean(axis=-1)

    def sum_of(values: Floats, axes: tuple[int, ...]) -> Floats:
        return np.asarray((values**2).sum(axis=axes))

    grand = r * i * c * all_**2
    s_r, s_i, s_c = (
        i * c * sum_of(rater, (-1,)) - grand,
        r * c * sum_of(item, (-1,)) - grand,
        r * i * sum_of(condition, (-1,)) - grand,
    )
    s_rc = i * sum_of(rc, (-2, -1)) - grand - s_r - s_c
    s_ic = r * sum_of(ic, (-2, -1)) - grand - s_i - s_c
    s_ri = c * sum_of(ri, (-2, -1)) - grand - s_r - s_i
    rest = squares - times * (grand + s_r + s_i + s_c + s_rc + s_ic + s_ri)
    sums = np.stack([times * s_r, times * s_rc, times * s_i, times * s_ic, times * s_ri, rest], axis=-1)
    df = degrees(r, i, c, times)
    return np.where(df > 0, np.maximum(sums, 0) / np.maximum(df, 1), 0.0)


def degrees(raters: int, items: int, conditions: int, times: float = 1) -> Floats:
    """Degrees of freedom of `mean_squares`, shape (6,)."""
    r, i, c = raters - 1, items - 1, conditions - 1
    rest = times * raters * items * conditions - conditions - (r + i) * conditions - r * i
    return np.array([r, r * c, i, i * c, r * i, rest], float)


def strata(raters: int, items: int, conditions: int, times: float, terms: Sequence[str]) -> tuple[Strata, Floats]:
    """Strata of complete studies, and what the covariance of the conditions' means has of each variance.

    Parameters
    ----------
    raters, items, conditions : int
    times : float
        Ratings of each cell.
    terms : sequence of str
        Those of `TERMS` that are in the model, in their order.

    Returns
    -------
    strata : Strata
        Of the mean squares that have degrees of freedom; the variances are the residual's and those of `terms`.
    parts : ndarray, shape (1 + terms, conditions, conditions)

    Notes
    -----
    With R raters, I items, C conditions and m scores a cell, s for the residual
    variance: rater:condition has s + m I s_rc, rater s + m I s_rc + m I C s_r +
    m C s_ri, items the same with R in the place of I, and rater:item
    s + m C s_ri.
    """
    r, i, c, m = raters, items, conditions, times
    each, together = np.eye(c), np.ones((c, c))
    rows = {  # by term: mean squares of rater, rater:condition, item, item:condition, rater:item, rest; covariance
        "rater": ([m * i * c, 0, 0, 0, 0, 0], together / r),
        "rater:condition": ([m * i, m * i, 0, 0, 0, 0], each / r),
        "item": ([0, 0, m * r * c, 0, 0, 0], together / i),
        "item:condition": ([0, 0, m * r, m * r, 0, 0], each / i),
        "rater:item": ([m * c, 0, m * c, 0, m * c, 0], together / (r * i)),
    }
    df = degrees(r, i, c, m)
    there = df > 0
    design = np.array([[1.0] * 6, *(rows[term][0] for term in terms)]).T[there]
    parts = np.stack([each / (r * i * m), *(rows[term][1] for term in terms)])
    return Strata(df[there], design), parts


def complete(cells: Cells, active: tuple[int, ...], needs_rest: bool = True) -> Fit:
    """The estimate of a complete study, by formula, with the terms at the given places of `TERMS`."""
    r, i, c = cells.n.shape
    times = float(cells.n.flat[0])
    found, parts = strata(r, i, c, times, [TERMS[at] for at in active])
    there = degrees(r, i, c, times) > 0
    squares = mean_squares(cells.total, times, np.asarray(cells.squares))[there]
    if not needs_rest:
        squares = np.maximum(squares, cells.nothing)
    variances = found.most_likely(squares)
    if needs_rest:
        cells.check(float(variances[0]))
    theta = np.zeros(len(TERMS))
    theta[list(active)] = np.sqrt(variances[1:] / variances[0])
    solution = solve(cells, theta)
    above_zero, vary = found.covariance(squares, variances)
    return Fit(theta, active, float(variances[0]) ** 0.5, deviance(cells, solution), solution, vary, parts[above_zero])
