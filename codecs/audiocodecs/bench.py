"""How fast the codecs are here: seconds of audio for a second of one core's work."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import scipy.signal

from audiocodecs.audio import Audio, fit_length, to_channels
from audiocodecs.base import Codec, CodecUnavailable, Samples, Spec
from audiocodecs.encodec.entropy.blas_threads import one_blas_thread
from audiocodecs.registry import get_codec, parse_spec, resolve

SPECS = (
    "lowpass@3500",
    "opus@12",
    "mp3@64",
    "aac@64",
    "vorbis@64",
    "g722@64",
    "amrnb@12.2",
    "lyra@6",
    "lc3@32",
    "codec2@1.3",
    "speex@16.8",
    "amrwb@12.65",
    "evs@9.6",
    "spectral_24khz@6",
    "spectral_24khz@6:entropy=none",
    "spectral_48khz@6",
    "spectral_48khz@6:entropy=none",
    "encodec_24khz@6",
    "encodec_24khz@6:entropy=lm",
    "encodec_48khz@6",
    "encodec_48khz@6:entropy=lm",
)
"""What is timed unless specs are given: each codec at one rate, which takes about a minute."""

INTRODUCTION = (
    "Seconds are processor time, on one core and with one thread, of {seconds:g} s of audio. "
    "x real time: seconds of audio for each of them."
)
HEADING = f"{'codec':28} {'kbps':>8} {'encode s':>9} {'decode s':>9} {'x real time':>18}"

_RATE = 48000
_SECONDS = 10
_LONG = 3.0  # processor seconds: a run as long as that is not repeated


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
        Processor time; the better of two runs, or of one long one, after one on a second of audio that loads
        what is loaded once.
    note : str
        What else is to be said of the figures; "" if nothing.
    """

    spec: str
    version: str
    channels: int
    seconds: float
    kbps: float | None
    encode_seconds: float
    decode_seconds: float
    note: str = ""

    @property
    def encode_speed(self) -> float:
        """Seconds of audio encoded in a second."""
        return self.seconds / self.encode_seconds

    @property
    def decode_speed(self) -> float:
        """Seconds of audio decoded in a second."""
        return self.seconds / self.decode_seconds


def time_spec(text: str, clip: Audio | None = None) -> Timing:
    """Time the codec of a spec; EnCodec without its published weights with random ones, and says so.

    Raises
    ------
    UnknownCodec, CodecUnavailable
    """
    spec = parse_spec(text)
    try:
        return run(get_codec(resolve(text)), clip)
    except CodecUnavailable:
        if not spec.name.startswith("encodec") or spec.option("weights", "published") != "published":
            raise
    with tempfile.TemporaryDirectory() as folder:
        from audiocodecs.encodec.random_weights import write_random_weights

        path = write_random_weights(Path(folder), spec.name, spec.option("entropy", "none") == "lm")
        options = {**dict(spec.options), "weights": str(path)}
        stand_in = Spec(spec.name, spec.value, tuple(sorted(options.items())))
        timing = run(get_codec(str(stand_in)), clip)
    # Random weights choose codes at random: how many bits they would take says nothing.
    return replace(timing, spec=text, kbps=None, note="random weights of the same size: the published ones are absent")


def run(codec: Codec, clip: Audio | None = None) -> Timing:
    """Time a codec on `clip`, or on ten seconds of a made signal at 48 kHz, mono where it can."""
    rate = clip.rate if clip else _RATE
    samples = clip.samples if clip else made_signal(_SECONDS, _RATE)
    if samples.shape[0] not in codec.channels_of(codec.spec):
        samples = to_channels(samples, min(codec.channels))
    encodes: list[float] = []
    decodes: list[float] = []
    with _one_thread():
        codec.decode(codec.encode(fit_length(samples, min(rate, samples.shape[1])), rate))
        while len(encodes) < (1 if sum(encodes + decodes) > _LONG else 2):
            started = _processor_seconds()
            encoded = codec.encode(samples, rate)
            between = _processor_seconds()
            codec.decode(encoded)
            encodes.append(max(between - started, 1e-6))
            decodes.append(max(_processor_seconds() - between, 1e-6))
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


def introduction(clip: Audio | None) -> str:
    """What the figures are, for people."""
    return INTRODUCTION.format(seconds=round(clip.seconds, 2) if clip else _SECONDS)


def line(timing: Timing) -> str:
    """A row under `HEADING`."""
    kbps = "-" if timing.kbps is None else f"{timing.kbps:.2f}"
    note = f"  {timing.note}" if timing.note else ""
    return (
        f"{timing.spec:28} {kbps:>8} {timing.encode_seconds:9.3f} {timing.decode_seconds:9.3f} "
        f"{_short(timing.encode_speed):>8} /{_short(timing.decode_speed):>8}{note}"
    )


def _short(speed: float) -> str:
    return f"{speed:.1f}" if speed < 1000 else "> 1000"


def report(timings: list[Timing]) -> dict[str, object]:
    """The figures and the machine they were taken on, for JSON."""
    return {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "threads": 1,
        },
        "codecs": [
            {**asdict(timing), "encode_speed": timing.encode_speed, "decode_speed": timing.decode_speed}
            for timing in timings
        ],
    }


def _processor_seconds() -> float:
    """Of this process, all its threads, and of the programs that it ran."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_blas_thread())
        if "torch" in sys.modules:
            from audiocodecs.encodec.fast.threads import torch_threads

            stack.enter_context(torch_threads(1))
        yield
