"""Crossed random effects of raters and items in a model that is not linear, by Laplace's approximation.

The random effects are integrated out: at their most likely values (modes) the log likelihood is replaced by a parabola.
What a rating contributes, its negative log density as a function of the linear predictor, is the model's own. Random
effects are in units of their standard deviations. Fixed effects may be integrated out in the same way, with a flat
prior, which gives the restricted likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize

from analysis.frame import RatingsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEWTON_STEPS = 100
MOST_STEP = 10.0
"""Largest move of a mode in one step. Where the likelihood is almost flat, a full step leads beyond all numbers."""

MOST_SD = 20.0
"""Log odds; a spread that grows to it has no finite estimate."""

NO_SD = 1e-3
"""Log odds; a smaller standard deviation counts as none."""

START_SD = 0.5
"""Log odds; where the search for a standard deviation begins, as in the linear mixed model."""

AWAY = (0.1, 0.5)
"""Log odds; steps away from a standard deviation of none, to see whether the likelihood rises there."""


@dataclass(frozen=True, eq=False)
class Term:
    """A random effect: its name, the level of each rating, how many levels there are."""

    name: str
    level: Ints
    n_levels: int


class Density(Protocol):
    """Negative log density of all ratings: its sum, and each rating's derivatives by the linear predictor."""

    @property
    def loss(self) -> float:
        """Sum over the ratings."""

    @property
    def slope(self) -> Floats:
        """First derivative."""

    @property
    def curve(self) -> Floats:
        """Second derivative."""

    @property
    def third(self) -> Floats:
        """Third derivative."""


AnyDensity = TypeVar("AnyDensity", bound=Density)
Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Parameters, the standard deviations last -> negative log likelihood and its slopes."""


def terms_of(ratings: pd.DataFrame, *, rater_condition: bool, item_condition: bool) -> tuple[list[Term], list[str]]:
    """Random effects that the ratings can tell, and a note for each that they cannot."""
    columns = [["rater"], ["item"], *([["rater", "condition"]] if rater_condition else [])]
    columns += [["item", "condition"]] if item_condition else []
    terms, notes = [], []
    for names in columns:
        level = np.asarray(ratings.groupby(names, sort=False).ngroup(), np.int64)
        n_levels, name = int(level.max()) + 1, ":".join(names)
        if n_levels == ratings["condition"].nunique() and "condition" in names:
            continue  # one item: its effects are the conditions'
        if n_levels < 2:
            notes.append(f"One {name}: the odds are those of this {name}.")
        elif n_levels == len(ratings):
            notes.append(f"One rating of each {name}: the model has no effect for it.")
        else:
            terms.append(Term(name, level, n_levels))
    return terms, notes


@dataclass(frozen=True, eq=False)
class Mode(Generic[AnyDensity]):
    """The approximation at one set of parameters.

    Attributes
    ----------
    ratings : Density
        At the modes.
    loss : float
        Negative log likelihood.
    inverse : ndarray, shape (effects, effects)
        Of the curvature by the effects: their covariance given the parameters.
    leverage : ndarray, shape (ratings,)
        Variance of each linear predictor given the parameters.
    pulled : ndarray, shape (ratings,)
        How the determinant pulls each linear predictor.
    by_shift : ndarray, shape (ratings,)
        Slope of the loss by a shift of each linear predictor.
    by_sd : ndarray, shape (terms,)
        Slope by the standard deviations.
    """

    ratings: AnyDensity
    loss: float
    inverse: Floats
    leverage: Floats
    pulled: Floats
    by_shift: Floats
    by_sd: Floats


class Effects:
    """Random effects of ratings, and the modes that were found last, from which the next search starts.

    Parameters
    ----------
    terms : sequence of Term
    n_ratings : int
    flat : Term, optional
        Fixed effects that are integrated out; they come first.
    """

    def __init__(self, terms: Sequence[Term], n_ratings: int, flat: Term | None = None) -> None:
        every = [*([flat] if flat else []), *terms]
        firsts = np.cumsum([0, *(term.n_levels for term in every)])
        self.levels = np.empty((n_ratings, len(every)), np.int64)
        for at, term in enumerate(every):
            self.levels[:, at] = firsts[at] + term.level
        self.n_flat = flat.n_levels if flat else 0
        self.flat_columns = 1 if flat else 0
        self.modes = np.zeros(int(firsts[-1]))
        self._least, self._best = np.inf, self.modes
        self.penalty = np.ones(len(self.modes))
        self.penalty[: self.n_flat] = 0
        self._pairs = np.tril_indices(len(every))
        high, low = (self.levels[:, side] for side in self._pairs)  # levels of later terms are higher
        self._places = (high * len(self.modes) + low).ravel()

    def at(self, sds: Floats, density: Callable[[Floats], AnyDensity]) -> Mode[AnyDensity]:
        """The approximation for these standard deviations and this density of the effects' sum."""
        scales = self._scales(sds)
        ratings, root = self._at_modes(scales, density)
        inverse = linalg.cho_solve((root, True), np.eye(len(root)), check_finite=False)
        beside = np.zeros(self.levels.shape)
        for scale, level in zip(scales, self.levels.T, strict=True):
            beside += scale * inverse[level[:, None], self.levels]
        leverage = beside @ scales
        pull = inverse @ self._gathered(scales, ratings.third * leverage)
        pulled = pull[self.levels] @ scales
        by_shift = ratings.slope + (leverage * ratings.third - pulled * ratings.curve) / 2
        own = self.levels[:, self.flat_columns :]
        by_sd = (
            by_shift @ self.modes[own] + ratings.curve @ beside[:, self.flat_columns :] - ratings.slope @ pull[own] / 2
            if own.shape[1]
            else np.zeros(0)
        )
        loss = self._penalised(ratings.loss, self.modes) + float(np.log(np.diag(root)).sum())
        if loss < self._least:
            self._least, self._best = loss, self.modes
        return Mode(ratings, loss, inverse, leverage, pulled, by_shift, by_sd)

    def moved_by(self, mode: Mode[AnyDensity], sds: Floats, slopes: Sequence[Floats]) -> Floats:
        """How the modes move with parameters, shape (effects, parameters).

        Parameters
        ----------
        mode : Mode
        sds : ndarray, shape (terms,)
        slopes : sequence of ndarray, shape (ratings,)
            For each parameter beside the standard deviations, how each
            rating's slope changes with it.
        """
        scales = self._scales(sds)
        gradients = [self._gathered(scales, slope) for slope in slopes]
        for column in range(self.flat_columns, self.levels.shape[1]):
            level = self.levels[:, column]
            own = np.bincount(level, mode.ratings.slope, len(self.modes))
            gradients.append(own + self._gathered(scales, mode.ratings.curve * self.modes[level]))
        return -mode.inverse @ np.array(gradients).T

    def _scales(self, sds: Floats) -> Floats:
        """What the modes of each term are multiplied with in the linear predictor."""
        return np.concatenate([np.ones(self.flat_columns), sds])

    def _gathered(self, scales: Floats, by_rating: Floats) -> Floats:
        """Sum over the ratings of each level, in units of the effects."""
        found = np.bincount(self.levels.ravel(), (by_rating[:, None] * scales).ravel(), len(self.modes))
        return np.asarray(found, np.float64)

    def _penalised(self, loss: float, modes: Floats) -> float:
        return loss + float(self.penalty * modes @ modes) / 2

    def _at_modes(self, scales: Floats, density: Callable[[Floats], AnyDensity]) -> tuple[AnyDensity, Floats]:
        """Ratings at the modes, by Newton's steps, and the root of the curvature there."""
        at = density(self.modes[self.levels] @ scales)
        if self._best is not self.modes:  # the last parameters may have led far away
            other = density(self._best[self.levels] @ scales)
            if self._penalised(other.loss, self._best) < self._penalised(at.loss, self.modes):
                at, self.modes = other, self._best
        for _ in range(NEWTON_STEPS):
            root = self._root(scales, at.curve)
            gradient = self.penalty * self.modes + self._gathered(scales, at.slope)
            loss = self._penalised(at.loss, self.modes)
            rounding = 1e-9 * max(1.0, abs(loss) / 1000)
            if np.abs(gradient).max(initial=0.0) < rounding:
                break
            step = -linalg.cho_solve((root, True), gradient, check_finite=False)
            scale = min(1.0, MOST_STEP / np.abs(step).max())
            while True:
                tried = self.modes + scale * step
                at = density(tried[self.levels] @ scales)
                if self._penalised(at.loss, tried) <= loss + rounding or scale < 1e-6:
                    break
                scale /= 2
            self.modes = tried
        return at, root

    def _root(self, scales: Floats, curve: Floats) -> Floats:
        """Root of the curvature; where that is not positive, far from the modes, of one that is."""

        n, (high, low) = len(self.modes), self._pairs
        products = scales[high] * scales[low]

        def root(weights: Floats) -> Floats:
            lower = np.bincount(self._places, (weights[:, None] * products).ravel(), n * n)
            whole = np.asarray(lower, np.float64).reshape(n, n)
            whole[np.diag_indices(n)] += self.penalty
            return np.asarray(linalg.cholesky(whole, lower=True, check_finite=False), np.float64)

        try:
            return root(curve)
        except linalg.LinAlgError:
            return root(np.maximum(np.abs(curve), 1e-3))


def search(
    likelihood: Likelihood, start: Floats, bounds: Sequence[tuple[float, float]], n_terms: int
) -> tuple[Floats, float]:
    """Parameters of the largest likelihood, and its negative logarithm.

    The slope by a standard deviation is 0 where that is 0, so a descent that
    overshoots to 0 stays there. Each such term is therefore tried a step away,
    and the descent goes on from there if the likelihood is larger.

    Parameters
    ----------
    likelihood : callable
    start : ndarray, shape (parameters,)
    bounds : sequence of (low, high)
        Of the parameters that are no standard deviations.
    n_terms : int
        Standard deviations, which come last.
    """
    limits = [*bounds, *[(0.0, MOST_SD)] * n_terms]
    values, loss = _descend(likelihood, start, limits)
    for _ in range(2 * n_terms):
        moved = _away_from_zero(likelihood, values, loss, n_terms)
        if moved is None:
            break
        values, loss = _descend(likelihood, moved, limits)
    return values, loss


def check_spreads(terms: Sequence[Term], sds: Floats, what_to_do: str) -> list[str]:
    """Notes on spreads that were not found; refuses those without a finite estimate."""
    notes = []
    for term, sd in zip(terms, sds, strict=True):
        if sd > 0.99 * MOST_SD:
            raise RatingsError(f"The spread between levels of {term.name} has no finite estimate. {what_to_do}")
        if sd < NO_SD:
            notes.append(f"No variance between levels of {term.name} was found.")
    return notes


def covariance(likelihood: Likelihood, values: Floats, n_terms: int) -> Floats:
    """Inverse of the curvature by the parameters that are free, by central differences of the slopes."""
    free = free_of(values, n_terms)
    curve = np.empty((len(free), len(free)))
    for row, at in enumerate(free):
        step = step_of(values, at)
        rise = likelihood(values + step)[1] - likelihood(values - step)[1]
        curve[row] = rise[free] / (2 * step[at])
    return inverse_of(curve)


def free_of(values: Floats, n_terms: int) -> Ints:
    """Which parameters are free: all but standard deviations that are none. These come last."""
    is_sd = np.arange(len(values)) >= len(values) - n_terms
    return np.flatnonzero(~is_sd | (values >= NO_SD))


def step_of(values: Floats, at: int) -> Floats:
    """A small step of one parameter, for differences."""
    step = np.zeros_like(values)
    step[at] = 1e-4 * max(1.0, abs(values[at]))
    return step


def inverse_of(curve: Floats) -> Floats:
    """Inverse of a curvature that was found by differences."""
    curve = (curve + curve.T) / 2
    if (np.linalg.eigvalsh(curve) <= 0).any():
        raise RatingsError("The ratings are too few for this model: its odds have no standard errors.")
    return np.asarray(np.linalg.inv(curve), np.float64)


def _descend(likelihood: Likelihood, start: Floats, bounds: list[tuple[float, float]]) -> tuple[Floats, float]:
    options: dict[str, float] = {"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-6, "maxcor": 20}
    found = optimize.minimize(  # type: ignore[call-overload]  # scipy-stubs know these options for no method
        likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(found.x, np.float64), float(found.fun)


def _away_from_zero(likelihood: Likelihood, values: Floats, loss: float, n_terms: int) -> Floats | None:
    """Parameters with a larger likelihood, one standard deviation being moved away from 0; None if there are none."""
    best, moved = loss - 1e-6, None
    first = len(values) - n_terms
    for at in first + np.flatnonzero(values[first:] < NO_SD):
        for step in AWAY:
            tried = values.copy()
            tried[at] = step
            tried_loss = likelihood(tried)[0]
            if tried_loss < best:
                best, moved = tried_loss, tried
    return moved
