"""Cells of a report's tables."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.report.document import Column
from analysis.wording import NOTHING, number, p_value

ALPHA = 0.05
"""Level at which a difference is called one."""


def words(heading: str, values: Iterable[object]) -> Column:
    """A column of names or sentences."""
    return Column(heading, [str(value) for value in values], numeric=False)


def numbers(heading: str, values: Iterable[float], digits: int = 1) -> Column:
    """A column of figures, dashes for NaN."""
    return Column(heading, [number(float(value), digits) for value in values])


def counts(heading: str, values: Iterable[int]) -> Column:
    """A column of whole numbers."""
    return Column(heading, [f"{int(value):,}" for value in values])


SCALE = (0.0, 100.0)
"""Ends of the scale, at which tables and figures cut intervals of means."""


def on_scale(low: float, high: float) -> tuple[float, float]:
    """An interval of a mean, cut off at the ends of the scale.

    >>> on_scale(95.5, 103.2), on_scale(40.0, 60.0)
    ((95.5, 100.0), (40.0, 60.0))
    """
    return max(low, SCALE[0]), min(high, SCALE[1])


def intervals(
    heading: str, low: Iterable[float], high: Iterable[float], digits: int = 1, *, of_means: bool = False
) -> Column:
    """A column of intervals, dashes where there is none; `of_means` are cut off at the ends of the scale."""
    ends = list(zip(map(float, low), map(float, high), strict=True))
    if of_means:
        ends = [on_scale(a, b) if a == a else (a, b) for a, b in ends]
    cells = [f"{number(a, digits)} to {number(b, digits)}" if a == a else NOTHING for a, b in ends]
    return Column(heading, cells)


def chances(heading: str, values: Iterable[float], *, strong: bool = False) -> Column:
    """A column of p-values; with `strong`, those below 5% are bold."""
    found = [float(value) for value in values]
    return Column(heading, [p_value(p) for p in found], strong=[p < ALPHA for p in found] if strong else ())
