"""Chances of ordered categories by cumulative logits: what the ordinal and the bounded model have in common.

    logit P(category <= k) = threshold_k - shift

Thresholds rise: their parameters are the first, and the logarithms of the steps to the next ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.laplace import AnyDensity, Mode

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def thresholds_of(parameters: Floats) -> Floats:
    """Thresholds of their parameters.

    >>> thresholds_of(np.array([-1.0, 0.0])).tolist()
    [-1.0, 0.0]
    """
    return np.cumsum(np.concatenate([parameters[:1], np.exp(parameters[1:])]))


def first_parameters(category: Ints, n_categories: int) -> Floats:
    """Parameters of the thresholds that give each category its share, without a shift."""
    share = np.cumsum(np.bincount(category, minlength=n_categories))[:-1] / len(category)
    first = special.logit(share)
    return np.concatenate([first[:1], np.log(np.diff(first))])


def bounds_of(n_categories: int) -> list[tuple[float, float]]:
    """Limits of the parameters within which they are searched."""
    return [(-100.0, 100.0), *[(-15.0, 6.0)] * (n_categories - 2)] if n_categories > 1 else []


@dataclass(frozen=True, eq=False)
class CumulativeLogits:
    """Negative log chance of the categories, and what its derivatives take.

    A category lies between two ends, above and below, on the scale of the log
    odds; a shift of the odds moves both ends down. With the logistic
    distribution F and its density f the loss of a rating is

        log(1 + exp(-above)) + log(1 + exp(below)) - log(1 - exp(below - above))

    so that its slope by the shift is 1 - F(above) - F(below), the slope of that
    by an end -f, its curve f(above) + f(below), and the slope of that by an end
    f', here called bend.
    """

    category: Ints
    loss: float
    slope: Floats
    curve: Floats
    slope_above: Floats
    slope_below: Floats
    density_above: Floats
    density_below: Floats
    bend_above: Floats
    bend_below: Floats

    @classmethod
    def of(cls, category: Ints, thresholds: Floats, shift: Floats) -> CumulativeLogits:
        """Ratings in these categories, each with its shift."""
        ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
        above, below = ends[category + 1] - shift, ends[category] - shift
        within = -np.expm1(below - above)
        up, low = special.expit(above), special.expit(below)
        density_above, density_below = up * special.expit(-above), low * special.expit(-below)
        return cls(
            category=category,
            loss=float((np.logaddexp(0, -above) + np.logaddexp(0, below) - np.log(within)).sum()),
            slope=1 - up - low,
            curve=density_above + density_below,
            slope_above=up - 1 / within,
            slope_below=low + 1 / within - 1,
            density_above=density_above,
            density_below=density_below,
            bend_above=density_above * (1 - 2 * up),
            bend_below=density_below * (1 - 2 * low),
        )

    @property
    def third(self) -> Floats:
        """Slope of the curve by the shift."""
        return -(self.bend_above + self.bend_below)

    def by_parameters(self, mode: Mode[AnyDensity], parameters: Floats) -> Floats:
        """Slopes of the Laplace approximation by the thresholds' parameters."""
        above = self.slope_above + (mode.leverage * self.bend_above + mode.pulled * self.density_above) / 2
        below = self.slope_below + (mode.leverage * self.bend_below + mode.pulled * self.density_below) / 2
        n = len(parameters) + 1
        by_threshold = np.bincount(self.category, above, n)[:-1] + np.bincount(self.category, below, n)[1:]
        by_later = np.cumsum(by_threshold[::-1])[::-1]
        steps = np.concatenate([np.ones(1), np.exp(parameters[1:])])[: len(parameters)]
        return np.asarray(by_later * steps, np.float64)

    def slopes_by_parameters(self, parameters: Floats) -> list[Floats]:
        """How each rating's slope changes with each of the thresholds' parameters."""
        found = []
        for at in range(len(parameters)):
            moved = np.where(self.category >= at, self.density_above, 0)  # a threshold and all above it
            moved = moved + np.where(self.category > at, self.density_below, 0)
            found.append(-moved * (1.0 if at == 0 else float(np.exp(parameters[at]))))
        return found
