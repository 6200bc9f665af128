"""Drawings of a report, where there was something to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.document import Block, Picture

if TYPE_CHECKING:
    from analysis.report import Report


def pictures(report: Report, *names: str) -> list[Block]:
    """Those of the drawings called so that there are."""
    found = (report.drawing(name) for name in names)
    return [Picture(drawing) for drawing in found if drawing is not None]
