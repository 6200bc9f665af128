"""Audio that comes piece by piece, for clips and pipes longer than memory.

A codec that is `Piecewise` gives the same file, whether a clip is handed to it at once or in pieces.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import soxr

from audiocodecs.base import CodecError, Samples, check_channels

_HELD = 4  # the resampler gives at most one sample more than `audio.resample` keeps


@dataclass(frozen=True)
class Pieces:
    """Audio in pieces. They can be gone through once.

    Attributes
    ----------
    rate, channels : int
    blocks : iterator of ndarray, float32 (channels, n)
    samples : int or None
        Length, where it is known ahead.
    """

    rate: int
    channels: int
    blocks: Iterator[Samples] = field(repr=False)
    samples: int | None = None


class Piecewise(ABC):
    """A codec that works in bounded memory, whatever the length."""

    @abstractmethod
    def encode_pieces(self, source: Pieces) -> Iterator[bytes]:
        """Encode; gives the file in parts, each as early as its format allows.

        Raises
        ------
        CodecError
            If the input cannot be carried.
        """

    @abstractmethod
    def decode_pieces(self, parts: Iterable[bytes]) -> Pieces:
        """Decode a file that comes in parts of any size, at the rate it was coded at.

        Raises
        ------
        CodecError
            If it is no such file or damaged: at once, or when the damaged place is reached.
        """


def cut(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples in pieces of `size`, the last one shorter."""
    waiting: list[Samples] = []
    have = 0
    for block in blocks:
        start = 0
        while have + block.shape[1] - start >= size:
            stop = start + size - have
            yield np.concatenate([*waiting, block[:, start:stop]], axis=1)
            waiting, have, start = [], 0, stop
        if start < block.shape[1]:
            waiting.append(block[:, start:])
            have += block.shape[1] - start
    if have:
        yield np.concatenate(waiting, axis=1)


def span(blocks: Iterable[Samples], skip: int, samples: int) -> Iterator[Samples]:
    """Leave out the first `skip` samples and give as many as `samples` of the rest, or fewer where there are fewer.

    Zeros come before the blocks where `skip` is negative. No block is asked for that is not needed.
    """
    lead, at = max(0, -skip), min(0, -skip)
    for block in blocks:
        if lead:
            block, lead = np.pad(block, ((0, 0), (lead, 0))), 0
        first, last = max(0, -at), min(block.shape[1], samples - at)
        if last > first:
            yield block[:, first:last]
        at += block.shape[1]
        if at >= samples:
            return


def join(blocks: Iterable[Samples], channels: int, samples: int) -> Samples:
    """Put blocks into one array of shape (channels, samples), with zeros where they end earlier."""
    out = np.zeros((channels, samples), np.float32)
    at = 0
    for block in blocks:
        part = block[:, : samples - at]
        out[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return out


def trim(blocks: Iterable[Samples], total: Callable[[], int], held: int) -> Iterator[Samples]:
    """Cut off what is beyond `total()`, which is asked at the end, and continue with zeros what falls short of it.

    Parameters
    ----------
    blocks : iterable of ndarray (channels, n)
    total : callable
        Samples there shall be.
    held : int
        How many there are too many at most: so many are held back until the end.
    """
    rest: Samples | None = None
    given = 0
    for block in blocks:
        rest = block if rest is None else np.concatenate([rest, block], axis=1)
        if rest.shape[1] > held:
            ready = rest.shape[1] - held
            yield rest[:, :ready]
            given += ready
            rest = rest[:, ready:]
    left = total() - given
    if rest is None:
        return
    if left < 0:
        raise AssertionError(f"{-left} samples too many were given")
    last = rest[:, :left]
    yield np.pad(last, ((0, 0), (0, left - last.shape[1])))


def resample(pieces: Pieces, rate: int) -> Pieces:
    """Change the sample rate of pieces: what `audio.resample` makes of the whole, bit for bit."""
    if pieces.rate == rate:
        return pieces
    count = 0

    def resampled() -> Iterator[Samples]:
        nonlocal count
        stream = soxr.ResampleStream(pieces.rate, rate, pieces.channels, "float32", "VHQ")
        for block in pieces.blocks:
            count += block.shape[1]
            yield stream.resample_chunk(np.ascontiguousarray(block.T)).T
        yield stream.resample_chunk(np.zeros((0, pieces.channels), np.float32), last=True).T

    def length() -> int:
        return max(1, round(count * rate / pieces.rate)) if count else 0

    samples = None if pieces.samples is None else max(1, round(pieces.samples * rate / pieces.rate))
    return Pieces(rate, pieces.channels, trim(resampled(), length, _HELD), samples)


def fit(pieces: Pieces, rate: int, samples: int) -> Samples:
    """The pieces at another sample rate and of another length: one array of shape (channels, samples)."""
    return join(resample(pieces, rate).blocks, pieces.channels, samples)


def check(pieces: Pieces, title: str, channels: Collection[int]) -> Pieces:
    """The same pieces, which raise CodecError where they hold nothing, or no numbers, or too many channels."""
    check_channels(title, pieces.channels, channels)

    def checked() -> Iterator[Samples]:
        seen = 0
        for block in pieces.blocks:
            if not np.isfinite(block).all():
                where = seen + int(np.flatnonzero(~np.isfinite(block).all(axis=0))[0])
                raise CodecError(
                    f"The audio holds NaN or infinite samples, the first at {where / pieces.rate:.3f} s. "
                    "Export the clip again."
                )
            seen += block.shape[1]
            yield np.ascontiguousarray(block, dtype=np.float32)
        if not seen:
            raise CodecError("There is no audio: 0 samples.")

    return Pieces(pieces.rate, pieces.channels, checked(), pieces.samples)
