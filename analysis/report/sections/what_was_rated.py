"""Conditions and items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import material
from analysis.report.cells import counts, words
from analysis.report.document import Block, Column, Details, Table, Text
from analysis.report.findings import weights
from analysis.wording import NOTHING, count, number

if TYPE_CHECKING:
    from analysis.report import Report


def what_was_rated(report: Report) -> list[Block]:
    """Conditions with codec, weights and measured rate; items."""
    table, items = report.material, material.items(report.ratings)
    columns = [
        words("Condition", table["condition"]),
        words("Role", [role.replace("_", " ") for role in table["role"]]),
    ]
    if (table["spec"] != "").any():
        columns.append(words("Codec", [spec or NOTHING for spec in table["spec"]]))
    if (table["weights"] != "").any():
        columns.append(words("Neural weights", [name or NOTHING for name in table["weights"]]))
    if table["kbps_low"].notna().any():
        rates = zip(table["kbps_low"], table["kbps_high"], strict=True)
        columns.append(Column("Measured kbit/s", [_rate(low, high) for low, high in rates]))
    categories = material.categories_of(items)
    blocks: list[Block] = [
        Text(weights(report)),
        Table("Conditions as they were rated.", columns),
        Text(f"{count(len(items), 'item')}{f': {categories}' if categories else ''}."),
    ]
    columns = [
        words("Item", items["item"]),
        *([words("Category", items["category"])] if categories else []),
        counts("Raters, before screening", items["n_raters"]),
    ]
    return [*blocks, Details("Items", [Table("Raters of each item.", columns)])]


def _rate(low: float, high: float) -> str:
    if low != low:
        return NOTHING
    return number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}"
