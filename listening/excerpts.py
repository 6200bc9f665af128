"""Which part of a long recording is the most critical one."""

from __future__ import annotations

import numpy as np

from listening.overviews import HOP, Overview

QUIET_START = 0.3
"""Seconds around the best place in which the quietest moment is looked for, so that no sound is cut in two."""


def suggest(overview: Overview, length: float) -> float:
    """Start of the most critical excerpt: the densest, with the loudest changes.

    Codecs fail where much is to be coded at once and where it changes. With P(t, b) the power in window t and band b as
    a share of the largest in the file, N = P^0.3 grows as loudness does (Stevens). The density of a window is the mean
    of N over the bands, its change the mean of |N(t, b) - N(t - 1, b)|. Both are averaged over each possible excerpt
    and divided by the largest such average in the file; the excerpt with the largest sum is taken, of equal ones the
    first. Its start then moves by up to 0.3 s to where the sound is least dense.

    Parameters
    ----------
    overview : Overview
    length : float
        Seconds.

    Returns
    -------
    float
        Seconds from the start of the file; 0 where the file is no longer than the excerpt.
    """
    loud = 10 ** (0.03 * overview.levels)
    windows, wanted = loud.shape[0], max(1, int(np.ceil(length / HOP)))
    if windows <= wanted:
        return 0.0
    density = loud.mean(axis=1)
    change = np.abs(np.diff(loud, axis=0, prepend=loud[:1])).mean(axis=1)
    score = _over(density, wanted) + _over(change, wanted)
    best = int(np.argmax(np.round(score, 6)))
    near = round(QUIET_START / HOP)
    first, last = max(0, best - near), min(len(score) - 1, best + near)
    there = density[first : last + 1]
    # Where all is equally dense there is no quieter place to go to.
    start = best if np.ptp(there) < 1e-3 else first + int(np.argmin(there))
    return round(start * HOP, 3)


def _over(values: np.ndarray, wanted: int) -> np.ndarray:
    """Mean over each excerpt, as a share of the largest."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    means = (total[wanted:] - total[:-wanted]) / wanted
    largest = float(means.max())
    return means / largest if largest > 1e-9 else np.zeros_like(means)
