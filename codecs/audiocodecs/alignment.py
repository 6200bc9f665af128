"""How late decoded audio is, and taking that away."""

from __future__ import annotations

import numpy as np
import scipy  # whose parts load when they are first used: scipy.signal takes a second
from numpy.typing import NDArray

from audiocodecs.base import Samples

_ENVELOPE_RATE = 2000
_ENVELOPE_WINDOW_SECONDS = 0.008
_ENVELOPE_BANDS_HZ = ((80, 500), (500, 1500), (1500, 3000), (3000, 7000))
_LEAST_CORRELATION = 0.05
_INVERSION_MARGIN = 1.05
_BLOCK, _TOGETHER = 8192, 4
_ROUNDING = 1e-6  # of single precision


class Correlator:
    """A reference to find delays against: its transforms are made once, for many sounds.

    Parameters
    ----------
    reference : ndarray, shape (channels, n)
    rate : int
        Hz.
    max_seconds : float
        Only lags within ± this are considered.
    """

    def __init__(self, reference: NDArray[np.floating], rate: int, max_seconds: float = 0.1) -> None:
        self._reach = round(max_seconds * rate)
        self._channels, n = reference.shape[0], max(1, reference.shape[1])
        x = _without_offset(reference)
        self._energy = float(np.vdot(x, x))
        # In blocks that the processor's caches hold: of x without, of y with what lies within reach on both sides.
        self._size = scipy.fft.next_fast_len(min(n + 2 * self._reach, max(_BLOCK, 8 * self._reach)), real=True)
        self._step = self._size - 2 * self._reach
        self._count = -(-n // self._step)
        filled = np.pad(x, ((0, 0), (0, self._count * self._step - x.shape[1])))
        self._spectra = scipy.fft.rfft(filled.reshape(self._channels, self._count, self._step), self._size)
        np.conj(self._spectra, out=self._spectra)

    def lag(self, decoded: NDArray[np.floating]) -> int:
        """Samples that `decoded` is late.

        Parameters
        ----------
        decoded : ndarray, shape (channels, m)
            As many channels as the reference.

        Returns
        -------
        int
            As `lag`.
        """
        correlation, most = self.correlation(decoded)
        if most <= 0:
            return 0
        best, worst = float(correlation.max()), float(-correlation.min())
        if worst > _INVERSION_MARGIN * best:
            correlation, best = -correlation, worst
        if best < _LEAST_CORRELATION * most:
            return 0
        return _peak(correlation)

    def correlation(self, decoded: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
        """Cross-correlation summed over channels.

        Returns
        -------
        correlation : ndarray, shape (2 * reach + 1,)
            At lags -reach..reach.
        most : float
            Its upper bound; 0 where one of the two is silent.

        Raises
        ------
        ValueError
            If `decoded` has another number of channels.
        """
        reach, size, step = self._reach, self._size, self._step
        if decoded.shape[0] != self._channels:
            raise ValueError(f"{self._channels} and {decoded.shape[0]} channels cannot be compared.")
        y = _without_offset(decoded)
        most = float(np.sqrt(self._energy * float(np.vdot(y, y))))
        if most < 1e-12:
            return np.zeros(2 * reach + 1), 0.0
        wide = np.pad(y, ((0, 0), (reach, max(0, self._count * step + reach - y.shape[1]))))
        around = np.lib.stride_tricks.sliding_window_view(wide, size, axis=1)[:, ::step]
        spectrum = np.zeros(size // 2 + 1, np.complex64)
        for first in range(0, self._count, _TOGETHER):
            some = slice(first, min(first + _TOGETHER, self._count))
            products = scipy.fft.rfft(around[:, some], size)
            products *= self._spectra[:, some]
            spectrum += products.sum(axis=(0, 1))
        return scipy.fft.irfft(spectrum, size)[: 2 * reach + 1].astype(np.float64), most


def lag(reference: Samples, decoded: Samples, rate: int, max_seconds: float = 0.1) -> int:
    """Samples that `decoded` is late, by cross-correlation.

    Parameters
    ----------
    reference, decoded : ndarray, shape (channels, n)
        Lengths may differ, the channel count may not.
    rate : int
        Hz.
    max_seconds : float
        Only lags within ± this are considered.

    Returns
    -------
    int
        Negative where `decoded` is early; 0 for silence and where the two have nothing
        in common (normalised correlation below 0.05). Turned polarity is recognised
        where its correlation is clearly the larger one, so a sine, whose two peaks are
        as good as equal, is not mistaken for it.
    """
    return Correlator(reference, rate, max_seconds).lag(decoded)


def envelope_lag(reference: Samples, decoded: Samples, rate: int, max_seconds: float = 0.1) -> float:
    """Seconds that `decoded` is late, by correlation of short-time energy envelopes.

    For codecs that do not keep the waveform. The envelopes are the root of the energy
    in four bands from 80 Hz to 7 kHz, smoothed by an 8 ms Hann window, so that a moved
    band edge or another phase of the harmonics does not count as delay. The peak is
    interpolated by a parabola.

    Returns
    -------
    float
        Seconds, negative where `decoded` is early; 0 for silence.
    """
    before, after = _envelopes(reference, rate), _envelopes(decoded, rate)
    reach = round(max_seconds * _ENVELOPE_RATE)
    total = np.zeros(2 * reach + 1)
    for band_before, band_after in zip(before, after, strict=True):
        correlation, most = Correlator(band_before[None], _ENVELOPE_RATE, max_seconds).correlation(band_after[None])
        if most > 0:
            total += correlation / most
    if total.max() <= 0:
        return 0.0
    shift = _peak(total)
    at = shift + reach
    offset = 0.0
    if 0 < at < 2 * reach:
        left, middle, right = total[at - 1 : at + 2]
        curvature = left - 2 * middle + right
        offset = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float((shift + offset) / _ENVELOPE_RATE)


def align(reference: Samples, decoded: Samples, rate: int, max_seconds: float = 0.1) -> tuple[Samples, int]:
    """Remove the lag of `decoded` behind `reference`.

    Returns
    -------
    aligned : ndarray, shape (channels, n of reference)
        Zeros where `decoded` has nothing.
    lag : int
        What was removed, in samples.
    """
    late = lag(reference, decoded, rate, max_seconds)
    moved = decoded[:, late:] if late >= 0 else np.pad(decoded, ((0, 0), (-late, 0)))
    return fit_length(moved, reference.shape[1]), late


def fit_length(samples: Samples, n: int) -> Samples:
    """`samples` cut or filled with zeros at the end to `n` samples."""
    if samples.shape[1] >= n:
        return np.ascontiguousarray(samples[:, :n])
    return np.pad(samples, ((0, 0), (0, n - samples.shape[1])))


def _without_offset(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """An offset would put a triangle with its top at lag 0 under the correlation."""
    moved = samples.astype(np.float32)
    if moved.size:
        moved -= samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return moved


def _peak(correlation: NDArray[np.float64]) -> int:
    """Lag of the largest value; of equal ones that nearest to 0."""
    reach = correlation.size // 2
    top = correlation.max()
    candidates = np.flatnonzero(correlation >= top - _ROUNDING * abs(top)) - reach
    return int(candidates[np.argmin(np.abs(candidates))])


def _envelopes(samples: Samples, rate: int) -> list[NDArray[np.float64]]:
    mixed = samples.astype(np.float64)
    window = np.hanning(max(3, round(_ENVELOPE_WINDOW_SECONDS * rate) | 1))
    length = max(1, round(samples.shape[1] * _ENVELOPE_RATE / rate))
    instants = np.arange(length) * rate / _ENVELOPE_RATE
    found = []
    for low, high in _ENVELOPE_BANDS_HZ:
        if high >= rate / 2:
            high = int(0.45 * rate)
        if low >= high:
            continue
        band = scipy.signal.butter(2, (low, high), "bandpass", fs=rate, output="sos")
        power = (_zero_phase(band, mixed) ** 2).sum(axis=0)
        smooth = np.maximum(scipy.signal.fftconvolve(power, window / window.sum(), mode="same"), 0)
        found.append(np.sqrt(np.interp(instants, np.arange(smooth.size), smooth[: power.size])))
    return found


def _zero_phase(sos: NDArray[np.float64], samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter forwards and backwards, so that the filter itself delays nothing."""
    forwards = scipy.signal.sosfilt(sos, samples, axis=1)
    return np.asarray(scipy.signal.sosfilt(sos, forwards[:, ::-1], axis=1)[:, ::-1])
