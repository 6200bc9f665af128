"""How a session ends: the state, the code and the address that a rater gets there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

from django.utils import timezone

from listening import hearing
from listening.models import Session, Study
from listening.protocol import Ending

State = Session.State

FIELDS = ("state", "finished_at", "completion_code", "cannot_have_listened")
"""What an end changes."""
RIGHT_AFTER = timedelta(minutes=2)
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def end(session: Session, state: str) -> None:
    """End a session, with the code of that end.

    A completed session without a code gets a random one, as does a session that closing ends without code and address.
    A session that cannot have listened to what it rated gets none, at whichever end. `FIELDS` are not yet saved.
    """
    reached = _reached(session.study, state)
    code = reached.code
    session.cannot_have_listened = hearing.why_impossible(session)
    if session.cannot_have_listened:
        code = ""
    elif state == State.FINISHED:
        code = code or session.study.completion_code or _own_code()
    elif state == State.CLOSED and not reached.url:
        code = code or _own_code()
    session.state, session.finished_at, session.completion_code = state, timezone.now(), code


def end_unfinished(study: Study) -> None:
    """End the sessions of a study that closes, where raters who have started may not finish."""
    started = study.sessions.select_for_update(of=("self",), no_key=True).exclude(consented_at=None)
    for session in started.exclude(state__in=Session.ENDS):
        end(session, State.CLOSED)
        session.save(update_fields=FIELDS)


def ending(session: Session) -> tuple[str, str]:
    """Code and address that a rater gets at the end where they are; "" for none."""
    if session.cannot_have_listened:
        return "", ""
    reached = _reached(session.study, session.state)
    return session.completion_code, onward(reached, session.rater.outside_ids, session.completion_code)


def goes_back(session: Session) -> bool:
    """Whether the page of the end takes the rater to its address: right after the end, not when they look again."""
    return session.finished_at is not None and timezone.now() - session.finished_at < RIGHT_AFTER


def onward(reached: Ending, outside_ids: Mapping[str, str], code: str) -> str:
    """The address of an end, with the code and what the link said of the rater filled in."""
    words = {**outside_ids, "code": code}
    return re.sub(r"\{([^{}]+)\}", lambda found: quote(words.get(found[1], ""), safe=""), reached.url)


def _reached(study: Study, state: str) -> Ending:
    ends = study.protocol.ends
    others = {State.SCREENED_OUT: ends.screened_out, State.TIMED_OUT: ends.timed_out, State.CLOSED: ends.closed}
    return others.get(State(state), ends.completed)


def _own_code() -> str:
    """Completion code of one rater, easy to copy by hand."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
