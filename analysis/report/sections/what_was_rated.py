"""Conditions and items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis import material
from analysis.report.cells import words
from analysis.report.document import Block, Column, Table, Text
from analysis.report.findings import weights
from analysis.wording import NOTHING, count, number

if TYPE_CHECKING:
    from analysis.report import Report


def what_was_rated(report: Report) -> list[Block]:
    """Conditions with codec, weights and measured rate; items."""
    table, items = report.material, material.items(report.ratings)
    columns = [
        words("Condition", table["condition"]),
        *shown_as(list(table["condition"]), report.short_names),
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
    return [
        Text(weights(report)),
        Table("Conditions as they were rated, with their whole names.", columns, key=True),
        Text(f"{count(len(items), 'item')}{f': {categories}' if categories else ''}."),
    ]


def shown_as(names: Sequence[str], short: Mapping[str, str]) -> list[Column]:
    """A column of the short names in figures and tables, where any name is shortened."""
    if all(short[name] == name for name in names):
        return []
    return [words("Shown as", [short[name] for name in names])]


def _rate(low: float, high: float) -> str:
    if low != low:
        return NOTHING
    return number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}"
