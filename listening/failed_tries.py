"""Who guesses has to wait: after some wrong passwords or tokens each further one makes the wait twice as long.

Waits are counted by account and address together, by address, and by account alone; only the first grows to a
quarter of an hour at once, so that a stranger who guesses elsewhere costs the real person a minute at most.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from listening.models import FailedTries

FORGOTTEN_AFTER = timedelta(hours=1)
"""Since the last wrong try."""


@dataclass(frozen=True)
class Door:
    """What is counted together.

    Attributes
    ----------
    name : str
        Of the account, the address, or both; stored as a hash with the installation's key.
    free : int
        Wrong tries that cost no wait.
    longest : float
        Seconds that a wait may have.
    opened_by_success : bool
        Whether what was counted is void after a right password.
    first : float
        Seconds of the first wait; each further one is twice as long.
    """

    name: str
    free: int
    longest: float
    opened_by_success: bool = False
    first: float = 1.0

    @property
    def key(self) -> str:
        """As it is stored: without the installation's key, nobody finds the address by hashing all there are."""
        return salted_hmac("listening.failed_tries", self.name, algorithm="sha256").hexdigest()


def doors_of_login(request: HttpRequest, account: str) -> list[Door]:
    """What a try to log in is counted by."""
    address, account = address_of(request), account.strip().lower()
    return [
        Door(f"login {account} from {address}", free=5, longest=900, opened_by_success=True),
        Door(f"login from {address}", free=30, longest=900),
        Door(f"login {account}", free=20, longest=60, opened_by_success=True),
    ]


def doors_of_codes(request: HttpRequest) -> list[Door]:
    """What a second step is counted by, beside the account's own count, which django-otp keeps with its device."""
    return [Door(f"code from {address_of(request)}", free=10, longest=900)]


def doors_of_tokens(request: HttpRequest) -> list[Door]:
    """What a try with a token is counted by: it names no account."""
    return [Door(f"token from {address_of(request)}", free=20, longest=300)]


def doors_of_resume_codes(request: HttpRequest) -> list[Door]:
    """What a try with a rater's code to continue is counted by: it names no account."""
    return [Door(f"resume code from {address_of(request)}", free=10, longest=900)]


def doors_of_resets(request: HttpRequest, email: str) -> list[Door]:
    """What mails with links for forgotten passwords are counted by. Each is one try: none of them is a right one."""
    account = unicodedata.normalize("NFKC", email.strip()).casefold()  # as Django finds the account
    return [
        Door(f"reset from {address_of(request)}", free=10, longest=3600, first=60),
        Door(f"reset {account}", free=2, longest=3600, first=300),
    ]


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: what the outermost of our own proxies saw (`PROXIES`), else the other end of the
    line. Of an IPv6 address, the network of 64 bits, all of whose addresses one customer has.
    """
    said = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
    own = settings.PROXIES
    address = said[-own] if own and len(said) >= own else request.META.get("REMOTE_ADDR", "")
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    # A server that listens on both versions writes addresses of version 4 in this form.
    return str(found.ipv4_mapped or IPv6Network((found.packed, 64), strict=False))


def seconds_to_wait(doors: Iterable[Door]) -> int:
    """Whole seconds until a next try is looked at; 0 for at once."""
    by_key = {door.key: door for door in doors}
    now, longest = timezone.now(), 0.0
    for row in FailedTries.objects.filter(key__in=by_key, last_at__gt=now - FORGOTTEN_AFTER):
        door = by_key[row.key]
        if row.count >= door.free:
            wait = min(door.longest, door.first * 2.0 ** min(row.count - door.free, 20))
            longest = max(longest, wait - (now - row.last_at).total_seconds())
    return -int(-longest // 1) if longest > 0 else 0


def note_failure(doors: Iterable[Door]) -> list[Door]:
    """Count a wrong try; the doors at which the next one has to wait for the first time."""
    shut = []
    now = timezone.now()
    FailedTries.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
    for door in doors:
        row, new = FailedTries.objects.get_or_create(key=door.key, defaults={"count": 1, "last_at": now})
        if not new:
            FailedTries.objects.filter(pk=row.pk).update(count=F("count") + 1, last_at=now)
            row.refresh_from_db(fields=["count"])
        if row.count == door.free:
            shut.append(door)
    return shut


def forget(doors: Iterable[Door]) -> None:
    """After a right one: what was counted for this account is void; what was for the address alone stays."""
    FailedTries.objects.filter(key__in=[door.key for door in doors if door.opened_by_success]).delete()


def in_words(seconds: int) -> str:
    """A wait: "40 seconds", "3 minutes"."""
    if seconds < 100:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"
