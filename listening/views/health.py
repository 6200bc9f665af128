"""For monitors: does each part of the installation work? Strangers may ask, so the reasons are in the log only."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from listening import disk, heartbeats

log = logging.getLogger(__name__)


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 if every part is ok, 503 otherwise."""
    checks = {
        "database": _database,
        "storage": _storage,
        "disk": _disk,
        "workers": heartbeats.worker_lives,
        "beat": heartbeats.beat_lives,
    }
    parts = {}
    for name, check in checks.items():
        try:
            well = check()
        except Exception:
            log.exception("The check of %s failed.", name)
            well = False
        parts[name] = "ok" if well else "not ok"
    well = set(parts.values()) == {"ok"}
    return JsonResponse({"status": "ok" if well else "not ok", **parts}, status=200 if well else 503)


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _storage() -> bool:
    default_storage.exists("health")
    return True


def _disk() -> bool:
    return all(disk.has_room(Path(folder)) for folder in (settings.VAR_DIR, settings.MEDIA_ROOT))
