"""How many sessions one address may start in an hour: a script that floods a study stops there.

The hour begins with the first session. The address itself is not stored (see `FailedTries`).
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from listening.failed_tries import FORGOTTEN_AFTER as HOUR
from listening.failed_tries import Door, address_of
from listening.models import FailedTries


def count(request: HttpRequest) -> int:
    """Count a new session; whole minutes to wait where the address has started too many, and it is not counted."""
    most = settings.SESSIONS_PER_HOUR_PER_ADDRESS
    if not most:
        return 0
    now, key = timezone.now(), Door(f"session from {address_of(request)}", free=most, longest=0).key
    with transaction.atomic():
        FailedTries.objects.filter(last_at__lte=now - HOUR).delete()
        FailedTries.objects.get_or_create(key=key, defaults={"count": 0, "last_at": now})
        row = FailedTries.objects.select_for_update().get(key=key)
        if row.count >= most:
            return -int(-(row.last_at + HOUR - now).total_seconds() // 60)
        FailedTries.objects.filter(pk=row.pk).update(count=F("count") + 1)
    return 0
