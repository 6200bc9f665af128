"""MP3, by LAME at a constant bitrate.

The sample rate inside is the one that the program `lame` would choose for the bitrate: 24 kHz for
stereo at 64 kbit/s, the clip's own from 128. LAME turns the level down by up to 0.45 dB before it
codes; `decode` takes that back, as listeners compare conditions at equal level. The file carries
LAME's tag, by which the decoder takes the delay of encoder and decoder away and the length comes out
exact.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("mp3@64")
>>> encoded = codec.encode(np.zeros((2, 44101), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(2, 44101)
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from audiocodecs import audio, ffmpeg, lame
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, check_samples

_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_RATES, _MPEG2_RATES = (44100, 48000, 32000), (22050, 24000, 16000)
_ENCODER = ffmpeg.Encoder(
    "libmp3lame", "mp3", "fltp", (), (("fflags", "+bitexact"), ("id3v2_version", "0"), ("write_id3v1", "0"))
)


class Mp3(Codec):
    """MP3 at a constant bitrate, joint stereo."""

    name = "mp3"
    title = "MP3"
    values = (32, 48, 64, 96, 128, 160, 192, 256, 320)
    options = {}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder and the decoder."""
        ffmpeg.require("libmp3lame")
        if "MP3" not in soundfile.available_formats():
            raise CodecUnavailable(
                "The installed libsndfile does not read MP3.",
                "Install the wheel of soundfile from the package index, or libsndfile 1.1.0 or later.",
            )

    @property
    def version(self) -> str:
        """The libraries."""
        return f"cbr; {lame.version()}, {ffmpeg.versions()}, libsndfile {soundfile.__libsndfile_version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at the sample rate that LAME chooses."""
        checked = check_samples(samples, self)
        coded = self._choice(rate, checked.shape[0]).rate
        inside = audio.resample(checked, rate, coded)
        container, _ = ffmpeg.encode(inside, coded, 1000 * self._kbps, _ENCODER)
        return Encoded(_take_apart(container).payload, container, rate, checked.shape[0], checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with libmpg123, which honours LAME's tag, to the level before LAME's own gain."""
        try:
            decoded, rate = soundfile.read(io.BytesIO(encoded.container), dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise CodecError(f"The MP3 file cannot be decoded: {error}.") from error
        if decoded.shape[1] != encoded.channels:
            raise CodecError(f"The MP3 file has {decoded.shape[1]} channels and not {encoded.channels}.")
        decoded /= np.float32(self._choice(rate, encoded.channels).gain)
        return audio.fit_length(audio.resample(decoded.T, rate, encoded.rate), encoded.samples), encoded.rate

    @property
    def _kbps(self) -> int:
        assert self.spec.value is not None
        return round(self.spec.value)

    def _choice(self, rate: int, channels: int) -> lame.Choice:
        return lame.choose(rate, channels, self._kbps)

    def read(self, container: bytes) -> Encoded:
        """Read an MP3 file with LAME's tag, as `encode` writes it; its rate is the one inside."""
        found = _take_apart(container)
        return Encoded(found.payload, container, found.rate, found.channels, found.samples)


@dataclass(frozen=True)
class _File:
    rate: int
    channels: int
    samples: int
    payload: bytes


@dataclass(frozen=True)
class _Frame:
    size: int
    samples: int
    rate: int
    channels: int
    low: bool


def _take_apart(data: bytes) -> _File:
    """Walk the frames: the first holds LAME's tag, the others are the payload."""
    first = _frame(data, 0)
    tag = 4 + ((9 if first.channels == 1 else 17) if first.low else (17 if first.channels == 1 else 32))
    if data[tag : tag + 4] not in (b"Info", b"Xing") or first.size < tag + 144 or len(data) < first.size:
        raise CodecError("The MP3 file has no LAME tag in its first frame: its delay and length are not known.")
    if data[tag + 7] & 15 != 15:
        raise CodecError("The MP3 file is damaged: its LAME tag is not complete.")
    stated = int.from_bytes(data[tag + 8 : tag + 12], "big")
    trims = int.from_bytes(data[tag + 141 : tag + 144], "big")
    at, count = first.size, 0
    while at < len(data):
        frame = _frame(data, at)
        if (frame.rate, frame.channels, frame.samples) != (first.rate, first.channels, first.samples):
            raise CodecError(f"The MP3 file is damaged: it changes its rate or channels in frame {count}.")
        at, count = at + frame.size, count + 1
        if at > len(data):
            raise CodecError(f"The MP3 file is cut off in frame {count} of {stated}.")
    if count != stated:
        raise CodecError(f"The MP3 file has {count} of its {stated} frames: it is cut off.")
    samples = count * first.samples - (trims >> 12) - (trims & 0xFFF)
    if samples <= 0:
        raise CodecError("The MP3 file is damaged: its LAME tag leaves no audio.")
    if samples > MOST_SECONDS * first.rate:
        raise CodecError(f"The MP3 file is longer than {MOST_SECONDS} s.")
    return _File(first.rate, first.channels, samples, data[first.size :])


def _frame(data: bytes, at: int) -> _Frame:
    """Header of an MPEG-1 or MPEG-2 layer III frame (ISO/IEC 11172-3, 2.4.1.3; 13818-3)."""
    header = int.from_bytes(data[at : at + 4], "big") if len(data) - at >= 4 else 0
    version, layer = header >> 19 & 3, header >> 17 & 3
    bitrate, rate = header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version not in (2, 3) or layer != 1 or bitrate in (0, 15) or rate == 3:
        raise CodecError("This is not an MP3 file, or it is damaged.")
    low = version == 2
    hertz = (_MPEG2_RATES if low else _MPEG1_RATES)[rate]
    kbps = (_MPEG2_KBPS if low else _MPEG1_KBPS)[bitrate]
    samples = 576 if low else 1152
    size = samples // 8 * kbps * 1000 // hertz + (header >> 9 & 1)
    return _Frame(size, samples, hertz, 1 if header >> 6 & 3 == 3 else 2, low)
