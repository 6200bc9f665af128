"""A file for the frames of codecs that define no file: LC3, Codec 2 and Speex.

All numbers are little-endian: `FRMS`, a version byte 1, the codec's name (8 bytes of ASCII, filled
with zeros), the channels (1 byte), the bitrate in bit/s (uint32), the sample rate (uint32) and the
length (uint64) of the input, the bytes of the frames (uint64), the CRC-32 of all this and the frames
(uint32), and the frames. Frames that are no whole number of bytes follow each other bit by bit, the
first in the high bit of a byte; zeros fill the last byte.

>>> file = FramesFile("codec2", 1300, 1, 8000, 320, pack(np.zeros((1, 7), np.uint8), 52))
>>> read(write(file), "codec2", "Codec 2") == file
True
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import MOST_SECONDS, CodecError

_HEADER = struct.Struct("<4sB8sBIIQQ")
_CHECKSUM = struct.Struct("<I")
_MAGIC, _VERSION = b"FRMS", 1
_INPUT_RATES = (4000, 768000)
_TOGETHER = 8192  # frames packed at once: of any 8, the bits fill whole bytes


@dataclass(frozen=True)
class FramesFile:
    """What such a file holds.

    Attributes
    ----------
    codec : str
        Registered name, at most 8 characters.
    bitrate : int
        bit/s of all channels together.
    channels, rate, samples : int
        Of the input; the rate in Hz.
    payload : bytes
        The frames.
    """

    codec: str
    bitrate: int
    channels: int
    rate: int
    samples: int
    payload: bytes


def write(file: FramesFile) -> bytes:
    """Bytes of the file."""
    header = _HEADER.pack(
        *(_MAGIC, _VERSION, file.codec.encode("ascii"), file.channels, file.bitrate),
        *(file.rate, file.samples, len(file.payload)),
    )
    checksum = _CHECKSUM.pack(zlib.crc32(file.payload, zlib.crc32(header)))
    return b"".join((header, checksum, file.payload))


def read(container: bytes, codec: str, title: str) -> FramesFile:
    """Read a file of the codec named `codec`, called `title` in errors.

    Raises
    ------
    CodecError
        If it is not such a file, damaged, cut off or longer than `MOST_SECONDS`. Whether its
        bitrate exists and its frames fit its length is for the codec to check.
    """
    start = _HEADER.size + _CHECKSUM.size
    what = f"file of {title} frames"
    if len(container) < start or container[:4] != _MAGIC:
        raise CodecError(f"This is not a {what}.")
    _, version, name, channels, bitrate, rate, samples, size = _HEADER.unpack_from(container)
    if version != _VERSION:
        raise CodecError(f"The {what} is of version {version}; version {_VERSION} is read.")
    if name != codec.encode("ascii").ljust(8, b"\0"):
        raise CodecError(f"This is not a {what}: it names another codec.")
    if not _INPUT_RATES[0] <= rate <= _INPUT_RATES[1] or samples == 0:
        raise CodecError(f"The {what} is damaged: its header makes no sense.")
    if samples > MOST_SECONDS * rate:
        raise CodecError(f"The {what} is longer than {MOST_SECONDS} s.")
    payload = container[start:]
    if len(payload) < size:
        raise CodecError(f"The {what} is cut off: {len(payload)} of {size} bytes.")
    if len(payload) > size:
        raise CodecError(f"The {what} goes on after its end.")
    (checksum,) = _CHECKSUM.unpack_from(container, _HEADER.size)
    if zlib.crc32(payload, zlib.crc32(container[: _HEADER.size])) != checksum:
        raise CodecError(f"The {what} is damaged: its checksum is wrong.")
    return FramesFile(codec, bitrate, channels, rate, samples, payload)


def packed_bytes(frames: int, bits: int) -> int:
    """Bytes of `frames` frames of `bits` bits."""
    return -(-frames * bits // 8)


def pack(frames: NDArray[np.uint8], bits: int) -> bytes:
    """Frames, shape (frames, bytes), without the padding after the `bits` bits of each."""
    return b"".join(
        np.packbits(np.unpackbits(frames[some], axis=1, count=bits)).tobytes() for some in _slices(len(frames))
    )


def unpack(payload: bytes, frames: int, bits: int) -> NDArray[np.uint8]:
    """Frames, shape (frames, bytes), each padded with zeros, of what `pack` returned."""
    packed = np.frombuffer(payload, np.uint8)
    found = np.empty((frames, -(-bits // 8)), np.uint8)
    for some in _slices(frames):
        count = some.stop - some.start
        part = packed[some.start * bits // 8 : packed_bytes(some.stop, bits)]
        found[some] = np.packbits(np.unpackbits(part, count=count * bits).reshape(count, bits), axis=1)
    return found


def _slices(frames: int) -> Iterator[slice]:
    for first in range(0, frames, _TOGETHER):
        yield slice(first, min(first + _TOGETHER, frames))
