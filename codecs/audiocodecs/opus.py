"""Opus, by libopus.

Constrained variable rate: plain variable rate overshoots by 73% on tonal music at
24 kbps, and constant rate is audibly worse at 6. 20 ms frames. Decoded by libopus
through libsndfile, since FFmpeg's own Opus decoder is another one. `voip` adds a
high-pass whose phase moves bass notes: on such music the lag by cross-correlation says
little.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("opus@12")
>>> encoded = codec.encode(np.zeros((1, 44100), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(1, 44100)
"""

from __future__ import annotations

import io

import numpy as np
import soundfile

from audiocodecs import audio, ffmpeg
from audiocodecs.base import Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, check_samples
from audiocodecs.ogg import OPUS_RATE, OpusFile, read_opus

_WIDEBAND_SILK, _HYBRID = range(8, 12), range(12, 16)


class Opus(Codec):
    """Opus at a target bitrate; `application` is `audio` or `voip`."""

    name = "opus"
    title = "Opus"
    values = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
    options = {"application": ("audio", "voip")}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder and the decoder."""
        ffmpeg.require("libopus")
        if "OPUS" not in soundfile.available_subtypes("OGG"):
            raise CodecUnavailable(
                "The installed libsndfile does not read Opus.",
                "Install the wheel of soundfile from the package index, or libsndfile 1.0.29 or later.",
            )

    @property
    def version(self) -> str:
        """The libraries."""
        return f"constrained vbr, 20 ms; {ffmpeg.versions()}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 48 kHz to Ogg; the payload is the Opus packets."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        encoder = ffmpeg.Encoder(
            "libopus",
            "ogg",
            "flt",
            (
                ("vbr", "constrained"),
                ("application", self.spec.option("application", "audio")),
                ("frame_duration", "20"),
            ),
            (("fflags", "+bitexact"),),
        )
        inside = audio.resample(checked, rate, OPUS_RATE)
        container, payload = ffmpeg.encode(inside, OPUS_RATE, round(self.spec.value * 1000), encoder)
        return Encoded(payload, container, rate, checked.shape[0], checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with libopus; pre-skip and end trim are the file's own."""
        early = _early(read_opus(encoded.container))
        try:
            decoded, rate = soundfile.read(io.BytesIO(encoded.container), dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise CodecError(f"The Opus file cannot be decoded: {error}.") from error
        if decoded.shape[1] != encoded.channels:
            raise CodecError(f"The Opus file has {decoded.shape[1]} channels and not {encoded.channels}.")
        timed = np.pad(decoded.T, ((0, 0), (round(early * rate / OPUS_RATE), 0)))[:, : decoded.shape[0]]
        return audio.fit_length(audio.resample(timed, rate, encoded.rate), encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an Ogg Opus file; its rate is 48 kHz, whatever was encoded."""
        found = read_opus(container)
        return Encoded(found.payload, container, OPUS_RATE, found.channels, found.samples)


def _early(file: OpusFile) -> int:
    """Samples at 48 kHz that the decoded file is early.

    Measured with libopus 1.6, band by band: its wide-band SILK layer comes out 2.25
    samples early (47 microseconds), in hybrid packets with the CELT layer above it in
    time. Most packets decide, so that the whole clip is moved by one amount.
    """
    half = len(file.configurations) / 2
    if sum(one in _WIDEBAND_SILK for one in file.configurations) > half:
        return 2
    return 1 if sum(one in _HYBRID for one in file.configurations) > half else 0
