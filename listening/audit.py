"""The log of a study, and that of an account."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from listening.models import AccountLine, AuditLine, Study
from listening.models.audit import COMMAND_LINE


def audit(study: Study, user: AbstractBaseUser | None, what: str, who: str = COMMAND_LINE) -> None:
    """Note a deed in the study's log; without a user it was done on the command line, unless `who` says more.

    A script acts for a person: the line then names the token too (`tokens.person_behind`).
    """
    who = user.get_username() if user else who
    AuditLine.objects.create(study=study, user=user, who=who, what=f"{what}{_by_token(user)}"[:500])


def note(account: AbstractBaseUser, by: AbstractBaseUser | None, what: str, who: str = COMMAND_LINE) -> None:
    """Note in an account's own log what happened to it; without `by` on the command line, unless `who` says more."""
    AccountLine.objects.create(user=account, who=by.get_username() if by else who, what=what[:500])


def _by_token(user: AbstractBaseUser | None) -> str:
    token = getattr(user, "acts_by_token", "")
    return f" (by the token “{token}”)" if token else ""
