"""The beat of the sweep."""

import pytest
from django.utils import timezone

from evalapp import beat
from evalapp.celery import app
from listening import heartbeats
from listening.models import Heartbeat


@pytest.fixture
def sent(monkeypatch):
    sent = []
    monkeypatch.setattr(heartbeats, "_noted", {})
    monkeypatch.setattr(beat, "close_old_connections", lambda: None)  # it would end the test's transaction
    monkeypatch.setattr(beat.Scheduler, "apply_async", lambda self, entry, **_: sent.append(entry.task))
    return sent


def test_it_sweeps_at_its_start_and_then_at_the_interval(db, sent, settings):
    scheduler = beat.Scheduler(app)
    assert scheduler.tick() == 0
    assert sent == ["listening.tasks.sweep"]
    assert 0 < scheduler.tick() <= min(settings.SWEEP_SECONDS, heartbeats.EVERY)
    assert sent == ["listening.tasks.sweep"]


def test_it_notes_that_it_lives(db, sent):
    begun = timezone.now()
    beat.Scheduler(app).tick()
    assert Heartbeat.objects.get(helper="beat").at >= begun
