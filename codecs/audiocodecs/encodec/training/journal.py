"""What a run tells while it goes on: metrics.csv, TensorBoard, and the time that is left."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecUnavailable

LOSSES = ("time", "frequency", "log_mel", "generator", "features")
FIGURES = (
    *("discriminator", "right", "latent", "missed_db", "commitment", "replaced", "gradient"),
    *("codebook_use", "codebook_least", "learning_rate", "audio_hours", "seconds"),
)
COLUMNS = ("step", *LOSSES, *FIGURES)


class Journal:
    """Averages figures over some steps, then writes a line.

    Parameters
    ----------
    folder : Path
    step : int
        The run goes on from here: what later steps wrote before it was broken off is dropped.
    tensorboard : bool
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool) -> None:
        self.path = folder / "metrics.csv"
        self.sums: dict[str, tuple[float, int]] = {}
        forget_after(self.path, step)
        forget_after(folder / "samples.csv", step)
        self.writer = _tensorboard(folder / "tensorboard", step) if tensorboard else None
        self.started, self.seen = time.monotonic(), 0

    def add(self, figures: Mapping[str, float]) -> None:
        """Take the figures of one step."""
        for name, value in figures.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = total + value, count + 1
        self.seen += 1

    def write(self, step: int, **others: float) -> dict[str, float]:
        """Write the means since the last line; returns the line."""
        seconds = (time.monotonic() - self.started) / max(self.seen, 1)
        means = {name: total / count for name, (total, count) in self.sums.items()}
        row = {"step": step, **means, **others, "seconds": round(seconds, 4)}
        append(self.path, COLUMNS, row)
        if self.writer is not None:
            for name in row.keys() - {"step"}:
                self.writer.add_scalar(f"{'losses' if name in LOSSES else 'figures'}/{name}", row[name], step)
        self.sums, self.seen, self.started = {}, 0, time.monotonic()
        return row

    def audio(self, name: str, samples: NDArray[np.float32], rate: int, step: int) -> None:
        """Let TensorBoard play samples (channels, n)."""
        if self.writer is not None:
            self.writer.add_audio(name, samples.mean(0, keepdims=True), step, rate)

    def close(self) -> None:
        """Write what is waiting."""
        if self.writer is not None:
            self.writer.close()


def append(path: Path, columns: Iterable[str], row: Mapping[str, float | str]) -> None:
    """Add a line to a CSV file; a column without a figure stays empty."""
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(columns))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def forget_after(path: Path, step: int) -> None:
    """Drop a CSV file's lines of steps after `step`, and one that a killed process left half written."""
    if not path.exists():
        return
    header, *lines = path.read_text().splitlines(keepends=True)
    width, place = header.count(","), header.strip().split(",").index("step")
    kept = []
    for line in lines:
        cells = line.split(",")
        if line.endswith("\n") and line.count(",") == width and int(cells[place]) <= step:
            kept.append(line)
    part = path.with_name(path.name + ".part")
    part.write_text("".join([header, *kept]))
    part.replace(path)


def time_left(seconds: float) -> str:
    """Seconds in words, as `3 min` or `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise CodecUnavailable(
            "TensorBoard is not installed.",
            "Run pip install -r requirements-training.txt, or write tensorboard = false under [train].",
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)
