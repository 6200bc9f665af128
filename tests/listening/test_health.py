"""The page for monitors."""

from datetime import timedelta

import pytest
from celery.signals import task_postrun
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.utils import timezone

from evalapp import celery
from listening import disk, heartbeats, studies
from listening.management.commands import sweep
from listening.models import Heartbeat, Rendering

PARTS = {"database", "storage", "disk", "workers", "beat"}


@pytest.fixture
def helpers(db, monkeypatch):
    """Worker and beat that live."""
    monkeypatch.setattr(heartbeats, "_noted", {})
    heartbeats.note("worker")
    heartbeats.note("beat")


def ailing(client):
    """The parts that are not well."""
    answer = client.get("/health/")
    parts = answer.json()
    assert set(parts) == {"status", *PARTS}
    assert set(parts.values()) <= {"ok", "not ok"}
    assert (answer.status_code == 200) == (parts["status"] == "ok")
    return {name for name in PARTS if parts[name] != "ok"}


def test_a_well_installation_answers_200(client, helpers):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert "no-store" in answer["Cache-Control"]


def test_an_idle_installation_without_helpers_is_not_well(client, db):
    assert ailing(client) == {"workers", "beat"}


@pytest.mark.parametrize(("helper", "part"), [("worker", "workers"), ("beat", "beat")])
def test_a_helper_that_gave_no_sign_of_life_for_minutes_is_named(client, helpers, helper, part):
    Heartbeat.objects.filter(helper=helper).update(at=timezone.now() - timedelta(minutes=5))
    assert ailing(client) == {part}


def test_a_worker_that_renders_for_long_lives(client, helpers, draft):
    studies.start_rendering(draft)
    Heartbeat.objects.filter(helper="worker").update(at=timezone.now() - timedelta(minutes=5))
    Rendering.objects.update(state="running", lease_until=timezone.now() + timedelta(seconds=20))
    assert ailing(client) == set()


def test_each_task_is_a_sign_of_life_of_its_worker(client, helpers, monkeypatch):
    Heartbeat.objects.filter(helper="worker").delete()
    monkeypatch.setattr(heartbeats, "_noted", {})
    monkeypatch.setattr(celery, "close_old_connections", lambda: None)  # it would end the test's transaction
    task_postrun.send(sender=None)
    assert ailing(client) == set()


def test_a_sweep_by_cron_replaces_the_beat(client, helpers, monkeypatch):
    Heartbeat.objects.filter(helper="beat").delete()
    monkeypatch.setattr(heartbeats, "_noted", {})
    sweep.Command().handle()
    assert ailing(client) == set()


def test_a_disk_that_is_nearly_full_is_named(client, helpers, monkeypatch):
    monkeypatch.setattr(disk, "LEAST_FREE", 10**18)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: disk.shutil._ntuple_diskusage(10**19, 10**19, 10**15))
    assert ailing(client) == {"disk"}


def test_strangers_read_no_reason(client, helpers, monkeypatch, caplog):
    def fails(*_, **__):
        raise DatabaseError("password authentication failed for user evalapp at 10.0.0.7")

    def unreachable(*_):
        raise ConnectionError("https://bucket.example:9000 refused")

    monkeypatch.setattr(default_storage, "exists", unreachable)
    with connection.execute_wrapper(fails):
        answer = client.get("/health/")
        assert ailing(client) == {"database", "storage", "workers", "beat"}
    assert answer.status_code == 503
    assert "10.0.0.7" not in answer.content.decode()
    assert "bucket" not in answer.content.decode()
    assert "10.0.0.7" in caplog.text
    assert "bucket" in caplog.text
