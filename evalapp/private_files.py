"""Files of an installation are for its user alone: among them are password hashes, keys and raters' data."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

SQLITE_FILES = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to a database's name."""


def keep_private(folder: Path) -> None:
    """Make a folder for its owner alone, and everything that this process writes from now on."""
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    restrict(folder, 0o700)


def keep_database_private(name: str) -> None:
    """Make an SQLite database for its owner alone, also where it is outside of `VAR_DIR`."""
    for ending in SQLITE_FILES:
        restrict(Path(name + ending), 0o600)


def restrict(path: Path, mode: int) -> None:
    """Mend what an earlier version made for everybody; what is another user's stays as it is."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o077:
            path.chmod(mode)
