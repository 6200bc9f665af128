"""Saving what a rater says of one slot: checked, idempotent, and right under two writes at once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext

from listening import hearing
from listening.models import Rating, Session, Study, Trial
from listening.models.rating import PARTS
from listening.sessions import current_trial, was_at

LONGEST_WRITE = 8000
"""Bytes of one write; real ones have about 150 and a comment."""
LONGEST_COMMENT = 1000
"""Characters of the comment on one sound."""
LARGEST_REVISION = 2**53 - 1
"""Largest integer that a browser's numbers count exactly."""
MOST_PLAYS = 100_000
MOST_SECONDS = 100_000.0


class Refused(Exception):
    """A write that is not taken. Nothing changed.

    Parameters
    ----------
    status : int
        HTTP status.
    text : str
        What was wrong.
    """

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(text)


@dataclass(frozen=True)
class Write:
    """What a page says of one slot.

    Attributes
    ----------
    trial : str
        Token of the trial.
    slot : int
    score : int or None
        None while the slot is only listened to; it leaves a stored score as it is.
    plays : int
        How often the slot was started or switched to.
    seconds_heard : float
    revision : int
        Number of this write, from a counter that the rater's tabs share.
    parts_heard : int
        A bit for each hundredth of the clip that was heard.
    comment : str or None
        None where the page did not change it; it leaves a stored comment as it is.
    writer : str
        Random name of the browser, the same in all of its tabs.
    """

    trial: str
    slot: int
    score: int | None
    plays: int
    seconds_heard: float
    revision: int
    parts_heard: int = 0
    comment: str | None = None
    writer: str = ""


def parse(body: bytes) -> Write:
    """Read a write from JSON.

    Raises
    ------
    Refused
        With 400 and the field that is wrong.
    """
    if len(body) > LONGEST_WRITE:
        raise Refused(400, f"A write has at most {LONGEST_WRITE} bytes, not {len(body)}.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise Refused(400, "The body is not a JSON object.")
    if not isinstance(found.get("trial"), str):
        raise Refused(400, "trial: the token of the trial, a text.")
    score = found.get("score")
    return Write(
        trial=found["trial"],
        slot=_integer(found, "slot", 1, 1000),
        score=None if score is None else _integer(found, "score", 0, 100),
        plays=_integer(found, "plays", 0, MOST_PLAYS),
        seconds_heard=_seconds(found),
        revision=_integer(found, "revision", 1, LARGEST_REVISION),
        parts_heard=_parts(found),
        comment=_comment(found),
        writer=_writer(found),
    )


def save(session: Session, write: Write) -> Rating:
    """Keep a write if no later one was kept; return the rating as it now stands.

    One UPDATE decides, by the row as it is at that moment: of two simultaneous writes
    the higher revision stays, whichever comes first. The same write twice changes nothing. More play than the
    server's clock allows is cut (`hearing.bounded`); everything else of the write is kept.

    Raises
    ------
    Refused
        403 if the trial is not of this session, 404 without such a slot, 409 if the
        rater is not at this trial or the study wants a sound played before it is rated,
        410 if the study is closed. What comes late of the trial at which the session's time ran out is kept.
    """
    if not session.may_go_on:
        raise Refused(410, gettext("This study has ended. It takes no more ratings."))
    trial = session.trials.filter(token=write.trial).first() if "\x00" not in write.trial else None
    if trial is None:
        raise Refused(403, gettext("This page does not belong to your link."))
    ratings = list(trial.ratings.all())
    rating = next((each for each in ratings if each.slot == write.slot), None)
    if rating is None:
        raise Refused(404, f"This trial has no slot {write.slot}.")
    if trial.finished_at or not (trial == current_trial(session) or was_at(session, trial)):
        raise Refused(409, gettext("You are no longer on this page. Reload it to go on where you are."))
    others = sum(each.seconds_heard for each in ratings if each is not rating)
    heard = hearing.bounded(
        trial, write.slot, others, hearing.Heard(write.plays, write.seconds_heard, write.parts_heard)
    )
    write = replace(write, plays=heard.plays, seconds_heard=heard.seconds, parts_heard=heard.parts)
    if write.score is not None and session.study.protocol.rules.only_playing and not max(rating.plays, write.plays):
        raise Refused(409, gettext("A sound can be rated once it was played. Reload the page and play it first."))
    _update(session.study, rating, write)
    try:
        rating.refresh_from_db()
    except Rating.DoesNotExist as error:  # the rater withdrew meanwhile, in another tab
        raise Refused(404, "This link is not known.") from error
    return rating


def _update(study: Study, rating: Rating, write: Write) -> None:
    changes: dict[str, object] = {
        "revision": write.revision,
        "writer": write.writer,
        "plays": Greatest(F("plays"), Value(write.plays)),
        "seconds_heard": Greatest(F("seconds_heard"), Value(write.seconds_heard)),
    }
    if write.score is not None:
        changes["score"] = write.score
        changes["rated_at"] = Case(When(score=write.score, then=F("rated_at")), default=Value(timezone.now()))
    if write.comment is not None:
        changes["comment"] = write.comment
    if write.parts_heard:
        # Of two devices at once one may be told twice to hear a part: no part counts that nobody heard.
        changes["parts_heard"] = f"{write.parts_heard | int(rating.parts_heard or '0', 16):x}"
    takes = [Study.State.OPEN, Study.State.CLOSED] if study.protocol.finish_after_closing else [Study.State.OPEN]
    unfinished = Trial.objects.filter(pk=OuterRef("trial_id"), finished_at=None, session__study__state__in=takes)
    # The revision is compared on the row that is updated, never through a join: Postgres looks at
    # the row again after it waited for another write, but not at what a subquery said of it.
    Rating.objects.filter(Exists(unfinished), pk=rating.pk, revision__lt=write.revision).update(**changes)


def _integer(found: dict[str, object], name: str, least: int, most: int) -> int:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refused(400, f"{name}: a whole number from {least} to {most}, not {_shown(value)}.")
    return value


def _seconds(found: dict[str, object]) -> float:
    value = found.get("seconds_heard")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_SECONDS:
        raise Refused(400, f"seconds_heard: a number from 0 to {MOST_SECONDS:.0f}, not {_shown(value)}.")
    return float(value)


def _parts(found: dict[str, object]) -> int:
    value = found.get("parts_heard", "")
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{0,{PARTS // 4}}}", value):
        raise Refused(400, f"parts_heard: at most {PARTS // 4} hexadecimal digits, not {_shown(value)}.")
    return int(value or "0", 16)


def _comment(found: dict[str, object]) -> str | None:
    value = found.get("comment")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_COMMENT:
        raise Refused(400, f"comment: a text of at most {LONGEST_COMMENT} characters, not {_shown(value)}.")
    # A database takes no NUL and no half of a surrogate pair.
    return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _writer(found: dict[str, object]) -> str:
    value = found.get("writer", "")
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-z]{0,16}", value):
        raise Refused(400, f"writer: at most 16 digits and small letters, not {_shown(value)}.")
    return value


def _shown(value: object) -> str:
    return json.dumps(value)[:60]
