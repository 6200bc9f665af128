"""A stimulus beside its reference: spectrograms of both and of their difference, and the difference to listen to."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from audiocodecs import audio
from audiocodecs.base import Samples
from listening import clips, sound_limits
from listening.models import Rendering
from listening.storage import store_once

KINDS = ("reference", "stimulus", "difference")
DEPTH_DB = 80.0
"""dB between the brightest colour and the darkest."""
SILENCE_DB = -140.0
GAIN_STEP_DB, MOST_GAIN_DB, HEADROOM_DB = 6.0, 36.0, -1.0
_DRAWING = 1  # raised when the pictures change: a picture's name is made of it
_WINDOW_SECONDS = 0.04
_COLUMNS = 700


@dataclass(frozen=True)
class Difference:
    """What a stimulus has that its reference has not, and the other way round.

    Attributes
    ----------
    reference, stimulus : ndarray, shape (channels, n)
        As raters hear them, of one length.
    rate : int
        Hz.
    """

    reference: Samples
    stimulus: Samples
    rate: int

    @cached_property
    def samples(self) -> Samples:
        """Stimulus minus reference."""
        return self.stimulus - self.reference

    @property
    def nothing(self) -> bool:
        """Whether the two are equal, to the sample."""
        return not self.samples.any()

    @property
    def gain_db(self) -> float:
        """Gain at which the difference is played: in steps of 6 dB, as loud as goes without clipping, at most +36."""
        if self.nothing:
            return 0.0
        peak = 20 * math.log10(float(np.abs(self.samples).max()))
        return min(MOST_GAIN_DB, GAIN_STEP_DB * math.floor((HEADROOM_DB - peak) / GAIN_STEP_DB))

    @property
    def level_db(self) -> float | None:
        """Power of the difference against that of the reference, dB; None where either has none."""
        power, its = (float(np.square(each, dtype=np.float64).sum()) for each in (self.samples, self.reference))
        return 10 * math.log10(power / its) if power and its else None


def difference_of(rendering: Rendering) -> Difference:
    """Read a finished rendering's two sounds."""
    reference = clips.reference_samples(rendering.clip)
    with rendering.stimulus.open("rb") as file:
        stimulus = sound_limits.read(file).samples
    return Difference(reference, audio.fit_length(stimulus, reference.shape[1]), rendering.clip.study.rate)


def difference_file(rendering: Rendering) -> str:
    """Name in the storage of the difference as a WAV file at `Difference.gain_db`; written when first asked for."""
    key = _key(rendering, "sound")
    name = _name("differences", key, ".wav")
    if not default_storage.exists(name):
        found = difference_of(rendering)
        buffer = io.BytesIO()
        audio.write_wav(buffer, found.samples * np.float32(10 ** (found.gain_db / 20)), found.rate)
        store_once("differences", key, ".wav", buffer.getvalue())
    return name


def picture(rendering: Rendering, kind: str) -> bytes:
    """PNG of a spectrogram; drawn when first asked for.

    Parameters
    ----------
    rendering : Rendering
        Done.
    kind : str
        One of `KINDS`. The difference is drawn without its gain: the three pictures have the scale of the reference.
    """
    key = _key(rendering, kind)
    name = _name("spectrograms", key, ".png")
    if not default_storage.exists(name):
        found = difference_of(rendering)
        sounds = {"reference": found.reference, "stimulus": found.stimulus, "difference": found.samples}
        loudest = float(levels(found.reference, found.rate)[0].max())
        store_once("spectrograms", key, ".png", spectrogram_png(sounds[kind], found.rate, 10 * math.ceil(loudest / 10)))
    with default_storage.open(name) as file:
        return bytes(file.read())


def levels(samples: Samples, rate: int) -> tuple[NDArray[np.float64], float]:
    """Levels over frequency and time.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate : int
        Hz.

    Returns
    -------
    ndarray, shape (frequencies, columns)
        dB against a sine at full scale; power summed over channels. First row 0 Hz, last row rate / 2, linear.
    step : float
        Seconds from one column to the next.
    """
    window = np.hanning(size := 2 ** round(math.log2(_WINDOW_SECONDS * rate)))
    hop = max(size // 8, -(-samples.shape[1] // _COLUMNS))
    padded = np.pad(samples, ((0, 0), (size // 2, size // 2 + hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, : samples.shape[1] : hop]
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=2)) / (window.sum() / 2)).mean(axis=0)
    return 10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10))).T, hop / rate


def spectrogram_png(samples: Samples, rate: int, top_db: float) -> bytes:
    """Draw a spectrogram with its axes and scale, in cividis: even in lightness, and the same with colour-blind eyes.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate : int
        Hz.
    top_db : float
        Level of the brightest colour, dB re a sine at full scale; the darkest is `DEPTH_DB` below it.

    Returns
    -------
    bytes
        PNG of 728 x 504.
    """
    from matplotlib.figure import Figure  # takes a second to load; only a picture needs it

    found, step = levels(samples, rate)
    figure = Figure(figsize=(5.2, 3.6), dpi=140, layout="constrained")
    axes = figure.add_subplot()
    extent = (0.0, found.shape[1] * step, 0.0, rate / 2000)
    image = axes.imshow(
        found, origin="lower", aspect="auto", extent=extent, cmap="cividis", vmin=top_db - DEPTH_DB, vmax=top_db
    )
    axes.set_xlim(0, samples.shape[1] / rate)
    axes.set_xlabel("Time, s")
    axes.set_ylabel("Frequency, kHz")
    figure.colorbar(image, ax=axes, label="Level, dB re full-scale sine", pad=0.02)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _key(rendering: Rendering, kind: str) -> str:
    """Hash of all that a picture or sound is made from; that of a reference is the same for all its stimuli."""
    stimulus = "" if kind == "reference" else rendering.stimulus_sha256
    parts = (str(_DRAWING), kind, rendering.clip.reference_sha256, stimulus)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _name(folder: str, key: str, suffix: str) -> str:
    return f"{folder}/{key[:2]}/{key}{suffix}"
