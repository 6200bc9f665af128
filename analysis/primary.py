"""The primary claim that a study declares before it opens: one statement on two conditions.

>>> PrimaryClaim("Opus 12", "no worse", "MP3 16", margin=5).words
'Opus 12 is not worse than MP3 16 by more than 5 points'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from analysis.frame import RatingsError, unified
from analysis.scales import LARGEST_MARGIN

Statement = Literal["better", "no worse", "equivalent", "reaches"]

STATEMENTS: dict[Statement, str] = {
    "better": "{system} is better than {against}",
    "no worse": "{system} is not worse than {against} by more than {margin:g} points",
    "equivalent": "{system} is equivalent to {against} within {margin:g} points",
    "reaches": "the codec of {system} reaches the quality of {against} at the rate of {system} or a lower one",
}
"""Statement -> its words."""

WITHIN_MARGIN = ("no worse", "equivalent")
"""Statements that need a margin."""


@dataclass(frozen=True)
class PrimaryClaim:
    """What a study declares before it opens.

    Attributes
    ----------
    system : str
        A condition.
    statement : {"better", "no worse", "equivalent", "reaches"}
    against : str
        A condition, which may be the hidden reference.
    margin : float
        Points, for "no worse" and "equivalent".
    """

    system: str
    statement: Statement
    against: str
    margin: float = math.nan

    def __post_init__(self) -> None:
        for name in ("system", "against"):
            object.__setattr__(self, name, unified(getattr(self, name)))
        if self.statement not in STATEMENTS:
            raise RatingsError(f"A primary claim states one of: {', '.join(STATEMENTS)}; not {self.statement!r}.")
        if self.system == self.against:
            raise RatingsError(f"The primary claim compares {self.system} with itself. Name two conditions.")
        if self.statement in WITHIN_MARGIN and not 0 < self.margin < LARGEST_MARGIN:
            raise RatingsError(
                f"The primary claim {self.statement!r} needs a margin above 0 and below {LARGEST_MARGIN} points."
            )

    @property
    def words(self) -> str:
        """The claim as a sentence without its stop."""
        return STATEMENTS[self.statement].format_map(vars(self))

    @property
    def pair(self) -> frozenset[str]:
        """The two that are compared."""
        return frozenset({self.system, self.against})
