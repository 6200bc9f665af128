"""How the test was made: what a reader needs to repeat it, in the order of BS.1534-3's list for reports.

The ratings themselves say little of it. Who runs the study hands the rest to `build_report`; what nobody said stands
there as not recorded, so that it is filled in before the report is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analysis import material
from analysis.frame import HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, RatingsError, rated
from analysis.report.document import Block, Definitions, Text
from analysis.wording import count, listed

if TYPE_CHECKING:
    from analysis.report import Report

POINTS = {
    "purpose": "Purpose",
    "assessors": "Assessors",
    "environment": "Listening environment and equipment",
    "excerpts": "Excerpts",
    "stimuli": "Stimuli",
    "training": "Training and instructions",
    "procedure": "Procedure",
    "time": "Time",
}
"""What a report of a test says of its design: name for `build_report(design=...)` -> heading."""

NOT_RECORDED = "Not recorded with these ratings; to be stated beside this report."


def check(design: Mapping[str, str]) -> None:
    """Refuse points of the design that a report does not have.

    Raises
    ------
    RatingsError
    """
    unknown = sorted(set(design) - set(POINTS))
    if unknown:
        raise RatingsError(f"A report has no point of design {unknown[0]!r}. It has: {', '.join(POINTS)}.")


def design(report: Report) -> list[Block]:
    """Each point, as it was given and as the ratings say it."""
    known = {
        "assessors": _assessors(report),
        "excerpts": _excerpts(report),
        "stimuli": _stimuli(report),
        "time": _time(report),
    }
    texts = {
        heading: " ".join(part for part in (report.design.get(name, ""), known.get(name, "")) if part) or NOT_RECORDED
        for name, heading in POINTS.items()
    }
    return [
        Text("After the list of Recommendation ITU-R BS.1534-3 for the report of a test."),
        Definitions(texts),
    ]


def _assessors(report: Report) -> str:
    out = len(report.screening.excluded)
    excluded = f"{out:,} {'was' if out == 1 else 'were'} excluded" if out else "none was excluded"
    return f"{count(len(report.screening.raters), 'rater')}; {excluded}."


def _excerpts(report: Report) -> str:
    items = material.items(report.ratings)
    categories = material.categories_of(items)
    return f"{count(len(items), 'item')}{f': {categories}' if categories else ''}."


def _stimuli(report: Report) -> str:
    roles = report.material["role"]
    n = int((roles == "system").sum())
    names = {HIDDEN_REFERENCE: "a hidden reference", MID_ANCHOR: "a mid anchor", LOW_ANCHOR: "a low anchor"}
    there = [text for role, text in names.items() if (roles == role).any()]
    return f"{listed([count(n, 'system'), *(there or ['neither a hidden reference nor an anchor'])])}."


def _time(report: Report) -> str:
    days = rating_days(report)
    repeats = int((rated(report.ratings)["repeat"] > 0).sum())
    again = f"{count(repeats, 'rating')} {'is' if repeats == 1 else 'are'} of repeated trials." if repeats else ""
    when = "" if not days else f"Rated on {days[0]}." if len(days) == 1 else f"Rated from {days[0]} to {days[-1]}."
    return " ".join(part for part in (when, again) if part)


def rating_days(report: Report) -> list[str]:
    """First and last day of rating, one if they are the same, none if the ratings don't say it."""
    if "rated_at" not in report.ratings:
        return []
    when = rated(report.ratings)["rated_at"].dropna().astype("str")
    when = when[when != ""]
    return sorted({when.min()[:10], when.max()[:10]}) if len(when) else []
