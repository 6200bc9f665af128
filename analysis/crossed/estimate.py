"""The most likely standard deviations, how sure they are, and the degrees of freedom that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from analysis.crossed.cells import TERMS, Cells, Floats
from analysis.crossed.solution import Solution, deviance, solve

START = 0.5
ZERO = 1e-4
"""A relative standard deviation below it counts as none."""
MOST = 1e3
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
    """Maximize the restricted likelihood over the terms at the given places of `TERMS`.

    The deviance depends on the squares of theta, so its slope is 0 where a
    theta is; whether such a point is a minimum is tried by a small step away.
    """

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
    if needs_rest:
        cells.check(sigma**2)
    vary, slopes = _uncertainty(cells, whole(theta), active, sigma)
    return Fit(whole(theta), active, sigma, deviance(cells, solution), solution, vary, slopes)


def _descend(criterion: Callable[[Floats], float], theta: Floats) -> Floats:
    """A local minimum with theta at 0 or above, to about eight digits."""
    if not len(theta):
        return theta
    found = optimize.minimize(  # type: ignore[call-overload]  # its stubs want the number of axes in the type
        criterion,
        theta,
        jac=lambda at: _gradient(criterion, at),
        method="L-BFGS-B",
        bounds=[(0.0, MOST)] * len(theta),
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
