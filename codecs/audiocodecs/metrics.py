"""Objective metrics, beside the ratings and never instead of them.

They correlate with ratings and undervalue codecs that generate rather than keep the
waveform. Each is available here, or says why not.

>>> import numpy as np
>>> reference = np.sin(np.arange(16000, dtype=np.float32) / 9)[None]
>>> round(measure("si_sdr", reference, reference + 0.1 * np.sign(reference), 16000), 1)
25.3
>>> measure("log_spectral_distance", reference, reference, 16000)
0.0
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy  # whose parts load when they are first used
from numpy.typing import NDArray

from audiocodecs.audio import resample, to_channels
from audiocodecs.base import CodecError, CodecUnavailable, Samples
from audiocodecs.mel_distance import mel_distance

_LEAST_SECONDS = 0.5
_SDR_LIMIT_DB = 100.0
_FLOOR_DB = 80.0
_FRAME_SECONDS = 0.032
_MELS = 80
_LINE_STEP, _LINE_SPAN, _LINES_FROM = 9.375, 290.0, 4000.0


class MetricError(CodecError):
    """A metric that gives no figure for these two signals; the text says why."""


class MetricUnavailable(CodecUnavailable):
    """A metric that cannot run here; has `reason` and `remedy`."""


@dataclass(frozen=True)
class Metric:
    """One objective metric.

    Attributes
    ----------
    name, title, unit : str
    higher_is_better : bool
    speech_only : bool
        Made for speech: no figure for music means anything.
    packages : tuple of (str, str)
        Module that it needs, and what to give pip for it.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    speech_only: bool
    packages: tuple[tuple[str, str], ...]
    compute: Callable[[Samples, Samples, int], float]


def check(name: str) -> None:
    """Raise MetricUnavailable if the metric cannot run here."""
    for module, package in METRICS[name].packages:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MetricUnavailable(
                f"{METRICS[name].title} needs the Python package {module}, which does not load: {error}.",
                f"Run pip install '{package}'.",
            ) from error


def measure(name: str, reference: Samples, decoded: Samples, rate: int) -> float:
    """Compute one metric.

    Parameters
    ----------
    name : str
        A key of `METRICS`.
    reference, decoded : ndarray, shape (channels, n)
        Aligned, of equal shape.
    rate : int
        Hz.

    Raises
    ------
    MetricUnavailable
        If it cannot run here.
    MetricError
        If it gives no figure: silence, less than half a second, no speech found.
    """
    if name not in METRICS:
        raise MetricError(f"There is no metric {name!r}. There are: {', '.join(METRICS)}.")
    if reference.shape != decoded.shape:
        raise MetricError(f"The signals differ in shape: {reference.shape} and {decoded.shape}. Align them first.")
    if not (np.isfinite(reference).all() and np.isfinite(decoded).all()):
        raise MetricError("The signals hold NaN or infinite samples.")
    if not reference.any():
        raise MetricError("The reference is silent: there is nothing to compare with.")
    check(name)
    found = METRICS[name].compute(reference, decoded, rate)
    if not np.isfinite(found):
        raise MetricError(f"{METRICS[name].title} gave {found}, which is no figure.")
    return found


def si_sdr(reference: Samples, decoded: Samples, rate: int) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, at most 100.

    All channels have one scale; means are removed.

    References
    ----------
    J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, eq. 2.
    """
    target = reference.astype(np.float64) - reference.mean(axis=1, keepdims=True, dtype=np.float64)
    estimate = decoded.astype(np.float64) - decoded.mean(axis=1, keepdims=True, dtype=np.float64)
    energy = float((target * target).sum())
    if energy == 0:
        raise MetricError("The reference is constant: SI-SDR is not defined.")
    scaled = target * (float((target * estimate).sum()) / energy)
    signal, noise = float((scaled * scaled).sum()), float(((estimate - scaled) ** 2).sum())
    limit = 10 ** (_SDR_LIMIT_DB / 10)
    return float(np.clip(10 * np.log10(max(signal, energy / limit) / max(noise, signal / limit, 1e-300)), -100, 100))


def log_spectral_distance(reference: Samples, decoded: Samples, rate: int) -> float:
    """Log-spectral distance in dB.

    Root mean square over frequency of the difference of the log power spectra, averaged
    over frames of 32 ms (Hann, 75% overlap) and channels. Both spectra are floored 80 dB
    under the reference's largest value, so that inaudible bins do not decide.

    References
    ----------
    A. Gray and J. Markel, "Distance measures for speech processing", IEEE TASSP 24 (1976).
    """
    before, after = _powers(reference, rate), _powers(decoded, rate)
    difference = _floored_db(before, before.max()) - _floored_db(after, before.max())
    return float(np.sqrt((difference**2).mean(axis=1)).mean())


def log_mel_distance(reference: Samples, decoded: Samples, rate: int) -> float:
    """Mean absolute difference in dB of 80-band log-mel spectra, floored as in `log_spectral_distance`."""
    bank = _mel_bank(rate)
    before, after = bank @ _powers(reference, rate), bank @ _powers(decoded, rate)
    return float(np.abs(_floored_db(before, before.max()) - _floored_db(after, before.max())).mean())


def tonal_lines(samples: Samples, rate: int) -> float:
    """How far single frequencies above 4 kHz stand out of a signal's long-term spectrum: RMS in dB.

    The spectrum is Welch's in steps of 9.4 Hz, the mean of the channels, against its own running median over
    290 Hz. White noise of ten seconds has 0.3 dB, speech and music some 1 to 2: compare with the reference.

    Raises
    ------
    MetricError
        If the signal has nothing above 4 kHz.
    """
    segment = min(round(rate / _LINE_STEP), samples.shape[1])
    frequencies, power = scipy.signal.welch(samples.astype(np.float64), rate, nperseg=segment)
    level = 10 * np.log10(power.mean(axis=0) + 1e-20)
    lines = level - scipy.ndimage.median_filter(level, round(_LINE_SPAN / _LINE_STEP), mode="nearest")
    above = (frequencies > _LINES_FROM) & (frequencies < 0.9 * rate / 2)
    if not above.any():
        raise MetricError(f"Nothing above {_LINES_FROM:g} Hz fits into {rate} Hz.")
    return float(np.sqrt(np.square(lines[above]).mean()))


def _tonal_lines_of_decoded(reference: Samples, decoded: Samples, rate: int) -> float:
    return tonal_lines(decoded, rate)


def visqol(reference: Samples, decoded: Samples, rate: int) -> float:
    """ViSQOL 3 in audio mode: MOS-LQO of 1 to 5, at 48 kHz on the mean of the channels.

    References
    ----------
    M. Chinen et al., "ViSQOL v3: an open source production ready objective speech and
    audio metric", QoMEX 2020.
    """
    return _visqol("audio", reference, decoded, rate, 48000)


def visqol_speech(reference: Samples, decoded: Samples, rate: int) -> float:
    """ViSQOL 3 in speech mode, at 16 kHz, with the lattice model.

    Without it the package falls back on a polynomial that over-predicts by up to 2 MOS;
    here that is refused.
    """
    return _visqol("speech", reference, decoded, rate, 16000)


def pesq(reference: Samples, decoded: Samples, rate: int) -> float:
    """Wide-band PESQ (ITU-T P.862.2): MOS-LQO, at 16 kHz on the mean of the channels."""
    from pesq import PesqError
    from pesq import pesq as run

    before, after = _mono(reference, decoded, rate, 16000)
    try:
        return float(run(16000, before, after, "wb"))
    except PesqError as error:
        said = error.args[0] if error.args else error
        text = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
        raise MetricError(f"PESQ gives no figure: {text}.") from error


def stoi(reference: Samples, decoded: Samples, rate: int) -> float:
    """Short-time objective intelligibility, 0 to 1, on the mean of the channels.

    References
    ----------
    C. Taal et al., "An algorithm for intelligibility prediction of time-frequency
    weighted noisy speech", IEEE TASLP 19 (2011).
    """
    from pystoi import stoi as run

    before, after = _mono(reference, decoded, rate, 10000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(run(before, after, 10000))
        except RuntimeWarning as error:
            raise MetricError("STOI gives no figure: there is too little that is not silence.") from error


def _visqol(mode: str, reference: Samples, decoded: Samples, rate: int, inside: int) -> float:
    before, after = _mono(reference, decoded, rate, inside)
    try:
        result = _visqol_model(mode).measure_from_arrays(before.astype(np.float64), after.astype(np.float64), inside)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise MetricError(f"ViSQOL gives no figure: {error}.") from error
    return float(result.moslqo)


@lru_cache(maxsize=2)
def _visqol_model(mode: str) -> Any:
    from visqol import VisqolApi

    model = VisqolApi()
    model.create(mode=mode, use_lattice_model=True if mode == "speech" else None)
    return model


def _mono(
    reference: Samples, decoded: Samples, rate: int, inside: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if reference.shape[1] < _LEAST_SECONDS * rate:
        raise MetricError(f"The clip is shorter than {_LEAST_SECONDS:g} s: this metric gives no figure.")
    before, after = (resample(to_channels(signal, 1), rate, inside)[0] for signal in (reference, decoded))
    if not (before.any() and after.any()):
        raise MetricError("The signal is silent: this metric gives no figure.")
    return before, after


def _powers(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Power spectra, shape (bins, frames of all channels)."""
    size = max(16, round(_FRAME_SECONDS * rate))
    padded = np.pad(samples.astype(np.float64), ((0, 0), (size // 2, size)))
    window = scipy.signal.get_window("hann", size)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, :: max(1, size // 4)]
    power = np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2
    return np.asarray(power.reshape(-1, power.shape[-1]).T)


def _floored_db(power: NDArray[np.float64], loudest: float) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, loudest * 10 ** (-_FLOOR_DB / 10))))


@lru_cache(maxsize=8)
def _mel_bank(rate: int) -> NDArray[np.float64]:
    """Triangular filters of O'Shaughnessy's mel scale, from 0 Hz to Nyquist, shape (bands, bins)."""
    size = max(16, round(_FRAME_SECONDS * rate))
    bins = np.fft.rfftfreq(size, 1 / rate)
    mels = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), _MELS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    # A low band narrower than a bin would catch none: it is made a bin wide.
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    step = rate / size
    rising = (bins - middle[:, None]) / np.maximum(middle - low, step)[:, None] + 1
    falling = (middle[:, None] - bins) / np.maximum(high - middle, step)[:, None] + 1
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


_VISQOL_PACKAGE = "visqol-python[lattice,accel]"
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("visqol", "ViSQOL", "MOS-LQO", True, False, (("visqol", _VISQOL_PACKAGE),), visqol),
        Metric(
            "visqol_speech",
            "ViSQOL speech",
            "MOS-LQO",
            True,
            True,
            (("visqol", _VISQOL_PACKAGE), ("ai_edge_litert", _VISQOL_PACKAGE)),
            visqol_speech,
        ),
        Metric("pesq", "PESQ", "MOS-LQO", True, True, (("pesq", "pesq"),), pesq),
        Metric("stoi", "STOI", "", True, True, (("pystoi", "pystoi"),), stoi),
        Metric("si_sdr", "SI-SDR", "dB", True, False, (), si_sdr),
        Metric("log_spectral_distance", "Log-spectral distance", "dB", False, False, (), log_spectral_distance),
        Metric("log_mel_distance", "Log-mel distance", "dB", False, False, (), log_mel_distance),
        Metric("tonal_lines", "Tonal lines", "dB", False, False, (), _tonal_lines_of_decoded),
        Metric("mel_distance", "Mel distance, six windows", "decades", False, False, (), mel_distance),
    )
}
"""Every metric by its name."""
