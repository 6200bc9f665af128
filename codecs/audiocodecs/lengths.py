"""How long a file is, against what its header claims.

A recorder that crashes, a download that breaks off and a program that writes into a pipe leave headers that are wrong.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

LOSSY_TOLERANCE = 0.25
"""Seconds by which a lossy file may differ from its header: codecs fill up their first and last blocks."""
TOLERANCE = 0.02
"""Seconds by which other files may differ."""

_UNKNOWN_FROM = 0x7FFFF000  # programs that write into pipes claim such sizes, or 0
_MOST_CHUNKS = 1000  # before the samples; more of them are an attack
_LONGEST_OGG_PAGE = 27 + 255 + 255 * 255


@dataclass(frozen=True)
class _Layout:
    """How a format of chunks is laid out.

    Attributes
    ----------
    start : int
        Where the first chunk is.
    chunk : Struct
        A chunk's name and size.
    name : bytes
        How the name of the chunk with the samples begins.
    counts_itself : bool
        Whether the size includes name and size.
    align : int
        Bytes to which chunks are filled up.
    """

    start: int
    chunk: struct.Struct
    name: bytes
    counts_itself: bool = False
    align: int = 2


_LAYOUTS = {
    b"RIFF": _Layout(12, struct.Struct("<4sI"), b"data"),
    b"RIFX": _Layout(12, struct.Struct(">4sI"), b"data"),
    b"RF64": _Layout(12, struct.Struct("<4sI"), b"data"),
    b"FORM": _Layout(12, struct.Struct(">4sI"), b"SSND"),
    b"riff": _Layout(40, struct.Struct("<16sQ"), b"data", counts_itself=True, align=8),
    b"caff": _Layout(8, struct.Struct(">4sQ"), b"data", align=1),
}


@dataclass(frozen=True)
class SoundChunk:
    """The part of a file that holds the samples.

    Attributes
    ----------
    claimed : int or None
        Bytes, as the header says; None where it does not say.
    present : int
        Bytes of the file from the first sample on.
    surplus : int
        Bytes after the claimed end that belong to no other chunk.
    """

    claimed: int | None
    present: int
    surplus: int


def sound_chunk(file: BinaryIO) -> SoundChunk | None:
    """Find the samples of a WAV, RF64, AIFF, W64, CAF or AU file; None for others."""
    end = file.seek(0, os.SEEK_END)
    magic = _read(file, 0, 4)
    if magic == b".snd" and len(head := _read(file, 4, 8)) == 8:
        start, size = struct.unpack(">II", head)
        return SoundChunk(size if size < _UNKNOWN_FROM else None, max(0, end - start), 0)
    if (layout := _LAYOUTS.get(magic)) is None:
        return None
    at, wide = layout.start, None
    for _ in range(_MOST_CHUNKS):
        if at >= end or len(head := _read(file, at, layout.chunk.size)) < layout.chunk.size:
            return None
        name, size = layout.chunk.unpack(head)
        body = at + layout.chunk.size
        size = max(0, size - layout.chunk.size) if layout.counts_itself else size
        if name.startswith(layout.name):
            return _sound(file, layout, body, end, wide if magic == b"RF64" and size == 0xFFFFFFFF else size)
        if name == b"ds64" and len(sizes := _read(file, body, 16)) == 16:
            wide = int(struct.unpack("<8xQ", sizes)[0])
        at = body + size + -size % layout.align
    return None


def note(file: BinaryIO, seconds: float, claimed: float | None, *, lossy: bool = False, goes_on: bool = False) -> str:
    """What the length of a file has against its header, as a sentence; "" where they agree.

    Parameters
    ----------
    file : binary file
    seconds : float
        What was decoded.
    claimed : float or None
        What the header states, as the decoding library reads it; None where it states nothing.
    lossy : bool
    goes_on : bool
        Whether more follows that cannot be decoded.
    """
    chunk = sound_chunk(file)
    if chunk is not None and chunk.claimed is not None and chunk.claimed > chunk.present > 0:
        claimed = seconds * chunk.claimed / chunk.present
    tolerance = LOSSY_TOLERANCE if lossy else TOLERANCE
    if claimed is not None and seconds < claimed - tolerance:
        return f"Shorter than its header claims: {seconds:.2f} s of {claimed:.2f} s are there. Is it cut off?"
    if goes_on or (chunk is not None and chunk.claimed and seconds * chunk.surplus / chunk.claimed > 0.1):
        return f"The file goes on after {seconds:.2f} s, where its header ends it. What follows is not used."
    if claimed is not None and seconds > claimed + tolerance:
        return f"Longer than its header claims: {seconds:.2f} s instead of {claimed:.2f} s. All of it is used."
    if _lacks_last_page(file):
        return f"Its last page is missing after {seconds:.2f} s. Is it cut off?"
    return ""


def _sound(file: BinaryIO, layout: _Layout, body: int, end: int, size: int | None) -> SoundChunk:
    present = max(0, end - body)
    unknown = size is None or size >= (1 << 62) or (layout.start == 12 and size >= _UNKNOWN_FROM and present < size)
    if size is None or unknown:
        return SoundChunk(None, present, 0)
    rest = body + size + -size % layout.align
    surplus = 0 if _is_chunk(file, layout, rest, end) else max(0, end - rest)
    if size == 0 and surplus:
        return SoundChunk(None, present, 0)
    return SoundChunk(size, present, surplus)


def _is_chunk(file: BinaryIO, layout: _Layout, at: int, end: int) -> bool:
    head = _read(file, at, layout.chunk.size) if at < end else b""
    if len(head) < layout.chunk.size:
        return False
    name, size = layout.chunk.unpack(head)
    return all(32 <= letter < 127 for letter in name[:4]) and size <= end - at


def _lacks_last_page(file: BinaryIO) -> bool:
    """Whether a file is Ogg and its last page is incomplete, or not marked as the last one (RFC 3533, section 6)."""
    if _read(file, 0, 4) != b"OggS":
        return False
    end = file.seek(0, os.SEEK_END)
    tail = _read(file, max(0, end - _LONGEST_OGG_PAGE), _LONGEST_OGG_PAGE)
    page = tail[tail.rfind(b"OggS") :]
    segments = page[27 : 27 + page[26]] if len(page) > 27 else b""
    whole = len(segments) > 0 and len(page) >= 27 + len(segments) + sum(segments)
    return not (whole and page[5] & 4)


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
