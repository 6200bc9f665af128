"""A rater's way through a study: what they get, in which order, and what lets them move on.

consent → instructions → training → trials → last page → finished, with what the study's protocol puts between
(`planning.way_of`). Each step is checked here; a page that asks for a step from where
the rater no longer is changes nothing.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from listening import allocation, answers, headphone_check, planning, texts, webhooks
from listening import level as levels
from listening.endings import end
from listening.models import Rater, Rating, Session, Study, Trial, Webhook
from listening.models.rating import new_token

log = logging.getLogger(__name__)

State = Session.State

LONGEST_COMMENT = 4000
TIME_TO_AGREE = timedelta(minutes=10)
"""A session without a consent keeps its identity for so long."""
LOOK_AGAIN = 60.0
"""Seconds for which a sign of life is not written again."""


class StudyNotOpen(Exception):
    """The study takes no ratings, not yet or no more."""


class AlreadyStarted(Exception):
    """Somebody has a session under the same identity."""


class Refused(Exception):
    """A step that can't be taken yet; the text tells the rater why.

    Parameters
    ----------
    text : str
    faults : dict of str to str, optional
        What is wrong with each answer, by the question's name.
    """

    def __init__(self, text: str, faults: dict[str, str] | None = None) -> None:
        self.faults = faults or {}
        super().__init__(text)


@dataclass(frozen=True)
class Missing:
    """What a trial still wants before its rater may go on.

    Attributes
    ----------
    unheard, unrated : tuple of int
        Slots.
    best : bool
        Whether a sound must get 100 and none has it.
    seconds : int
        That the page must yet stay.
    """

    unheard: tuple[int, ...] = ()
    unrated: tuple[int, ...] = ()
    best: bool = False
    seconds: int = 0

    def __bool__(self) -> bool:
        return bool(self.unheard or self.unrated or self.best or self.seconds)

    def __str__(self) -> str:
        slots = [
            (gettext("Still to hear: %(sounds)s."), self.unheard),
            (gettext("Still to rate: %(sounds)s."), self.unrated),
        ]
        parts = [text % {"sounds": gettext(", ").join(map(str, named))} for text, named in slots if named]
        if self.best:
            parts.append(gettext("At least one sound must have 100."))
        if self.seconds:
            text = ngettext(
                "You can go on in %(seconds)s second.", "You can go on in %(seconds)s seconds.", self.seconds
            )
            parts.append(text % {"seconds": self.seconds})
        return " ".join(parts)


def start(
    study: Study,
    *,
    outside_ids: dict[str, str],
    locale: str,
    browser: str,
    language: str = "en",
    identity: str = "",
    panel: str = "",
    token: str = "",
) -> Session:
    """Make a rater and their session. Trials follow with the consent.

    Parameters
    ----------
    study : Study
    outside_ids : dict of str to str
        What the link said of the rater.
    locale, browser : str
        As the browser says.
    language : str
        Of the pages.
    identity : str
        By which the study knows a rater again: NAME=ID.
    panel : str
        Of raters, as the link names it.
    token : str
        Of the rater's link, so that a page that is sent twice makes one rater. "" for a new one.

    Raises
    ------
    StudyNotOpen
    AlreadyStarted
    """
    if study.state != Study.State.OPEN:
        raise StudyNotOpen
    if identity:
        study.sessions.filter(_without_consent(), identity=identity).update(identity=None)
    values = {"study": study, "browser": browser, "language": language, "panel": panel, "identity": identity or None}
    try:
        with transaction.atomic():
            rater = Rater.objects.create(outside_ids=outside_ids, locale=locale, token=token or new_token())
            return Session.objects.create(**values, rater=rater)
    except IntegrityError:
        if sent_before := study.sessions.filter(rater__token=token).first():
            return sent_before
        if identity and study.sessions.filter(identity=identity).exists():
            raise AlreadyStarted from None
        raise


def started_as(study: Study, identity: str) -> Session | None:
    """The session that was started under an identity."""
    known = study.sessions.select_related("rater", "study").filter(identity=identity or None).exclude(identity=None)
    return known.exclude(_without_consent()).first()


def _without_consent() -> Q:
    """Sessions that nobody agreed to in time: a killed process leaves them, and earlier versions made many."""
    return Q(consented_at=None, started_at__lt=timezone.now() - TIME_TO_AGREE)


def begin(study: Study, **rater: Any) -> Session:
    """Start a session with the rater's consent, which they gave on the page behind the invite link.

    Parameters
    ----------
    study : Study
    **rater
        As `start` takes it.

    Raises
    ------
    StudyNotOpen
    AlreadyStarted
    allocation.StudyFull
        Nothing is kept then.
    """
    session = start(study, **rater)
    try:
        advance(session, State.CONSENT)
    except (StudyNotOpen, allocation.StudyFull):
        session.rater.delete()
        raise
    return session


def behind_link(token: str) -> Session | None:
    """The session that a rater's link leads to. Whatever is asked of it is a sign of life, and noted as such."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", token):
        return None
    session = Session.objects.select_related("rater", "study__recruiting").filter(rater__token=token).first()
    if session and not session.ended and session.may_go_on:
        _note_life(session)
    return session


def current_trial(session: Session) -> Trial | None:
    """The trial that the rater is at; None on every other page."""
    if session.state not in (State.TRAINING, State.TRIALS):
        return None
    return next(iter(trials_ahead(session)), None)


def was_at(session: Session, trial: Trial) -> bool:
    """Whether a session ended at this trial because its time was over, or its place another rater's."""
    if session.state != State.TIMED_OUT:
        return False
    return list(session.way[session.at]) in ([State.TRAINING, str(trial.position)], [State.TRIALS, str(trial.position)])


def trials_ahead(session: Session) -> list[Trial]:
    """The trials whose sounds the rater may have now: the one at hand and the next, or the first one before it."""
    left = session.trials.filter(finished_at=None).order_by("position")
    if session.state in (State.LEVEL, State.QUESTIONS, State.INSTRUCTIONS, State.BREAK):
        return list(left[:1])
    return list(left[:2]) if session.state in (State.TRAINING, State.TRIALS) else []


def step_of(session: Session) -> str:
    """Name of the page that the rater is at: its state, and the token of the trial where there is one."""
    trial = current_trial(session)
    if trial:
        return trial.token
    several = session.state == State.BREAK or (session.way and session.way[session.at][1])
    return f"{session.state}-{session.at}" if several else session.state


def missing(trial: Trial) -> Missing:
    """What a trial still wants, after the rules of its study."""
    study = trial.session.study
    rules = study.protocol.rules
    ratings = list(trial.ratings.all())
    return Missing(
        unheard=tuple(
            rating.slot
            for rating in ratings
            if rating.seconds_heard < study.heard_seconds or rating.share_heard < rules.share_heard
        ),
        unrated=tuple(rating.slot for rating in ratings if rules.all_rated and rating.score is None),
        best=one_at_100(trial) and all(rating.score != 100 for rating in ratings),
        seconds=seconds_left(trial),
    )


def one_at_100(trial: Trial) -> bool:
    """Whether a sound of the trial must get 100: not on a page that says which score to give."""
    return trial.session.study.protocol.rules.one_at_100 and trial.expected is None


def seconds_left(trial: Trial) -> int:
    """Seconds that a trial must yet stay before its rater, from when it was first shown."""
    least = trial.session.study.protocol.rules.least_seconds
    if not least:
        return 0
    shown = (timezone.now() - trial.started_at).total_seconds() if trial.started_at else 0.0
    return max(0, math.ceil(least - shown))


def show(trial: Trial) -> None:
    """Note when a trial was first seen."""
    if trial.started_at is None:
        Trial.objects.filter(pk=trial.pk, started_at=None).update(started_at=timezone.now())


def advance(session: Session, left: str, given: Mapping[str, str] | None = None) -> None:
    """Take the rater to the next page.

    Parameters
    ----------
    session : Session
    left : str
        The page that is left, as `step_of` names it. Where the rater is no longer
        there (a double click, an old tab), nothing happens.
    given : mapping of str to str, optional
        What was filled in on it.

    Raises
    ------
    StudyNotOpen
        The study takes no raters, and this one has not agreed yet. One who has started ends there as closed.
    allocation.StudyFull
        At the consent: every place is another rater's.
    Refused
        Something is missing on the page.
    """
    if left == session.state == State.CONSENT and session.study.state == Study.State.OPEN:
        # On its own, before all else that the consent makes: others wait for it.
        _take_a_place(session)
    with transaction.atomic():
        # The lock makes two simultaneous posts one after the other: the second finds the rater gone on.
        locked = Session.objects.select_for_update(no_key=True).get(pk=session.pk)
        if left == step_of(locked) and not locked.ended:
            if not _end_if_due(locked):
                _leave(locked, given or {})
                _go_on(locked)
            locked.save()
    session.refresh_from_db()


def answer_headphones(session: Session, attempt: int, trial: int, choice: int) -> None:
    """Take an answer in a headphone test; from where the rater no longer is, nothing happens.

    Who fails for good is screened out where the study says so.

    Raises
    ------
    StudyNotOpen
    headphone_check.WrongAnswer
    """
    with transaction.atomic():
        locked = Session.objects.select_for_update(no_key=True).get(pk=session.pk)
        if locked.state == State.HEADPHONES:
            if not _end_if_due(locked):
                headphone_check.answer(locked, attempt, trial, choice)
                if headphone_check.failed(locked) and locked.study.protocol.headphones.failing == "screen_out":
                    end(locked, State.SCREENED_OUT)
            locked.save()
    session.refresh_from_db()


def look_at_the_clock(session: Session) -> None:
    """End a session whose time is over, or whose study was closed and lets nobody finish."""
    if session.ended or not _due_end(session):
        return
    with transaction.atomic():
        locked = Session.objects.select_for_update(no_key=True).filter(pk=session.pk).first()
        if locked and not locked.ended and _end_if_due(locked):
            locked.save()
    session.refresh_from_db()


def _leave(session: Session, given: Mapping[str, str]) -> None:
    """What a page leaves behind, if it may be left."""
    study = session.study
    if session.state == State.CONSENT:
        session.consent_text, session.consented_at = texts.consent(session), timezone.now()
        session.consent_version = study.protocol.consent.version
        _take_a_place(session)  # there already, unless somebody took it over in between
        planned = planning.plan_of(session)
        session.way = planning.way_of(study.protocol, planned)
        _store(session, planned)
    elif session.state == State.LEVEL:
        try:
            session.level_db = levels.chosen(given.get("level", ""))
        except levels.WrongLevel as wrong:
            raise Refused(str(wrong)) from wrong
    elif (attempt := headphone_check.current(session)) is not None:
        if not attempt.over:
            raise Refused(gettext("Answer every question first."))
    elif session.state == State.BREAK:
        session.rested_at = timezone.now()
    elif session.state == State.QUESTIONS:
        try:
            answers.keep(session, given)
        except answers.Unanswered as fault:
            raise Refused(str(fault), fault.faults) from fault
    elif (trial := current_trial(session)) is not None:
        if wanting := missing(trial):
            raise Refused(str(wanting))
        trial.finished_at = timezone.now()
        trial.save(update_fields=["finished_at"])
    elif session.state == State.COMMENTS:
        comment = given.get("comment", "")
        if len(comment) > LONGEST_COMMENT:
            words = gettext("Your comment has %(n)s characters; %(most)s can be kept. Please shorten it.")
            raise Refused(words % {"n": len(comment), "most": LONGEST_COMMENT})
        session.comment = comment


def _take_a_place(session: Session) -> None:
    if allocation.gives_place(session):
        allocation.take(session)


def _note_life(session: Session) -> None:
    """Write the time down, unless it was not long ago."""
    now = timezone.now()
    for_now = min(LOOK_AGAIN, 60 * session.study.protocol.design.give_back_minutes / 4)
    if session.seen_at is None or now - session.seen_at >= timedelta(seconds=for_now):
        session.seen_at = now
        try:
            with transaction.atomic():
                Session.objects.filter(pk=session.pk).update(seen_at=now)
        except OperationalError:  # a full disk must not keep a rater from a page
            log.exception("The sign of life of session %s could not be stored.", session.pk)


def _go_on(session: Session) -> None:
    """To the page that follows; a break that is due comes first."""
    if session.state == State.BREAK:
        session.state = session.way[session.at][0]
        return
    left, session.at = session.state, session.at + 1
    session.state = session.way[session.at][0]
    between = left in (State.TRIALS, State.QUESTIONS) and session.state == State.TRIALS
    if between and _break_is_due(session):
        session.state = State.BREAK
    elif session.state == State.HEADPHONES:
        headphone_check.begin(session, session.way[session.at][1])
    elif session.state == State.FINISHED:
        end(session, State.FINISHED)
        if not session.cannot_have_listened:
            webhooks.announce(session.study, Webhook.Event.RATER_FINISHED, rater=session.rater.code)


def _break_is_due(session: Session) -> bool:
    minutes = session.study.protocol.pause.after_minutes
    if minutes is None:
        return False
    since = session.rested_at or session.trials.filter(training=False).order_by("position").first().started_at
    return since is not None and timezone.now() - since >= timedelta(minutes=minutes)


def _end_if_due(session: Session) -> bool:
    """End a session that can't go on, where it must; it is not yet saved.

    Raises
    ------
    StudyNotOpen
        The rater has not agreed yet: there is nothing to end.
    """
    if due := _due_end(session):
        end(session, due)
    elif not session.may_go_on:
        raise StudyNotOpen
    return bool(due)


def _due_end(session: Session) -> str:
    """The end that a session has come to by the clock or by closing; "" for none."""
    if session.consented_at is None:
        return ""
    if not session.may_go_on:
        return State.CLOSED if session.study.state == Study.State.CLOSED else ""
    limit = session.study.protocol.time_limit_minutes
    over = limit is not None and timezone.now() - session.consented_at >= timedelta(minutes=limit)
    return State.TIMED_OUT if over else ""


def _store(session: Session, planned: list[planning.PlannedTrial]) -> None:
    for each in planned:
        trial = Trial.objects.create(
            session=session,
            clip_id=each.clip,
            position=each.position,
            training=each.training,
            repeat=each.repeat,
            expected=each.expected,
            served=0,
        )
        # In the order of the slots: the order of creation tells nothing of the conditions.
        Rating.objects.bulk_create(
            Rating(trial=trial, slot=slot, condition_id=condition)
            for slot, condition in enumerate(each.conditions, start=1)
        )
