"""Restricted likelihood: the conditions' effects are integrated out with a flat prior, by Laplace's approximation.

Maximum likelihood finds spreads that are too small with few raters or items, and standard errors with them. The
restricted likelihood does not spend degrees of freedom on the conditions. The ordinal and the bounded model both test
with its standard errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from analysis import laplace
from analysis.laplace import AnyDensity, Mode

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Errors:
    """What standard errors of effects and their degrees of freedom rest on.

    Attributes
    ----------
    joint : ndarray
        Covariance of the effects, then the parameters; 0 for standard
        deviations that are none.
    bend : ndarray, shape (parameters, effects, effects)
        How the covariance of the effects changes with each parameter.
    """

    joint: Floats
    bend: Floats

    @property
    def cov(self) -> Floats:
        """Covariance of the effects."""
        n = self.bend.shape[1]
        return self.joint[:n, :n]

    def of(self, weights: Floats) -> tuple[float, float]:
        """Standard error and degrees of freedom of a weighted sum of the effects.

        Satterthwaite's, 2 V^2 / var(V), with var(V) by the delta method. They
        are infinite where no parameter changes V.
        """
        n = len(weights)
        variance = float(weights @ self.cov @ weights)
        slope = np.einsum("pij,i,j->p", self.bend, weights, weights)
        wobble = float(slope @ self.joint[n:, n:] @ slope)
        return float(np.sqrt(variance)), 2 * variance**2 / wobble if wobble > 0 else float("inf")

    def of_difference(self, a: int, b: int) -> tuple[float, float]:
        """Standard error and degrees of freedom of the difference of two effects."""
        weights = np.zeros(self.bend.shape[1])
        weights[[a, b]] = 1, -1
        return self.of(weights)


class Restricted(ABC, Generic[AnyDensity]):
    """Negative restricted log likelihood, with its slopes.

    Parameters are those of the model's density, then the standard deviations
    of the terms.

    Parameters
    ----------
    terms : sequence of Term
    condition : ndarray of int
        Of each rating, from 0.
    start : ndarray, shape (conditions,)
        Effects of the conditions, from which their search starts.
    """

    def __init__(self, terms: Sequence[laplace.Term], condition: Ints, start: Floats) -> None:
        self.n_terms, self.n_conditions = len(terms), len(start)
        flat = laplace.Term("condition", condition, self.n_conditions)
        self.every = laplace.Effects(terms, len(condition), flat)
        self.every.modes[: self.n_conditions] = start

    @abstractmethod
    def density(self, parameters: Floats, eta: Floats) -> AnyDensity:
        """Of all ratings, at their places."""

    @abstractmethod
    def by_parameters(self, mode: Mode[AnyDensity], parameters: Floats) -> Floats:
        """Slopes of the approximation by the density's parameters."""

    @abstractmethod
    def slopes_by_parameters(self, ratings: AnyDensity, parameters: Floats) -> list[Floats]:
        """How each rating's slope changes with each of the density's parameters."""

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        """Value and slopes at the parameters."""
        mode = self.mode(values)
        return mode.loss - self.n_conditions / 2 * float(np.log(2 * np.pi)), self._slopes(mode, values)

    def mode(self, values: Floats) -> Mode[AnyDensity]:
        """The approximation at the parameters."""
        parameters, sds = self._split(values)
        return self.every.at(sds, lambda eta: self.density(parameters, eta))

    def errors(self, values: Floats) -> tuple[Floats, Errors]:
        """Effects of the conditions and their errors, by differences around the parameters of the largest likelihood.

        The covariance given the parameters has the uncertainty of these added
        (Kass and Steffey, JASA 84 (1989) 717-726).
        """
        n = self.n_conditions
        free = laplace.free_of(values, self.n_terms)
        curve, bend = np.empty((len(free), len(free))), np.zeros((len(values), n, n))
        for row, at in enumerate(free):
            step = laplace.step_of(values, int(at))
            ends = []
            for tried in (values + step, values - step):
                mode = self.mode(tried)
                ends.append((self._slopes(mode, tried), mode.inverse[:n, :n]))
            curve[row] = (ends[0][0] - ends[1][0])[free] / (2 * step[at])
            bend[at] = (ends[0][1] - ends[1][1]) / (2 * step[at])
        spread = np.zeros((len(values), len(values)))
        spread[np.ix_(free, free)] = laplace.inverse_of(curve)
        mode = self.mode(values)
        effects = self.every.modes[:n].copy()
        parameters, sds = self._split(values)
        moved = self.every.moved_by(mode, sds, self.slopes_by_parameters(mode.ratings, parameters))[:n]
        own = mode.inverse[:n, :n] + moved @ spread @ moved.T
        return effects, Errors(np.block([[own, moved @ spread], [spread @ moved.T, spread]]), bend)

    def _slopes(self, mode: Mode[AnyDensity], values: Floats) -> Floats:
        return np.concatenate([self.by_parameters(mode, self._split(values)[0]), mode.by_sd])

    def _split(self, values: Floats) -> tuple[Floats, Floats]:
        """Parameters of the density, and standard deviations."""
        first = len(values) - self.n_terms
        return values[:first], values[first:]
