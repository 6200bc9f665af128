"""Ratings summed to what the model needs to know of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.contrasts import helmert
from analysis.frame import RatingsError

Floats = NDArray[np.float64]

TERMS = ("rater", "rater:condition", "item", "item:condition", "rater:item")
"""Random effects, in the order of theta."""

TURNED = dict(zip(TERMS, ("item", "item:condition", "rater", "rater:condition", "rater:item"), strict=True))
"""Each term, and what it is with raters and items in each other's place."""

POOLED_TERMS = TERMS[:4]
"""Of the model that has one error for all conditions."""

NOTHING_LEFT = 1e-7
"""Residual variance, as a share of the scores' own, below which there is none."""


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
    fixed_raters : bool
        The same of raters. With both, raters and items have a mean each within
        a condition (`analysis.crossed.both_fixed`).
    """

    n: Floats = field(repr=False)
    total: Floats = field(repr=False)
    squares: float
    centre: float = 0.0
    fixed_items: bool = False
    fixed_raters: bool = False

    @property
    def turned(self) -> Cells:
        """The same ratings with raters and items in each other's place."""
        n, total = self.n.swapaxes(0, 1).copy(), self.total.swapaxes(0, 1).copy()
        return Cells(n, total, self.squares, self.centre, self.fixed_raters, self.fixed_items)

    @cached_property
    def pages(self) -> Pages | None:
        """The ratings turned into strata, where each rater rated all conditions of an item or none."""
        n = self.n[:, :, 0]
        if not (self.n == n[:, :, None]).all():
            return None
        turn = helmert(self.n.shape[2])
        return Pages(n, self.total @ turn.T, turn)

    def check(self, residual: float) -> None:
        """Refuse a residual variance that is none.

        Raises
        ------
        RatingsError
        """
        if not residual > self.nothing:
            raise RatingsError(
                "Raters, items and conditions explain every rating without a rest, as ratings of people never are: "
                "there is nothing to compare differences with."
            )

    @property
    def nothing(self) -> float:
        """Residual variance that counts as none."""
        return NOTHING_LEFT * self.squares / self.n_ratings

    @property
    def n_ratings(self) -> int:
        """How many ratings the cells hold."""
        return round(float(self.n.sum()))

    @property
    def n_means(self) -> int:
        """How many means are estimated."""
        raters, items, conditions = map(int, self.n.shape)
        of_each = (raters if self.fixed_raters else 1) + (items if self.fixed_items else 1) - 1
        return of_each * conditions


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
