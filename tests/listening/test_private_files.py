"""No other user of the machine reads password hashes, keys, recordings or ratings."""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from evalapp import settings as of_the_project
from evalapp.private_files import keep_database_private, keep_private


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_folder_of_an_earlier_version_is_mended_and_new_files_are_private(tmp_path, umask):
    folder = tmp_path / "var"
    folder.mkdir()
    assert mode(folder) == 0o755
    keep_private(folder)
    assert mode(folder) == 0o700
    (folder / "queue").mkdir()
    (folder / "queue" / "message").write_text("1")
    assert (mode(folder / "queue"), mode(folder / "queue" / "message")) == (0o700, 0o600)


def test_the_database_of_an_earlier_version_is_mended_with_its_log(tmp_path, umask):
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"db.sqlite3{ending}").write_text("")
    keep_database_private(str(tmp_path / "db.sqlite3"))
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.django_db(transaction=True)
def test_the_database_in_use_and_its_log_are_private():
    if connection.vendor != "sqlite":
        pytest.skip("Postgres keeps its own files")
    name = str(connection.settings_dict["NAME"])
    files = [name + ending for ending in ("", "-wal", "-shm") if os.path.exists(name + ending)]
    assert files
    assert {mode(file) for file in files} == {0o600}
    assert mode(settings.VAR_DIR) == 0o700


def test_stored_files_and_their_folders_are_private(media):
    name = default_storage.save("clips/ab/x.wav", ContentFile(b"sound"))
    path = Path(default_storage.path(name))
    assert mode(path) == 0o600
    assert (mode(path.parent), mode(path.parent.parent)) == (0o700, 0o700)


def test_a_save_waits_for_the_disk(tmp_path):
    """With the settings of the project: those of the tests do not wait."""
    options = of_the_project.DATABASES["default"]["OPTIONS"]
    with contextlib.closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.executescript(options["init_command"])
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
