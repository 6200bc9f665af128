"""The most likely standard deviations, how sure they are, and the degrees of freedom that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import optimize

from analysis.crossed.cells import TERMS, Cells, Floats
from analysis.crossed.solution import Roots, Solution, deviance, residual_variance, solve, solve_roots

START = 0.5
ZERO = 1e-4
"""A relative standard deviation below it counts as none."""
LEAST_PAGE = 1e-2
"""Of `Roots.page` in the search, which may not be 0."""
MOST = 1e4
"""Relative standard deviation at which the search ends; the residual variance is then next to none."""


@dataclass(frozen=True, eq=False)
class Fit:
    """The REML estimate.

    Attributes
    ----------
    theta : ndarray, shape (5,)
        By `TERMS`; 0 for a term that is not in the model.
    active : tuple of int
        Places of the terms that are.
    sigma : float
        Residual standard deviation.
    deviance : float
        REML criterion, -2 log likelihood.
    solution : Solution
    vary : ndarray, shape (k, k)
        Asymptotic covariance of parameters that the covariance of beta follows from: (theta of the active terms,
        sigma), or variances.
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


def search(cells: Cells, active: tuple[int, ...], needs_rest: bool = True) -> Fit:
    """Maximize the restricted likelihood over the terms at the given places of `TERMS`."""

    def whole(theta: Floats) -> Floats:
        found = np.zeros(len(TERMS))
        found[list(active)] = theta
        return found

    def criterion(theta: Floats) -> float:
        return deviance(cells, solve(cells, whole(theta)))

    theta = _least(criterion, np.full(len(active), START), len(active))
    solution = solve(cells, whole(theta))
    sigma = residual_variance(cells, solution) ** 0.5
    if needs_rest:
        cells.check(sigma**2)
    vary, slopes = _uncertainty(cells, theta, lambda at: solve(cells, whole(at)), sigma)
    return Fit(whole(theta), active, sigma, deviance(cells, solution), solution, vary, slopes)


def search_pair(cells: Cells) -> Fit:
    """Maximize the restricted likelihood of two conditions, whose ratings may vary against each other.

    Returns
    -------
    Fit
        theta is that of `Roots`: rater, rater_contrast, item, item_contrast, page.
    """
    if cells.n.shape[1] == 1:  # a rater has one page: what raters and pages add cannot be told apart
        active: tuple[int, ...] = (4,)
    else:
        active = (0, 1, 4) if cells.fixed_items else (0, 1, 2, 3, 4)

    def at(values: Floats) -> Roots:
        found = np.zeros(5)
        found[list(active)] = values
        return Roots(*map(float, found))

    def solved(values: Floats) -> Solution:
        return solve_roots(cells, at(values))

    start = np.full(len(active), START)
    start[-1] = 1.0
    roots = _least(lambda values: deviance(cells, solved(values)), start, len(active) - 1)
    solution = solved(roots)
    sigma = residual_variance(cells, solution) ** 0.5
    vary, slopes = _uncertainty(cells, roots, solved, sigma)
    theta = np.zeros(5)
    theta[list(active)] = roots
    return Fit(theta, active, sigma, deviance(cells, solution), solution, vary, slopes)


def turned(fitted: Fit) -> Fit:
    """The same fit with raters and items in each other's place."""
    places = [2, 3, 0, 1, 4]
    return replace(fitted, theta=fitted.theta[places], active=tuple(places[at] for at in fitted.active))


def _least(criterion: Callable[[Floats], float], start: Floats, may_be_zero: int) -> Floats:
    """Where the criterion is least; the first `may_be_zero` places are 0 or above, the others `LEAST_PAGE`.

    The criterion depends on squares, so its slope is 0 where a place is 0:
    whether such a point is a minimum is tried by a small step away.
    """
    at = start
    for _ in range(4):
        at = _descend(criterion, at, may_be_zero)
        at[:may_be_zero][at[:may_be_zero] < ZERO] = 0.0
        best, stuck = criterion(at), True
        for i in np.flatnonzero(at[:may_be_zero] == 0):
            away = at.copy()
            away[i] = 0.05
            if criterion(away) < best:
                at, stuck = away, False
        if stuck:
            break
    return at


def _descend(criterion: Callable[[Floats], float], theta: Floats, may_be_zero: int) -> Floats:
    """A local minimum, to about eight digits."""
    if not len(theta):
        return theta
    found = optimize.minimize(  # type: ignore[call-overload]  # its stubs want the number of axes in the type
        criterion,
        theta,
        jac=lambda at: _gradient(criterion, at),
        method="L-BFGS-B",
        bounds=[(0.0 if at < may_be_zero else LEAST_PAGE, MOST) for at in range(len(theta))],
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


def _uncertainty(
    cells: Cells, theta: Floats, solved: Callable[[Floats], Solution], sigma: float
) -> tuple[Floats, Floats]:
    """Covariance of (theta, sigma), from the curvature of the deviance, and slopes of the covariance of beta.

    By theta by central differences, by sigma by formula. Directions in which
    the deviance does not curve upwards are left out, as lmerTest does.
    """
    k, free = len(theta), cells.n_ratings - cells.n_means
    steps = 1e-3 * np.maximum(theta, 0.1)

    def at(*moves: tuple[int, int]) -> Solution:
        moved = theta.copy()
        for place, sign in moves:
            moved[place] += sign * steps[place]
        return solved(moved)

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
    if sigma**2 <= cells.nothing:  # set, and not estimated
        curve, slopes = curve[:k, :k], slopes[:k]
    values, vectors = np.linalg.eigh(curve)
    positive = values > 1e-8
    vary = 2 * (vectors[:, positive] / values[positive]) @ vectors[:, positive].T
    return vary, slopes
