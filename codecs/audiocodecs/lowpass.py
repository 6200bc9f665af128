"""The hidden reference and the low-pass anchors: nothing is coded.

The 3.5 kHz anchor keeps the mask of ITU-R BS.1534-3: ripple within 0.1 dB up to
3.5 kHz, at least 25 dB down at 4 kHz and 50 dB at 4.5 kHz. The 7 kHz anchor is as
steep in proportion. Linear phase, with the delay of the filter taken away.

>>> from audiocodecs.lowpass import low_pass
>>> import numpy as np
>>> low_pass(np.ones((1, 1), np.float32), 48000, 3500).shape
(1, 1)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy  # whose parts load when they are first used
from numpy.typing import NDArray

from audiocodecs.base import Codec, CodecError, Encoded, Samples, Spec, check_samples

_ATTENUATION_DB = 56.0
_STOP_RATIO = 1.16
"""Where the design's attenuation is reached, as a multiple of the pass-band edge: 4.2 kHz for 3.5 kHz."""


class _Uncoded(Codec):
    """What the two share: the samples travel as they are."""

    options = {}

    @classmethod
    def nominal_kbps(cls, spec: Spec) -> float | None:
        """Nothing is coded."""
        return None

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """The samples as `encode` left them."""
        if encoded.passthrough is None:
            raise CodecError(f"{self.title} codes nothing: there are no samples in this. Encode the clip again.")
        return encoded.passthrough.copy(), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Refuse: there is no such file."""
        raise CodecError(f"{self.title} codes nothing and has no file format. Use a WAV file.")

    def _wrap(self, samples: Samples, rate: int) -> Encoded:
        return Encoded(b"", b"", rate, samples.shape[0], samples.shape[1], samples)


class Reference(_Uncoded):
    """The clip itself."""

    name = "reference"
    title = "Reference"

    @property
    def version(self) -> str:
        """The same for ever."""
        return "identity 1"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Keep the samples, to the bit."""
        return self._wrap(check_samples(samples, self).copy(), rate)


class Lowpass(_Uncoded):
    """A low-pass anchor; the value of the spec is its pass-band edge in Hz."""

    name = "lowpass"
    title = "Low-pass"
    values = (3500, 7000)

    @classmethod
    def words(cls, spec: Spec) -> str:
        """Low-pass 3.5 kHz."""
        return f"{cls.title} {(spec.value or 0) / 1000:g} kHz"

    @property
    def version(self) -> str:
        """Changes with the design of the filter."""
        return f"kaiser fir 1, {_ATTENUATION_DB:g} dB at {_STOP_RATIO:g}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Filter the samples."""
        assert self.spec.value is not None
        return self._wrap(low_pass(check_samples(samples, self), rate, self.spec.value), rate)


def low_pass(samples: Samples, rate: int, edge: float) -> Samples:
    """Filter without delay.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    rate : int
        Hz. Where the middle of the transition is beyond Nyquist, the samples are
        returned as they are.
    edge : float
        End of the pass-band in Hz: 3500 or 7000.

    Returns
    -------
    ndarray of float32, shape (channels, n)
        The clip is continued by its mirror image at both ends, so that a clip that
        starts or ends in sound does so at its own level.
    """
    taps = design(rate, edge)
    half = taps.size // 2
    padded = np.pad(samples.astype(np.float64), ((0, 0), (half, half)), mode="reflect")
    found = scipy.signal.oaconvolve(padded, taps[None], mode="valid", axes=1)
    return np.ascontiguousarray(found, dtype=np.float32)


@lru_cache(maxsize=32)
def design(rate: int, edge: float) -> NDArray[np.float64]:
    """Taps of the linear-phase filter: odd in number, symmetric, unit gain at 0 Hz.

    References
    ----------
    ITU-R BS.1534-3, clause 5.1 (anchors); Kaiser's window formulas.
    """
    stop = edge * _STOP_RATIO
    middle = (edge + stop) / 2
    if middle >= rate / 2:
        return np.ones(1)
    count, beta = scipy.signal.kaiserord(_ATTENUATION_DB, (stop - edge) / (rate / 2))
    return np.asarray(scipy.signal.firwin(count | 1, middle, window=("kaiser", beta), fs=rate))
