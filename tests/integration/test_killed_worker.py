"""A worker that dies in the middle of its work."""

import pytest
import redis

from tests.conftest import CLIPS
from tests.stack import Stack, missing_servers, servers, wait_for

MAKE = f"""
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, studies
owner = get_user_model().objects.create_user("ada")
study = studies.create_study(owner, "S", slug="s", channels=2)
for path in sorted(Path({str(CLIPS)!r}).glob("music_*.flac"))[:4]:
    clips.add_clip(study, SimpleUploadedFile(path.name, path.read_bytes()))
studies.set_conditions(study, ["reference", "lowpass@3500", "opus@6", "opus@24", "opus@64", "mp3@64", "mp3@128"])
studies.start_rendering(study)
print(studies.progress(study).total)
"""
LOOK = """
import json
from listening.models import Rendering
print(json.dumps(list(Rendering.objects.values("id", "state", "attempts", "key", "stimulus_sha256", "error"))))
"""


QUICK = {"RENDER_LEASE": "3", "SWEEP_SECONDS": "1"}
"""Notice a dead worker within seconds."""


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path, **QUICK)
    yield stack
    stack.stop()


@pytest.fixture
def served(tmp_path):
    with servers(tmp_path) as environment:
        stack = Stack(tmp_path, **QUICK, **environment)
        yield stack
        stack.stop()


@pytest.mark.slow
def test_every_rendering_completes_once_and_only_those_interrupted_show_two_attempts(stack):
    kill_in_the_middle(stack, lambda: None)


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())
def test_the_same_with_a_redis_that_forgot_everything(served):
    def forget():
        redis.Redis.from_url(served.environment["REDIS_URL"]).flushall()

    kill_in_the_middle(served, forget)


def kill_in_the_middle(stack, meanwhile):
    """Kill the worker's whole group while it renders, start another, look at what came of it."""
    total = stack.python(MAKE)
    rows = stack.python(LOOK)
    worker = stack.start_worker()

    def in_the_middle():
        rows = stack.python(LOOK)
        states = [row["state"] for row in rows]
        return rows if "running" in states and 1 <= states.count("done") <= total - 8 else None

    wait_for(in_the_middle, 90, "a rendering under way")
    stack.kill(worker)
    rows = stack.python(LOOK)
    interrupted = {row["id"] for row in rows if row["state"] == "running"}
    assert any(row["state"] == "queued" for row in rows), "the worker was killed too late to prove anything"

    meanwhile()
    stack.start_worker()
    rows = wait_for(
        lambda: (rows := stack.python(LOOK)) and all(row["state"] == "done" for row in rows) and rows, 120, "the end"
    )
    assert len(rows) == total == 28
    assert {row["id"] for row in rows if row["attempts"] > 1} == interrupted
    assert max(row["attempts"] for row in rows) <= 2
    assert len({row["key"] for row in rows}) == total
    assert all(row["error"] == "" for row in rows)
