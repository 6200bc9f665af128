"""Stimuli in line with their references: what delay is left, taking it away, and whether two sounds are of one clip."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audiocodecs import audio
from audiocodecs.base import Samples

DELAY_TOLERANCE = 0.001
"""Seconds. A codec's phase response moves the correlation's peak by less; a real delay is more."""
_FRAME_SECONDS = 0.02
_FLOOR_DB = -50.0


class Reference:
    """What stimuli are brought in line with; what that needs of it is made once.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate : int
        Hz.
    """

    def __init__(self, samples: Samples, rate: int) -> None:
        self.samples, self.rate = samples, rate

    @cached_property
    def _correlator(self) -> audio.Correlator:
        return audio.Correlator(self.samples, self.rate)

    def delay_of(self, decoded: Samples) -> int:
        """Samples that are left of a delay.

        Only a delay that waveform and envelope agree on is one: a neural codec keeps too little
        of the waveform for its correlation alone to be believed.
        """
        if np.array_equal(self.samples, decoded):
            return 0
        delay, tolerance = self._correlator.lag(decoded), DELAY_TOLERANCE * self.rate
        if abs(delay) <= tolerance:
            return 0
        agrees = abs(audio.envelope_lag(self.samples, decoded, self.rate) * self.rate - delay) < tolerance
        return delay if agrees else 0


def moved(samples: Samples, delay: int, n: int) -> Samples:
    """Samples without their delay, at a length."""
    shifted = samples[:, delay:] if delay >= 0 else np.pad(samples, ((0, 0), (-delay, 0)))
    return audio.fit_length(shifted, n)


def likeness(reference: Samples, decoded: Samples, rate: int) -> float:
    """How much the course of two sounds' levels has in common.

    Parameters
    ----------
    reference, decoded : ndarray, shape (channels, n)
        In line with each other.
    rate : int
        Hz.

    Returns
    -------
    float
        Pearson's correlation of their levels in dB over frames of 20 ms, each down to 50 dB below its loudest. Near 1
        for a clip through whatever codec, near 0 for two different clips; NaN where a level never changes.
    """
    n = min(reference.shape[1], decoded.shape[1])
    before, after = (_levels(sound[:, :n], rate) for sound in (reference, decoded))
    if before.size < 2 or not (before.std() and after.std()):
        return float("nan")
    return float(np.corrcoef(before, after)[0, 1])


def _levels(samples: Samples, rate: int) -> NDArray[np.float64]:
    frame = max(1, round(_FRAME_SECONDS * rate))
    whole = samples.shape[1] // frame * frame
    power = np.square(samples[:, :whole], dtype=np.float64).sum(axis=0).reshape(-1, frame).mean(axis=1)
    floor = max(float(power.max(initial=0)), 1e-12) * 10 ** (_FLOOR_DB / 10)
    return 10 * np.log10(np.maximum(power, floor))
