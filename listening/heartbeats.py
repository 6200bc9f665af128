"""Signs of life of worker and beat, for `/health/`."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from listening.models import Heartbeat, Rendering

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two notes of one process."""
_BEAT_LIMIT = timedelta(seconds=60 + 2 * settings.SWEEP_SECONDS)
_WORKER_LIMIT = timedelta(seconds=60 + settings.SWEEP_SECONDS + settings.RENDER_TIME_LIMIT)
"""An idle worker runs the sweeps; a busy one notes each task."""

_noted: dict[str, float] = {}


def note(helper: str) -> None:
    """Write down that a helper lives, unless this process did so lately. A database that fails does not stop it."""
    now = time.monotonic()
    if now - _noted.get(helper, float("-inf")) < EVERY:
        return
    _noted[helper] = now
    try:
        Heartbeat.objects.update_or_create(helper=helper, defaults={"at": timezone.now()})
    except DatabaseError:
        log.exception("The sign of life of the %s could not be stored.", helper)


def beat_lives() -> bool:
    """Whether sweeps are started."""
    return Heartbeat.objects.filter(helper="beat", at__gte=timezone.now() - _BEAT_LIMIT).exists()


def worker_lives() -> bool:
    """Whether a worker runs tasks."""
    now = timezone.now()
    if Heartbeat.objects.filter(helper="worker", at__gte=now - _WORKER_LIMIT).exists():
        return True
    return Rendering.objects.leased(now).exists()
