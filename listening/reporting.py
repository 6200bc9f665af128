"""The report of a study: its ratings after its own rules, and what is known of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import pandas as pd

from analysis.frame import RatingsError, tidy
from analysis.listeners import ListenerTables
from analysis.screening import UNFINISHED, UNRATED, screen
from analysis.wording import count, listed
from listening import invites, material, presets, primary_claims, recruiting
from listening.clip_words import licences, loudness
from listening.export import TABLES, ratings_frame
from listening.models import Rating, Session, Study, Trial
from listening.protocol import Protocol

if TYPE_CHECKING:
    from analysis.report import Report

HEADPHONE_TESTS = {
    "antiphase": "the antiphase test (Woods et al. 2017)",
    "huggins": "Huggins pitch (Milne et al. 2021)",
}


REPORT_FORMS = ("fragment", "html", "pdf", "zip", "tests")
"""Forms in which the report of a closed study is kept at hand."""


def kept_keys(study: Study) -> list[str]:
    """Under which keys the report of a closed study is kept, in the order of `REPORT_FORMS`."""
    moment, late = "open", 0
    if study.closed_at:
        moment = f"{study.closed_at:%Y%m%dT%H%M%S.%f}"
        late = study.sessions.filter(state=Session.State.FINISHED, finished_at__gt=study.closed_at).count()
    return [f"report-{study.pk}-{moment}-{late}-{recruiting.of(study).withdrawn}-{form}" for form in REPORT_FORMS]


def report_of(study: Study) -> Report:
    """Report of a study after its own screening rules, with the primary claim and margin fixed when it opened.

    Raises
    ------
    analysis.frame.RatingsError
        If there is nothing to report on.
    """
    from analysis.report import build_report  # matplotlib and scipy take seconds to load

    ratings = ratings_frame(study)
    if ratings.empty:
        raise RatingsError("No ratings found: nobody has rated this study's sounds.")
    return build_report(
        ratings,
        title=study.title,
        screening=study.screening or ["none"],
        margin=study.margin if study.margin is not None else float("nan"),
        primary=primary_claims.of(study),
        design=design_of(study),
        listener_tables=listener_tables_of(study),
        made_on=f"{study.closed_at:%Y-%m-%d}" if study.closed_at else "",
    )


def listener_tables_of(study: Study) -> ListenerTables:
    """Sessions and answers of a study as the export has them, and how many raters withdrew."""
    sessions, answers = (
        pd.DataFrame(TABLES[name].rows(study), columns=list(TABLES[name].columns)) for name in ("sessions", "answers")
    )
    return ListenerTables(sessions, answers, withdrawn=recruiting.of(study).withdrawn)


def design_of(study: Study) -> dict[str, str]:
    """What the study's settings say of its design, by the points of `analysis.report.sections.design`."""
    protocol = study.protocol
    return {
        "environment": _environment(protocol),
        "excerpts": material.in_words(material.findings(study)),
        "stimuli": _stimuli(study),
        "training": _training(protocol),
        "procedure": _procedure(study, protocol),
        "assessors": _assessors(study, protocol),
    }


@dataclass(frozen=True)
class Quality:
    """How good the data of an open study are so far, without a score.

    Attributes
    ----------
    started, finished : int
        Sessions.
    pages, pages_done : int
        Of all sessions, without training.
    minutes : float or None
        Median of the finished sessions, from consent to the end.
    seconds_heard : float or None
        Median of how long a signal was played before it was rated.
    excluded : int
        Raters who finished and whom the study's rules would exclude.
    """

    started: int
    finished: int
    pages: int
    pages_done: int
    minutes: float | None
    seconds_heard: float | None
    excluded: int


def quality_of(study: Study) -> Quality:
    """Quality of the data so far; says nothing of what was thought of any condition."""
    sessions = list(study.sessions.all())
    finished = [session for session in sessions if session.state == Session.State.FINISHED]
    minutes = [
        (session.finished_at - session.consented_at).total_seconds() / 60
        for session in finished
        if session.finished_at and session.consented_at
    ]
    pages = Trial.objects.filter(session__study=study, training=False)
    heard = Rating.objects.filter(trial__session__study=study, trial__training=False, score__isnull=False).values_list(
        "seconds_heard", flat=True
    )
    return Quality(
        started=len(sessions),
        finished=len(finished),
        pages=pages.count(),
        pages_done=pages.filter(finished_at__isnull=False).count(),
        minutes=median(minutes) if minutes else None,
        seconds_heard=median(heard) if heard else None,
        excluded=_excluded(study) if finished else 0,
    )


def _excluded(study: Study) -> int:
    try:
        found = screen(tidy(ratings_frame(study)), study.screening or ["none"])
    except RatingsError:  # nothing is rated yet
        return 0
    return sum(not reason.startswith((UNFINISHED, UNRATED)) for reason in found.raters["reason"] if reason)


def _environment(protocol: Protocol) -> str:
    said = ["Raters listened in a browser."]
    if protocol.headphones.tests:
        tests = listed([HEADPHONE_TESTS[name] for name in protocol.headphones.tests])
        then = (
            "raters who failed were screened out"
            if protocol.headphones.failing == "screen_out"
            else "raters who failed went on and are marked in the sessions' table"
        )
        said.append(f"Headphones were tested by {tests}; {then}.")
    else:
        said.append("Headphones were not tested for.")
    if protocol.level:
        said.append("Raters set the level once before the training and could change it by up to 4 dB afterwards.")
    return " ".join(said)


def _stimuli(study: Study) -> str:
    channels = "mono" if study.channels == 1 else "stereo"
    said = (
        f"{study.rate / 1000:g} kHz, {channels}; {loudness(study)}; every other signal is aligned with its reference "
        "in time and has the same length."
    )
    return " ".join(part for part in (said, *presets.departures(study), licences(study)) if part)


def _training(protocol: Protocol) -> str:
    return (
        f"Written instructions, then {count(protocol.training.pages, 'training page')} with signals of the test; "
        "what was rated there is not analysed."
    )


def _procedure(study: Study, protocol: Protocol) -> str:
    said = [
        "Multiple stimuli with hidden reference, after BS.1534-3: a page for each item with the open reference, a "
        f"scale from 0 to 100 in five bands for every signal, rated by {protocol.rating.input}. "
        f"{_order(study, protocol)} Switching and looping within a page without a gap, with ramps of 5 ms.",
        f"Each signal had to be played for {study.heard_seconds:g} s before the rater could go on.",
    ]
    if protocol.repeats:
        said.append(f"{count(protocol.repeats, 'page')} {'was' if protocol.repeats == 1 else 'were'} repeated.")
    if protocol.attention:
        said.append(f"{count(protocol.attention, 'page')} asked for a stated score, to see who reads.")
    if protocol.pause.after_minutes:
        said.append(f"A break was offered after {protocol.pause.after_minutes:g} minutes.")
    if protocol.time_limit_minutes:
        said.append(f"A session had to end within {protocol.time_limit_minutes:g} minutes.")
    return " ".join(said)


def _order(study: Study, protocol: Protocol) -> str:
    design, clips = protocol.design, study.clips.count()
    if not design.gives_places:
        return "Items in an order, and signals in places, drawn for each rater anew."
    each = design.clips_each(clips)
    some = "every item" if each == clips else f"{each} of {clips} items"
    return (
        f"Each rater was given {some}, so that items, pairs of them and their positions came about equally often over "
        "all raters; signals in places drawn for each rater anew."
    )


def _assessors(study: Study, protocol: Protocol) -> str:
    panels = study.sessions.order_by("panel").values_list("panel", flat=True).distinct()
    said = " ".join(dict.fromkeys(_link(study, panel) for panel in panels)) or _link(study, "")
    withdrawn = recruiting.of(study).withdrawn
    return f"{said} {count(withdrawn, 'rater')} withdrew; their data were deleted." if withdrawn else said


def _link(study: Study, panel: str) -> str:
    """How raters of a panel came."""
    wants, whose = invites.identity(study, panel), f"Raters of the panel {panel}" if panel else "Raters"
    if not wants.required:
        return f"{whose} came by the study's link."
    once = ", one attempt each" if wants.one_attempt else ""
    return f"{whose} came by links that name them ({', '.join(wants.names)}){once}."
