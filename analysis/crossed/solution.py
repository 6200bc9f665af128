"""Means and likelihood for given relative standard deviations: the work of every step of the search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from analysis.crossed.cells import Cells, Floats, Pages


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


def solve(cells: Cells, theta: Floats) -> Solution:
    """Means and deviance parts for given relative standard deviations.

    Parameters
    ----------
    cells : Cells
    theta : ndarray, shape (5,)
        By `TERMS`. The last one, of rater:item, only where no cell has more than one rating.

    Notes
    -----
    Without an effect of rater:item: with d = 1 + theta_rc^2 n_rc and e_r = 1 + theta_r^2 sum_c n_rc / d, the
    inverse covariance of one rater's ratings is the identity, less
    theta_rc^2 / d within each of the rater's conditions, less
    theta_r^2 / e_r times the outer product of 1 / d: two steps of the
    Sherman-Morrison formula. Sums of it over raters, between all pairs of
    (item, condition), give the dense system `gram`.
    """
    rater, rater_condition, item, item_condition, page = np.abs(theta)
    if cells.pages is not None or page > 0:
        return solve_roots(cells, Roots.of(theta, cells.n.shape[2]))
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
    root = Roots.of(theta, n_conditions).of_items(n_conditions)
    return _with_items(cells, table, right.reshape(n_items, n_conditions), squares, log_det, root)


@dataclass(frozen=True)
class Roots:
    """Standard deviations, relative to the residual's, of the mean over conditions and of contrasts between them.

    Both times the root of the number of conditions. Unlike theta they allow conditions that vary against each other.

    Attributes
    ----------
    rater, item : float
        Of the mean.
    rater_contrast, item_contrast : float
        Of each contrast.
    page : float
        Residual of the mean of a page; 1 where ratings of a page are independent, less where they vary against each
        other.
    """

    rater: float
    rater_contrast: float
    item: float
    item_contrast: float
    page: float

    @classmethod
    def of(cls, theta: Floats, conditions: int) -> Roots:
        """Make of relative standard deviations by `TERMS`."""
        rater, rater_condition, item, item_condition, page = (float(each) for each in np.abs(theta))
        return cls(
            (rater_condition**2 + conditions * rater**2) ** 0.5,
            rater_condition,
            (item_condition**2 + conditions * item**2) ** 0.5,
            item_condition,
            (1 + conditions * page**2) ** 0.5,
        )

    def of_raters(self, conditions: int) -> Floats:
        """Root of the covariance of a rater's effects, one for each condition."""
        return self.rater_contrast * np.eye(conditions) + (self.rater - self.rater_contrast) / conditions

    def of_items(self, conditions: int) -> Floats:
        """Root of the covariance of an item's effects, one for each condition."""
        return self.item_contrast * np.eye(conditions) + (self.item - self.item_contrast) / conditions


def solve_roots(cells: Cells, roots: Roots) -> Solution:
    """Like `solve`, for roots; they and theta say the same where theta can.

    Cells hold one rating at most, unless `roots.page` is 1 and whole pages were rated.
    """
    if cells.pages is not None:
        return _solve_pages(cells, cells.pages, roots)
    return _solve_parts_of_pages(cells, roots)


def _solve_parts_of_pages(cells: Cells, roots: Roots) -> Solution:
    """Where a rater rated some conditions of an item and not others.

    With v = (page^2 - 1) / C, the inverse covariance W of a page's ratings is
    the identity less v / (1 + k v) times the matrix of ones, for k ratings.
    The effects of a rater, one for each condition, have the covariance L L;
    with N the sum of a rater's W, they take W K W off, where
    K = L (1 + L N L)^-1 L.
    """
    n, total = cells.n, cells.total
    n_raters, n_items, n_conditions = n.shape
    rated = n.sum(axis=2)
    page = (roots.page**2 - 1) / n_conditions
    shrink = page / (1 + rated * page)
    weights = -shrink[:, :, None, None] * n[:, :, :, None] * n[:, :, None, :]
    weights[:, :, np.arange(n_conditions), np.arange(n_conditions)] += n
    weighted = total - shrink[:, :, None] * n * total.sum(axis=2)[:, :, None]
    root = roots.of_raters(n_conditions)
    inner = np.linalg.cholesky(np.eye(n_conditions) + root @ weights.sum(axis=1) @ root)
    half = np.linalg.solve(inner, np.broadcast_to(root, inner.shape))  # K is its square
    of_rater = weighted.sum(axis=1)
    pulled = np.einsum("rkc,rc->rk", half, of_rater)
    spread = np.einsum("ricd,rkd->rkic", weights, half).reshape(n_raters * n_conditions, n_items * n_conditions)
    gram = -(spread.T @ spread)
    table = gram.reshape(n_items, n_conditions, n_items, n_conditions)
    table[np.arange(n_items), :, np.arange(n_items), :] += weights.sum(axis=0)
    right = weighted.sum(axis=0).ravel() - spread.T @ pulled.ravel()
    squares = cells.squares - float((shrink * total.sum(axis=2) ** 2).sum()) - float((pulled**2).sum())
    log_det = float(np.log1p(rated * page).sum()) + 2 * float(np.log(np.diagonal(inner, axis1=1, axis2=2)).sum())
    if cells.fixed_items:
        return _means(gram, right, squares, log_det, cells.centre)
    return _with_items(
        cells, table, right.reshape(n_items, n_conditions), squares, log_det, roots.of_items(n_conditions)
    )


def _solve_pages(cells: Cells, pages: Pages, roots: Roots) -> Solution:
    """Whole pages, stratum by stratum.

    Turned by orthonormal contrasts, the scores of a page are independent: the
    mean and each contrast are plain tables of raters by items.
    """
    size = len(pages.turn)
    noise = roots.page**2
    mean_totals = pages.total[:, :, :1]
    of_mean = _two_way(
        pages.n,
        mean_totals,
        roots.rater**2 / noise,
        roots.item**2 / noise,
        cells.fixed_items,
    )
    if size == 1:  # no contrasts; the mean of one condition is its score
        return Solution(cells.centre + of_mean[0].ravel(), of_mean[1], of_mean[2], cells.squares - of_mean[3])
    free_pages = float(pages.n.sum()) - len(of_mean[0])
    of_contrasts = _two_way(
        pages.n, pages.total[:, :, 1:], roots.rater_contrast**2, roots.item_contrast**2, cells.fixed_items
    )
    beta = (
        np.concatenate([of_mean[0], of_contrasts[0]], axis=1) @ pages.turn
    )  # (means of an item or of all, conditions)
    first = np.outer(pages.turn[0], pages.turn[0])
    unscaled = np.kron(noise * of_mean[1], first) + np.kron(of_contrasts[1], np.eye(size) - first)
    return Solution(
        beta=cells.centre + beta.ravel(),
        unscaled=unscaled,
        log_det=of_mean[2] + free_pages * float(np.log(noise)) + (size - 1) * of_contrasts[2],
        residual=cells.squares - of_mean[3] / noise - float((mean_totals**2).sum()) * (1 - 1 / noise) - of_contrasts[3],
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


def _with_items(cells: Cells, table: Floats, right: Floats, squares: float, log_det: float, root: Floats) -> Solution:
    """Eliminate the items' effects, whose covariance has this root, then solve for a mean of each condition."""
    n_items, n_conditions = right.shape
    pairs = n_items * n_conditions
    to_conditions = table.sum(axis=2)
    left = np.einsum("cd,idje,ef->icjf", root, table, root, optimize=True).reshape(pairs, pairs)
    left[np.diag_indices(pairs)] += 1
    across = (root @ to_conditions).reshape(pairs, n_conditions)
    wanted = (right @ root).ravel()
    lower = linalg.cholesky(left, lower=True, check_finite=False, overwrite_a=True)
    columns = linalg.solve_triangular(lower, np.column_stack([across, wanted]), lower=True, check_finite=False)
    across, wanted = columns[:, :-1], columns[:, -1]
    gram = to_conditions.sum(axis=0) - across.T @ across
    return _means(
        gram,
        right.sum(axis=0) - across.T @ wanted,
        squares - float(wanted @ wanted),
        log_det + 2 * float(np.log(np.diag(lower)).sum()),
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
    variance = residual_variance(cells, solution)
    return solution.log_det + free * float(np.log(2 * np.pi * variance)) + solution.residual / variance


def residual_variance(cells: Cells, solution: Solution) -> float:
    """The most likely one, not below what counts as none."""
    return max(solution.residual / (cells.n_ratings - cells.n_means), cells.nothing)
