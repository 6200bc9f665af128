"""Long tables, an item at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import material
from analysis.report.cells import counts, words
from analysis.report.document import Block, Details, Table
from analysis.report.sections.basis import after_screening, before_screening
from analysis.report.sections.results import described
from analysis.report.sections.what_was_rated import shown_as
from analysis.wording import count

if TYPE_CHECKING:
    from analysis.report import Report


def appendix(report: Report) -> list[Block]:
    """Raters of each item, and every condition for each item."""
    items = material.items(report.ratings)
    columns = [
        words("Item", items["item"]),
        *shown_as(list(items["item"]), report.short_names),
        *([words("Category", items["category"])] if (items["category"] != "").any() else []),
        counts("Raters", items["n_raters"]),
    ]
    caption = "Items with their whole names, and how many raters rated each."
    blocks: list[Block] = [Details("Items", [Table(caption, columns, key=True, basis=before_screening(report))])]
    n_items = report.by_item["item"].nunique()
    if n_items > 1:
        level = f"{100 * report.settings.level:g}%"
        caption = f"Every condition for each item. CI: {level} confidence interval over raters."
        table = Table(
            caption, described(report.by_item, "item"), group=True, file="items.csv", basis=after_screening(report)
        )
        blocks.append(Details(f"Each of the {count(n_items, 'item')}", [table]))
    return blocks
