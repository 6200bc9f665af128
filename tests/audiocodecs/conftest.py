"""Real clips for the codecs' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audiocodecs import audio
from audiocodecs.base import Samples

DEMO_CLIPS = Path(__file__).parents[2] / "listening" / "demo" / "clips"

Excerpt = Callable[..., Samples]


@pytest.fixture(scope="session")
def excerpt() -> Excerpt:
    """excerpt("music_tabla", seconds=2, rate=44100): part of a demo clip, from its second second on."""

    def cut(name: str, seconds: float = 3.0, rate: int = 48000) -> Samples:
        found = audio.read(DEMO_CLIPS / f"{name}.flac")
        start, count = found.rate, round((seconds + 0.1) * found.rate)
        part = audio.resample(found.samples[:, start : start + count], found.rate, rate)
        return audio.fit_length(part, round(seconds * rate))

    return cut
