"""Where model files lie. Apart from `checkpoints`, since asking for the folder needs no torch."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def model_dir() -> Path:
    """Folder of the checkpoints: ENCODEC_MODEL_DIR, else `models/` under VAR_DIR."""
    if directory := os.environ.get("ENCODEC_MODEL_DIR"):
        return Path(directory).expanduser().resolve()
    return Path(os.environ.get("VAR_DIR") or PROJECT / "var").resolve() / "models"
