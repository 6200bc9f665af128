"""What would spoil an excerpt as a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy  # whose parts load when they are first used

from audiocodecs.base import Samples
from listening.models import Clip, Study

LEAST_RANGE = 35.0
"""dB between loud and quiet moments from which on noise is not warned of."""
STEADY = 6.0
"""dB; a sound whose level changes less has no pauses in which its noise could be heard alone."""
NOISE_FLATNESS = 0.3
"""Spectral flatness from which on a quiet moment counts as noise: white noise has 0.56, dense music up to 0.2."""
WALL = 25.0
"""dB by which the spectrum falls within 250 Hz where a lossy codec or a lower sample rate cut it off."""

MOST_GAIN = 20.0
"""dB of gain from which on a recording counts as quiet: its own noise is raised with it."""
FULL_BAND_RATE = 44100
"""Hz; a recording at this rate holds all that adults hear."""
ANCHORS_NEED = 16000
"""Hz; at this rate and below, a reference ends near the mid anchor's 7 kHz."""

_SILENCE = 1e-3
_WINDOW = 4096
_FRAME_SECONDS = 0.05


def is_silent(samples: Samples) -> bool:
    """Whether nothing reaches -60 dB of full scale."""
    return float(np.abs(samples).max(initial=0)) < _SILENCE


@dataclass(frozen=True)
class Flaw:
    """Something about an excerpt.

    Attributes
    ----------
    grade : str
        "warning" for what spoils the reference, "note" for what is only worth knowing.
    text : str
        A sentence.
    """

    grade: Literal["warning", "note"]
    text: str


def flaws(clip: Clip, samples: Samples, rate: int, gain: float | None, length_note: str = "") -> list[Flaw]:
    """Flaws of an excerpt that is not silent.

    Parameters
    ----------
    clip : Clip
        With its study.
    samples : ndarray, shape (channels, n)
        The excerpt as it was uploaded.
    rate : int
        Hz.
    gain : float or None
        dB that bring it to the study's loudness; None where that is unknown.
    length_note : str
        How the file's length differs from its header's claim.
    """
    warnings = [
        *([length_note] if length_note else []),
        *_coding(clip, samples, rate),
        *_bandwidth(clip.study, samples, rate),
        *_level(samples, gain),
        *_noise(samples, rate),
    ]
    if _cancels(clip.study, samples):
        warnings.append("The channels cancel when mixed to mono. Upload one channel, or use a stereo study.")
    if samples.shape[1] / rate < 2:
        warnings.append("Shorter than 2 s: hard to rate.")
    return [
        *(Flaw("warning", text) for text in warnings),
        *(Flaw("note", text) for text in _conversions(clip.study, samples, rate)),
    ]


def _coding(clip: Clip, samples: Samples, rate: int) -> list[str]:
    if clip.lossy_source:
        return ["From a lossy source: not an uncompressed reference."]
    if (edge := spectral_edge(samples, rate)) is None:
        return []
    return [
        f"Lossy source suspected: the sound ends abruptly at {edge / 1000:.1f} kHz, as after MP3 or AAC, or in a "
        "recording at a lower rate. Look for the original."
    ]


def _bandwidth(study: Study, samples: Samples, rate: int) -> list[str]:
    found = []
    if rate < min(study.rate, FULL_BAND_RATE):
        found.append(f"Recorded at {rate / 1000:g} kHz, below the study's {study.rate / 1000:g} kHz.")
    if share_above(samples, rate, 3500) < 1e-5:
        found.append("Band-limited: almost nothing above 3.5 kHz, so both anchors will sound like the reference.")
    elif share_above(samples, rate, 7000) < 1e-5:
        found.append("Band-limited: almost nothing above 7 kHz, so the mid anchor will sound like the reference.")
    elif rate <= ANCHORS_NEED:
        found.append(f"At {rate / 1000:g} kHz the reference ends below 8 kHz: the 7 kHz mid anchor is hardly worse.")
    return found


def _level(samples: Samples, gain: float | None) -> list[str]:
    found = []
    if gain is not None and gain > MOST_GAIN:
        found.append(f"Quiet: it needs {gain:.0f} dB of gain, which raises its noise by as much.")
    if (clipped := clipped_runs(samples)) > 0:
        found.append(f"Clipped at {clipped} place{'s' if clipped > 1 else ''}: the distortion is in every stimulus.")
    if np.abs(samples.mean(axis=1)).max() > 0.01:
        found.append("Has a constant offset (DC) of more than 1% of full scale.")
    return found


def _noise(samples: Samples, rate: int) -> list[str]:
    if (distance := noise_distance(samples, rate)) is None or distance >= LEAST_RANGE:
        return []
    return [f"Noisy: what sounds like noise is only {distance:.0f} dB below the loud moments."]


def _conversions(study: Study, samples: Samples, rate: int) -> list[str]:
    found = []
    if FULL_BAND_RATE <= rate < study.rate:
        found.append(f"Recorded at {rate / 1000:g} kHz, below the study's {study.rate / 1000:g} kHz.")
    if samples.shape[0] == 1 and study.channels == 2:
        found.append("Mono: both channels of the stimulus will be the same.")
    if samples.shape[0] == 2 and study.channels == 1:
        found.append("Stereo: mixed to mono.")
    return found


def _cancels(study: Study, samples: Samples) -> bool:
    mixed = samples.shape[0] == 2 and study.channels == 1
    return mixed and _power(samples.mean(axis=0)) < 0.1 * _power(samples)


def noise_distance(samples: Samples, rate: int) -> float | None:
    """How far noise lies below the sound, where pauses let it be heard.

    In windows of 50 ms the power from 150 Hz to 7 kHz is taken. The tenth percentile over time stands for the noise,
    the 95th for the sound, and the distance between both is what is returned. Two cases are left out, since levels
    alone do not tell noise from music: a steady sound (less than 6 dB between both) has no pauses, and quiet moments
    that are tonal (median spectral flatness below 0.3) hold a decaying sound rather than noise. Of the project's
    clips, clean speech has 44 dB and more, and speech in noise at a long-term ratio of 10 dB has 20 dB.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate : int
        Hz.

    Returns
    -------
    float or None
        dB; None where there is no noise to be told apart.
    """
    power = _spectra(samples.mean(axis=0), round(rate * _FRAME_SECONDS), rate, 150, 7000)
    if power.shape[0] < 10:
        return None
    level = 10 * np.log10(power.sum(axis=1) + 1e-9)
    low, high = np.percentile(level, [10, 95])
    quiet = power[level <= low] + 1e-12
    flatness = float(np.median(np.exp(np.log(quiet).mean(axis=1)) / quiet.mean(axis=1)))
    distance = float(high - low)
    return distance if distance >= STEADY and flatness >= NOISE_FLATNESS else None


def spectral_edge(samples: Samples, rate: int) -> float | None:
    """Frequency above which a sound stops as if cut off.

    The mean spectrum is smoothed over 100 Hz; an edge is where it falls by at least 25 dB within 250 Hz and nothing
    above comes back, while the kilohertz below it is filled. Natural sounds fade out instead: the project's lossless
    clips fall by at most 14 dB, MP3 at 64 and 128 kbit/s by 29 dB and more in most of them. Not looked at is what
    lies above 20.5 kHz or 93% of half the sample rate, where every converter has its filter.

    Returns
    -------
    float or None
        Hz.
    """
    spectra = _spectra(samples.mean(axis=0), _WINDOW, rate)
    bins = rate / _WINDOW
    width, step, below = max(1, round(100 / bins)), round(250 / bins), round(1000 / bins)
    if spectra.shape[0] == 0:
        return None
    total = np.cumsum(np.concatenate([[0.0], spectra.mean(axis=0)]))
    level = 10 * np.log10((total[width:] - total[:-width]) / width + 1e-9)
    above = np.maximum.accumulate(level[::-1])[::-1][step + width :]
    fall = level[: len(above)] - above
    hertz = np.arange(len(above)) * bins + 100
    looked_at = (hertz > 4000) & (hertz < min(20500, 0.93 * rate / 2))
    if not looked_at.any():
        return None
    at = int(np.argmax(np.where(looked_at, fall, -np.inf)))
    filled = float(np.median(level[max(0, at - below) : at + 1])) - above[at]
    return float(hertz[at]) if fall[at] >= WALL and filled >= WALL - 5 else None


def share_above(samples: Samples, rate: int, hertz: float) -> float:
    """Share of the power above a frequency, of the mean spectrum of all channels, 0 to 1."""
    size = min(_WINDOW, samples.shape[1])
    spectrum = sum(_spectra(channel, size, rate).sum(axis=0) for channel in samples)
    total = float(np.sum(spectrum))
    return float(np.sum(spectrum[np.fft.rfftfreq(size, 1 / rate) > hertz])) / total if total else 0.0


def clipped_runs(samples: Samples) -> int:
    """Places where three or more samples in a row stand at full scale.

    A floating-point file may exceed full scale. Where one does, the highest level in it counts instead.
    """
    level = np.abs(samples)
    runs = 0
    for channel in level >= 0.9995 * max(1.0, float(level.max(initial=0))):
        at = channel[:-2] & channel[1:-1] & channel[2:]
        runs += int(np.count_nonzero(at[1:] & ~at[:-1]) + at[:1].sum())
    return runs


def _spectra(mono: np.ndarray, size: int, rate: int, low: float = 0.0, high: float = float("inf")) -> np.ndarray:
    """Power spectra of windows that follow each other, shape (windows, bins from `low` to `high` Hz)."""
    n = len(mono) // size
    hertz = np.fft.rfftfreq(size, 1 / rate)
    wanted = (hertz >= low) & (hertz < high)
    found = scipy.fft.rfft(mono[: n * size].reshape(n, size) * np.hanning(size), axis=1)[:, wanted]
    return np.asarray(found.real**2 + found.imag**2)


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))
