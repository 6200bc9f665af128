"""Cutting a clip into a codec's frames of 16-bit samples, and joining what they decode to.

>>> framing = Framing(rate=8000, frame=320, delay=80)
>>> clip = np.zeros((1, 48000), np.float32)
>>> pcm = framing.cut(clip, 48000)
>>> pcm.shape, framing.join(pcm, 48000, 48000).shape
((26, 320, 1), (1, 48000))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodecs import audio
from audiocodecs.base import Samples

Pcm = NDArray[np.int16]
"""16-bit audio in frames, shape (frames, samples of a frame, channels)."""

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Framing:
    """How a codec sees a clip.

    Attributes
    ----------
    rate : int
        Sample rate of the codec in Hz.
    frame : int
        Samples of a frame, of each channel.
    delay : int
        Samples that encoder and decoder together are late.
    """

    rate: int
    frame: int
    delay: int

    def count(self, samples: int, rate: int) -> int:
        """Frames for `samples` at `rate` Hz: the last carries the end of the clip in spite of the delay."""
        inside = samples if rate == self.rate else max(1, round(samples * self.rate / rate))
        return -(-(inside + self.delay) // self.frame)

    def cut(self, samples: Samples, rate: int) -> Pcm:
        """Frames of a clip, shape (channels, n), at `rate` Hz, filled with zeros at the end."""
        inside = samples if rate == self.rate else audio.resample(samples, rate, self.rate)
        pcm = np.zeros((self.count(samples.shape[1], rate), self.frame, len(samples)), np.int16)
        flat = pcm.reshape(-1, len(samples))
        for first in range(0, inside.shape[1], _BLOCK):
            part = inside[:, first : first + _BLOCK].T
            flat[first : first + len(part)] = np.clip(np.rint(part * 32768.0), -32768, 32767)
        return pcm

    def join(self, pcm: Pcm, samples: int, rate: int) -> Samples:
        """The clip of `samples` at `rate` Hz that decoded frames hold, without the delay."""
        flat = pcm.reshape(-1, pcm.shape[2])[self.delay :]
        decoded = np.empty((pcm.shape[2], len(flat)), np.float32)
        np.divide(flat.T, np.float32(32768), out=decoded)
        if rate != self.rate:
            decoded = audio.resample(decoded, self.rate, rate)
        return audio.fit_length(decoded, samples)
