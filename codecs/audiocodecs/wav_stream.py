"""WAV read and written piece by piece, in pipes too, where nobody knows the length at the start.

A program that writes WAV into a pipe cannot go back to put the length into the header, and
writes 0 or about 2**32 there. Reading takes such a size for "until the end", and writing uses
2**32 - 1 where the length is not known.

>>> import io
>>> import numpy as np
>>> file = io.BytesIO()
>>> writer = WavWriter(file, 24_000, 1)
>>> for _ in range(3):
...     writer.write(np.zeros((1, 100), np.float32))
>>> writer.close()
>>> pieces = read(io.BytesIO(file.getvalue()))
>>> pieces.rate, pieces.samples, sum(block.shape[1] for block in pieces.blocks)
(24000, 300, 300)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError, Samples
from audiocodecs.pieces import Pieces

START = 12
"""Bytes that tell WAV from other formats."""
UNKNOWN = 0xFFFFFFFF
_LARGEST_KNOWN = 0x7FFFF000  # beyond it are the sizes that programs write into pipes
_BLOCK_SECONDS = 1
_HEADER_BYTES = 44
_MOST_CHUNK = 1 << 20
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class _Format:
    kind: int
    channels: int
    rate: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def read(stream: BinaryIO, start: bytes = b"") -> Pieces:
    """Read the header of a WAV stream, and its samples as they are asked for.

    Parameters
    ----------
    stream : binary file
        Need not be seekable.
    start : bytes
        The first START bytes, if they have been taken from it already.

    Returns
    -------
    Pieces
        A second at a time; `samples` is None where the header does not say.

    Raises
    ------
    CodecError
        If it is not WAV, or of a kind that is not read here. While it is read: if it is cut off.
    """
    start = start or stream.read(START)
    if start[:4] not in (b"RIFF", b"RF64") or start[8:12] != b"WAVE":
        raise CodecError("The stream is not WAV: it does not start with RIFF and WAVE.")
    found: _Format | None = None
    wide = None  # the true size where RF64 has it
    while True:
        name, size = _chunk(stream)
        if name == b"data":
            break
        if size > _MOST_CHUNK:
            raise CodecError(
                f"The WAV stream has a chunk {name!r} of {size} bytes ahead of its samples: it is damaged."
            )
        content = _exactly(stream, size + size % 2)
        if name == b"fmt ":
            found = _format(content)
        elif name == b"ds64" and size >= 16:
            wide = struct.unpack_from("<Q", content, 8)[0]
    if found is None:
        raise CodecError("The WAV stream does not say what its samples are (no chunk fmt): it is damaged.")
    if size == UNKNOWN and wide:
        size, known = wide, True
    else:
        known = 0 < size < _LARGEST_KNOWN
    frames = size // found.frame_bytes if known else None
    return Pieces(found.rate, found.channels, _blocks(stream, found, frames), frames)


class WavWriter:
    """Writes 16-bit PCM piece by piece, as `audio.write_wav` does at once.

    Parameters
    ----------
    stream : binary file
        Where it can be sought, `close` puts the true length into the header.
    rate, channels : int
    samples : int, optional
        Length, where it is known: then the header is right from the start.

    Attributes
    ----------
    clipped : int
        Samples written so far that exceeded full scale.
    """

    def __init__(self, stream: BinaryIO, rate: int, channels: int, samples: int | None = None) -> None:
        self._stream, self._rate, self._channels, self._expected = stream, rate, channels, samples
        self._written = 0
        self.clipped = 0
        stream.write(header(rate, channels, samples))

    def write(self, samples: Samples) -> None:
        """Append samples (channels, n)."""
        self._stream.write(pcm16(samples))
        self.clipped += count_clipped(samples)
        self._written += samples.shape[1]

    def close(self) -> None:
        """Put the length into the header if it is not there and the stream can be sought; leaves the stream open."""
        if self._expected != self._written and self._stream.seekable():
            end = self._stream.tell()
            start = end - self._written * self._channels * 2 - _HEADER_BYTES
            self._stream.seek(start)
            self._stream.write(header(self._rate, self._channels, self._written))
            self._stream.seek(end)
        self._stream.flush()


def header(rate: int, channels: int, samples: int | None) -> bytes:
    """The plain header of 44 bytes of 16-bit PCM; sizes of 2**32 - 1 where the length is unknown or has no room."""
    size = UNKNOWN if samples is None else min(UNKNOWN, samples * channels * 2)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", min(UNKNOWN, 36 + size), b"WAVE"),
        *(b"fmt ", 16, _PCM, channels, rate, rate * channels * 2, channels * 2, 16),
        *(b"data", size),
    )


def pcm16(samples: Samples) -> bytes:
    """16-bit PCM of samples (channels, n): multiples of 1/32768, no dither, clipped beyond full scale."""
    scaled = samples.T * np.float32(32768)  # exact: a power of two
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -32768, 32767, out=scaled).astype("<i2").tobytes()


def count_clipped(samples: Samples) -> int:
    """How many of all channels' samples `pcm16` clips."""
    scaled = np.rint(samples * np.float32(32768))
    return int(np.count_nonzero((scaled < -32768) | (scaled > 32767)))


def _chunk(stream: BinaryIO) -> tuple[bytes, int]:
    name, size = struct.unpack("<4sI", _exactly(stream, 8))
    return name, size


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise CodecError("The WAV stream is cut off inside its header.")
    return data


def _format(content: bytes) -> _Format:
    if len(content) < 16:
        raise CodecError("The WAV stream is damaged: its chunk fmt is too short.")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content)
    if kind == _EXTENSIBLE and len(content) >= 26:
        kind = struct.unpack_from("<H", content, 24)[0]
    if (kind, bits) not in _READERS:
        raise CodecError(f"The WAV stream holds samples of kind {kind} with {bits} bits. Send 16-bit PCM.")
    if not 1 <= channels <= 32 or not 4000 <= rate <= 768_000:
        raise CodecError(f"The WAV stream says {channels} channels at {rate} Hz: it is damaged.")
    return _Format(kind, channels, rate, bits)


def _blocks(stream: BinaryIO, found: _Format, frames: int | None) -> Iterator[Samples]:
    convert = _READERS[found.kind, found.bits]
    left = frames
    while left is None or left > 0:
        count = found.rate * _BLOCK_SECONDS if left is None else min(left, found.rate * _BLOCK_SECONDS)
        data = stream.read(count * found.frame_bytes)
        whole = len(data) // found.frame_bytes
        if whole:
            yield convert(data[: whole * found.frame_bytes]).reshape(whole, found.channels).T
        if left is not None:
            left -= whole
        if whole < count:
            if left:
                raise CodecError(f"The WAV stream is cut off: {left} of {frames} samples are missing.")
            return


def _signed(data: bytes, bits: int) -> Samples:
    return (np.frombuffer(data, f"<i{bits // 8}") / np.float32(1 << (bits - 1))).astype(np.float32)


def _pcm8(data: bytes) -> Samples:
    return ((np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128).astype(np.float32)


def _pcm24(data: bytes) -> Samples:
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    numbers: NDArray[np.int32] = wide.view("<i4").reshape(-1)
    return (numbers / np.float32(1 << 31)).astype(np.float32)


_READERS: dict[tuple[int, int], Callable[[bytes], Samples]] = {
    (_PCM, 8): _pcm8,
    (_PCM, 16): lambda data: _signed(data, 16),
    (_PCM, 24): _pcm24,
    (_PCM, 32): lambda data: _signed(data, 32),
    (_FLOAT, 32): lambda data: np.frombuffer(data, "<f4").astype(np.float32),
    (_FLOAT, 64): lambda data: np.frombuffer(data, "<f8").astype(np.float32),
}
