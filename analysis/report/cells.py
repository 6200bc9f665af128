"""Cells of a report's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.report.document import Column
from analysis.wording import NOTHING, number, p_value

ALPHA = 0.05
"""Level at which a difference is called one."""


def words(heading: str, values: Iterable[object], *, strong: Sequence[bool] = ()) -> Column:
    """A column of names or sentences; those that are `strong` are bold."""
    return Column(heading, [str(value) for value in values], numeric=False, strong=strong)


def numbers(heading: str, values: Iterable[float], digits: int = 1) -> Column:
    """A column of figures, dashes for NaN."""
    return Column(heading, [number(float(value), digits) for value in values])


def counts(heading: str, values: Iterable[int]) -> Column:
    """A column of whole numbers."""
    return Column(heading, [f"{int(value):,}" for value in values])


Ends = tuple[float, float]
SCALE: Ends = (0.0, 100.0)
"""Ends of the scale, at which tables and figures cut intervals of means."""
DIFFERENCES: Ends = (SCALE[0] - SCALE[1], SCALE[1] - SCALE[0])
"""The largest differences on the scale, at which tables cut intervals of differences."""


def cut(low: float, high: float, ends: Ends = SCALE) -> Ends:
    """An interval, cut off where no mean or no difference can be.

    >>> cut(95.5, 103.2), cut(40.0, 60.0), cut(-180.0, 20.0, DIFFERENCES)
    ((95.5, 100.0), (40.0, 60.0), (-100.0, 20.0))
    """
    return max(low, ends[0]), min(high, ends[1])


def intervals(
    heading: str, low: Iterable[float], high: Iterable[float], digits: int = 1, *, ends: Ends | None = None
) -> Column:
    """A column of intervals, cut off at `ends`; dashes where there is none."""
    found = list(zip(map(float, low), map(float, high), strict=True))
    if ends is not None:
        found = [cut(a, b, ends) if a == a else (a, b) for a, b in found]
    cells = [f"{number(a, digits)} to {number(b, digits)}" if a == a else NOTHING for a, b in found]
    return Column(heading, cells)


def chances(heading: str, values: Iterable[float], *, strong: bool = False) -> Column:
    """A column of p-values; with `strong`, those below 5% are bold."""
    found = [float(value) for value in values]
    return Column(heading, [p_value(p) for p in found], strong=[p < ALPHA for p in found] if strong else ())
