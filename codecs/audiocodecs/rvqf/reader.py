"""Reading RVQF, whole, block by block, or piece by piece from a pipe."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import MOST_SECONDS, CodecError
from audiocodecs.encodec import ecdc
from audiocodecs.rvqf.layout import (
    BLOCK,
    BLOCK_KIND,
    CRC,
    END,
    END_KIND,
    GAIN_COUNT,
    HEADER,
    MAGIC,
    MOST_FRAMES,
    SEGMENT,
    BlockEntropyModel,
    Codes,
    RvqfHeader,
    Segment,
    checksum,
    read_header,
    unpack_gains,
)
from audiocodecs.rvqf.writer import length_fault

Accept = Callable[[RvqfHeader], BlockEntropyModel | None]
"""Called with the header: raises CodecError if the caller cannot decode such a file, else returns
the language model that the header names, or None if it names none."""

_BATCH = 16
"""Blocks that are handed to a language model at once."""


@dataclass(frozen=True)
class RvqfFile:
    """A file, read.

    Attributes
    ----------
    header : RvqfHeader
    samples : int
        Length of the signal at the header's rate.
    segments : list of Segment
        One, where the signal is not segmented.
    payload : bytes
        The blocks' codes as they were stored, without heads and checksums.
    """

    header: RvqfHeader
    samples: int
    segments: list[Segment]
    payload: bytes = field(repr=False)

    @property
    def codes(self) -> Codes:
        """All codes, int64 of shape (codebooks, frames), segments one after another."""
        return np.concatenate([segment.codes for segment in self.segments], axis=1)

    @property
    def gains(self) -> NDArray[np.uint8] | None:
        """Gains of all frames, uint8 of shape (frames,), if the file has them."""
        found = [segment.gains for segment in self.segments if segment.gains is not None]
        return np.concatenate(found) if found else None

    @property
    def scales(self) -> NDArray[np.float32] | None:
        """Scale of each segment, if they have one."""
        return np.array([segment.scale for segment in self.segments], np.float32) if self.header.scaled else None


@dataclass(frozen=True)
class Block:
    """A block whose checksums match, not decoded yet.

    Attributes
    ----------
    first_frame : int
        Frames in the blocks before it.
    frames : list of int
        Of each of its segments.
    scales : list of float or None
    payload : bytes
    offset : int
        Of its head in the file.
    """

    first_frame: int
    frames: list[int]
    scales: list[float | None]
    payload: bytes = field(repr=False)
    offset: int = 0


class RvqfReader:
    """Takes the bytes of a file in pieces of any size and gives segments as their blocks are complete.

    Memory is bounded by one block and by what `push` is given at once.

    Parameters
    ----------
    accept : callable
        See `Accept`.

    Attributes
    ----------
    header : RvqfHeader or None
        Once it has been read.
    samples : int or None
        Length of the signal, once the end has been read.
    """

    def __init__(self, accept: Accept) -> None:
        self.header: RvqfHeader | None = None
        self.samples: int | None = None
        self.payload_bytes = 0
        self._accept = accept
        self._entropy: BlockEntropyModel | None = None
        self._blocks = _BlockParser()

    def push(self, data: bytes) -> list[Segment]:
        """Take more bytes; return the segments that are complete with them.

        Where the signal is not segmented, each block gives one: put their codes one after another.

        Raises
        ------
        CodecError
            If the file is damaged. Segments before the damage were returned by earlier calls.
        """
        found: list[Segment] = []
        waiting: list[Block] = []
        for block in self._blocks.push(data, self._begin):
            waiting.append(block)
            if len(waiting) == _BATCH:
                found += self._decode(waiting)
                waiting = []
        if waiting:
            found += self._decode(waiting)
        self.samples = self._blocks.samples
        return found

    def finish(self) -> int:
        """Samples of the signal; raises CodecError if the file is cut off."""
        return self._blocks.finish()

    def _begin(self, header: RvqfHeader) -> None:
        self.header = header
        self._entropy = _entropy_model(header, self._accept)

    def _decode(self, waiting: list[Block]) -> list[Segment]:
        assert self.header is not None
        self.payload_bytes += sum(len(block.payload) for block in waiting)
        return [part for parts in decode_blocks(self.header, waiting, self._entropy) for part in parts]


def is_rvqf(data: bytes) -> bool:
    """Whether `data` starts as an RVQF file does."""
    return data[:4] == MAGIC


def total_samples(data: bytes) -> int:
    """Length of the signal, from the header and the last 16 bytes of a whole file alone; raises CodecError."""
    read_header(data)
    if len(data) < HEADER.size + END.size:
        raise CodecError("The RVQF file is cut off: it has no end.")
    return _end(data[-END.size :], checksum(data[: HEADER.size]))


def blocks(data: bytes) -> list[Block]:
    """Blocks of a whole file, their checksums tested and nothing decoded: to seek; raises CodecError."""
    parser = _BlockParser()
    found = list(parser.push(data, lambda header: None))
    parser.finish()
    return found


def read_block(data: bytes, block: Block, accept: Accept) -> list[Segment]:
    """Decode one of `blocks(data)`; raises CodecError."""
    header = read_header(data)
    return decode_blocks(header, [block], _entropy_model(header, accept))[0]


def read(data: bytes, accept: Accept, most_seconds: float = MOST_SECONDS) -> RvqfFile:
    """Read a whole file.

    Parameters
    ----------
    data : bytes
    accept : callable
        See `Accept`.
    most_seconds : float
        A longer signal is refused before anything is decoded.

    Raises
    ------
    CodecError
        If this is no RVQF file, it is damaged or cut off, or `accept` refuses it.
    """
    header = read_header(data)
    entropy = _entropy_model(header, accept)
    samples = total_samples(data)
    if samples > most_seconds * header.rate:
        raise CodecError(f"The file holds {samples / header.rate:.0f} s; at most {most_seconds:g} s are read at once.")
    stored = blocks(data)
    segments: list[Segment] = []
    for start in range(0, len(stored), _BATCH):
        for parts in decode_blocks(header, stored[start : start + _BATCH], entropy):
            segments += parts
    if not header.segmented:
        gains = [part.gains for part in segments if part.gains is not None]
        codes = np.concatenate([part.codes for part in segments], axis=1)
        segments = [Segment(codes, gains=np.concatenate(gains) if gains else None)]
    return RvqfFile(header, samples, segments, b"".join(block.payload for block in stored))


def decode_blocks(header: RvqfHeader, stored: list[Block], entropy: BlockEntropyModel | None) -> list[list[Segment]]:
    """Segments of each block; raises CodecError."""
    gains: list[NDArray[np.uint8] | None] = [None] * len(stored)
    payloads = [block.payload for block in stored]
    if header.gains:
        for index, block in enumerate(stored):
            gains[index], payloads[index] = unpack_gains(block.payload, sum(block.frames))
    if entropy is None:
        every = [_unpack(header, *pair) for pair in zip(payloads, stored, strict=True)]
    else:
        every = entropy.decode(
            payloads,
            [block.frames for block in stored],
            header.codebooks,
            header.varying,
        )
    return [
        [Segment(codes, scale, gain) for codes, scale in zip(parts, block.scales, strict=True)]
        for parts, block, gain in zip(every, stored, gains, strict=True)
    ]


def _unpack(header: RvqfHeader, payload: bytes, block: Block) -> list[Codes]:
    codes = ecdc.unpack_codes(payload, header.codebooks, sum(block.frames))
    return np.split(codes, np.cumsum(block.frames)[:-1], axis=1)


def _entropy_model(header: RvqfHeader, accept: Accept) -> BlockEntropyModel | None:
    entropy = accept(header)
    found = None if entropy is None else entropy.prefix
    if header.language_model is not None and found is None:
        raise CodecError(
            f"The file is entropy coded with the language model {header.language_model.hex()}, which is not here. "
            "Encode the clip again without it, or install that model."
        )
    if header.language_model is None:
        return None
    if found != header.language_model:
        raise CodecError(
            f"The file needs the language model {header.language_model.hex()}, here is {(found or b'').hex()}. "
            "Encode the clip again, or install that model."
        )
    return entropy


class _BlockParser:
    """Cuts bytes into blocks and tests all that can be tested without decoding."""

    def __init__(self) -> None:
        self.header: RvqfHeader | None = None
        self.samples: int | None = None
        self._seed = 0
        self._buffer = bytearray()
        self._offset = 0
        self._frames = 0
        self._segments = 0
        self._short: list[int] = []
        self._last_block = False

    def push(self, data: bytes, begin: Callable[[RvqfHeader], None]) -> Iterator[Block]:
        self._buffer += data
        start = 0
        if self.header is None:
            if len(self._buffer) < HEADER.size and MAGIC.startswith(self._buffer[:4]):
                return
            self.header = read_header(bytes(self._buffer[: HEADER.size]))
            start = HEADER.size
            self._seed = checksum(self._buffer[:start])
            begin(self.header)
        try:
            while (found := self._next(self.header, start)) is not None:
                block, start = found
                if block is not None:
                    yield block
        finally:
            del self._buffer[:start]
            self._offset += start

    def finish(self) -> int:
        if self.samples is None:
            where = "inside its header" if self.header is None else f"after {self._frames} frames: it has no end"
            raise CodecError(f"The RVQF file is cut off {where}.")
        return self.samples

    def _next(self, header: RvqfHeader, start: int) -> tuple[Block | None, int] | None:
        """Block at `start` of the buffer and where it ends; None if more bytes are needed."""
        assert BLOCK.size == END.size
        head = bytes(self._buffer[start : start + BLOCK.size])
        if self.samples is not None:
            if head:
                raise CodecError("The RVQF file has something after its end.")
            return None
        if len(head) < BLOCK.size:
            return None
        if head[0] == END_KIND:
            samples = _end(head, self._seed)
            if fault := length_fault(header, samples, self._frames, self._segments, self._short):
                raise CodecError(f"The RVQF file lacks blocks or has too many: {fault}.")
            self.samples = samples
            return None, start + END.size
        number, total, length = self._check_head(header, head)
        body = start + BLOCK.size
        table = number * SEGMENT.size if header.segmented else 0
        stop = body + table + length + CRC.size
        if len(self._buffer) < stop:
            return None
        content = bytes(self._buffer[body : stop - CRC.size])
        if CRC.unpack_from(self._buffer, stop - CRC.size)[0] != zlib.crc32(content, checksum(head)):
            raise CodecError(f"The RVQF file is damaged: the checksum of the block at frame {self._frames} is wrong.")
        frames, scales = self._table(header, content[:table], total)
        block = Block(self._frames, frames, scales, content[table:], self._offset + start)
        self._frames += total
        full = number == header.segments_a_block if header.segmented else total == header.block_frames
        self._last_block = not full
        return block, stop

    def _check_head(self, header: RvqfHeader, head: bytes) -> tuple[int, int, int]:
        kind, number, total, first, length, crc = BLOCK.unpack(head)
        if crc != zlib.crc32(head[: -CRC.size], self._seed):
            raise CodecError(f"The RVQF file is damaged: the head of the block at frame {self._frames} is wrong.")
        if kind != BLOCK_KIND:
            raise CodecError(f"The RVQF file has a block of unknown kind {kind}: a later version wrote it.")
        if first != self._frames or self._last_block:
            raise CodecError(f"The RVQF file lacks a block, or has it twice, at frame {self._frames}.")
        if not 1 <= number <= header.segments_a_block or not number <= total <= header.block_frames:
            raise CodecError(f"The RVQF file claims a block of {number} segments and {total} frames: it is damaged.")
        if first + total > MOST_FRAMES:
            raise CodecError(f"The RVQF file claims more than {MOST_FRAMES} frames: it is damaged.")
        size = ecdc.payload_size(header.codebooks + header.varying, total)
        # A language model may waste bits on codes that it did not expect, at most 16 for each.
        most = size if header.language_model is None else 2 * size + 16
        most += header.gains * (GAIN_COUNT.size + 2 * total)
        if length > most or (header.language_model is None and length != size):
            raise CodecError(f"The RVQF file claims {length} bytes for a block of {total} frames: it is damaged.")
        return number, total, length

    def _table(self, header: RvqfHeader, table: bytes, total: int) -> tuple[list[int], list[float | None]]:
        if not header.segmented:
            return [total], [None]
        frames: list[int] = []
        scales: list[float | None] = []
        for count, scale in SEGMENT.iter_unpack(table):
            if not 1 <= count <= header.segment_frames:
                raise CodecError(f"The RVQF file claims a segment of {count} frames: it is damaged.")
            if not math.isfinite(scale) or scale < 0 or (scale != 0 and not header.scaled):
                raise CodecError(f"The RVQF file gives a segment the scale {scale}: it is damaged.")
            frames.append(count)
            scales.append(scale if header.scaled else None)
            self._segments += 1
            if self._short or count < header.segment_frames:
                self._short.append(count)
                if len(self._short) > -(-header.segment_samples // header.stride_samples) + 1:
                    raise CodecError("The RVQF file has short segments before its end: it is damaged.")
        if sum(frames) != total:
            raise CodecError(f"The RVQF file claims {total} frames for segments of {sum(frames)}: it is damaged.")
        return frames, scales


def _end(data: bytes, seed: int) -> int:
    kind, reserved, samples, crc = END.unpack(data)
    if kind != END_KIND or zlib.crc32(data[: -CRC.size], seed) != crc:
        raise CodecError("The RVQF file is cut off or damaged: the checksum of its end does not match.")
    if reserved != bytes(3) or samples < 1:
        raise CodecError("The end of the RVQF file is not sound: it is damaged.")
    return int(samples)
