"""What came out, before anything else: the primary claim, quality over rate, the means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import material
from analysis.frame import rated
from analysis.report.cells import SCALE, intervals, numbers, words
from analysis.report.document import Beside, Block, Bullets, KeyFigures, Table, Text
from analysis.report.findings import findings, primary_claim
from analysis.report.sections.pictures import pictures

if TYPE_CHECKING:
    from analysis.report import Report


def summary(report: Report) -> list[Block]:
    """The answer to the primary claim, the main figure beside the means, key figures, findings."""
    kept, raters = rated(report.screening.kept), report.screening.raters
    figures = {
        "raters analysed": f"{len(raters) - len(report.screening.excluded):,}",
        "excluded": f"{len(report.screening.excluded):,}",
        "items": f"{kept['item'].nunique():,}",
        "systems": f"{material.n_systems(kept):,}",
        "ratings": f"{len(kept):,}",
    }
    return [
        *(Text(answer, leading=True) for answer in primary_claim(report)),
        *_at_a_glance(report),
        KeyFigures(figures),
        Bullets(findings(report), leading=True),
    ]


def main_picture(report: Report) -> str:
    """Name of the drawing that the summary shows: quality over rate, or the means where no codec has a curve."""
    return "rates" if report.drawing("rates") else "means"


def _at_a_glance(report: Report) -> list[Block]:
    table = report.conditions
    if table.empty:
        return []
    means = Table(
        f"Mean of the raters' means, CI: {100 * report.settings.level:g}% confidence interval. Items fixed.",
        [
            words("Condition", table["condition"]),
            numbers("Mean", table["mean"]),
            intervals("CI", table["ci_low"], table["ci_high"], ends=SCALE),
        ],
    )
    return [Beside([*pictures(report, main_picture(report)), means])]
