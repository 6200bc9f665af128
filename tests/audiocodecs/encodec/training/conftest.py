from __future__ import annotations

import json

import numpy as np
import pytest


def _write(folder, sources):
    """Arrays and their listing, as the preparation writes them: {name: (samples, rate)}."""
    folder.mkdir(exist_ok=True)
    listing = []
    for name, (samples, rate) in sources.items():
        np.save(folder / f"{name}.npy", samples)
        seconds, channels = len(samples) / rate, 1 if samples.ndim == 1 else samples.shape[1]
        said = {"name": name, "seconds": seconds, "wideband": 1.0, "kept": 1, "dropped": 0}
        listing.append({**said, "rate": rate, "channels": channels})
    (folder / "sources.json").write_text(json.dumps(listing))
    return folder


@pytest.fixture
def prepared(tmp_path):
    """prepared({"name": (int16 samples, rate)}) writes a folder of prepared audio."""

    def write(sources, name="data"):
        return _write(tmp_path / name, sources)

    return write


@pytest.fixture
def corpus(prepared):
    """A voice-like tone, a tune and noise, 4 s each at 24 kHz."""
    random = np.random.default_rng(0)
    t = np.arange(96_000) / 24_000
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)) * (1 + np.sin(2 * np.pi * 3 * t))
    tune = np.sin(2 * np.pi * 440 * 2 ** (np.floor(4 * t) % 12 / 12) * t)
    noise = random.standard_normal(96_000)
    arrays = {"voice": voice, "tune": tune, "noise": noise}
    return prepared({k: (np.round(x / np.abs(x).max() * 16_383).astype(np.int16), 24_000) for k, x in arrays.items()})
