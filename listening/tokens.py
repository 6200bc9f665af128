"""Tokens with which scripts act for people: made, looked up, taken back."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from listening.audit import note
from listening.models import ApiToken
from listening.models.people import hash_of

PREFIX = "evalapp_"
"""Programs that look for keys in published code know ours by it."""
MOST = 50
"""Usable tokens of one person."""
_USED_WITHIN = timedelta(minutes=1)


class TokenError(Exception):
    """A token that can't be made; the text says what to do."""


def create(
    user: AbstractBaseUser, name: str, scope: str, days: int | None, by: AbstractBaseUser | None
) -> tuple[ApiToken, str]:
    """Make a token.

    Parameters
    ----------
    user : User
        For whom scripts act with it.
    name : str
        For the person, to know it again.
    scope : str
        "read" or "write".
    days : int or None
        Until it expires; None for never.
    by : User or None
        None: on the command line.

    Returns
    -------
    ApiToken
    str
        The token. It is stored as a hash only: what is lost now is lost.

    Raises
    ------
    TokenError
    """
    now = timezone.now()
    there = ApiToken.objects.usable(now).filter(user=user)
    if there.filter(name=name).exists():
        raise TokenError(f"You have a token “{name}” already. Choose another name, or revoke that one first.")
    if there.count() >= MOST:
        raise TokenError(f"You have {MOST} tokens that work. Revoke those that nothing uses any more.")
    token = PREFIX + secrets.token_urlsafe(32)
    ends = None if days is None else now + timedelta(days=days)
    with transaction.atomic():
        made = ApiToken.objects.create(user=user, name=name, scope=scope, token_hash=hash_of(token), expires_at=ends)
        until = f"until {ends:%Y-%m-%d}" if ends else "without end"
        note(user, by, f"token “{name}” made: {made.get_scope_display()}, {until}")
    return made, token


def person_behind(token: str) -> ApiToken | None:
    """The usable token of that text with its person, and note that it was used; None where there is none.

    The person's deeds are noted with the token's name (`audit.audit`).
    """
    now = timezone.now()
    found = ApiToken.objects.usable(now).select_related("user").filter(token_hash=hash_of(token)).first()
    if found is None or not found.user.is_active:
        return None
    if found.last_used_at is None or now - found.last_used_at > _USED_WITHIN:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    found.user.acts_by_token = found.name  # type: ignore[attr-defined]
    return found


def revoke(token: ApiToken, by: AbstractBaseUser | None) -> bool:
    """Make a token void; whether it was not before."""
    with transaction.atomic():
        done = bool(ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()))
        if done:
            note(token.user, by, f"token “{token.name}” revoked")
    return done
