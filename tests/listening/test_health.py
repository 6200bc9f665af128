"""The page for monitors."""

from datetime import timedelta

from django.utils import timezone

from listening import studies
from listening.models import Rendering


def test_a_well_installation_answers_200(client, db):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert "no-store" in answer["Cache-Control"]


def test_renderings_that_nobody_takes_are_an_ailment(client, draft):
    studies.start_rendering(draft)
    Rendering.objects.update(published_at=timezone.now() - timedelta(minutes=6))
    answer = client.get("/health/")
    assert answer.status_code == 503
    assert "no worker" in answer.json()["workers"]
