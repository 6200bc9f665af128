"""What every folder of tests may use: real people, real clips, a real study."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile

from listening import clips, rendering, studies
from listening.models import Study

CLIPS = Path(__file__).parent.parent / "listening" / "demo" / "clips"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left with one at the end; browsers after what loads the machine."""
    e2e = ("tests/e2e/test_sound_check_pages.py", "tests/e2e")
    order = ("tests/integration/test_demo.py", "tests/integration", "", *e2e)

    def turn(item: pytest.Item) -> int:
        return order.index(max((start for start in order if item.nodeid.startswith(start)), key=len))

    items.sort(key=turn)


def wav_upload(clip: str, tmp_path: Path, seconds: float, start: float = 1.0, name: str | None = None):
    """A part of one of the project's clips, as a browser would upload it."""
    data, rate = soundfile.read(CLIPS / f"{clip}.flac", always_2d=True)
    path = tmp_path / f"{clip}.wav"
    soundfile.write(path, data[round(start * rate) : round((start + seconds) * rate)], rate, subtype="PCM_16")
    return SimpleUploadedFile(name or path.name, path.read_bytes())


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    """Files of each test in a folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def researcher(db):
    """A person with an account."""
    return get_user_model().objects.create_user("ada", password="correct horse battery")


@pytest.fixture
def draft(researcher, tmp_path) -> Study:
    """A study with two short speech clips and Opus 12 beside reference and anchors."""
    study = studies.create_study(researcher, "Speech", loudness=-26)
    clips.add_clip(study, wav_upload("speech_en_prompts", tmp_path, 1.2), "speech")
    clips.add_clip(study, wav_upload("speech_ga_words", tmp_path, 1.0), "speech")
    studies.set_conditions(study, ["reference", "lowpass@7000", "lowpass@3500", "opus@12"])
    return study


@pytest.fixture
def ready(draft) -> Study:
    """That study with every stimulus rendered, by the worker's own function."""
    studies.start_rendering(draft)
    for row in studies.progress(draft).rows:
        rendering.render(row.pk)
    studies.settle(draft)
    assert draft.state == Study.State.READY
    return draft


@pytest.fixture
def opened(ready) -> Study:
    """That study, open for raters."""
    studies.open_study(ready, ready.owner)
    return ready
