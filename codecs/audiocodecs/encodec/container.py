"""The files that EnCodec is kept in, ECDC and RVQF, written and read as their segments come.

ECDC is the published format. It begins with the length of the clip, so nothing of it can
be written before the end. RVQF is ours (`audiocodecs.rvqf`): written and read block by block, with checksums.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import numpy as np

from audiocodecs import rvqf
from audiocodecs.base import CodecError
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.model import Settings
from audiocodecs.encodec.segments import segment_frames
from audiocodecs.rvqf.reader import Accept

_CHUNK = 1 << 16


class Sink(Protocol):
    """What writes a file. Segments of a model without segments continue one another."""

    def push(self, segments: Iterable[Segment]) -> bytes:
        """Take segments; gives the bytes that are ready."""
        ...

    def finish(self, samples: int) -> bytes:
        """The last bytes, for a clip of so many samples at the model's rate."""
        ...


@dataclass
class EcdcSink:
    """Writes ECDC, all of it at the end.

    Attributes
    ----------
    settings : Settings
    codebooks : int
    coder : SegmentCoder or None
        Of the language model, if the codes shall be entropy coded.
    """

    settings: Settings
    codebooks: int
    coder: ecdc.SegmentCoder | None = None
    _segments: list[Segment] = field(default_factory=list)

    def push(self, segments: Iterable[Segment]) -> bytes:
        """Keep the segments."""
        self._segments += (Segment(part.codes.astype(np.int16), part.scale) for part in segments)
        return b""

    def finish(self, samples: int) -> bytes:
        """The whole file."""
        segments = self._segments
        if self.settings.segment_samples is None:
            segments = [Segment(np.concatenate([part.codes for part in segments], axis=1))]
        header = ecdc.Header(self.settings.name, samples, self.codebooks, self.coder is not None)
        return ecdc.write_header(header) + ecdc.pack_segments(segments, self.coder)


@dataclass
class RvqfSink:
    """Writes RVQF block by block.

    Attributes
    ----------
    writer : RvqfWriter
    """

    writer: rvqf.RvqfWriter

    def push(self, segments: Iterable[Segment]) -> bytes:
        """The blocks that are complete."""
        return b"".join(self.writer.push(part.codes, part.scale) for part in segments)

    def finish(self, samples: int) -> bytes:
        """The last block and the end."""
        return self.writer.finish(samples)


@dataclass(frozen=True)
class Coded:
    """A file that was opened.

    Attributes
    ----------
    channels : int or None
        Of the clip, if the file says so.
    samples : int or None
        Length of the clip at the model's rate, where it is known before the end.
    total : callable
        Gives the length once all segments were taken.
    segments : iterator of Segment
    """

    channels: int | None
    samples: int | None
    total: Callable[[], int]
    segments: Iterator[Segment] = field(repr=False)


def open_ecdc(data: bytes, settings: Settings, coder: Callable[[], ecdc.SegmentCoder]) -> Coded:
    """Open a whole ECDC file.

    Parameters
    ----------
    data : bytes
    settings : Settings
    coder : callable
        Asked for the language model's coder if the file needs it.

    Raises
    ------
    CodecError
        If it is damaged or another model's.
    """
    header, payload = ecdc_payload(data, settings)
    frames = segment_frames(header.samples, settings)
    if header.language_model:
        segments = ecdc.unpack_entropy_coded(payload, header.codebooks, frames, settings.normalize, coder())
    else:
        segments = ecdc.unpack_segments(payload, header.codebooks, frames, settings.normalize)
    return Coded(None, header.samples, lambda: header.samples, iter(segments))


def ecdc_payload(data: bytes, settings: Settings) -> tuple[ecdc.Header, bytes]:
    """Header and codes of a whole ECDC file, after a look at whether they can belong together.

    Raises
    ------
    CodecError
        If they cannot, or the header is not sound or another model's.
    """
    header, payload = ecdc.read_ecdc(data, entropy_coded=True)
    if header.model != settings.name:
        raise CodecError(f"The file was written by {header.model[:40]!r}; this is {settings.name}.")
    if header.codebooks > settings.codebooks:
        raise CodecError(f"The file says {header.codebooks} codebooks; {settings.name} has {settings.codebooks}.")
    stride = settings.stride_samples
    # Before any list of segments is made: a header may claim years of audio.
    if stride and -(-header.samples // stride) * (4 * settings.normalize + 1) > len(payload):
        raise CodecError(
            f"The file is cut off: it says {header.samples} samples and has {len(payload)} bytes of codes."
        )
    if not header.language_model:
        need = sum(
            ecdc.payload_size(header.codebooks, count) + 4 * settings.normalize
            for count in segment_frames(header.samples, settings)
        )
        if len(payload) != need:
            fault = "is cut off" if len(payload) < need else "has something after its end"
            raise CodecError(f"The file {fault}: its codes take {need} bytes, it has {len(payload)}.")
    return header, payload


def open_rvqf(parts: Iterable[bytes], accept: Accept) -> Coded:
    """Open an RVQF file that comes in parts of any size.

    Parameters
    ----------
    parts : iterable of bytes
    accept : callable
        Refuses a header that is not this model's, and has its language model.

    Raises
    ------
    CodecError
        If its header is not sound or refused. Damage in the file when it is reached.
    """
    reader = rvqf.RvqfReader(accept)
    first: list[rvqf.Segment] = []
    coming = _small(parts)
    while reader.header is None:
        if (part := next(coming, None)) is None:
            reader.finish()
            raise AssertionError("a file without a header has no end")
        first = reader.push(part)

    def segments() -> Iterator[Segment]:
        for found in chain([first], map(reader.push, coming)):
            yield from (Segment(part.codes, part.scale) for part in found)

    return Coded(reader.header.channels, None, reader.finish, segments())


def rvqf_payload(data: bytes, accept: Accept) -> tuple[rvqf.RvqfHeader, int, bytes]:
    """Header, samples, and codes as stored with their levels, of a whole RVQF file, its checksums tested.

    Raises
    ------
    CodecError
        If it is damaged or refused.
    """
    header = rvqf.read_header(data)
    accept(header)
    samples = rvqf.total_samples(data)
    parts = []
    for block in rvqf.blocks(data):
        parts += [struct.pack("<f", scale) for scale in block.scales if scale is not None]
        parts.append(block.payload)
    return header, samples, b"".join(parts)


def is_rvqf(parts: Iterable[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Whether what comes is an RVQF file; and all of it again."""
    coming = iter(parts)
    start = b""
    while len(start) < len(rvqf.MAGIC) and (part := next(coming, None)) is not None:
        start += part
    return rvqf.is_rvqf(start), chain([start], coming)


def _small(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Parts of bounded size, so that a few segments at a time are decoded."""
    for part in parts:
        for start in range(0, len(part), _CHUNK):
            yield part[start : start + _CHUNK]
