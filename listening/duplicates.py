"""Clips in which raters would hear nearly the same sound twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from listening import clips
from listening.models import Clip
from listening.overviews import HOP, Overview

ALIKE = 0.8
"""Correlation from which on two excerpts count as the same recording.

Of the project's clips, the same at another level, at 16 kHz, as MP3 or equalised reach 0.89 and more, two different
ones at most 0.49 over three seconds and 0.72 over one. A shift by half a window costs up to 0.3, so that a copy cut
elsewhere is found mostly, not always.
"""

_DEPTH = 50.0  # dB below an excerpt's loudest band; what is quieter is noise, and a lossy codec's to change
_LEAST_SHARED = 0.6  # of the shorter excerpt


@dataclass(frozen=True)
class Twin:
    """Another clip with nearly the same sound.

    Attributes
    ----------
    clip : Clip
    alike : float
        Correlation, up to 1.
    """

    clip: Clip
    alike: float


def twins(found: Iterable[Clip]) -> dict[int, list[Twin]]:
    """For each clip that has some, by its key: the others that sound nearly the same.

    The files may differ: level, format, sample rate, equalisation and where the excerpt begins change little.
    A clip whose file is gone from the storage has none.
    """
    shapes = [(clip, shape) for clip in found if (shape := _shape_of(clip)) is not None]
    there: dict[int, list[Twin]] = {}
    for i, (one, first) in enumerate(shapes):
        for other, second in shapes[i + 1 :]:
            if (r := likeness(first, second)) >= ALIKE:
                there.setdefault(one.pk, []).append(Twin(other, r))
                there.setdefault(other.pk, []).append(Twin(one, r))
    return there


def twins_of(clip: Clip) -> list[Twin]:
    """The clips of its study that sound nearly the same."""
    mine = _shape_of(clip)
    others = ((other, _shape_of(other)) for other in clip.study.clips.exclude(pk=clip.pk))
    alike = ((other, likeness(mine, its)) for other, its in others if mine is not None and its is not None)
    return [Twin(other, r) for other, r in alike if r >= ALIKE]


def words(found: list[Twin]) -> str:
    """The warning beside a clip; "" for none."""
    if not found:
        return ""
    names = " and ".join(f"“{twin.clip.name}”" for twin in found)
    return f"Sounds nearly the same as {names}: raters would hear it twice. Keep one of them."


def shape(overview: Overview, start: float, length: float) -> np.ndarray:
    """What is compared of an excerpt: how each band's level goes up and down.

    Levels 50 dB below the loudest count as silence; each band's mean is taken off, and with it level and equalisation.

    Returns
    -------
    ndarray, shape (windows, bands)
    """
    levels = overview.excerpt(start, length)
    levels = np.maximum(levels, levels.max(initial=-np.inf) - _DEPTH)
    return levels - levels.mean(axis=0) if len(levels) else levels


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Largest correlation of two shapes over all shifts in which they share at least 60% of the shorter.

    Returns
    -------
    float
        0 where either does not change (a constant, a steady tone): nothing tells then.
    """
    n, m = len(one), len(other)
    shared = max(round(_LEAST_SHARED * min(n, m)), round(0.4 / HOP))
    if min(n, m) < shared:
        return 0.0
    shifts = np.arange(shared - m, n - shared + 1)  # of the other against the one
    size = 1 << (n + m - 1).bit_length()
    spectra = np.fft.rfft(one, size, axis=0) * np.conj(np.fft.rfft(other, size, axis=0))
    product = np.fft.irfft(spectra.sum(axis=1), size)[shifts % size]
    first, last = np.maximum(shifts, 0), np.minimum(shifts + m, n)
    energy = _between(one, first, last) * _between(other, first - shifts, last - shifts)
    least = 1.0  # dB squared per window and band: less is no change
    enough = energy > (least * (last - first) * one.shape[1]) ** 2
    return float(np.max(np.where(enough, product / np.sqrt(np.maximum(energy, 1e-9)), 0.0), initial=0.0))


def _between(shape: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(np.square(shape, dtype=np.float64).sum(axis=1))])
    return total[last] - total[first]


def _shape_of(clip: Clip) -> np.ndarray | None:
    try:
        return shape(clips.overview_of(clip), clip.start, clip.length)
    except clips.ClipError:  # the page says so where the file is wanted
        return None
