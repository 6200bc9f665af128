"""Each section of a report: from what was found to blocks of text, tables and figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.report.document import (
    Bullets,
    Definitions,
    Document,
    Section,
    numbered,
    with_basis,
    with_short_names,
)
from analysis.report.limits import limits
from analysis.report.methods import methods
from analysis.report.sections.appendix import appendix
from analysis.report.sections.basis import after_screening, before_screening, of_the_systems
from analysis.report.sections.claim import the_claim
from analysis.report.sections.design import design, rating_days
from analysis.report.sections.differences import differences
from analysis.report.sections.influence import influence
from analysis.report.sections.listeners import listeners
from analysis.report.sections.raters import raters
from analysis.report.sections.results import results
from analysis.report.sections.screening_sensitivity import screening_sensitivity
from analysis.report.sections.summary import summary
from analysis.report.sections.what_was_rated import what_was_rated

if TYPE_CHECKING:
    from analysis.report import Report


def document(report: Report) -> Document:
    """The whole report."""
    sections = (
        Section("Summary", with_basis(summary(report), after_screening(report)), opening=True),
        Section("Results", with_basis(results(report), after_screening(report))),
        Section("The claim", with_basis([*the_claim(report), *screening_sensitivity(report)], of_the_systems(report))),
        Section("Tests", with_basis(differences(report), of_the_systems(report))),
        Section("Influence", with_basis(influence(report), of_the_systems(report))),
        *([] if report.listeners is None else [Section("Listeners", listeners(report.listeners))]),
        Section("Raters", with_basis(raters(report), after_screening(report))),
        Section("Material", with_basis(what_was_rated(report), before_screening(report))),
        Section("Design", design(report)),
        Section("Methods", [Definitions(methods(report))]),
        Section("Limits", [Bullets(limits(report))]),
        Section("Appendix", appendix(report)),
    )
    shown = [replace(each, blocks=with_short_names(each.blocks, report.short_names)) for each in sections]
    return Document(report.title, _about(report), numbered(shown))


def _about(report: Report) -> str:
    study = f"Study {report.study}" if report.study and report.study != report.title else ""
    days = rating_days(report)
    when = "" if not days else f"Rated on {days[0]}" if len(days) == 1 else f"Rated from {days[0]} to {days[-1]}"
    made = f"Report made on {report.made_on}" if report.made_on else ""
    return " · ".join(part for part in (study, when, made) if part)
