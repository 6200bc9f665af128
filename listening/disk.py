"""Whether a disk has room for what the next hours bring."""

from __future__ import annotations

import shutil
from pathlib import Path

LEAST_FREE = 1_000_000_000
"""Bytes; of a small disk, a tenth."""


def has_room(folder: Path) -> bool:
    """Whether enough is free where this folder is or will be."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    usage = shutil.disk_usage(there)
    return usage.free >= min(LEAST_FREE, usage.total // 10)
