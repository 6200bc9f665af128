"""Loudness and true peak after ITU-R BS.1770-4."""

from __future__ import annotations

import numpy as np
import scipy.signal
import soxr
from numpy.typing import NDArray

from audiocodecs.base import Samples

_BLOCK_SECONDS = 0.4
_STEP_SECONDS = 0.1
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_SURROUND_WEIGHT = 1.41
_OVERSAMPLING = 4


def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
        Channels in the order L, R, C, Ls, Rs, or with the LFE as the fourth of six.
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
    power = scipy.signal.sosfilt(_k_weighting(rate), samples.astype(np.float64), axis=1) ** 2
    weighted = _channel_weights(samples.shape[0]) @ power
    block = min(round(_BLOCK_SECONDS * rate), weighted.size)
    step = max(1, round(_STEP_SECONDS * rate))
    if block == 0:
        return float("-inf")
    total = np.concatenate([[0.0], np.cumsum(weighted)])
    starts = np.arange(0, weighted.size - block + 1, step)
    blocks = np.maximum(total[starts + block] - total[starts], 0) / block
    gated = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if gated.size == 0:
        return float("-inf")
    gated = gated[_lufs(gated) > float(_lufs(gated.mean())) + _RELATIVE_GATE_LU]
    return float(_lufs(gated.mean()))


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


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(power))


def _channel_weights(channels: int) -> NDArray[np.float64]:
    weights = np.ones(channels)
    if channels == 5:
        weights[3:] = _SURROUND_WEIGHT
    elif channels >= 6:
        weights[3] = 0
        weights[4:] = _SURROUND_WEIGHT
    return weights


def _k_weighting(rate: int) -> NDArray[np.float64]:
    gain, quality = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    k = np.tan(np.pi * 1681.974450955533 / rate)
    band = gain**0.4996667741545416
    a0 = 1 + k / quality + k * k
    shelf = [
        (gain + band * k / quality + k * k) / a0,
        2 * (k * k - gain) / a0,
        (gain - band * k / quality + k * k) / a0,
        1,
        2 * (k * k - 1) / a0,
        (1 - k / quality + k * k) / a0,
    ]
    quality = 0.5003270373238773
    k = np.tan(np.pi * 38.13547087602444 / rate)
    a0 = 1 + k / quality + k * k
    high_pass = [1, -2, 1, 1, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]
    return np.array([shelf, high_pass])
