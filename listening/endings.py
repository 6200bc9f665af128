"""How a session ends: the state, the code and the address that a rater gets there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

from django.utils import timezone

from listening.models import Session
from listening.protocol import Ending

State = Session.State

RIGHT_AFTER = timedelta(minutes=2)
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def end(session: Session, state: str) -> None:
    """End a session, with the code of that end; a completed one without any gets one of its own.

    It is not yet saved.
    """
    ends = session.study.protocol.ends
    session.state, session.finished_at = state, timezone.now()
    if state == State.FINISHED:
        session.completion_code = ends.completed.code or session.study.completion_code or _own_code()
    else:
        session.completion_code = (ends.screened_out if state == State.SCREENED_OUT else ends.timed_out).code


def ending(session: Session) -> tuple[str, str]:
    """Code and address that a rater gets at the end where they are; "" for none."""
    ends = session.study.protocol.ends
    reached = {State.SCREENED_OUT: ends.screened_out, State.TIMED_OUT: ends.timed_out}.get(
        session.state, ends.completed
    )
    return session.completion_code, onward(reached, session.rater.outside_ids, session.completion_code)


def goes_back(session: Session) -> bool:
    """Whether the page of the end takes the rater to its address: right after the end, not when they look again."""
    return session.finished_at is not None and timezone.now() - session.finished_at < RIGHT_AFTER


def onward(reached: Ending, outside_ids: Mapping[str, str], code: str) -> str:
    """The address of an end, with the code and what the link said of the rater filled in."""
    words = {**outside_ids, "code": code}
    return re.sub(r"\{([^{}]+)\}", lambda found: quote(words.get(found[1], ""), safe=""), reached.url)


def _own_code() -> str:
    """Completion code of one rater, easy to copy by hand."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
