"""Means, medians and distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.common_items import common_items
from analysis.report.cells import SCALE, counts, intervals, numbers, words
from analysis.report.document import Block, Column, Table, Text
from analysis.report.sections.pictures import pictures
from analysis.report.sections.summary import main_picture

if TYPE_CHECKING:
    from analysis.report import Report


DIFFERENT_ITEMS = (
    "Systems were rated on different items, so their means differ by their items as well. Compare systems by the "
    "differences under Tests, which are over common items."
)
"""What a reader of the means must know first."""


def results(report: Report) -> list[Block]:
    """Figures and tables of every condition."""
    if report.conditions.empty:
        return [Text("There is nothing to describe: no rating is left after screening.")]
    level = f"{100 * report.settings.level:g}%"
    apart = [] if common_items(report.screening.kept).same else [Text(DIFFERENT_ITEMS)]
    blocks: list[Block] = [
        *apart,
        *(pictures(report, "means") if main_picture(report) != "means" else []),
        Table(
            f"Every condition. Mean: of the raters' means. CI: {level} confidence interval. Items fixed.",
            described(report.conditions),
        ),
        *pictures(report, "boxes", "violins"),
    ]
    if not report.by_category.empty:
        caption = f"Conditions in each category. CI: {level} confidence interval. Items fixed."
        blocks.append(Table(caption, described(report.by_category, "category"), group=True))
    return [*blocks, *pictures(report, "items")]


def described(table: pd.DataFrame, by: str = "") -> list[Column]:
    """Columns of a description, see `analysis.describe.describe`; `by` for a category or an item of each row."""
    of = ("raters", "ratings") if by == "item" else ("raters", "items", "ratings")
    return [
        *([words(by.capitalize(), table[by])] if by else []),
        words("Condition", table["condition"]),
        numbers("Mean", table["mean"]),
        intervals("CI", table["ci_low"], table["ci_high"], ends=SCALE),
        numbers("Median", table["median"]),
        intervals("Quartiles", table["q1"], table["q3"]),
        *(counts(name.capitalize(), table[f"n_{name}"]) for name in of),
    ]
