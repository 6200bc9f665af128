"""Sounds of two tests that headphones pass and loudspeakers do not: made from numbers, nothing is copied.

**antiphase** (Woods et al. 2017): three tones of 200 Hz, 1 s each with ramps of 100 ms and gaps of 0.5 s; which is
the quietest? One is 6 dB down, one has opposite signs in the two channels. Over loudspeakers the channels of that one
cancel in the air, and it seems the quietest.

**huggins** (Milne et al. 2021): three white noises of 1 s with gaps of 1 s, alike in both ears but for one: there a
band of 600 Hz ±6 % is turned by 180° in the right ear, which makes a faint tone out of nothing. Neither channel alone
holds it, and in the air it is lost. Which noise has the tone?

Where the papers leave it open: ramps are raised cosines; the noises have ramps of 10 ms, both ears alike, so that none
begins with a click; 0.3 s of silence come before and after, for devices that wake up late.

References
----------
K. J. P. Woods, M. H. Siegel, J. Traer, J. H. McDermott, "Headphone screening to facilitate web-based auditory
experiments", Attention, Perception, & Psychophysics 79 (2017).
A. E. Milne, R. Bianco, K. C. Poole, S. Zhao, A. J. Oxenham, A. J. Billig, M. Chait, "An online headphone screening test
based on dichotic pitch", Behavior Research Methods 53 (2021).

>>> first, *_ = draw("antiphase", seed=1)
>>> sorted(first)
['antiphase', 'full', 'quiet']
>>> sound(first, rate=48_000, loudness=-23).shape
(2, 220800)
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiocodecs import wav_stream

Samples = NDArray[np.float64]
Trial = tuple[str, str, str]
"""What is heard in each of the three intervals: "full", "quiet" and "antiphase" tones, or "noise" and one "pitch"."""

TRIALS = 6
SECONDS = 1.0
"""Of an interval."""
SILENCE = 0.3
"""Seconds before the first interval and after the last."""

TONE_HZ = 200.0
QUIET_DB = -6.0
TONE_RAMP, TONE_GAP = 0.1, 0.5

PITCH_HZ, PITCH_WIDTH = 600.0, 0.06
NOISE_RAMP, NOISE_GAP = 0.01, 1.0

TARGETS = {"antiphase": "quiet", "huggins": "pitch"}
"""What is asked for in each test."""
EXAMPLE: Trial = ("noise", "pitch", "noise")
"""To learn what to listen for, as in the published test: the tone is in the second noise."""

_TONE_LUFS, _NOISE_LUFS = -0.7, 3.0  # of one channel at 0 dB RMS, after ITU-R BS.1770's weighting


def draw(test: str, seed: int, attempt: int = 1) -> list[Trial]:
    """The trials of one attempt: always the same for a seed.

    Parameters
    ----------
    test : str
        "antiphase": each of the six orders of its three tones once, so that the quiet one and the one in antiphase are
        twice in each place. "huggins": the place of the tone is drawn for each trial, so that nothing follows from
        the trials before.
    seed : int
    attempt : int
        From 1.

    Raises
    ------
    KeyError
        There is no such test.
    """
    choose = random.Random(f"{test} {seed} {attempt}")
    target = TARGETS[test]
    if test == "antiphase":
        return choose.sample(list(itertools.permutations(("full", target, "antiphase"))), TRIALS)
    places = [choose.randrange(3) for _ in range(TRIALS)]
    return [tuple(target if place == each else "noise" for each in range(3)) for place in places]  # type: ignore[misc]


def right_answer(trial: Sequence[str]) -> int:
    """Which interval is asked for, from 1."""
    return next(place for place, kind in enumerate(trial, start=1) if kind in TARGETS.values())


def sound(trial: Sequence[str], rate: int, loudness: float, seed: int | Sequence[int] = 0) -> Samples:
    """The three intervals with their gaps, in stereo.

    Parameters
    ----------
    trial : sequence of str
        As `draw` gives it.
    rate : int
        Hz.
    loudness : float
        LUFS of one channel alone: of the full tone, or of the noise.
    seed : int or sequence of int
        Of the noise.

    Returns
    -------
    ndarray of float, shape (2, n)
        Full scale 1. Trials of one test and rate have one length.
    """
    noise = np.random.default_rng(seed)
    tones = "quiet" in trial
    heard = [_tone(kind, rate, loudness) if tones else _noise(kind, rate, loudness, noise) for kind in trial]
    gap = np.zeros((2, round(rate * (TONE_GAP if tones else NOISE_GAP))))
    edge = np.zeros((2, round(rate * SILENCE)))
    return np.concatenate([edge, heard[0], gap, heard[1], gap, heard[2], edge], axis=1)


def starts(test: str) -> list[float]:
    """Seconds at which the intervals begin."""
    gap = TONE_GAP if test == "antiphase" else NOISE_GAP
    return [round(SILENCE + place * (SECONDS + gap), 6) for place in range(3)]


def wav(samples: Samples, rate: int) -> bytes:
    """16-bit PCM WAV."""
    found = samples.astype(np.float32)
    return wav_stream.header(rate, found.shape[0], found.shape[1]) + wav_stream.pcm16(found)


def _tone(kind: str, rate: int, loudness: float) -> Samples:
    peak = np.sqrt(2) * 10 ** ((loudness - _TONE_LUFS + (QUIET_DB if kind == "quiet" else 0)) / 20)
    time = np.arange(round(rate * SECONDS)) / rate
    tone = peak * np.sin(2 * np.pi * TONE_HZ * time) * _gate(len(time), rate, TONE_RAMP)
    return np.stack([tone, -tone if kind == "antiphase" else tone])


def _noise(kind: str, rate: int, loudness: float, draw: np.random.Generator) -> Samples:
    n = round(rate * SECONDS)
    left = draw.standard_normal(n)
    right = left
    if kind == "pitch":
        spectrum, hertz = np.fft.rfft(left), np.fft.rfftfreq(n, 1 / rate)
        spectrum[np.abs(hertz - PITCH_HZ) <= PITCH_WIDTH * PITCH_HZ] *= -1
        right = np.fft.irfft(spectrum, n)
    return 10 ** ((loudness - _NOISE_LUFS) / 20) * np.stack([left, right]) * _gate(n, rate, NOISE_RAMP)


def _gate(n: int, rate: int, seconds: float) -> Samples:
    """Weights of n samples that rise and fall along raised cosines."""
    ramp = round(rate * seconds)
    rising = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
    return np.concatenate([rising, np.ones(n - 2 * ramp), rising[::-1]])
