"""Cells of a report's tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from analysis.inference import ALPHA
from analysis.report.document import Column
from analysis.wording import NOTHING, number, p_value


def words(heading: str, values: Iterable[object], *, strong: Sequence[bool] = ()) -> Column:
    """A column of names or sentences; those that are `strong` are bold."""
    return Column(heading, [str(value) for value in values], numeric=False, strong=strong)


def numbers(heading: str, values: Iterable[float], digits: int = 1) -> Column:
    """A column of figures, dashes for NaN."""
    return Column(heading, [number(float(value), digits) for value in values])


def counts(heading: str, values: Iterable[int]) -> Column:
    """A column of whole numbers."""
    return Column(heading, [f"{int(value):,}" for value in values])


def ratios(heading: str, values: Iterable[float]) -> Column:
    """A column of ratios, with two significant digits where they are small.

    >>> ratios("Odds ratio", [0.0034, 0.27, 4.19, 1210.1]).cells
    ['0.0034', '0.27', '4.2', '1,210']
    """
    return Column(heading, [_ratio(float(value)) for value in values])


def _ratio(value: float) -> str:
    if not math.isfinite(value) or value < 1:
        return number(value) if not math.isfinite(value) else f"{value:.2g}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def bounds(heading: str, values: Iterable[float]) -> Column:
    """A column of bounds of differences, those beyond the largest difference on the scale cut there and marked."""
    whole = [float(value) for value in values]
    shown = [min(max(value, DIFFERENCES[0]), DIFFERENCES[1]) if value == value else value for value in whole]
    marks = [CUT if a == a and a != b else "" for a, b in zip(whole, shown, strict=True)]
    cells = [f"{number(value)}{mark}" for value, mark in zip(shown, marks, strict=True)]
    return Column(heading, cells, note=WHY_CUT[DIFFERENCES] if any(marks) else "")


Ends = tuple[float, float]
SCALE: Ends = (0.0, 100.0)
"""Ends of the scale, at which tables and figures cut intervals of means."""
DIFFERENCES: Ends = (SCALE[0] - SCALE[1], SCALE[1] - SCALE[0])
"""The largest differences on the scale, at which tables cut intervals of differences."""
CUT = "†"
"""What marks an interval that is cut."""
WHY_CUT = {
    SCALE: f"{CUT} Computed beyond the scale and cut at its end. The CSV files beside the report have the whole "
    "interval.",
    DIFFERENCES: f"{CUT} Computed beyond the largest difference on the scale and cut there. The CSV files beside "
    "the report have the whole interval.",
}
"""The note under a table with such an interval."""


def cut(low: float, high: float, ends: Ends = SCALE) -> Ends:
    """An interval, cut off where no mean or no difference can be.

    >>> cut(95.5, 103.2), cut(40.0, 60.0), cut(-180.0, 20.0, DIFFERENCES)
    ((95.5, 100.0), (40.0, 60.0), (-100.0, 20.0))
    """
    return max(low, ends[0]), min(high, ends[1])


def intervals(
    heading: str, low: Iterable[float], high: Iterable[float], digits: int = 1, *, ends: Ends | None = None
) -> Column:
    """A column of intervals, dashes where there is none.

    One that goes beyond `ends` is cut there and marked, and the column has a note.

    >>> column = intervals("CI", [95.5, 40.0], [103.2, 60.0], ends=SCALE)
    >>> column.cells
    ['95.5 to 100.0†', '40.0 to 60.0']
    >>> column.note
    '† Computed beyond the scale and cut at its end. The CSV files beside the report have the whole interval.'
    """
    whole = list(zip(map(float, low), map(float, high), strict=True))
    shown = whole if ends is None else [cut(a, b, ends) if a == a else (a, b) for a, b in whole]
    marks = [CUT if a == a and (a, b) != ends_shown else "" for (a, b), ends_shown in zip(whole, shown, strict=True)]
    cells = [
        f"{number(a, digits)} to {number(b, digits)}{mark}" if a == a else NOTHING
        for (a, b), mark in zip(shown, marks, strict=True)
    ]
    return Column(heading, cells, note=WHY_CUT[ends] if ends is not None and any(marks) else "")


def chances(heading: str, values: Iterable[float], *, strong: bool = False) -> Column:
    """A column of p-values; with `strong`, those below 5% are bold."""
    found = [float(value) for value in values]
    return Column(heading, [p_value(p) for p in found], strong=[p < ALPHA for p in found] if strong else ())
