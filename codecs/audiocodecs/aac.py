"""AAC-LC, by FFmpeg's own encoder at a mean bitrate.

The rate inside is 48 kHz, and 32 kHz below 32 kbit/s in mono and 48 kbit/s in stereo: there the encoder
spends less than it is asked to at 48 kHz (22.1 for 24 kbit/s of speech), and PESQ is 2.85 and not 3.29; from
32 kbit/s on the two rates are equal by ViSQOL (3.34 and 3.30). At 24 kHz the encoder overshoots, by 15% on speech.
It does not spend 192 kbit/s on every mono clip: speech takes 170.

The file is M4A, whose edit list states the delay and the exact length. The delay is 1024 samples at the rate
inside (PyAV 18.1, libavcodec 62.28); with these taken away the lag is 0.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("aac@64")
>>> encoded = codec.encode(np.zeros((2, 44101), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(2, 44101)
"""

from __future__ import annotations

from audiocodecs import audio, ffmpeg, pieces
from audiocodecs.base import Codec, CodecError, Encoded, Samples, Spec, check_samples
from audiocodecs.mp4 import read_mp4

_RATE, _LOW_RATE = 48000, 32000
_LEAST_KBPS = {1: 32, 2: 48}
"""Lowest bitrate by the number of channels that is coded at 48 kHz."""


class Aac(Codec):
    """AAC-LC at a mean bitrate."""

    name = "aac"
    title = "AAC-LC"
    values = (24, 32, 48, 64, 96, 128, 192)
    any_from_to = (24, 192)
    options = {}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder."""
        ffmpeg.require("aac")

    @property
    def version(self) -> str:
        """The libraries."""
        return f"FFmpeg's aac; {ffmpeg.versions()}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode to M4A; the payload is the AAC packets."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        coded = _RATE if self.spec.value >= _LEAST_KBPS[checked.shape[0]] else _LOW_RATE
        inside = checked if rate == coded else audio.resample(checked, rate, coded)
        exact = (("fflags", "+bitexact"), ("movie_timescale", str(coded)))
        encoder = ffmpeg.Encoder("aac", "ipod", "fltp", (), exact)
        container, payload = ffmpeg.encode(inside, coded, round(1000 * self.spec.value), encoder)
        return Encoded(payload, container, rate, checked.shape[0], checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with FFmpeg's decoder; delay and length are the file's own."""
        file = read_mp4(encoded.container)
        if file.channels != encoded.channels:
            raise CodecError(f"The M4A file has {file.channels} channels and not {encoded.channels}.")
        blocks = ffmpeg.decode("aac", file.packets, file.rate, file.channels, file.config)
        decoded = pieces.join(blocks, file.channels, file.skip, file.samples)
        if encoded.rate != file.rate:
            decoded = audio.resample(decoded, file.rate, encoded.rate)
        return audio.fit_length(decoded, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an M4A file; its rate is the one inside."""
        file = read_mp4(container)
        return Encoded(b"".join(file.packets), container, file.rate, file.channels, file.samples)
