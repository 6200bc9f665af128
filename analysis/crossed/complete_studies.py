"""Complete studies, where every rater rated every condition of every item: all by formula, thousands at once."""

from __future__ import annotations

from itertools import product

import numpy as np

from analysis.crossed.cells import Cells, Floats
from analysis.crossed.estimate import Fit
from analysis.crossed.solution import deviance, solve


def is_complete(cells: Cells) -> bool:
    """Whether each rater rated each condition of each item equally often, with items random."""
    return not cells.fixed_items and bool((cells.n == cells.n.flat[0]).all()) and min(cells.n.shape) > 1


def strata(totals: Floats, times: float, squares: Floats) -> tuple[Floats, Floats]:
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
    mean_squares : ndarray, shape (..., 5)
        Of rater, rater:condition, item, item:condition and of the rest, on the
        scale of single scores.
    df : ndarray, shape (5,)

    Notes
    -----
    Expected values: with R raters, I items, C conditions and m scores a cell,
    residual + m I s_rc, residual + m I s_rc + m I C s_r, and with R in place
    of I for items. Searle, Casella and McCulloch, Variance Components, 1992,
    chapter 4.
    """
    r, i, c = totals.shape[-3:]
    y = totals / times
    all_ = y.mean(axis=(-3, -2, -1))
    rater, item, condition = y.mean(axis=(-2, -1)), y.mean(axis=(-3, -1)), y.mean(axis=(-3, -2))
    rc, ic = y.mean(axis=-2), y.mean(axis=-3)

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
    rest = squares - times * (grand + s_r + s_i + s_c + s_rc + s_ic)
    df = np.array(
        [r - 1, (r - 1) * (c - 1), i - 1, (i - 1) * (c - 1), times * r * i * c - c - (r - 1) * c - (i - 1) * c], float
    )
    sums = np.stack([times * s_r, times * s_rc, times * s_i, times * s_ic, rest], axis=-1)
    return np.maximum(sums, 0) / df, df


def spread(mean_squares: Floats, df: Floats) -> tuple[Floats, Floats, Floats]:
    """Most likely expectations of the mean squares of a complete study, variances at least 0.

    Parameters
    ----------
    mean_squares : ndarray, shape (..., 5)
    df : ndarray, shape (5,)

    Returns
    -------
    expected : ndarray, shape (..., 5)
    pooled : ndarray, shape (..., 5)
        Degrees of freedom that each is estimated with.
    free : ndarray of bool, shape (..., 4)
        Whether the variance of each of `TERMS` is above 0.

    Notes
    -----
    A variance that would be negative is 0, and its mean square is pooled with
    the one that it then has the expectation of. Each of the 16 ways to set
    variances to 0 has a closed form; the most likely of those that need no
    negative variance is the estimate.
    """
    weighted = mean_squares * df
    shape = mean_squares.shape[:-1]
    best = np.full(shape, np.inf)
    expected, pooled = np.empty_like(mean_squares), np.empty_like(mean_squares)
    free = np.zeros((*shape, 4), bool)
    for pattern in product((True, False), repeat=4):
        rater, rater_condition, item, item_condition = pattern
        group = [0, 1, 2, 3, 4]
        group[1] = 1 if rater_condition else 4
        group[3] = 3 if item_condition else 4
        group[0] = 0 if rater else group[1]
        group[2] = 2 if item else group[3]
        tried, count = np.empty_like(mean_squares), np.empty(5)
        for one in set(group):
            members = [k for k in range(5) if group[k] == one]
            count[members] = df[members].sum()
            tried[..., members] = (weighted[..., members].sum(axis=-1) / df[members].sum())[..., None]
        possible = (
            (tried[..., 0] >= tried[..., 1])
            & (tried[..., 1] >= tried[..., 4])
            & (tried[..., 2] >= tried[..., 3])
            & (tried[..., 3] >= tried[..., 4])
        )
        safe = np.maximum(tried, 1e-300)
        deviance = np.where(possible, (df * np.log(safe) + weighted / safe).sum(axis=-1), np.inf)
        better = deviance < best
        best = np.where(better, deviance, best)
        expected[better], pooled[better], free[better] = tried[better], count, pattern
    return expected, pooled, free


def complete(cells: Cells) -> Fit:
    """The estimate of a complete study, by formula."""
    r, i, c = cells.n.shape
    times = float(cells.n.flat[0])
    squares, df = strata(cells.total, times, np.asarray(cells.squares))
    expected, pooled, free = spread(squares, df)
    residual = float(expected[4])
    cells.check(residual)
    variances = np.array(
        [
            (expected[0] - expected[1]) / (times * i * c),
            (expected[1] - residual) / (times * i),
            (expected[2] - expected[3]) / (times * r * c),
            (expected[3] - residual) / (times * r),
        ]
    )
    theta = np.sqrt(np.where(free, variances, 0.0) / residual)
    solution = solve(cells, theta)
    # The covariance of the means is linear in the expected mean squares, whose estimates are independent.
    whole = np.eye(c) - 1 / c
    parts = np.stack([whole * 0 + 1 / c, whole, whole * 0 + 1 / c, whole, -np.eye(c)]) / (times * r * i)
    groups = {float(value): k for k, value in enumerate(expected)}
    slopes = np.stack([parts[[k for k in range(5) if expected[k] == value]].sum(axis=0) for value in groups])
    vary = np.diag([2 * value**2 / pooled[k] for value, k in groups.items()])
    return Fit(theta, tuple(range(4)), residual**0.5, deviance(cells, solution), solution, vary, slopes)
