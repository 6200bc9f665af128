"""What came out, before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import material
from analysis.frame import rated
from analysis.report.document import Block, Bullets, KeyFigures
from analysis.report.findings import findings

if TYPE_CHECKING:
    from analysis.report import Report


def summary(report: Report) -> list[Block]:
    """Key figures and findings."""
    kept, raters = rated(report.screening.kept), report.screening.raters
    figures = {
        "raters analysed": f"{len(raters) - len(report.screening.excluded):,}",
        "excluded": f"{len(report.screening.excluded):,}",
        "items": f"{kept['item'].nunique():,}",
        "systems": f"{material.n_systems(kept):,}",
        "ratings": f"{len(kept):,}",
    }
    return [KeyFigures(figures), Bullets(findings(report), leading=True)]
