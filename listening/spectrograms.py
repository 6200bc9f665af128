"""Pictures of what a recording holds over time and frequency, made once per file and kept beside it."""

from __future__ import annotations

import io
import logging

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from audiocodecs import audio
from listening import clips
from listening.models import Clip
from listening.overviews import minutes

COLUMNS, ROWS = 800, 160
"""Of a file of up to a minute; longer ones have as many columns for each minute."""
DEPTH = 90.0
"""dB between the brightest colour and the darkest."""

_WINDOW = 2048
_PER_COLUMN = 4  # spectra, at most
_VERSION = 1  # raised when the picture changes

log = logging.getLogger(__name__)


def of_clip(clip: Clip) -> bytes:
    """The spectrogram of a clip's whole file, as PNG.

    Raises
    ------
    ClipError
        If the file is gone from the storage.
    """
    name = f"spectrograms/{clip.original_sha256[:2]}/{clip.original_sha256}-{_VERSION}.png"
    try:
        with default_storage.open(name) as file:
            return file.read()
    except FileNotFoundError:
        pass
    made = png(levels(clips.original(clip)))
    try:
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(made))
    except OSError as error:  # it is made again when it is next wanted
        log.warning("Spectrogram of clip %d is not stored: %s", clip.pk, error)
    return made


def levels(found: audio.Audio) -> np.ndarray:
    """Levels over time and frequency.

    Parameters
    ----------
    found : Audio

    Returns
    -------
    ndarray of uint8, shape (160, columns)
        First row at half the sample rate, last at 0 Hz, linear; 255 is the loudest place, 0 is 90 dB below it or
        less. The mean power of the channels and of at most four windows of 2048 samples in each column.
    """
    samples = np.pad(found.samples, ((0, 0), (_WINDOW // 2, _WINDOW // 2)))
    n, columns = found.samples.shape[1], round(COLUMNS * minutes(found.seconds))
    centres = ((np.arange(columns * _PER_COLUMN) + 0.5) * n / (columns * _PER_COLUMN)).astype(np.int64)
    window = np.hanning(_WINDOW).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW, axis=1)
    edges = np.linspace(0, _WINDOW // 2, ROWS + 1).astype(int)[:-1]
    power = np.zeros((columns, ROWS))
    for at in range(0, columns, 100):
        there = windows[:, centres[at * _PER_COLUMN : (at + 100) * _PER_COLUMN]] * window
        spectra = (np.abs(np.fft.rfft(there, axis=2)) ** 2).mean(axis=0)
        rows = np.add.reduceat(spectra, edges, axis=1)
        power[at : at + 100] = rows.reshape(-1, _PER_COLUMN, ROWS).mean(axis=1)
    loudest = float(power.max()) or 1.0
    decibels = 10 * np.log10(np.maximum(power / loudest, 10 ** (-DEPTH / 10)))
    return np.round((decibels / DEPTH + 1) * 255).astype(np.uint8).T[::-1]


def png(pixels: np.ndarray) -> bytes:
    """A picture of levels in cividis: even in lightness, and the same with colour-blind eyes.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns)
    """
    from matplotlib.image import imsave  # takes a second to load; only a picture needs it

    buffer = io.BytesIO()
    imsave(buffer, pixels, cmap="cividis", vmin=0, vmax=255, format="png")
    return buffer.getvalue()
