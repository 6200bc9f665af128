"""Training batches: random crops of the cached sources, at random levels, with pauses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class CropConfig:
    """How batches are drawn.

    Attributes
    ----------
    folder : str
        Where `audiocodecs.spectral.data` wrote its arrays.
    samples : int
        Length of a crop.
    batch : int
    wideband_weight : float
        Sources recorded above 16 kHz are drawn this many times as often for their length.
    most_minutes : float
        A source counts as no longer than this, so that a large one leaves room for others.
    quietest_db, loudest_db : float
        Gain; files are stored with a peak of one half.
    pause : float
        Share of crops that hold a pause: a stretch 30 to 80 dB down.
    swap, narrow : float
        Share of stereo crops whose channels are swapped, and whose side signal gets a random gain of
        up to 1.5, 0 (mono) included.
    """

    folder: str
    samples: int = 16_000
    batch: int = 10
    wideband_weight: float = 3.0
    most_minutes: float = 1e9
    quietest_db: float = -20.0
    loudest_db: float = 5.0
    pause: float = 0.15
    swap: float = 0.5
    narrow: float = 0.2


class Crops:
    """Draws batches; `generator` is all its state.

    Parameters
    ----------
    config : CropConfig
    generator : torch.Generator
    rate, channels : int
        Of the model, which the arrays must have.

    Raises
    ------
    ValueError
        If there is no audio, or it has another rate or other channels.
    """

    def __init__(self, config: CropConfig, generator: torch.Generator, rate: int, channels: int) -> None:
        self.config = config
        self.generator = generator
        self.channels = channels
        folder = Path(config.folder)
        listing = json.loads((folder / "sources.json").read_text())
        for source in listing:
            found = source.get("rate", 24_000), source.get("channels", 1)
            if found != (rate, channels):
                raise ValueError(
                    f"{folder} holds audio of {found[0]} Hz and {found[1]} channel(s), the model needs {rate} Hz and "
                    f"{channels}. Prepare it again: python -m audiocodecs.spectral.data --rate {rate} "
                    f"--channels {channels}."
                )
        used = [source for source in listing if source["seconds"] * rate > 2 * config.samples]
        if not used:
            raise ValueError(f"{folder} holds no training audio. Run python -m audiocodecs.spectral.data first.")
        self.arrays = [np.load(folder / f"{source['name']}.npy", mmap_mode="r") for source in used]
        self.weights = torch.tensor(
            [
                min(s["seconds"], 60 * config.most_minutes) * (1 + (config.wideband_weight - 1) * s["wideband"])
                for s in used
            ],
            dtype=torch.float64,
        )
        self.seconds = sum(s["seconds"] for s in used)

    def _uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def _integer(self, stop: int) -> int:
        return int(torch.randint(stop, (), generator=self.generator))

    def draw(self, batch: int | None = None, samples: int | None = None) -> Tensor:
        """Make a batch: float32 (batch, channels, samples)."""
        config = self.config
        length = samples or config.samples
        count = batch or config.batch
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=self.generator)
        out = np.empty((count, self.channels, length), np.float32)
        for row, source in zip(out, chosen.tolist(), strict=True):
            array = self.arrays[source]
            start = self._integer(len(array) - length)
            gain = 10 ** (self._uniform(config.quietest_db, config.loudest_db) / 20) / 32768
            row[:] = array[start : start + length].T
            row *= gain
            if self._uniform(0, 1) < config.pause:
                stop = self._integer(length)
                begin = max(0, stop - self._integer(length))
                row[:, begin:stop] *= 10 ** (self._uniform(-80, -30) / 20)
            if self.channels == 2:
                self._remix(row)
        return torch.from_numpy(np.clip(out, -1, 1))

    def _remix(self, row: np.ndarray) -> None:
        if self._uniform(0, 1) < self.config.swap:
            row[:] = row[::-1].copy()
        if self._uniform(0, 1) < self.config.narrow:
            side = (row[0] - row[1]) / 2 * max(0.0, self._uniform(-0.3, 1.5))
            middle = (row[0] + row[1]) / 2
            row[0], row[1] = middle + side, middle - side
