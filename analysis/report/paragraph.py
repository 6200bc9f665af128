"""The methods of an analysis as one paragraph, to be pasted into a paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis import material
from analysis.describe import INTERVALS
from analysis.frame import HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, rated
from analysis.inference import EXACT_UP_TO
from analysis.mixed import MixedModel
from analysis.versions import versions
from analysis.wording import count, listed

if TYPE_CHECKING:
    from analysis.report import Report

TERMS = {
    "rater": "raters",
    "item": "items",
    "rater:condition": "raters with systems",
    "item:condition": "items with systems",
}
"""Random effects of the mixed model, in words."""


def paragraph(report: Report) -> str:
    """What was rated, who was excluded, how means and tests were computed, and with which versions."""
    sentences = [
        _material(report),
        *_screening(report),
        *_means(report),
        *_model(report.model),
        *_rank_tests(report),
        *_primary(report),
        *_margin(report),
        _software(),
    ]
    return " ".join(sentences)


def _material(report: Report) -> str:
    given = rated(report.ratings)
    roles = set(report.material["role"])
    names = {HIDDEN_REFERENCE: "a hidden reference", MID_ANCHOR: "a mid anchor", LOW_ANCHOR: "a low anchor"}
    beside = listed([name for role, name in names.items() if role in roles])
    return (
        f"{count(given['rater'].nunique(), 'rater')} gave {count(len(given), 'rating')} of "
        f"{count(material.n_systems(given), 'system')}{f', {beside}' if beside else ''} on "
        f"{count(given['item'].nunique(), 'item')}, on a scale from {report.settings.scale}."
    )


def _screening(report: Report) -> list[str]:
    raters = report.screening.raters
    set_aside = bool(raters["n_unfinished"].any()) and not report.settings.keep_unfinished
    sentences = ["Ratings of unfinished sessions were left out."] if set_aside else []
    rules = listed([rule.name for rule in report.screening.rules])
    by = f"Post-screening was by {rules}" if rules else "No rule of post-screening was applied"
    n_out = len(report.screening.excluded)
    were = "was" if n_out == 1 else "were"
    sentences.append(f"{by}; in all, {n_out} of {count(len(raters), 'rater')} {were} excluded.")
    return sentences


def _means(report: Report) -> list[str]:
    if report.conditions.empty:
        return []
    return [
        "The mean of a condition is the mean of the raters' means, with the "
        f"{100 * report.settings.level:g}% confidence interval from {INTERVALS[report.settings.ci]}."
    ]


def _model(model: MixedModel | None) -> list[str]:
    if model is None:
        return []
    items = f"; items were {model.items}" if model.same_items else "; each pair was compared over its common items"
    if model.raters == "fixed":
        items += "; raters were fixed, so that the results hold for these raters only"
    return [
        f"Each pair of systems was compared by the ratings of these two alone, {_of_pairs(model)}{items}. "
        "P values have Holm's correction."
    ]


def _of_pairs(model: MixedModel) -> str:
    """The model of two systems; with one rater or one item, or both fixed, it has no crossed effects."""
    if model.n_items == 1:
        return "by the differences of each rater"
    if model.n_raters == 1:
        return "by the rater's differences on each item"
    if model.items == model.raters == "fixed":
        return "by least squares, with a mean for each rater and each item with each system"
    return (
        "in a linear mixed model with crossed raters and items and their interactions with the system, fitted by "
        "restricted maximum likelihood, with Satterthwaite's degrees of freedom"
    )


def _rank_tests(report: Report) -> list[str]:
    if report.pairs.empty:
        return []
    friedman = "Friedman's test and " if not math.isnan(report.friedman.p) else ""
    exact = "exact" if report.pairs["n_raters"].max() <= EXACT_UP_TO else "by a normal approximation"
    return [
        f"{friedman}Wilcoxon's signed-rank tests of all pairs (two-sided, {exact}, with Holm's correction) were "
        "computed on the raters' means."
    ]


def _margin(report: Report) -> list[str]:
    if report.claim is None or math.isnan(report.claim.margin):
        return []
    return [
        f"Non-inferiority and equivalence were tested in the mixed model with a margin of {report.claim.margin:g} "
        "points; their p values have Holm's correction over all comparisons."
    ]


def _primary(report: Report) -> list[str]:
    found = report.primary
    if found is None:
        return []
    return [
        f"The primary claim was declared before the first rating: {found.claim.words}. It was tested alone at the 5% "
        "level; all other comparisons are secondary."
    ]


def _software() -> str:
    numbers = dict(versions())
    own = numbers.pop("evalapp")
    others = listed([f"{name} {number}" for name, number in numbers.items()])
    return f"The analysis was made with evalapp {own} ({others})."
