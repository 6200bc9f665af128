"""The ordered beta distribution: a score is at the low end, at the high end, or between them.

With eta the place of a rating on the scale of the log odds, mu = logit^-1(eta) and cutpoints low < high,

    P(y = 0) = 1 - logit^-1(eta - low),   P(y = 1) = logit^-1(eta - high),
    y between them ~ Beta(mu precision, (1 - mu) precision)

Kubinec, "Ordered beta regression", Political Analysis 31 (2023) 519-536. An end without a score has no cutpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.cumulative_logits import CumulativeLogits, thresholds_of
from analysis.laplace import Mode

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores between 0 and 1, and where they lie.

    Attributes
    ----------
    between : ndarray of int
        Which scores lie between the ends.
    category : ndarray of int
        Low end, between, high end, counted from 0; an end without a score is
        no category.
    n_categories : int
    zeros, ones : bool
        Whether any score is at the low end, at the high end.
    logit, log_rest : ndarray
        Of the scores between: log(y / (1 - y)) and log(1 - y).
    """

    between: Ints
    category: Ints
    n_categories: int
    zeros: bool
    ones: bool
    logit: Floats
    log_rest: Floats

    @classmethod
    def of(cls, y: Floats) -> Scores:
        """Scores as shares of the scale."""
        category = np.where(y <= 0, 0, np.where(y >= 1, 2, 1))
        between = np.flatnonzero(category == 1)
        zeros, ones = bool((category == 0).any()), bool((category == 2).any())
        inside = y[between]
        return cls(
            between,
            (category - (not zeros)).astype(np.int64),
            1 + zeros + ones,
            zeros,
            ones,
            special.logit(inside),
            np.log1p(-inside),
        )

    def expected(self, eta: Floats, parameters: Floats) -> Floats:
        """Expected scores, as shares of the scale, at these places; parameters of the cutpoints as in the fit."""
        cuts = thresholds_of(parameters)
        above_low = special.expit(eta - cuts[0]) if self.zeros else np.ones_like(eta)
        at_high = special.expit(eta - cuts[-1]) if self.ones else np.zeros_like(eta)
        return np.asarray(at_high + (above_low - at_high) * special.expit(eta), np.float64)


@dataclass(frozen=True, eq=False)
class OrderedBeta:
    """Negative log density of scores by the place of each, and its derivatives.

    With a = mu precision and b = (1 - mu) precision, the loss of a score
    between the ends is that of its category and

        log Gamma(a) + log Gamma(b) - log Gamma(precision) - (a - 1) log y - (b - 1) log(1 - y)
    """

    scores: Scores
    precision: float
    logits: CumulativeLogits
    mu: Floats

    @classmethod
    def of(cls, scores: Scores, cutpoints: Floats, precision: float, eta: Floats) -> OrderedBeta:
        """At these places of the ratings, shape (ratings,)."""
        mu = np.clip(special.expit(eta[scores.between]), 1e-12, 1 - 1e-12)
        return cls(scores, precision, CumulativeLogits.of(scores.category, cutpoints, eta), mu)

    @cached_property
    def loss(self) -> float:
        """Sum over all ratings."""
        a, b = self._shapes
        beta = special.gammaln(a) + special.gammaln(b) - special.gammaln(self.precision)
        beta -= (a - 1) * self.scores.logit + (self.precision - 2) * self.scores.log_rest
        return self.logits.loss + float(beta.sum())

    @cached_property
    def slope(self) -> Floats:
        """By eta."""
        return self._with(self.logits.slope, self.precision * self._pull * self._first)

    @cached_property
    def curve(self) -> Floats:
        """Second derivative by eta."""
        beta = (
            self.precision**2 * (self._trigamma[0] + self._trigamma[1]) * self._first**2
            + self.precision * self._pull * self._second
        )
        return self._with(self.logits.curve, beta)

    @cached_property
    def third(self) -> Floats:
        """Third derivative by eta."""
        tetragammas = self._tetragamma[0] - self._tetragamma[1]
        beta = (
            self.precision**3 * tetragammas * self._first**3
            + 3 * self.precision**2 * (self._trigamma[0] + self._trigamma[1]) * self._first * self._second
            + self.precision * self._pull * self._first * (1 - 6 * self._first)
        )
        return self._with(self.logits.third, beta)

    def slope_by_log_precision(self) -> Floats:
        """How each rating's slope changes with the logarithm of the precision."""
        moved = self.precision * self._first * (self._pull + self._pull_by_log_precision)
        return self._with(np.zeros_like(self.logits.slope), moved)

    def by_log_precision(self, mode: Mode[OrderedBeta]) -> float:
        """Slope of the Laplace approximation by the logarithm of the precision."""
        a, b = self._shapes
        direct = self.mu * (special.digamma(a) - self.scores.logit) + (1 - self.mu) * special.digamma(b)
        direct = self.precision * (direct - special.digamma(self.precision) - self.scores.log_rest)
        spread = a * self._tetragamma[0] + b * self._tetragamma[1]
        curved = self.precision**2 * self._first**2 * (2 * (self._trigamma[0] + self._trigamma[1]) + spread)
        curved = curved + self.precision * self._second * (self._pull + self._pull_by_log_precision)
        leverage = mode.leverage[self.scores.between]
        return float(direct.sum() + (leverage @ curved - mode.pulled @ self.slope_by_log_precision()) / 2)

    def _with(self, every: Floats, beta: Floats) -> Floats:
        whole = every.copy()
        whole[self.scores.between] += beta
        return whole

    @cached_property
    def _shapes(self) -> tuple[Floats, Floats]:
        return self.mu * self.precision, (1 - self.mu) * self.precision

    @cached_property
    def _first(self) -> Floats:
        """First derivative of mu by eta."""
        return self.mu * (1 - self.mu)

    @cached_property
    def _second(self) -> Floats:
        return self._first * (1 - 2 * self.mu)

    @cached_property
    def _pull(self) -> Floats:
        """Slope of the loss by mu, in units of the precision."""
        a, b = self._shapes
        return np.asarray(special.digamma(a) - special.digamma(b) - self.scores.logit, np.float64)

    @cached_property
    def _pull_by_log_precision(self) -> Floats:
        a, b = self._shapes
        return a * self._trigamma[0] - b * self._trigamma[1]

    @cached_property
    def _trigamma(self) -> tuple[Floats, Floats]:
        a, b = self._shapes
        return special.polygamma(1, a), special.polygamma(1, b)

    @cached_property
    def _tetragamma(self) -> tuple[Floats, Floats]:
        a, b = self._shapes
        return special.polygamma(2, a), special.polygamma(2, b)
