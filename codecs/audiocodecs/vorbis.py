"""Vorbis, by libvorbis through libsndfile, at the quality that gives each clip the bitrate.

libvorbis has a quality and no bitrate here: `encode` looks for the quality whose measured payload comes nearest to
the bitrate, which takes some five encodings, and twelve at most. It codes at 48 kHz, or at 32 or 24 kHz where the
lowest quality at 48 kHz needs more than the bitrate: mostly stereo at 48 kbit/s. Where even the highest quality
needs less (silence, telephone speech), it takes the highest. Delay and length are the file's own; the lag is 0
samples (libVorbis I 20200704, libsndfile 1.2.2).

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("vorbis@64")
>>> encoded = codec.encode(np.zeros((2, 44101), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(2, 44101)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np
import soundfile
import soxr

from audiocodecs import audio, pieces
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, CodecUnavailable, Encoded, Samples, Spec, check_samples
from audiocodecs.ogg import take_packets, with_serial

_RATES = (48000, 32000, 24000)
_HEADERS = 3
_IDENTIFICATION = struct.Struct("<7sIBIiiiBB")
_NEAR = 0.01
_MOST_TRIES = 8


class Vorbis(Codec):
    """Vorbis at a bitrate that is measured on each clip."""

    name = "vorbis"
    title = "Vorbis"
    values = (48, 64, 80, 96, 128, 192)
    any_from_to = (48, 192)
    options = {}

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder."""
        if "VORBIS" not in soundfile.available_subtypes("OGG"):
            raise CodecUnavailable(
                "The installed libsndfile does not write Vorbis.",
                "Install the wheel of soundfile from the package index.",
            )

    @property
    def version(self) -> str:
        """The libraries."""
        return f"{_vendor()}, libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode to Ogg; the payload is the Vorbis packets after the three headers."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        payload_bytes = self.spec.value * 1000 / 8 * checked.shape[1] / rate
        container, payload = _search(checked, rate, payload_bytes)
        return Encoded(payload, container, rate, checked.shape[0], checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with libvorbis; the length is the file's own."""
        file = _take_apart(encoded.container)
        if file.channels != encoded.channels:
            raise CodecError(f"The Vorbis file has {file.channels} channels and not {encoded.channels}.")
        blocks = pieces.span(_decode(encoded.container, file.rate), 0, file.samples)
        sound = pieces.Pieces(file.rate, file.channels, blocks)
        return pieces.fit(sound, encoded.rate, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an Ogg Vorbis file; its rate is the one inside."""
        file = _take_apart(container)
        return Encoded(file.payload, container, file.rate, file.channels, file.samples)


@dataclass(frozen=True)
class _File:
    rate: int
    channels: int
    samples: int
    payload: bytes


def _search(samples: Samples, rate: int, size: float) -> tuple[bytes, bytes]:
    """File and payload of the quality whose payload has nearly `size` bytes."""
    for coded in _RATES:
        inside = samples if rate == coded else audio.resample(samples, rate, coded)
        lowest = best = _encode(inside, coded, 0.0)
        if len(lowest[1]) <= size * (1 + _NEAR):
            break
    else:
        return best
    highest = _encode(inside, coded, 1.0)
    if len(highest[1]) <= size:
        return highest
    low, high = (0.0, log(max(1, len(lowest[1])) / size)), (1.0, log(len(highest[1]) / size))
    for _ in range(_MOST_TRIES):
        if abs(len(best[1]) / size - 1) <= _NEAR:
            break
        # The rate grows nearly exponentially; the middle now and then keeps the interval from shrinking on one side.
        share = -low[1] / (high[1] - low[1]) if high[1] > low[1] else 0.5
        quality = low[0] + min(0.9, max(0.1, share)) * (high[0] - low[0])
        found = _encode(inside, coded, quality)
        excess = log(max(1, len(found[1])) / size)
        best = min(best, found, key=lambda one: abs(len(one[1]) - size))
        low, high = (low, (quality, excess)) if excess > 0 else ((quality, excess), high)
    return best


def _encode(samples: Samples, rate: int, quality: float) -> tuple[bytes, bytes]:
    file = io.BytesIO()
    settings = {"format": "OGG", "subtype": "VORBIS", "compression_level": 1 - quality}
    with soundfile.SoundFile(file, "w", rate, samples.shape[0], **settings) as sound:
        for start in range(0, samples.shape[1], rate):
            sound.write(samples[:, start : start + rate].T)
    container = with_serial(file.getvalue(), 0)  # libsndfile's is drawn by chance
    return container, b"".join(take_packets(container)[0][_HEADERS:])


def _decode(container: bytes, rate: int) -> Iterator[Samples]:
    try:
        with soundfile.SoundFile(io.BytesIO(container)) as sound:
            while (block := sound.read(rate, "float32", always_2d=True)).size:
                yield block.T
    except soundfile.SoundFileError as error:
        raise CodecError(f"The Vorbis file cannot be decoded: {error}.") from error


def _take_apart(data: bytes) -> _File:
    """Check the headers (Vorbis I, 4.2.1 and 4.2.2) and the length."""
    packets, samples = take_packets(data)
    if len(packets) <= _HEADERS or [packet[:7] for packet in packets[:_HEADERS]] != [
        bytes([kind]) + b"vorbis" for kind in (1, 3, 5)
    ]:
        raise CodecError("This Ogg file is not Vorbis, or holds no audio.")
    if len(packets[0]) != _IDENTIFICATION.size:
        raise CodecError("The Vorbis file is damaged: its header has a wrong length.")
    _, version, channels, rate, _, _, _, blocks, framing = _IDENTIFICATION.unpack(packets[0])
    short, long = blocks & 15, blocks >> 4
    if version or not framing & 1 or not 6 <= short <= long <= 13:
        raise CodecError("The Vorbis file is damaged: its header states what Vorbis does not have.")
    if channels not in (1, 2) or not 8000 <= rate <= 96000:
        raise CodecError("This Vorbis file is not mono or stereo at 8 to 96 kHz.")
    if not 0 < samples <= (len(packets) - _HEADERS) << (long - 1):
        raise CodecError("The Vorbis file is damaged: its packets do not give the length that it states.")
    if samples > MOST_SECONDS * rate:
        raise CodecError(f"The Vorbis file is longer than {MOST_SECONDS} s.")
    return _File(rate, channels, samples, b"".join(packets[_HEADERS:]))


@cache
def _vendor() -> str:
    """The encoder's name in the comment header (Vorbis I, 5.2.1)."""
    comment = take_packets(_encode(np.zeros((1, 1), np.float32), _RATES[0], 0.5)[0])[0][1]
    return comment[11 : 11 + int.from_bytes(comment[7:11], "little")].decode()
