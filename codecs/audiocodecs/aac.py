"""AAC-LC, by FFmpeg's own encoder at a mean bitrate.

FFmpeg's encoder keeps the bitrate on average over clips, not on each: speech at 96 kbit/s takes 104, stereo
music at 24 takes 22, and mono speech never more than about 170. `Encoded.kbps` is what a clip took.

The rate inside is 48 kHz, or 32 kHz below 32 kbit/s in mono and 48 kbit/s in stereo. Speech at 24 kbit/s takes
22.1 at 48 kHz with a PESQ of 2.85, 24.5 at 32 kHz with 3.29, and 24.8 at 24 kHz with 2.78. From 32 kbit/s
upwards ViSQOL finds 48 kHz as good as 32 (speech: 3.34 and 3.30; guitar: 4.63 and 4.61).

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
        sound = pieces.Pieces(file.rate, file.channels, pieces.span(blocks, file.skip, file.samples))
        return pieces.fit(sound, encoded.rate, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an M4A file; its rate is the one inside."""
        file = read_mp4(container)
        return Encoded(b"".join(file.packets), container, file.rate, file.channels, file.samples)
