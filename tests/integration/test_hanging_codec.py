"""A codec program that never ends, under a real worker."""

import pytest

from tests.conftest import CLIPS
from tests.listening.test_misbehaving_codecs import program
from tests.stack import Stack, wait_for

MAKE = f"""
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, studies
study = studies.create_study(get_user_model().objects.create_user("ada"), "S", slug="s")
path = Path({str(CLIPS)!r}) / "speech_en_prompts.flac"
clips.add_clip(study, SimpleUploadedFile(path.name, path.read_bytes()))
studies.set_conditions(study, ["reference", "evs@9.6", "opus@12"])
studies.start_rendering(study)
"""
LOOK = """
import json
from listening.models import Rendering
print(json.dumps({r.condition.spec: [r.state, r.attempts, r.error] for r in Rendering.objects.all()}))
"""


@pytest.fixture
def stack(tmp_path):
    hang = program(tmp_path, "hang", "time.sleep(3600)")
    limits = {"RENDER_LEASE": "3", "SWEEP_SECONDS": "1", "RENDER_TIME_LIMIT": "4"}
    stack = Stack(tmp_path, EVS_ENCODER=hang, EVS_DECODER=hang, **limits)
    yield stack
    stack.stop()


@pytest.mark.slow
def test_it_is_stopped_said_and_holds_up_nothing_else(stack):
    stack.python(MAKE)
    stack.start_worker()

    def said():
        """Once the limit was named and the others are done: where the machine is busy, these too may need two tries."""
        rows = stack.python(LOOK)
        others = [rows[spec][0] for spec in ("reference", "opus@12")]
        return "longer than 4 s" in rows["evs@9.6"][2] and others == ["done", "done"] and rows

    rows = wait_for(said, 120, "the limit")
    assert rows["evs@9.6"][0] in ("queued", "running", "failed")
    assert "longer than 4 s" in rows["evs@9.6"][2]
