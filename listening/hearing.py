"""What a rater can have heard: by the server's own clock, and by which sounds it sent.

A page reports how long each sound played, and a script can report anything. So nothing counts of a sound that was never
sent, and all sounds of a trial together count no more than the time since the trial was first shown. What is reported
beyond that is cut, not refused: the score beside it is kept.

An honest rater meets no bound. A sound is recorded as sent before its last byte leaves, so no play can come earlier; a
reloaded page may take it from the browser's cache, since once is enough. The server's clock runs on while a page is
offline, so late reports are covered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone

from listening.models import Session, Trial

SPARE_SECONDS = 1.0
SPARE_SHARE = 0.02
"""More than the server's clock says: web servers' clocks differ a little, and so do those of sound devices."""
PLAYS_PER_SECOND = 20
LEAST_SECONDS = 0.25
"""A sound that was heard at all takes so long, on average over a session."""


@dataclass(frozen=True)
class Heard:
    """How much of a sound was heard: times it was started or switched to, seconds, and a bit for each part."""

    plays: int
    seconds: float
    parts: int


def note_served(trial: Trial, slot: int) -> None:
    """Record that a sound of a trial was sent to its rater (0: the reference). It is written once for each sound."""
    if not was_served(trial, slot):
        Trial.objects.filter(pk=trial.pk).update(served=F("served").bitor(1 << slot))


def was_served(trial: Trial, slot: int) -> bool:
    """Whether a sound was sent to its rater at least once; also where that was not recorded yet."""
    return trial.served is None or bool(trial.served >> slot & 1)


def bounded(trial: Trial, slot: int, others: float, reported: Heard) -> Heard:
    """What counts of a report.

    Parameters
    ----------
    trial : Trial
    slot : int
    others : float
        Seconds that count of the trial's other sounds.
    reported : Heard
    """
    if not was_served(trial, slot):
        return Heard(0, 0.0, 0)
    room = _seconds_since_shown(trial)
    if math.isinf(room):
        return reported
    left = max(0.0, room - others)
    parts = reported.parts
    if parts and trial.clip.frames:
        seconds_of_part = trial.clip.frames / trial.session.study.rate / 100
        parts = _lowest(parts, math.ceil(left / seconds_of_part))
    return Heard(
        min(reported.plays, math.ceil(room * PLAYS_PER_SECOND)),
        min(reported.seconds, math.floor(left * 1000) / 1000),
        parts,
    )


def why_impossible(session: Session) -> str:
    """Why a session cannot have listened to what it rated, for the researcher; "" where it can have."""
    rated = unsent = 0
    seconds = heard = 0.0
    for trial in session.trials.filter(training=False).prefetch_related("ratings"):
        scored = [rating for rating in trial.ratings.all() if rating.score is not None]
        rated += len(scored)
        unsent += sum(not was_served(trial, rating.slot) for rating in scored)
        heard += sum(rating.seconds_heard for rating in scored)
        if scored and trial.started_at:
            took = ((trial.finished_at or timezone.now()) - trial.started_at).total_seconds()
            seconds += math.inf if took < 0 else took  # the clock was set back meanwhile
    if unsent:
        return f"{unsent} of {rated} rated sounds were never sent to the rater"
    if rated and not heard:
        return f"none of {rated} rated sounds was played"
    if seconds < LEAST_SECONDS * rated:
        return f"{rated} sounds were rated within {seconds:.1f} s"
    return ""


def _seconds_since_shown(trial: Trial) -> float:
    """Seconds of play that are possible since a trial was first shown; without end where the clock was set back."""
    if trial.started_at is None:
        return 0.0
    passed = (timezone.now() - trial.started_at).total_seconds()
    return passed * (1 + SPARE_SHARE) + SPARE_SECONDS if passed >= 0 else math.inf


def _lowest(parts: int, most: int) -> int:
    """The lowest bits that are set, so many at most."""
    for _ in range(parts.bit_count() - most):
        parts ^= 1 << (parts.bit_length() - 1)
    return parts
