"""How fast the codecs are here: seconds of audio for a second of work."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass

import numpy as np
import scipy.signal

from audiocodecs.audio import Audio, fit_length, to_channels
from audiocodecs.base import Codec, Samples

HEADING = f"{'codec':28} {'kbps':>8} {'encode s':>9} {'decode s':>9} {'x real time':>18}"

_RATE = 48000
_SECONDS = 10


@dataclass(frozen=True)
class Timing:
    """One codec, timed.

    Attributes
    ----------
    spec, version : str
    channels : int
    seconds : float
        Duration of the audio.
    kbps : float or None
    encode_seconds, decode_seconds : float
        The better of two runs, after one on a second of audio that loads what is loaded once.
    """

    spec: str
    version: str
    channels: int
    seconds: float
    kbps: float | None
    encode_seconds: float
    decode_seconds: float

    @property
    def encode_speed(self) -> float:
        """Seconds of audio encoded in a second."""
        return self.seconds / self.encode_seconds

    @property
    def decode_speed(self) -> float:
        """Seconds of audio decoded in a second."""
        return self.seconds / self.decode_seconds


def run(codec: Codec, clip: Audio | None = None) -> Timing:
    """Time a codec on `clip`, or on ten seconds of a made signal at 48 kHz, mono where it can."""
    rate = clip.rate if clip else _RATE
    samples = clip.samples if clip else made_signal(_SECONDS, _RATE)
    if samples.shape[0] not in codec.channels:
        samples = to_channels(samples, min(codec.channels))
    codec.decode(codec.encode(fit_length(samples, min(rate, samples.shape[1])), rate))
    encodes, decodes = [], []
    for _ in range(2):
        started = time.perf_counter()
        encoded = codec.encode(samples, rate)
        between = time.perf_counter()
        codec.decode(encoded)
        encodes.append(between - started)
        decodes.append(time.perf_counter() - between)
    return Timing(
        str(codec.spec), codec.version, samples.shape[0], encoded.seconds, encoded.kbps, min(encodes), min(decodes)
    )


def made_signal(seconds: float, rate: int) -> Samples:
    """Syllables of a gliding harmonic tone over quiet noise, mono: neither silence nor one frequency."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.4 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.clip(scipy.signal.sawtooth(phase), -0.8, 0.8) * np.sin(np.pi * 3 * t) ** 2
    noise = np.random.default_rng(0).standard_normal(t.size)
    return np.asarray(0.3 * voice + 0.01 * noise, dtype=np.float32)[None]


def line(timing: Timing) -> str:
    """A row under `HEADING`."""
    kbps = "-" if timing.kbps is None else f"{timing.kbps:.2f}"
    return (
        f"{timing.spec:28} {kbps:>8} {timing.encode_seconds:9.3f} {timing.decode_seconds:9.3f} "
        f"{timing.encode_speed:8.1f} /{timing.decode_speed:8.1f}"
    )


def report(timings: list[Timing]) -> dict[str, object]:
    """The figures and the machine they were taken on, for JSON."""
    return {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
        },
        "codecs": [
            {**asdict(timing), "encode_speed": timing.encode_speed, "decode_speed": timing.decode_speed}
            for timing in timings
        ],
    }
