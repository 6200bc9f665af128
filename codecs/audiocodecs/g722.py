"""G.722, 64 kbit/s wide-band speech (ITU-T G.722, 1988), by FFmpeg.

G.722 works in mono at 16 kHz. The two filter banks delay by 22 samples at 16 kHz (libavcodec 62.28:
the lag is 22 on speech and music); `encode` appends as many, `decode` leaves out the first ones.

The file holds the code words alone, a byte for two samples. It has no header, so `read` takes any bytes, cannot
detect damage, and returns an odd length as one sample longer.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("g722@64")
>>> encoded = codec.encode(np.zeros((1, 44101), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(1, 44101)
"""

from __future__ import annotations

from collections.abc import Iterator

from audiocodecs import audio, ffmpeg, pieces
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, check_samples

_RATE = 16000
_DELAY = 22
_BYTES_PER_SECOND = 8000
_ENCODER = ffmpeg.Encoder("g722", "g722", "s16")


class G722(Codec):
    """G.722 in its mode 1, 64 kbit/s."""

    name = "g722"
    title = "G.722"
    values = (64,)
    channels = frozenset({1})
    options = {}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder."""
        ffmpeg.require("g722")

    @property
    def version(self) -> str:
        """The libraries."""
        return f"FFmpeg's g722; {ffmpeg.versions()}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 16 kHz; the payload is the whole file."""
        checked = check_samples(samples, self)
        inside = audio.resample(checked, rate, _RATE)
        padded = audio.fit_length(inside, inside.shape[1] + _DELAY)
        container, payload = ffmpeg.encode(padded, _RATE, 8 * _BYTES_PER_SECOND, _ENCODER)
        return Encoded(payload, container, rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode; the delay is taken away."""
        file = self.read(encoded.container)
        blocks = ffmpeg.decode("g722", _seconds(file.payload), _RATE, 1)
        sound = pieces.Pieces(_RATE, 1, pieces.span(blocks, _DELAY, file.samples))
        return pieces.fit(sound, encoded.rate, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read a file of code words; its rate is 16 kHz, whatever was encoded."""
        samples = 2 * len(container) - _DELAY
        if samples <= 0:
            raise CodecError("The G.722 file holds no audio beyond the codec's delay: it is cut off.")
        if samples > MOST_SECONDS * _RATE:
            raise CodecError(f"The G.722 file is longer than {MOST_SECONDS} s.")
        return Encoded(container, container, _RATE, 1, samples)


def _seconds(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _BYTES_PER_SECOND] for at in range(0, len(data), _BYTES_PER_SECOND))
