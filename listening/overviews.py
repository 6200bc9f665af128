"""A recording at a glance: its waveform and its levels, found once per file and kept beside it.

Everything here depends on the file's content alone: it is stored under the file's hash, and all studies share it.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from audiocodecs import audio

COLUMNS = 480
"""Of the waveform of a file of up to a minute; longer ones have as many for each minute, and are drawn wider."""
HOP = 0.05
"""Seconds between two spectra."""
FLOOR = -100.0
"""dB below the loudest band of the file, under which a level counts as silence."""

_EDGES = np.geomspace(100, 7000, 17)
_VERSION = 1  # raised when what is stored changes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overview:
    """What is drawn of a file, and what excerpts are chosen and compared by.

    Attributes
    ----------
    peaks : ndarray of float32, shape (columns, 2)
        Lowest and highest sample of each column, of all channels, as shares of the file's largest.
    levels : ndarray of float32, shape (windows, 16)
        dB in bands from 100 Hz to 7 kHz, every 50 ms, relative to the loudest band of the file; at least -100.
    """

    peaks: np.ndarray
    levels: np.ndarray

    def excerpt(self, start: float, length: float) -> np.ndarray:
        """Levels of a part of the file, given in seconds."""
        return self.levels[round(start / HOP) : round((start + length) / HOP)]


def stored(sha256: str) -> Overview | None:
    """The overview that is stored of a file."""
    try:
        with default_storage.open(_name(sha256)) as file:
            found = np.load(io.BytesIO(file.read()), allow_pickle=False)
            return _of_bytes(found["peaks"], found["levels"])
    except FileNotFoundError:
        return None


def keep(sha256: str, found: audio.Audio) -> Overview:
    """Make a file's overview and store it.

    Parameters
    ----------
    sha256 : str
        Of the file.
    found : Audio
        The file, decoded.
    """
    peaks, levels = _peaks(found), _levels(found)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, peaks=peaks, levels=levels)
    try:
        if not default_storage.exists(_name(sha256)):
            default_storage.save(_name(sha256), ContentFile(buffer.getvalue()))
    except OSError as error:  # it is made again when it is next wanted
        log.warning("Overview of %s is not stored: %s", sha256[:8], error)
    return _of_bytes(peaks, levels)


def minutes(seconds: float) -> float:
    """How many times as wide as a file of one minute a file is drawn."""
    return max(1.0, seconds / 60)


def path(overview: Overview, height: int = 100) -> str:
    """The waveform as the path of an SVG, a column wide for each of its columns, around half the height."""
    half = height / 2
    top = [f"{x} {half - half * high:.0f}" for x, high in enumerate(overview.peaks[:, 1])]
    bottom = [f"{x} {half - half * low:.0f}" for x, low in enumerate(overview.peaks[:, 0])]
    return f"M{'L'.join(top)}L{'L'.join(reversed(bottom))}Z"


def _peaks(found: audio.Audio) -> np.ndarray:
    samples = found.samples
    columns = round(COLUMNS * minutes(found.seconds))
    first = (np.arange(columns) * samples.shape[1]) // columns
    low = np.minimum.reduceat(samples, first, axis=1).min(axis=0)
    high = np.maximum.reduceat(samples, first, axis=1).max(axis=0)
    loudest = max(float(np.abs(low).max()), float(np.abs(high).max())) or 1.0
    return np.round(np.stack([low, high], axis=1) / loudest * 127).astype(np.int8)


def _levels(found: audio.Audio) -> np.ndarray:
    """Levels in half decibels above the floor. Windows begin every 50 ms, whatever the sample rate."""
    size = round(HOP * found.rate)
    # The mean of the channels' powers, not the power of their mean: what cancels is heard in stereo.
    windows = found.samples.shape[1] // size
    frames = found.samples[:, : windows * size].reshape(found.samples.shape[0], windows, size)
    bands = np.zeros((windows, len(_EDGES) - 1))
    hertz = np.fft.rfftfreq(size, 1 / found.rate)
    first = np.searchsorted(hertz, _EDGES)
    window = np.hanning(size).astype(np.float32)
    for at in range(0, windows, 1000):
        power = (np.abs(np.fft.rfft(frames[:, at : at + 1000] * window, axis=2)) ** 2).mean(axis=0)
        bands[at : at + 1000] = np.add.reduceat(power, first, axis=1)[:, :-1]
    loudest = float(bands.max(initial=0.0)) or 1.0
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(bands / loudest)
    return np.round((np.maximum(level, FLOOR) - FLOOR) * 2).astype(np.uint8)


def _of_bytes(peaks: np.ndarray, levels: np.ndarray) -> Overview:
    return Overview(peaks.astype(np.float32) / 127, levels.astype(np.float32) / 2 + FLOOR)


def _name(sha256: str) -> str:
    return f"overviews/{sha256[:2]}/{sha256}-{_VERSION}.npz"
