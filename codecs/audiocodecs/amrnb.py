"""AMR narrow-band (3GPP TS 26.071), by opencore-amr through FFmpeg, without discontinuous transmission.

AMR-NB works in mono at 8 kHz. The encoder looks 40 samples (5 ms) ahead, which delays all bands above
500 Hz in every mode (libopencore-amrnb 0.0.5, libavcodec 62.28). `decode` takes that away. The encoder's high-pass
at 80 Hz moves bass notes by another 6 ms: on such music the lag by cross-correlation says little.

The file is the storage format of RFC 4867, section 5.1. It has no checksum: a wrong bit inside a frame
cannot be detected. Of each frame the payload is what follows the type byte, filled to whole bytes:
at 12.2 kbit/s 31 bytes, which measure 12.4 kbit/s.

>>> from audiocodecs.registry import get_codec
>>> import numpy as np
>>> codec = get_codec("amrnb@12.2")
>>> encoded = codec.encode(np.zeros((1, 44101), np.float32), 44100)
>>> codec.decode(encoded)[0].shape
(1, 44101)
"""

from __future__ import annotations

from pathlib import Path

from audiocodecs import audio, ffmpeg, pieces, wheel_libraries
from audiocodecs.base import MOST_SECONDS, Codec, CodecError, Encoded, Samples, Spec, check_samples

_RATE = 8000
_FRAME = 160
_FRAMES_PER_SECOND = _RATE // _FRAME
_DELAY = 40
_MAGIC = b"#!AMR\n"
_FRAME_BYTES = {0: 12, 1: 13, 2: 15, 3: 17, 4: 19, 5: 20, 6: 26, 7: 31}
"""Payload by the frame type (RFC 4867, 5.3; TS 26.101, table 1a): the speech modes."""
_LOST = bytes([15 << 3 | 4])
"""A frame of type 15, "no data"."""
_LIBRARY = "libopencore_amrnb"
_ENCODER = ffmpeg.Encoder(_LIBRARY, "amr", "s16", (("dtx", "0"),), (("fflags", "+bitexact"),))


class AmrNb(Codec):
    """AMR narrow-band in one of its eight modes."""

    name = "amrnb"
    title = "AMR-NB"
    values = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
    channels = frozenset({1})
    options = {}
    concealment = "opencore-amr"

    @classmethod
    def check(cls, spec: Spec | None = None) -> None:
        """Look for the encoder and its library."""
        ffmpeg.require(_LIBRARY)
        _library()

    @property
    def version(self) -> str:
        """The libraries; opencore-amr states its version in its file's name alone."""
        return f"{_library()}, {ffmpeg.versions()}"

    def encode(self, samples: Samples, rate: int) -> Encoded:
        """Encode at 8 kHz; the payload is the frames without the file's header and type bytes."""
        checked = check_samples(samples, self)
        assert self.spec.value is not None
        inside = audio.resample(checked, rate, _RATE)
        padded = audio.fit_length(inside, -(-(inside.shape[1] + _DELAY) // _FRAME) * _FRAME)
        container, _ = ffmpeg.encode(padded, _RATE, round(1000 * self.spec.value), _ENCODER)
        container = container[: len(_MAGIC) + padded.shape[1] // _FRAME * (1 + _FRAME_BYTES[container[6] >> 3])]
        return Encoded(_payload(_frames(container)), container, rate, 1, checked.shape[1])

    def decode(self, encoded: Encoded) -> tuple[Samples, int]:
        """Decode with opencore-amr; the delay is taken away."""
        frames = _frames(encoded.container)
        received = [_LOST if lost else frame for lost, frame in zip(self.lost(len(frames)), frames, strict=True)]
        blocks = ffmpeg.decode(_LIBRARY, received, _RATE, 1)
        sound = pieces.Pieces(_RATE, 1, pieces.span(blocks, _DELAY, _samples(frames)))
        return pieces.fit(sound, encoded.rate, encoded.samples), encoded.rate

    def read(self, container: bytes) -> Encoded:
        """Read an AMR file: whole frames at 8 kHz, as it does not state its length."""
        frames = _frames(container)
        return Encoded(_payload(frames), container, _RATE, 1, _samples(frames))


def _library() -> str:
    return Path(wheel_libraries.load("opencore-amrnb")._name).name


def _samples(frames: list[bytes]) -> int:
    return len(frames) * _FRAME - _DELAY


def _payload(frames: list[bytes]) -> bytes:
    return b"".join(frame[1:] for frame in frames)


def _frames(container: bytes) -> list[bytes]:
    """Frames of a file of one channel, each with its type byte."""
    if container[: len(_MAGIC)] != _MAGIC:
        raise CodecError("This is not an AMR narrow-band file, mono.")
    at = len(_MAGIC)
    found: list[bytes] = []
    while at < len(container):
        size = _FRAME_BYTES.get(container[at] >> 3)
        if size is None or container[at] & 7 != 4:
            raise CodecError(f"The AMR file is damaged in frame {len(found)}: no speech frame begins there.")
        found.append(container[at : at + 1 + size])
        if len(found[-1]) < 1 + size:
            raise CodecError(f"The AMR file is cut off in frame {len(found) - 1}.")
        if len(found) > MOST_SECONDS * _FRAMES_PER_SECOND + 1:  # the delay takes one more
            raise CodecError(f"The AMR file is longer than {MOST_SECONDS} s.")
        at += 1 + size
    if not found:
        raise CodecError("The AMR file holds no frames.")
    return found
