"""Loudness and true peak after ITU-R BS.1770-4."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy  # whose parts load when they are first used: scipy.signal takes a second
import soxr
from numpy.typing import NDArray

from audiocodecs.base import Samples

_BLOCK_SECONDS, _STEPS = 0.4, 4
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_CHANNEL_WEIGHTS = np.array([1, 1, 1, 1.41, 1.41])
_SHELF_HZ, _SHELF_DB, _SHELF_Q, _SHELF_SLOPE = 1681.9744509555319, 3.99984385397, 0.7071752369554193, 0.499666774155
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087613982, 0.5003270373253953
_OVERSAMPLING = 4


def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
        At most five channels, in the order L, R, C, Ls, Rs.
    rate : int
        Hz.

    Returns
    -------
    float
        LUFS; -inf where no block is above -70 LUFS. A clip shorter than the gating
        block of 400 ms is measured as one block; what is left at the end of a longer
        one and fills no block does not count.

    References
    ----------
    ITU-R BS.1770-4, Annex 1; the filter at other rates than 48 kHz after B. De Man,
    "Evaluation of implementations of the EBU R128 loudness measurement", AES 145 (2018).
    """
    n = samples.shape[1]
    if n == 0 or not samples.any():
        return float("-inf")
    weighted = scipy.signal.sosfilt(_k_weighting(rate), samples.astype(np.float64), axis=1)
    block, steps = (_BLOCK_SECONDS * rate, _STEPS) if n > _BLOCK_SECONDS * rate else (n, 1)
    hops = int(n / (block / steps) + 1e-9)
    edges = (np.arange(hops + 1) * block / steps).astype(int)
    energy = np.add.reduceat(np.square(weighted, out=weighted)[:, : edges[-1]], edges[:-1], axis=1)
    power = np.lib.stride_tricks.sliding_window_view(energy, steps, axis=1).sum(axis=2) / block
    blocks = _CHANNEL_WEIGHTS[: samples.shape[0]] @ power
    above = blocks[_lufs(blocks) > _ABSOLUTE_GATE]
    if not above.size:
        return float("-inf")
    return float(_lufs(above[_lufs(above) > _lufs(above.mean()) + _RELATIVE_GATE].mean()))


def _lufs(power: Any) -> Any:  # noqa: ANN401
    with np.errstate(divide="ignore", invalid="ignore"):
        return -0.691 + 10 * np.log10(power)


@functools.lru_cache(maxsize=16)
def _k_weighting(rate: int) -> NDArray[np.float64]:
    """The two filters in front of the meter, as second-order sections: a shelf for the head, a high-pass.

    Their analogue prototypes are those behind the table for 48 kHz, moved to `rate` by the bilinear transform.
    """
    shelf, high_pass = np.tan(np.pi * _SHELF_HZ / rate), np.tan(np.pi * _HIGH_PASS_HZ / rate)
    top = 10 ** (_SHELF_DB / 20)
    b, a = scipy.signal.bilinear([top, top**_SHELF_SLOPE / _SHELF_Q, 1], [1, 1 / _SHELF_Q, 1], 1 / (2 * shelf))
    _, poles = scipy.signal.bilinear([1, 0, 0], [1, 1 / _HIGH_PASS_Q, 1], 1 / (2 * high_pass))
    # The table's numerator of the high-pass is 1, -2, 1, without the gain that the transform gives.
    return np.array([[*b, *a], [1, -2, 1, *poles]])


def true_peak(samples: Samples, rate: int) -> float:
    """Largest absolute value between and at the samples.

    Returns
    -------
    float
        dBTP, from 4x oversampling; -inf for silence.

    References
    ----------
    ITU-R BS.1770-4, Annex 2.
    """
    if samples.shape[1] == 0:
        return float("-inf")
    # Silence on both sides lets the filter reach the peaks at the edges.
    padded = np.pad(samples.astype(np.float32), ((0, 0), (64, 64)))
    over = soxr.resample(padded.T, rate, rate * _OVERSAMPLING, "VHQ")
    peak = max(float(np.abs(over).max()), float(np.abs(samples).max()))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")
