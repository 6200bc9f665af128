"""Most likely variances where every mean square is independent of the others: complete studies, thousands at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from analysis.crossed.cells import Floats

STEPS = 60
"""Of Newton's method, for the likelihood that has no closed form."""
CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class Strata:
    """Which variances the mean squares of a design hold.

    Attributes
    ----------
    df : ndarray, shape (strata,)
        Degrees of freedom.
    design : ndarray, shape (strata, variances)
        Expected mean squares are `design` times the variances; the first variance, the residual, is in all of them.
    """

    df: Floats
    design: Floats

    def most_likely(self, mean_squares: Floats) -> Floats:
        """Variances at which the restricted likelihood is largest, none below 0.

        Parameters
        ----------
        mean_squares : ndarray, shape (..., strata)

        Returns
        -------
        ndarray, shape (..., variances)

        Notes
        -----
        The deviance is the sum of df (log E + M / E) over the strata. Each way
        to set variances to 0 is tried; the most likely of those that need no
        negative variance is the estimate. Where the strata fall into as many
        groups of equal expectation as there are variances left, each group's
        expectation is its pooled mean square; elsewhere Newton's method finds
        it. Searle, Casella and McCulloch, Variance Components, 1992, chapter 4.
        """
        shape = mean_squares.shape[:-1]
        found = np.zeros((*shape, self.design.shape[1])).reshape(-1, self.design.shape[1])
        flat = mean_squares.reshape(-1, len(self.df))
        best = np.full(len(flat), np.inf)
        # All variances first: where that has no negative one, nothing is more likely.
        patterns = sorted(product((True, False), repeat=self.design.shape[1] - 1), reverse=True)
        open_ = np.arange(len(flat))
        for at, pattern in enumerate(patterns):
            if not len(open_):
                break
            free = np.array([True, *pattern])
            tried = self._stationary(flat[open_], free)
            value = np.where((tried >= -CLOSE * flat[open_].max(axis=1)[:, None]).all(axis=1), 0.0, np.inf)
            possible = np.isfinite(value)
            value[possible] = self.deviance(flat[open_][possible], np.maximum(tried[possible], 0.0))
            better = value < best[open_] - CLOSE
            places = open_[better]
            best[places], found[places] = value[better], np.maximum(tried[better], 0.0)
            if at == 0 and self._is_saturated(free):
                open_ = open_[~better]
        return found.reshape(*shape, -1)

    def deviance(self, mean_squares: Floats, variances: Floats) -> Floats:
        """Twice the negative logarithm of the restricted likelihood, but for a constant."""
        expected = np.maximum(variances @ self.design.T, 1e-300)
        total: Floats = (self.df * (np.log(expected) + mean_squares / expected)).sum(axis=-1)
        return total

    def covariance(self, mean_squares: Floats, variances: Floats) -> tuple[list[int], Floats]:
        """Which variances are above 0, and the asymptotic covariance of their estimates, from the observed curvature.

        Parameters
        ----------
        mean_squares : ndarray, shape (strata,)
        variances : ndarray, shape (variances,)
        """
        active = [0, *(int(at) for at in np.flatnonzero(variances[1:] > 0) + 1)]
        expected = variances @ self.design.T
        curve = self.df * (2 * mean_squares / expected**3 - 1 / expected**2)
        design = self.design[:, active]
        values, vectors = np.linalg.eigh(design.T @ (curve[:, None] * design))
        positive = values > 1e-12 * values[-1]
        return active, 2 * (vectors[:, positive] / values[positive]) @ vectors[:, positive].T

    def _groups(self, free: np.ndarray) -> tuple[Floats, np.ndarray]:
        rows, group = np.unique(self.design[:, free], axis=0, return_inverse=True)
        return rows, group.ravel()

    def _is_saturated(self, free: np.ndarray) -> bool:
        rows, _ = self._groups(free)
        return bool(len(rows) == rows.shape[1])

    def _stationary(self, mean_squares: Floats, free: np.ndarray) -> Floats:
        """Variances at which the likelihood is flat with some of them free and the others 0; negative ones included."""
        rows, group = self._groups(free)
        pooled = np.stack(
            [
                (mean_squares[:, group == each] * self.df[group == each]).sum(axis=1) / self.df[group == each].sum()
                for each in range(len(rows))
            ],
            axis=1,
        )
        variances = np.zeros((len(mean_squares), len(free)))
        if len(rows) == rows.shape[1]:
            variances[:, free] = np.linalg.solve(rows, pooled.T).T
            return variances
        df = np.array([self.df[group == each].sum() for each in range(len(rows))])
        variances[:, free] = _newton(pooled, df, rows)
        return variances


def _newton(pooled: Floats, df: Floats, rows: Floats) -> Floats:
    """Variances (n, m) of mean squares (n, groups) that have fewer variances than groups; NaN where none is found."""

    def value(at: Floats, pooled: Floats) -> Floats:
        expected = at @ rows.T
        safe = np.maximum(expected, 1e-300)
        total: Floats = np.where((expected > 0).all(axis=1), (df * (np.log(safe) + pooled / safe)).sum(axis=1), np.inf)
        return total

    weight = df / np.maximum(pooled, 1e-12 * pooled.max(axis=1, keepdims=True)) ** 2
    at = np.zeros((len(pooled), rows.shape[1]))
    at[:, 0] = (pooled * df).sum(axis=1) / df.sum()
    first = np.linalg.solve(
        np.einsum("gj,ng,gk->njk", rows, weight, rows), np.einsum("gj,ng,ng->nj", rows, weight, pooled)[..., None]
    )[..., 0]
    good = np.isfinite(value(first, pooled))
    at[good] = first[good]
    now = value(at, pooled)
    done = np.zeros(len(at), bool)
    for _ in range(STEPS):
        going = np.flatnonzero(~done)
        if not len(going):
            break
        expected = at[going] @ rows.T
        score = np.einsum("gj,ng->nj", rows, df * (pooled[going] - expected) / expected**2)
        information = np.einsum("gj,ng,gk->njk", rows, df / expected**2, rows)
        step = np.linalg.solve(information, score[..., None])[..., 0]
        size = np.ones(len(going))
        for _ in range(30):
            new = value(at[going] + size[:, None] * step, pooled[going])
            worse = ~(new <= now[going] + 1e-12)
            if not worse.any():
                break
            size[worse] /= 2
        moved = at[going] + size[:, None] * step
        new = value(moved, pooled[going])
        done[going] = (np.abs(size[:, None] * step) <= 1e-11 * np.abs(at[going]).max(axis=1, keepdims=True)).all(axis=1)
        at[going], now[going] = moved, new
    return at
