"""The scale on which scores were given. The analysis uses points: the lower end is 0 and the upper end 100.

Limits of post-screening, margins and figures therefore mean the same on every scale.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis.frame import RatingsError

LOW_SHARE = 0.2
"""Scores that all stay in this lowest share of a scale were not given on it."""

FEWEST = 6
"""Ratings below which they may all be low by chance."""

_USUAL = ((0, 1), (1, 5), (0, 5), (1, 7), (0, 10), (1, 10), (0, 100))


LARGEST_MARGIN = 100
"""Points; margins are smaller."""


def check_margin(margin: float) -> None:
    """Raise RatingsError unless the margin is within the scale; NaN (no margin) passes."""
    if margin <= 0 or margin >= LARGEST_MARGIN:
        raise RatingsError(f"The margin must be above 0 and below {LARGEST_MARGIN} points, not {margin:g}.")


@dataclass(frozen=True)
class Scale:
    """A scale of scores.

    Attributes
    ----------
    low, high : float
        Its ends.
    """

    low: float = 0.0
    high: float = 100.0

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    @property
    def is_points(self) -> bool:
        """Whether scores on it are points already."""
        return (self.low, self.high) == (0.0, 100.0)

    @property
    def points(self) -> float:
        """How many points one unit of the scale is.

        >>> Scale(1, 5).points
        25.0
        """
        return 100 / (self.high - self.low)

    @property
    def middle(self) -> float:
        """Its middle."""
        return (self.low + self.high) / 2

    def in_points(self, scores: pd.Series) -> pd.Series:
        """Scores on the scale in points, without the rounding error of the conversion.

        >>> Scale(1, 5).in_points(pd.Series([1, 4.5, 4.6])).tolist()  # (4.6 - 1) * 25 is 89.99999999999999
        [0.0, 87.5, 90.0]
        """
        return scores if self.is_points else ((scores - self.low) * self.points).round(9)


POINTS = Scale()
"""The scale of MUSHRA, on which scores are points already."""


def parse_scale(text: str) -> Scale:
    """Scale from text such as 1-5; raises RatingsError.

    >>> parse_scale("0-1"), parse_scale("-3 to 3")
    (Scale(low=0.0, high=1.0), Scale(low=-3.0, high=3.0))
    """
    ends = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|to|\.\.|:)\s*(-?\d+(?:\.\d+)?)\s*", text)
    if not ends or not float(ends[1]) < float(ends[2]):
        raise RatingsError(f"{text!r} is not a scale such as 1-5: its lower end, a hyphen, its upper end.")
    return Scale(float(ends[1]), float(ends[2]))


def check_scale(scores: pd.Series, scale: Scale, *, declared: bool, place: Callable[[int], str]) -> None:
    """Refuse scores that cannot be on a scale.

    Parameters
    ----------
    scores : Series of float
        NaN where there is no rating.
    scale : Scale
    declared : bool
        Whether the data or the caller named the scale. Otherwise scores that
        all stay in its lowest fifth are refused too.
    place : callable
        Number of a row, from 0 -> how a message names it.

    Raises
    ------
    RatingsError
        With the range of the scores, and how to declare another scale.
    """
    low, high = float(scores.min()), float(scores.max())
    outside = scores.notna() & ~scores.between(scale.low, scale.high)
    squeezed = (
        not declared and scores.count() >= FEWEST and low < high <= scale.low + LOW_SHARE * (scale.high - scale.low)
    )
    if outside.any() or squeezed:
        first = int(outside.to_numpy().argmax())
        where = f" {place(first)}: {scores.iloc[first]:g}." if outside.any() else ""
        raise RatingsError(
            f"The scores range from {low:g} to {high:g}, and the scale from {scale}.{where} "
            f"For another scale: --scale {_usual(low, high)}."
        )


def _usual(low: float, high: float) -> str:
    return next((f"{a}-{b}" for a, b in _USUAL if a <= low and high <= b and b > a), "MIN-MAX")
