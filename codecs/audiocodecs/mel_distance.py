"""Mean absolute log-mel distance over six window lengths.

>>> noise = np.random.default_rng(0).standard_normal((1, 24_000)).astype(np.float32) / 10
>>> mel_distance(noise, noise, 24_000)
0.0
>>> round(mel_distance(noise, noise / 10, 24_000), 3)
1.0
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WINDOWS = (64, 128, 256, 512, 1024, 2048)
"""Samples at 24 kHz: 2.7 to 85 ms."""
AT_RATE = 24_000
MOST_MELS = 80
FLOOR = 1e-5


def mel_distance(reference: NDArray[np.float32], decoded: NDArray[np.float32], rate: int) -> float:
    """Distance of two signals in decades of mel magnitude.

    Parameters
    ----------
    reference, decoded : ndarray of float32, shape (channels, n)
    rate : int
        Hz.

    Returns
    -------
    float
        0 for equal signals. Every cell of every window length and channel counts alike, silence too.
    """
    scales = [_distance(reference, decoded, round(window * rate / AT_RATE), rate) for window in WINDOWS]
    return float(np.mean(scales))


def _distance(reference: NDArray[np.float32], decoded: NDArray[np.float32], window: int, rate: int) -> float:
    mels = max(5, MOST_MELS * round(window * AT_RATE / rate) // WINDOWS[-1])
    filters = _filters(window, mels, rate)
    before, after = (np.log10(np.maximum(_magnitudes(x, window) @ filters, FLOOR)) for x in (reference, decoded))
    return float(np.abs(before - after).mean())


def _magnitudes(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Short-time spectra, shape (channels, frames, bins); a quarter of the window from frame to frame."""
    half = window // 2
    padded = np.pad(samples, ((0, 0), (half, half)), "reflect" if samples.shape[1] > half else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, :: window // 4]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    return np.abs(np.fft.rfft(frames * hann, axis=-1)).astype(np.float32)


@lru_cache(maxsize=16)
def _filters(window: int, mels: int, rate: int) -> NDArray[np.float32]:
    """Triangles of equal height on O'Shaughnessy's mel scale, shape (bins, mels)."""
    points = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), mels + 2) / 2595) - 1)
    bins = np.arange(window // 2 + 1)[:, None] * rate / window
    rise = (bins - points[:-2]) / (points[1:-1] - points[:-2])
    fall = (points[2:] - bins) / (points[2:] - points[1:-1])
    return np.maximum(np.minimum(rise, fall), 0).astype(np.float32)
