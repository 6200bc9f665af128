"""A rater's way through a study: what they get, in which order, and what lets them move on.

consent → instructions → training → trials → last page → finished. Each step is checked
here; a page that asks for a step from where the rater no longer is changes nothing.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from listening.models import Rater, Rating, Session, Study, Trial

State = Session.State

LONGEST_COMMENT = 4000
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class StudyNotOpen(Exception):
    """The study takes no ratings, not yet or no more."""


class Refused(Exception):
    """A step that can't be taken yet; the text tells the rater why."""


@dataclass(frozen=True)
class PlannedTrial:
    """One trial before it is stored.

    Attributes
    ----------
    position : int
        0 for the training, then from 1.
    clip : int
        Key of the clip.
    conditions : tuple of int
        Keys of the conditions in the order of the slots.
    """

    position: int
    clip: int
    conditions: tuple[int, ...]

    @property
    def training(self) -> bool:
        """Whether its ratings are not counted."""
        return self.position == 0


@dataclass(frozen=True)
class Missing:
    """What a trial still wants before its rater may go on.

    Attributes
    ----------
    unheard, unrated : tuple of int
        Slots.
    """

    unheard: tuple[int, ...]
    unrated: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.unheard or self.unrated)

    def __str__(self) -> str:
        parts = [("Still to hear", self.unheard), ("Still to rate", self.unrated)]
        return " ".join(f"{what}: {', '.join(map(str, slots))}." for what, slots in parts if slots)


def start(study: Study, *, outside_ids: dict[str, str], locale: str, browser: str) -> Session:
    """Make a rater and their session. Trials follow with the consent: a link that is only looked at costs two rows.

    Raises
    ------
    StudyNotOpen
    """
    if study.state != Study.State.OPEN:
        raise StudyNotOpen
    with transaction.atomic():
        rater = Rater.objects.create(outside_ids=outside_ids, locale=locale)
        return Session.objects.create(study=study, rater=rater, browser=browser)


def plan(clips: Sequence[int], conditions: Sequence[int], seed: int) -> list[PlannedTrial]:
    """Order of trials and slots that a seed gives: always the same.

    Parameters
    ----------
    clips, conditions : sequence of int
        Keys, in the study's own order.
    seed : int
        The session's.

    Returns
    -------
    list of PlannedTrial
        The training on a clip that is drawn, then one trial for each clip.
    """
    draw = random.Random(seed)
    order = [draw.choice(clips), *draw.sample(clips, len(clips))]
    return [
        PlannedTrial(position, clip, tuple(draw.sample(conditions, len(conditions))))
        for position, clip in enumerate(order)
    ]


def plan_of(session: Session) -> list[PlannedTrial]:
    """The plan of a session, from its stored seed and its study."""
    study = session.study
    clips = list(study.clips.order_by("position", "id").values_list("pk", flat=True))
    conditions = list(study.conditions.order_by("position", "id").values_list("pk", flat=True))
    return plan(clips, conditions, session.seed)


def current_trial(session: Session) -> Trial | None:
    """The trial that the rater is at; None on every other page."""
    if session.state not in (State.TRAINING, State.TRIALS):
        return None
    return next(iter(trials_ahead(session)), None)


def trials_ahead(session: Session) -> list[Trial]:
    """The trials whose sounds the rater may have now: the one at hand and the next, or the first one before it."""
    left = session.trials.filter(finished_at=None).order_by("position")
    if session.state == State.INSTRUCTIONS:
        return list(left[:1])
    return list(left[:2]) if session.state in (State.TRAINING, State.TRIALS) else []


def step_of(session: Session) -> str:
    """Name of the page that the rater is at: its state, and the token of the trial where there is one."""
    trial = current_trial(session)
    return trial.token if trial else session.state


def missing(trial: Trial) -> Missing:
    """Slots of a trial not heard for long enough, and slots without a score."""
    enough = trial.session.study.heard_seconds
    ratings = list(trial.ratings.all())
    return Missing(
        unheard=tuple(rating.slot for rating in ratings if rating.seconds_heard < enough),
        unrated=tuple(rating.slot for rating in ratings if rating.score is None),
    )


def show(trial: Trial) -> None:
    """Note when a trial was first seen."""
    Trial.objects.filter(pk=trial.pk, started_at=None).update(started_at=timezone.now())


def advance(session: Session, left: str, comment: str = "") -> None:
    """Take the rater to the next page.

    Parameters
    ----------
    session : Session
    left : str
        The page that is left, as `step_of` names it. Where the rater is no longer
        there (a double click, an old tab), nothing happens.
    comment : str
        From the last page.

    Raises
    ------
    StudyNotOpen
        The study was closed meanwhile; a finished rater is not concerned.
    Refused
        Something is missing on the page.
    """
    with transaction.atomic():
        # The lock makes two simultaneous posts one after the other: the second finds the rater gone on.
        locked = Session.objects.select_for_update().get(pk=session.pk)
        if left == step_of(locked) and locked.state != State.FINISHED:
            if locked.study.state != Study.State.OPEN:
                raise StudyNotOpen
            _leave(locked, comment)
    session.refresh_from_db()


def _leave(session: Session, comment: str) -> None:
    if session.state == State.CONSENT:
        session.consent_text, session.consented_at = session.study.consent_text, timezone.now()
        session.state = State.INSTRUCTIONS
        _store(session, plan_of(session))
    elif session.state == State.INSTRUCTIONS:
        session.state = State.TRAINING
    elif (trial := current_trial(session)) is not None:
        if wanting := missing(trial):
            raise Refused(str(wanting))
        trial.finished_at = timezone.now()
        trial.save(update_fields=["finished_at"])
        session.state = State.TRIALS if session.trials.filter(finished_at=None).exists() else State.COMMENTS
    else:
        if len(comment) > LONGEST_COMMENT:
            raise Refused(
                f"Your comment has {len(comment)} characters; {LONGEST_COMMENT} can be kept. Please shorten it."
            )
        session.comment, session.finished_at = comment, timezone.now()
        session.completion_code = session.study.completion_code or _own_code()
        session.state = State.FINISHED
    session.save()


def _store(session: Session, planned: list[PlannedTrial]) -> None:
    for each in planned:
        trial = Trial.objects.create(session=session, clip_id=each.clip, position=each.position, training=each.training)
        # In the order of the slots: the order of creation tells nothing of the conditions.
        Rating.objects.bulk_create(
            Rating(trial=trial, slot=slot, condition_id=condition)
            for slot, condition in enumerate(each.conditions, start=1)
        )


def _own_code() -> str:
    """Completion code of one rater, easy to copy by hand."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
