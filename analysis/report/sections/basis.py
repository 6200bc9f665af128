"""Which ratings a table or a figure shows, and how many: the last words of its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.frame import SYSTEM, rated
from analysis.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report import Report


def before_screening(report: Report) -> str:
    """Every rating of the study."""
    return f"Before screening: {_counts(report.ratings)}."


def after_screening(report: Report) -> str:
    """The ratings that are analysed."""
    return f"After screening: {_counts(report.screening.kept)}."


def of_the_systems(report: Report) -> str:
    """The ratings that are analysed, without those of the hidden reference and the anchors."""
    kept = report.screening.kept
    return f"Systems only, after screening: {_counts(kept[kept['role'] == SYSTEM])}."


def _counts(frame: pd.DataFrame) -> str:
    there = rated(frame)
    numbers = [count(there[name].nunique(), name) for name in ("rater", "item")]
    return ", ".join([*numbers, count(len(there), "rating")])
