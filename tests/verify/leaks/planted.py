"""The web server with a leak: the environment's LEAK names it. It shows that the test of leaks finds one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from evalapp.wsgi import application as without
from listening import masking, sessions
from listening.models import Rating, Session
from listening.models.rating import new_token

LATE = 0.006  # seconds

_mask, _key_of, _store = masking.mask, masking.key_of, sessions._store


def unmasked() -> None:
    """Bodies as they are: zeros at the end, frames."""
    masking.mask = lambda content, key: content


def length() -> None:
    """The low anchor's body is shorter by a byte."""
    masking.mask = lambda content, key: _mask(content[: len(content) - _is(key, "lowpass@3500")], key)


def ordered_tokens() -> None:
    """Tokens rise in the order of the conditions."""

    def store(session: Session, planned: list[object]) -> None:
        _store(session, planned)
        for trial in session.trials.all():
            found = list(trial.ratings.order_by("condition__position"))
            for rating, token in zip(found, sorted(new_token() for _ in found), strict=True):
                Rating.objects.filter(pk=rating.pk).update(token=token)

    sessions._store = store


def late() -> None:
    """One codec's sound comes some milliseconds later."""

    def mask(content: bytes, key: str) -> bytes:
        time.sleep(LATE * _is(key, "opus@12"))
        return _mask(content, key)

    masking.mask = mask


def one_key() -> None:
    """The hidden reference has the key of the visible one."""

    def key_of(token: str) -> str:
        rating = Rating.objects.filter(token=token, condition__spec="reference").first()
        return _key_of(rating.trial.reference_token if rating else token)

    masking.key_of = key_of


LEAKS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (unmasked, length, ordered_tokens, late, one_key)
}


def _is(key: str, spec: str) -> bool:
    """Whether a key is that of a sound of this condition."""
    return any(_key_of(token) == key for token in _tokens(spec))


def _tokens(spec: str) -> list[str]:
    latest = Rating.objects.filter(condition__spec=spec).order_by("-pk")
    return list(latest.values_list("token", flat=True)[:4])


LEAKS.get(os.environ.get("LEAK", ""), lambda: None)()
application = without
