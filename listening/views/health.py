"""For monitors: is the database there, can files be written, do workers keep up?"""

from __future__ import annotations

from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from listening.models import Rendering


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 when well, 503 with the ailing part named."""
    parts = {"database": _database(), "storage": _storage(), "workers": _workers()}
    well = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if well else "ailing", **parts}, status=200 if well else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"not reachable: {error}"
    return "ok"


def _storage() -> str:
    try:
        default_storage.exists("health")
    except OSError as error:
        return f"not reachable: {error}"
    return "ok"


def _workers() -> str:
    """Work that is due and untouched for minutes means that no worker runs."""
    try:
        waiting = Rendering.objects.free(timezone.now()).filter(
            published_at__lt=timezone.now() - timedelta(minutes=5), state=Rendering.State.QUEUED
        )
        alive = Rendering.objects.leased(timezone.now()).exists()
        return "no worker takes the waiting renderings" if waiting.exists() and not alive else "ok"
    except DatabaseError as error:
        return f"unknown: {error}"
