"""Real clips for the codecs' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.base import Samples

DEMO_CLIPS = Path(__file__).parents[2] / "listening" / "demo" / "clips"

Excerpt = Callable[..., Samples]
Damaged = Callable[..., Iterator[bytes]]


@pytest.fixture(scope="session")
def excerpt() -> Excerpt:
    """excerpt("music_tabla", seconds=2, rate=44100): part of a demo clip, from its second second on."""

    def cut(name: str, seconds: float = 3.0, rate: int = 48000) -> Samples:
        found = audio.read(DEMO_CLIPS / f"{name}.flac")
        start, count = found.rate, round((seconds + 0.1) * found.rate)
        part = audio.resample(found.samples[:, start : start + count], found.rate, rate)
        return audio.fit_length(part, round(seconds * rate))

    return cut


@pytest.fixture(scope="session")
def damaged() -> Damaged:
    """damaged(file, 200): so many files, each `file` with wrong bytes, cut off, or with a part left out or twice."""

    def mutate(file: bytes, count: int) -> Iterator[bytes]:
        random = np.random.default_rng(count)
        for _ in range(count):
            data = bytearray(file)
            # Half of the faults are in the headers, at the beginning or the end.
            first, last = sorted(int(place) for place in random.integers(0, len(data), 2))
            if random.random() < 0.5:
                first = int(random.choice([random.integers(0, 100), len(data) - 1 - random.integers(0, 1000)])) % len(
                    data
                )
            kind = random.integers(0, 5)
            if kind == 0:
                data[first] ^= 1 << int(random.integers(0, 8))
            elif kind == 1:
                data[first : first + 4] = random.bytes(4)
            elif kind == 2:
                del data[first:]
            elif kind == 3:
                del data[first : max(first + 1, last)]
            else:
                data[first:first] = data[first : max(first + 1, last)]
            yield bytes(data)

    return mutate
