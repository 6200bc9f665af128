"""Restricted maximum likelihood for raters crossed with items: the numbers under `analysis.mixed`.

Ratings of one rater, item and condition share all effects of the model, so their count and sum say all there is to
know. Raters' effects (one for each rater, one for each rater and condition) are eliminated by formula, since raters
meet only through items; what is left is a dense system of as many unknowns as there are items times conditions. An
evaluation thus costs raters x (items x conditions)^2 multiplications and no sparse factorization, and a million
ratings fit in seconds.

Notation follows Bates et al., "Fitting linear mixed-effects models using lme4", J. Stat. Softw. 67 (2015), sections 3.2
to 3.5: theta are the standard deviations of the random effects relative to the residual one, and the deviance is
profiled over the means and the residual variance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize
from threadpoolctl import ThreadpoolController

Floats = NDArray[np.float64]

TERMS = ("rater", "rater:condition", "item", "item:condition")
"""Random effects, in the order of theta."""

START = 0.5
MANY = 1e9
"""Multiplications of one evaluation above which threads help; below, they only wait for each other."""

ZERO = 1e-4
"""A relative standard deviation below it counts as none."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Ratings summed over each rater, item and condition.

    Attributes
    ----------
    n, total : ndarray, shape (raters, items, conditions)
        How many ratings a cell has, and the sum of their scores less `centre`.
    squares : float
        Sum of the squares of all scores less `centre`.
    centre : float
        Near the mean, so that the sums keep their digits.
    fixed_items : bool
        Whether every item and condition has a mean of its own; else one mean
        for each condition, and items are random.
    """

    n: Floats = field(repr=False)
    total: Floats = field(repr=False)
    squares: float
    centre: float = 0.0
    fixed_items: bool = False

    @cached_property
    def pages(self) -> Pages | None:
        """The ratings turned into strata, where each rater rated all conditions of an item or none."""
        n = self.n[:, :, 0]
        if not (self.n == n[:, :, None]).all():
            return None
        turn = turning(self.n.shape[2])
        return Pages(n, self.total @ turn.T, turn)

    @property
    def n_ratings(self) -> int:
        """How many ratings the cells hold."""
        return round(float(self.n.sum()))

    @property
    def n_means(self) -> int:
        """How many means are estimated."""
        items, conditions = int(self.n.shape[1]), int(self.n.shape[2])
        return items * conditions if self.fixed_items else conditions


@dataclass(frozen=True, eq=False)
class Pages:
    """Ratings of whole pages, as one mean and contrasts of each page that have nothing to do with each other.

    Attributes
    ----------
    n : ndarray, shape (raters, items)
        How often a page was rated.
    total : ndarray, shape (raters, items, conditions)
        Sums of the pages' scores, turned by `turn`.
    turn : ndarray, shape (conditions, conditions)
        Orthonormal; its first row is the mean times the root of their number.
    """

    n: Floats = field(repr=False)
    total: Floats = field(repr=False)
    turn: Floats = field(repr=False)


@dataclass(frozen=True, eq=False)
class Solution:
    """Means for given theta, and what the deviance is made of.

    Attributes
    ----------
    beta : ndarray, shape (means,)
    unscaled : ndarray, shape (means, means)
        Covariance of beta for a residual variance of 1.
    log_det : float
        Logarithm of the determinants |L|^2 |R_X|^2.
    residual : float
        Penalized weighted residual sum of squares.
    """

    beta: Floats
    unscaled: Floats
    log_det: float
    residual: float


@dataclass(frozen=True, eq=False)
class Fit:
    """The REML estimate.

    Attributes
    ----------
    theta : ndarray, shape (4,)
        By `TERMS`; 0 for a term that is not in the model.
    active : tuple of int
        Places of the terms that are.
    sigma : float
        Residual standard deviation.
    deviance : float
        REML criterion, -2 log likelihood.
    solution : Solution
    vary : ndarray, shape (k, k)
        Asymptotic covariance of (theta of the active terms, sigma).
    slopes : ndarray, shape (k, means, means)
        Derivative of the covariance of beta by each of them.
    """

    theta: Floats
    active: tuple[int, ...]
    sigma: float
    deviance: float
    solution: Solution = field(repr=False)
    vary: Floats = field(repr=False)
    slopes: Floats = field(repr=False)

    @property
    def cov(self) -> Floats:
        """Covariance of beta."""
        return self.sigma**2 * self.solution.unscaled

    def degrees(self, weights: Floats) -> float:
        """Satterthwaite's degrees of freedom of a contrast of the means.

        2 v^2 / Var(v), v the contrast's estimated variance, by the delta
        method: Kuznetsova et al., J. Stat. Softw. 82 (2017), section 2.
        Infinite where v does not depend on estimated variances.
        """
        variance = float(weights @ self.cov @ weights)
        gradient = np.einsum("kij,i,j->k", self.slopes, weights, weights)
        spread = float(gradient @ self.vary @ gradient)
        return 2 * variance**2 / spread if spread > 0 else float("inf")


def solve(cells: Cells, theta: Floats) -> Solution:
    """Means and deviance parts for given relative standard deviations.

    Parameters
    ----------
    cells : Cells
    theta : ndarray, shape (4,)

    Notes
    -----
    With d = 1 + theta_rc^2 n_rc and e_r = 1 + theta_r^2 sum_c n_rc / d, the
    inverse covariance of one rater's ratings is the identity, less
    theta_rc^2 / d within each of the rater's conditions, less
    theta_r^2 / e_r times the outer product of 1 / d: two steps of the
    Sherman-Morrison formula. Sums of it over raters, between all pairs of
    (item, condition), give the dense system `gram`.
    """
    rater, rater_condition, item, item_condition = np.abs(theta)
    if cells.pages is not None:
        return _solve_pages(cells, cells.pages, rater, rater_condition, item, item_condition)
    n, total = cells.n, cells.total
    n_raters, n_items, n_conditions = n.shape
    pairs = n_items * n_conditions
    n_rc, total_rc = n.sum(axis=1), total.sum(axis=1)
    d = 1 + rater_condition**2 * n_rc
    e = 1 + rater**2 * (n_rc / d).sum(axis=1)
    within, between = rater_condition**2 / d, rater**2 / e
    shares = (n / d[:, None, :]).reshape(n_raters, pairs)
    scaled = shares * np.sqrt(between)[:, None]
    gram = -(scaled.T @ scaled)
    by_condition = np.moveaxis(n * np.sqrt(within)[:, None, :], 2, 0)  # conditions, raters, items
    blocks = by_condition.transpose(0, 2, 1) @ by_condition
    table = gram.reshape(n_items, n_conditions, n_items, n_conditions)
    for c in range(n_conditions):
        table[:, c, :, c] -= blocks[c]
    gram[np.diag_indices(pairs)] += n.sum(axis=0).ravel()
    rated = (total_rc / d).sum(axis=1)
    right = (total.sum(axis=0) - np.einsum("rc,ric->ic", within * total_rc, n)).ravel() - shares.T @ (between * rated)
    squares = cells.squares - float((within * total_rc**2).sum()) - float((between * rated**2).sum())
    log_det = float(np.log(d).sum() + np.log(e).sum())
    if cells.fixed_items:
        return _means(gram, right, squares, log_det, cells.centre)
    return _with_items(cells, table, right.reshape(n_items, n_conditions), squares, log_det, item, item_condition)


def turning(size: int) -> Floats:
    """Orthonormal rows: the mean, and Helmert's contrasts.

    >>> np.round(turning(2), 3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """
    rows: Floats = np.full((size, size), size**-0.5)
    for i in range(1, size):
        rows[i] = 0
        rows[i, :i] = 1
        rows[i, i] = -i
        rows[i] /= np.sqrt(i * (i + 1))
    return rows


def _solve_pages(
    cells: Cells, pages: Pages, rater: float, rater_condition: float, item: float, item_condition: float
) -> Solution:
    """Like `solve`, stratum by stratum.

    Turned by orthonormal contrasts, the scores of a page are independent: the
    mean varies by rater with C theta_r^2 + theta_rc^2 and by item likewise, and
    each contrast with theta_rc^2 and theta_ic^2 alone. So each stratum is a
    plain table of raters by items.
    """
    size = len(pages.turn)
    of_mean = _two_way(
        pages.n,
        pages.total[:, :, :1],
        size * rater**2 + rater_condition**2,
        size * item**2 + item_condition**2,
        cells.fixed_items,
    )
    of_contrasts = _two_way(pages.n, pages.total[:, :, 1:], rater_condition**2, item_condition**2, cells.fixed_items)
    beta = (
        np.concatenate([of_mean[0], of_contrasts[0]], axis=1) @ pages.turn
    )  # (means of an item or of all, conditions)
    first = np.outer(pages.turn[0], pages.turn[0])
    unscaled = np.kron(of_mean[1], first) + np.kron(of_contrasts[1], np.eye(size) - first)
    return Solution(
        beta=cells.centre + beta.ravel(),
        unscaled=unscaled,
        log_det=of_mean[2] + (size - 1) * of_contrasts[2],
        residual=cells.squares - of_mean[3] - of_contrasts[3],
    )


def _two_way(
    n: Floats, total: Floats, of_raters: float, of_items: float, fixed_items: bool
) -> tuple[Floats, Floats, float, float]:
    """Several variates of a table of raters by items, with relative variances of both.

    Returns
    -------
    beta : ndarray, shape (1 or items, variates)
    unscaled : ndarray, shape (1 or items, 1 or items)
    log_det : float
        Of one variate.
    explained : float
        What the model takes off the sum of squares of all.
    """
    n_r, total_r = n.sum(axis=1), total.sum(axis=1)
    e = 1 + of_raters * n_r
    share = of_raters / e
    gram = np.diag(n.sum(axis=0)) - (n * share[:, None]).T @ n
    right = total.sum(axis=0) - n.T @ (share[:, None] * total_r)
    explained = float((share[:, None] * total_r**2).sum())
    log_det = float(np.log(e).sum())
    if not fixed_items:
        left = of_items * gram
        left[np.diag_indices(len(left))] += 1
        root = linalg.cholesky(left, lower=True, check_finite=False)
        scale = of_items**0.5
        columns = scale * np.column_stack([gram.sum(axis=1), right])
        half = linalg.solve_triangular(root, columns, lower=True, check_finite=False)
        explained += float((half[:, 1:] ** 2).sum())
        log_det += 2 * float(np.log(np.diag(root)).sum())
        right = (right.sum(axis=0) - half[:, 0] @ half[:, 1:])[None, :]
        gram = np.array([[gram.sum() - half[:, 0] @ half[:, 0]]])
    root = linalg.cholesky(gram, lower=True, check_finite=False)
    half = linalg.solve_triangular(root, np.column_stack([right, np.eye(len(gram))]), lower=True, check_finite=False)
    wanted, inverse = half[:, : right.shape[1]], half[:, right.shape[1] :]
    explained += float((wanted**2).sum())
    log_det += 2 * float(np.log(np.diag(root)).sum())
    return inverse.T @ wanted, inverse.T @ inverse, log_det, explained


def _with_items(
    cells: Cells, table: Floats, right: Floats, squares: float, log_det: float, item: float, item_condition: float
) -> Solution:
    """Eliminate the items' effects, then solve for a mean of each condition."""
    n_items, n_conditions = right.shape
    pairs = n_items * n_conditions
    to_items = table.sum(axis=3).reshape(pairs, n_items)
    to_conditions = table.sum(axis=2).reshape(pairs, n_conditions)
    size = n_items + pairs
    left = np.empty((size, size))
    left[:n_items, :n_items] = item**2 * to_items.reshape(n_items, n_conditions, n_items).sum(axis=1)
    left[n_items:, :n_items] = item * item_condition * to_items
    left[:n_items, n_items:] = left[n_items:, :n_items].T
    left[n_items:, n_items:] = item_condition**2 * table.reshape(pairs, pairs)
    left[np.diag_indices(size)] += 1
    across = np.vstack(
        [
            item * to_conditions.reshape(n_items, n_conditions, n_conditions).sum(axis=1),
            item_condition * to_conditions,
        ]
    )
    wanted = np.concatenate([item * right.sum(axis=1), item_condition * right.ravel()])
    root = linalg.cholesky(left, lower=True, check_finite=False, overwrite_a=True)
    columns = linalg.solve_triangular(root, np.column_stack([across, wanted]), lower=True, check_finite=False)
    across, wanted = columns[:, :-1], columns[:, -1]
    gram = to_conditions.reshape(n_items, n_conditions, n_conditions).sum(axis=0) - across.T @ across
    return _means(
        gram,
        right.sum(axis=0) - across.T @ wanted,
        squares - float(wanted @ wanted),
        log_det + 2 * float(np.log(np.diag(root)).sum()),
        cells.centre,
    )


def _means(gram: Floats, right: Floats, squares: float, log_det: float, centre: float) -> Solution:
    root = linalg.cholesky(gram, lower=True, check_finite=False)
    half = linalg.solve_triangular(root, np.column_stack([right, np.eye(len(right))]), lower=True, check_finite=False)
    wanted, inverse = half[:, 0], half[:, 1:]
    return Solution(
        beta=centre + inverse.T @ wanted,
        unscaled=inverse.T @ inverse,
        log_det=log_det + 2 * float(np.log(np.diag(root)).sum()),
        residual=squares - float(wanted @ wanted),
    )


def deviance(cells: Cells, solution: Solution) -> float:
    """Profiled REML criterion: Bates et al. (2015), equation 42."""
    free = cells.n_ratings - cells.n_means
    return solution.log_det + free * (1 + float(np.log(2 * np.pi * solution.residual / free)))


def fit(cells: Cells, terms: tuple[str, ...]) -> Fit:
    """Maximize the restricted likelihood.

    Parameters
    ----------
    cells : Cells
    terms : tuple of str
        Those of `TERMS` that are in the model.

    Notes
    -----
    The deviance depends on the squares of theta, so its slope is 0 where a
    theta is; whether such a point is a minimum is tried by a small step away.
    """
    active = tuple(i for i, name in enumerate(TERMS) if name in terms)
    if len(active) == len(TERMS) and is_complete(cells):
        return _complete(cells)
    n_raters, pairs = cells.n.shape[0], cells.n.shape[1] * cells.n.shape[2]
    few = cells.pages is not None or (n_raters + pairs) * pairs**2 < MANY
    with _threads().limit(limits=1 if few else None, user_api="blas"):
        return _search(cells, active)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _search(cells: Cells, active: tuple[int, ...]) -> Fit:
    def whole(theta: Floats) -> Floats:
        found = np.zeros(len(TERMS))
        found[list(active)] = theta
        return found

    def criterion(theta: Floats) -> float:
        return deviance(cells, solve(cells, whole(theta)))

    theta = np.full(len(active), START)
    for _ in range(4):
        theta = _descend(criterion, theta)
        theta[theta < ZERO] = 0.0
        best, stuck = criterion(theta), True
        for i in np.flatnonzero(theta == 0):
            away = theta.copy()
            away[i] = 0.05
            if criterion(away) < best:
                theta, stuck = away, False
        if stuck:
            break
    solution = solve(cells, whole(theta))
    sigma = float(np.sqrt(solution.residual / (cells.n_ratings - cells.n_means)))
    vary, slopes = _uncertainty(cells, whole(theta), active, sigma)
    return Fit(whole(theta), active, sigma, deviance(cells, solution), solution, vary, slopes)


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


def _complete(cells: Cells) -> Fit:
    """The estimate of a complete study, by formula."""
    r, i, c = cells.n.shape
    times = float(cells.n.flat[0])
    squares, df = strata(cells.total, times, np.asarray(cells.squares))
    expected, pooled, free = spread(squares, df)
    residual = float(expected[4])
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


def _descend(criterion: Callable[[Floats], float], theta: Floats) -> Floats:
    """A local minimum with theta at 0 or above, to about eight digits."""
    if not len(theta):
        return theta
    found = optimize.minimize(  # type: ignore[call-overload]  # its stubs want the number of axes in the type
        criterion,
        theta,
        jac=lambda at: _gradient(criterion, at),
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(theta),
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
    )
    return np.asarray(found.x, float)


def _gradient(criterion: Callable[[Floats], float], theta: Floats) -> Floats:
    """By central differences; negative theta are allowed, since only their squares count."""
    found = np.empty(len(theta))
    for i, value in enumerate(theta):
        step = 1e-5 * max(1.0, value)
        up, down = theta.copy(), theta.copy()
        up[i] += step
        down[i] -= step
        found[i] = (criterion(up) - criterion(down)) / (2 * step)
    return found


def _uncertainty(cells: Cells, theta: Floats, active: tuple[int, ...], sigma: float) -> tuple[Floats, Floats]:
    """Covariance of (theta, sigma), from the curvature of the deviance, and slopes of the covariance of beta.

    By theta by central differences, by sigma by formula. Directions in which
    the deviance does not curve upwards are left out, as lmerTest does.
    """
    k, free = len(active), cells.n_ratings - cells.n_means
    steps = np.array([1e-3 * max(theta[i], 0.1) for i in active])

    def at(*moves: tuple[int, int]) -> Solution:
        moved = theta.copy()
        for place, sign in moves:
            moved[active[place]] += sign * steps[place]
        return solve(cells, moved)

    def value(solution: Solution) -> float:
        return solution.log_det + solution.residual / sigma**2

    centre = at()
    sides = [(at((i, 1)), at((i, -1))) for i in range(k)]
    curve = np.zeros((k + 1, k + 1))
    slopes = np.empty((k + 1, *centre.unscaled.shape))
    for i, (up, down) in enumerate(sides):
        curve[i, i] = (value(up) - 2 * value(centre) + value(down)) / steps[i] ** 2
        curve[i, k] = curve[k, i] = -2 / sigma**3 * (up.residual - down.residual) / (2 * steps[i])
        slopes[i] = sigma**2 * (up.unscaled - down.unscaled) / (2 * steps[i])
        for j in range(i):
            corners = [value(at((i, a), (j, b))) * a * b for a in (1, -1) for b in (1, -1)]
            curve[i, j] = curve[j, i] = sum(corners) / (4 * steps[i] * steps[j])
    curve[k, k] = 6 * centre.residual / sigma**4 - 2 * free / sigma**2
    slopes[k] = 2 * sigma * centre.unscaled
    values, vectors = np.linalg.eigh(curve)
    positive = values > 1e-8
    vary = 2 * (vectors[:, positive] / values[positive]) @ vectors[:, positive].T
    return vary, slopes
