"""Ratings, sessions and events of a study as tables whose rows stream from the database.

The columns are a promise to others. Training is in the events alone, as trial position 0, and raters go
by their opaque codes, never by the tokens of their links.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import pandas as pd
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from analysis.frame import tidy
from analysis.screening import UNFINISHED, UNRATED, screen
from listening import headphone_check
from listening.models import Answer, EventBlock, Rating, Rendering, Session, Study, Trial

Row = tuple[object, ...]

BLOCK = 2000
"""Rows fetched at once."""

RATINGS = {
    "study": str,
    "session": int,
    "session_state": str,
    "rater": str,
    "clip": str,
    "category": str,
    "condition": str,
    "role": str,
    "spec": str,
    "weights": str,
    "kbps": float,
    "score": int,
    "repeat": int,
    "trial_position": int,
    "slot": int,
    "plays": int,
    "seconds_heard": float,
    "started_at": datetime,
    "rated_at": datetime,
    "excluded": str,
}
"""Columns of the ratings. `kbps` is measured; `started_at` is when the trial was first shown."""

SESSIONS = {
    "study": str,
    "session": int,
    "rater": str,
    "session_state": str,
    "seed": int,
    "outside_ids": str,
    "locale": str,
    "browser": str,
    "consented_at": datetime,
    "started_at": datetime,
    "finished_at": datetime,
    "completion_code": str,
    "trials_done": int,
    "trials": int,
    "ratings": int,
    "plays": int,
    "seconds_heard": float,
    "comment": str,
    "excluded": str,
    "language": str,
    "consent_version": str,
    "attention_pages": int,
    "attention_passed": int,
    "panel": str,
    "level_db": float,
    "level_change_db": float,
    "headphones": str,
    "antiphase_right": int,
    "huggins_right": int,
    "headphone_answers": str,
    "cannot_have_listened": str,
}
"""Columns of the sessions. `outside_ids` and `headphone_answers` are JSON; `attention_passed` counts those passed
whole; `level_db` is the gain that the rater set, `level_change_db` what was changed of it later; `headphones` is
passed or failed, and `antiphase_right` and `huggins_right` are right answers of the last attempt;
`cannot_have_listened` says why, and is empty otherwise."""

ANSWERS = {
    "study": str,
    "session": int,
    "rater": str,
    "questionnaire": str,
    "occurrence": int,
    "question": str,
    "kind": str,
    "answer": str,
    "answered_at": datetime,
}
"""Columns of the answers. `answer` is empty where nothing was answered; several choices are joined by ";"."""

STATED_WITHIN = 3
"""Points by which a score may miss the one that a page of attention asks for."""

EVENTS = {
    "study": str,
    "session": int,
    "rater": str,
    "trial_position": int,
    "page": int,
    "number": int,
    "at_ms": int,
    "received_at": datetime,
    "event": str,
    "slot": int,
    "condition": str,
    "value": str,
}
"""Columns of the events. `page` counts the pages that a rater opened; `number` and `at_ms` begin anew with each."""


COMMENTS = {
    "study": str,
    "session": int,
    "rater": str,
    "clip": str,
    "condition": str,
    "role": str,
    "spec": str,
    "repeat": int,
    "trial_position": int,
    "slot": int,
    "score": int,
    "comment": str,
}
"""Columns of the comments on single sounds. They are a table of their own: the columns of the ratings are fixed."""


@dataclass(frozen=True)
class Table:
    """A table that can be exported.

    Attributes
    ----------
    columns : dict of str to type
        str, int, float or datetime. A cell may be None.
    rows : callable
        Study -> its rows, in the order of the columns.
    """

    columns: dict[str, type]
    rows: Callable[[Study], Iterator[Row]]


PRESENTATION = F("trial__repeat") + 2 * F("condition__repeat")
"""Which presentation of a stimulus a rating is of: 0, on a repeated page 1, as a repeat within a page 2, as both 3."""


def rating_rows(study: Study) -> Iterator[Row]:
    """Every score given in a study, unfinished sessions included, in the order in which the rater saw the slots."""
    why = reasons(study)
    renderings = Rendering.objects.filter(clip__study=study).order_by()
    kbps = {(clip, signal): rate for clip, signal, rate in renderings.values_list("clip_id", "condition_id", "kbps")}
    rows = (
        ratings_of(study)
        .filter(score__isnull=False)
        .order_by("trial__session_id", "trial__position", "slot")
        .values_list(
            "trial__session_id",
            "trial__session__state",
            "trial__session__rater__code",
            "trial__clip__name",
            "trial__clip__category",
            "condition__title",
            "condition__role",
            "condition__spec",
            "condition__weights",
            "trial__clip_id",
            "condition_id",
            "score",
            PRESENTATION,
            "trial__position",
            "slot",
            "plays",
            "seconds_heard",
            "trial__started_at",
            "rated_at",
        )
    )
    for row in rows.iterator(BLOCK):
        named, (clip, signal), given = row[:9], row[9:11], row[11:]
        yield (study.slug, *named, kbps.get((clip, signal)), *given, why.get(row[0], ""))


def session_rows(study: Study) -> Iterator[Row]:
    """Every session of a study, those without any rating included, oldest first."""
    why = reasons(study)
    given = {
        session: (n, plays, heard)
        for session, n, plays, heard in ratings_of(study)
        .order_by()
        .values_list("trial__session_id")
        .annotate(Count("score"), Sum("plays"), Sum("seconds_heard"))
    }
    counted = Q(trials__training=False, trials__expected=None)
    asked = Q(trials__expected__isnull=False, trials__finished_at__isnull=False)
    # Of a page that says which score to give, nothing may be further from it than a slip of the hand.
    off = Trial.objects.filter(session=OuterRef("pk"), expected__isnull=False, finished_at__isnull=False).filter(
        Exists(
            Rating.objects.filter(trial=OuterRef("pk")).exclude(
                score__gte=OuterRef("expected") - STATED_WITHIN, score__lte=OuterRef("expected") + STATED_WITHIN
            )
        )
    )
    sessions = study.sessions.select_related("rater").annotate(
        n_trials=Count("trials", filter=counted),
        n_done=Count("trials", filter=counted & Q(trials__finished_at__isnull=False)),
        n_asked=Count("trials", filter=asked),
        n_off=Coalesce(Subquery(off.order_by().values("session").annotate(n=Count("pk")).values("n")), 0),
    )
    for session in sessions.order_by("started_at", "id").iterator(BLOCK):
        yield (
            study.slug,
            session.pk,
            session.rater.code,
            session.state,
            session.seed,
            json.dumps(session.rater.outside_ids, ensure_ascii=False, sort_keys=True),
            session.rater.locale,
            session.browser,
            session.consented_at,
            session.started_at,
            session.finished_at,
            session.completion_code,
            session.n_done,
            session.n_trials,
            *given.get(session.pk, (0, 0, 0.0)),
            session.comment,
            why.get(session.pk) or _without_ratings(session, given),
            session.language,
            session.consent_version,
            session.n_asked,
            session.n_asked - session.n_off,
            session.panel,
            session.level_db,
            None if session.level_db is None else session.level_change_db,
            headphone_check.outcome(session),
            headphone_check.last_right(session, "antiphase"),
            headphone_check.last_right(session, "huggins"),
            json.dumps(headphone_check.record(session)) if session.headphones else "",
            session.cannot_have_listened,
        )


def answer_rows(study: Study) -> Iterator[Row]:
    """Every answer to a study's questionnaires, in the order in which they were asked."""
    rows = Answer.objects.filter(session__study=study).order_by("session_id", "id")
    for session, rater, *answer in rows.values_list(
        "session_id",
        "session__rater__code",
        "questionnaire",
        "occurrence",
        "question",
        "kind",
        "value",
        "answered_at",
    ).iterator(BLOCK):
        yield (study.slug, session, rater, *answer)


def event_rows(study: Study) -> Iterator[Row]:
    """Every event of a study, training included: by session, then page, then number."""
    blocks = (
        EventBlock.objects.filter(session__study=study)
        .order_by("session_id", "id")
        .select_related("session__rater", "trial")
    )
    for session, found in groupby(blocks.iterator(BLOCK), lambda block: block.session):
        pages: dict[str, list[EventBlock]] = {}
        for block in found:
            pages.setdefault(block.page, []).append(block)
        slots = Rating.objects.filter(trial__session=session).values_list("trial_id", "slot", "condition__title")
        titles = {(trial, slot): title for trial, slot, title in slots}
        for page, of_page in enumerate(pages.values(), start=1):
            for block in sorted(of_page, key=lambda block: block.first):
                for number, (at, kind, slot, value) in enumerate(block.events, start=block.first):
                    yield (
                        study.slug,
                        session.pk,
                        session.rater.code,
                        block.trial and block.trial.position,
                        page,
                        number,
                        at,
                        block.received_at,
                        kind,
                        slot,
                        titles.get((block.trial_id, slot)),
                        None if value is None else str(value),
                    )


def comment_rows(study: Study) -> Iterator[Row]:
    """Every comment on a sound, rated or not, in the order in which the rater saw the slots."""
    rows = ratings_of(study).exclude(comment="").order_by("trial__session_id", "trial__position", "slot")
    for row in rows.values_list(
        "trial__session_id",
        "trial__session__rater__code",
        "trial__clip__name",
        "condition__title",
        "condition__role",
        "condition__spec",
        PRESENTATION,
        "trial__position",
        "slot",
        "score",
        "comment",
    ).iterator(BLOCK):
        yield (study.slug, *row)


TABLES = {
    "ratings": Table(RATINGS, rating_rows),
    "sessions": Table(SESSIONS, session_rows),
    "answers": Table(ANSWERS, answer_rows),
    "events": Table(EVENTS, event_rows),
    "comments": Table(COMMENTS, comment_rows),
}
"""Tables by name."""


def ratings_of(study: Study) -> QuerySet[Rating]:
    """Slots of a study's trials, rated or not, without those of the training and of pages that test attention."""
    return Rating.objects.filter(trial__session__study=study, trial__training=False, trial__expected=None)


def ratings_frame(study: Study) -> pd.DataFrame:
    """Ratings of a study with the columns of the export, for the statistics; `excluded` is left out.

    The statistics apply the study's rules themselves, so that they can show what each rule counted. For them,
    `cannot_have_listened` is here too.
    """
    names = [name for name in RATINGS if name != "excluded"]
    frame = pd.DataFrame((row[:-1] for row in rating_rows(study)), columns=names)
    why = dict(study.sessions.exclude(cannot_have_listened="").values_list("pk", "cannot_have_listened"))
    frame["cannot_have_listened"] = [why.get(session, "") for session in frame["session"]]
    return frame


def reasons(study: Study) -> dict[int, str]:
    """Why a session's ratings are left out of the statistics, by the session's id, after the study's own rules.

    Sessions that stay in are not in it.

    Raises
    ------
    RatingsError
        If the study names a screening rule that does not exist.
    """
    rows = (
        ratings_of(study)
        .filter(score__isnull=False)
        .order_by()
        .values_list(
            "trial__session_id",
            "trial__session__state",
            "trial__clip_id",
            "condition__spec",
            "condition__role",
            "score",
            PRESENTATION,
            "seconds_heard",
            "trial__started_at",
            "rated_at",
            "trial__session__cannot_have_listened",
        )
    )
    names = ["session", "session_state", "item", "condition", "role", "score", "repeat"]
    names += ["seconds_heard", "started_at", "rated_at", "cannot_have_listened"]
    frame = pd.DataFrame(rows.iterator(BLOCK), columns=names)
    if frame.empty:
        return {}
    frame["rater"] = frame["session"]  # a rater has one session
    found = screen(tidy(frame), study.screening or ["none"]).raters
    return {int(rater): why for rater, why in zip(found["rater"], found["reason"], strict=True) if why}


def _without_ratings(session: Session, given: dict[int, tuple[int, int, float]]) -> str:
    if session.pk in given and given[session.pk][0]:
        return ""
    return UNRATED if session.state == Session.State.FINISHED else f"{UNFINISHED} (0 ratings given)"
