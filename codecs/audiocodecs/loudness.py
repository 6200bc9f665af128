"""Loudness and true peak after ITU-R BS.1770-4."""

from __future__ import annotations

import numpy as np
import soxr

from audiocodecs.base import Samples

_BLOCK_SECONDS = 0.4
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
        block of 400 ms is measured as one block.

    References
    ----------
    ITU-R BS.1770-4, Annex 1; the filter at other rates than 48 kHz after B. De Man,
    "Evaluation of implementations of the EBU R128 loudness measurement", AES 145 (2018).
    """
    n = samples.shape[1]
    if n == 0 or not samples.any():
        return float("-inf")
    import pyloudnorm  # not before it is used: it brings scipy.signal, which takes a second

    # Its other filter class is for 48 kHz only.
    meter = pyloudnorm.Meter(rate, filter_class="DeMan", block_size=min(_BLOCK_SECONDS, n / rate))
    with np.errstate(divide="ignore"):
        return float(meter.integrated_loudness(samples.T.astype(np.float64)))


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
