"""Invite links with a signature over a rater's ID: nobody can make one up, so it also continues a session.

The signature is an HMAC with the installation's secret key. It holds for one ID in one study.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.utils.crypto import constant_time_compare, salted_hmac

from listening import invites, outside_ids
from listening.models import Study
from listening.studies import StudyError

DEFAULT_NAME = "rater"
"""Parameter of the ID where a panel's links carry no names."""


def name_of(study: Study, panel: str) -> str:
    """The parameter whose value is signed: the first name that the panel's links carry."""
    return next(iter(invites.identity(study, panel).names), DEFAULT_NAME)


def signature(study: Study, name: str, value: str) -> str:
    """128 bits of the HMAC, as hexadecimal digits."""
    text = f"{study.pk}\n{name}\n{value}"
    return salted_hmac("listening.signed_links", text, algorithm="sha256").hexdigest()[:32]


def is_right(study: Study, name: str, value: str, given: str) -> bool:
    """Whether a signature is the one of this ID."""
    return constant_time_compare(signature(study, name, value), given)


def path(study: Study, panel: str, value: str) -> str:
    """A signed invite link, without scheme and host.

    Raises
    ------
    StudyError
        If the value can't be an ID.
    """
    if value != value.strip() or not outside_ids.identifies(value):
        raise StudyError(
            f"{value[:80]!r} can't be an ID: 1 to {outside_ids.LONGEST} characters, without brackets, and no word for "
            "a missing value such as “null”."
        )
    name = name_of(study, panel)
    said = {name: value, **({"panel": panel} if panel else {}), "signed": signature(study, name, value)}
    return f"{study.invite_path}?{urlencode(said)}"
