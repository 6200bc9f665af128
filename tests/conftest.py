"""What every folder of tests may use: real people, real clips, a real study."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from xdist.scheduler import LoadFileScheduling

from listening import clips, rendering, studies
from listening.models import Study, account

Rows = list[tuple[Any, ...]]

CLIPS = Path(__file__).parent.parent / "listening" / "demo" / "clips"


ENCODEC, BROWSERS = "tests/audiocodecs/encodec", "tests/e2e"


def pytest_collection_finish() -> None:
    """Modules live to the end: the collector of garbage need not look at them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left with one at the end; browsers before all: they often wait."""
    order = (BROWSERS, "tests/integration/test_demo.py", "tests/integration", ENCODEC, "")

    def turn(item: pytest.Item) -> int:
        return order.index(max((start for start in order if item.nodeid.startswith(start)), key=len))

    items.sort(key=turn)


class OneFileAtATime(LoadFileScheduling):
    """Gives each process a file at a time; all of EnCodec's to one, and all of browsers': their starts take seconds."""

    def _split_scope(self, nodeid: str) -> str:
        whole = (folder for folder in (ENCODEC, BROWSERS) if nodeid.startswith(folder))
        return next(whole, None) or str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return OneFileAtATime(config, log)


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
    cache.clear()  # another test's study has the same key and time of opening
    return settings.MEDIA_ROOT


@pytest.fixture
def stopped_clock(monkeypatch) -> None:
    """The server's clock stands still: on a busy machine a wait of a second ends before the next request."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def researcher(db):
    """A person with an account."""
    return get_user_model().objects.create_user("ada", password="correct horse battery")


@pytest.fixture
def draft(once) -> Study:
    """A study with two short speech clips and Opus 12 beside reference and anchors."""
    study: Study = once("draft", lambda study: None)
    return study


def _draft(researcher: AbstractBaseUser, tmp_path: Path) -> Study:
    study = studies.create_study(researcher, "Speech", loudness=-26)
    clips.add_clip(study, wav_upload("speech_en_prompts", tmp_path, 1.2), "speech")
    clips.add_clip(study, wav_upload("speech_ga_words", tmp_path, 1.0), "speech")
    studies.set_conditions(study, ["reference", "lowpass@7000", "lowpass@3500", "opus@12"])
    return study


@pytest.fixture(scope="session")
def _made() -> Iterator[dict[str, tuple[dict[str, Rows], Path]]]:
    """What `once` keeps. Each test's files are links to these: no test may write into one, and none did."""
    made: dict[str, tuple[dict[str, Rows], Path]] = {}
    yield made
    for _, files in made.values():
        kept_at = files.parent.stat().st_mtime_ns
        assert [each for each in files.parent.rglob("*") if each != files and each.stat().st_mtime_ns > kept_at] == []


@pytest.fixture
def reads_files_only() -> bool:
    """Whether tests of an open study write no file and delete none: they need no copies."""
    return False


@pytest.fixture
def once(
    _made, media, researcher, request, tmp_path_factory, settings, reads_files_only
) -> Callable[[str, Callable[[Study], None]], Study]:
    """The draft after something slow: done for the first test that asks, its rows and files copied for the others.

    A test that uses `draft` itself has it changed.
    """

    def give(name: str, change: Callable[[Study], None]) -> Study:
        if name != "draft" and "draft" in request.fixturenames:
            study: Study = request.getfixturevalue("draft")
            change(study)
            return study
        shares_files = reads_files_only and name not in ("draft", "ready")  # which are opened later: that packs files
        if name not in _made:
            study = _draft(researcher, request.getfixturevalue("tmp_path"))
            change(study)
            kept = tmp_path_factory.mktemp(name) / "media"
            shutil.copytree(media, kept)
            _made[name] = (_read(), kept)
            if shares_files:
                settings.MEDIA_ROOT = kept
            return study
        rows, files = _made[name]
        if shares_files:
            settings.MEDIA_ROOT = files
        else:
            shutil.copytree(files, media, copy_function=os.link, dirs_exist_ok=True)
        _write(rows, researcher)
        return Study.objects.get()

    return give


def _read() -> dict[str, Rows]:
    """Every row of the application, as the database has it, by model; but for people's accounts."""
    found = {}
    models = apps.get_app_config("listening").get_models(include_auto_created=True)
    with connection.cursor() as cursor:
        for model in (each for each in models if each.__module__ != account.__name__):
            cursor.execute(f'SELECT {_columns(model)} FROM "{model._meta.db_table}"')
            found[model._meta.label] = cursor.fetchall()
    return found


def _write(rows: dict[str, Rows], researcher: AbstractBaseUser) -> None:
    """The same again, of another researcher; the database looks at references when the transaction ends."""
    with connection.cursor() as cursor, connection.constraint_checks_disabled():
        for label, them in rows.items():
            model = apps.get_model(label)
            whose = [field.related_model is type(researcher) for field in model._meta.concrete_fields]
            theirs = [
                [
                    researcher.pk if person and value is not None else value
                    for person, value in zip(whose, row, strict=True)
                ]
                for row in them
            ]
            places = ", ".join(["%s"] * len(whose))
            cursor.executemany(f'INSERT INTO "{model._meta.db_table}" ({_columns(model)}) VALUES ({places})', theirs)


def _columns(model: type[Model]) -> str:
    return ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)


def render_all(study: Study) -> None:
    """Render every stimulus, by the worker's own function."""
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        rendering.render(row.pk)
    studies.settle(study)
    assert study.state == Study.State.READY


@pytest.fixture
def ready(once) -> Study:
    """That study with every stimulus rendered."""
    return once("ready", render_all)


@pytest.fixture
def opened(request, once) -> Study:
    """That study, open for raters."""
    if "ready" in request.fixturenames:
        study: Study = request.getfixturevalue("ready")
        studies.open_study(study, study.owner)
        return study
    return once("opened", render_and_open)


def render_and_open(study: Study) -> None:
    """Rendered, and open for raters."""
    render_all(study)
    studies.open_study(study, study.owner)
