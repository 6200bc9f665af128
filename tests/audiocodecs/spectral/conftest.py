from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.registry import get_codec

CLIPS = Path(__file__).parents[3] / "listening" / "demo" / "clips"


@pytest.fixture(scope="session")
def speech():
    """Four seconds of held-out speech at 24 kHz, shape (1, n)."""
    found = audio.read(CLIPS / "speech_en_prompts.flac")
    mono = audio.to_channels(found.samples, 1)
    return audio.resample(mono, found.rate, 24_000)[:, 24_000 : 24_000 * 5]


@pytest.fixture(scope="session")
def codecs():
    """The codec at each of its rates, which are constant."""
    return {kbps: get_codec(f"spectral_24khz@{kbps:g}:entropy=none") for kbps in (1.5, 3, 6, 12)}


@pytest.fixture(scope="session")
def decoded(codecs, speech):
    """What each rate makes of `speech`."""
    return {kbps: codec.decode(codec.encode(speech, 24_000))[0] for kbps, codec in codecs.items()}


@pytest.fixture
def corpus(tmp_path):
    """Two small sources in the cache's layout: tones and noise, nothing to learn from but the format."""
    rng = np.random.default_rng(0)
    t = np.arange(60_000) / 24_000
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)) * (1 + np.sin(2 * np.pi * 3 * t)) / 8
    folder = tmp_path / "data"
    folder.mkdir()
    np.save(folder / "voice.npy", (voice / np.abs(voice).max() * 16_000).astype(np.int16))
    np.save(folder / "noise.npy", (rng.standard_normal(60_000) * 2000).astype(np.int16))
    (folder / "sources.json").write_text(
        '[{"name": "voice", "seconds": 2.5, "wideband": 1.0}, {"name": "noise", "seconds": 2.5, "wideband": 0.0}]'
    )
    return folder
