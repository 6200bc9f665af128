"""Taking an MP4 file of one AAC stream apart (ISO/IEC 14496-12 and 14496-14)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from audiocodecs.base import MOST_SECONDS, CodecError

FRAME = 1024
"""Samples in an AAC-LC packet (ISO/IEC 14496-3, 4.5.1.1)."""

_DAMAGED = "The M4A file is damaged"
_RATES = {3: 48000, 4: 44100, 5: 32000}
"""Hz by the sampling frequency index (ISO/IEC 14496-3, table 1.18)."""


@dataclass(frozen=True)
class Mp4File:
    """What an MP4 file holds.

    Attributes
    ----------
    rate, channels : int
    samples : int
        What the edit list plays.
    skip : int
        Samples that the decoder gives before the first of these.
    config : bytes
        AudioSpecificConfig, for the decoder.
    packets : list of bytes
    """

    rate: int
    channels: int
    samples: int
    skip: int
    config: bytes
    packets: list[bytes]


def read_mp4(data: bytes) -> Mp4File:
    """Take an MP4 file apart.

    Raises
    ------
    CodecError
        If the file has another format, is damaged or cut off, states no delay, or is longer than `MOST_SECONDS`.
    """
    if data[4:8] != b"ftyp":
        raise CodecError("This is not an M4A file.")
    try:
        file = _read(data)
    except (struct.error, KeyError) as error:
        raise CodecError(f"{_DAMAGED}: a part that states what is in it is missing or too short.") from error
    if file.samples > MOST_SECONDS * file.rate:
        raise CodecError(f"The M4A file is longer than {MOST_SECONDS} s.")
    return file


def _read(data: bytes) -> Mp4File:
    top = _boxes(data)
    track = _boxes(_boxes(top[b"moov"])[b"trak"])
    media = _boxes(track[b"mdia"])
    table = _boxes(_boxes(media[b"minf"])[b"stbl"])
    config = _config(table[b"stsd"])
    rate, channels = _RATES.get((config[0] & 7) << 1 | config[1] >> 7), config[1] >> 3 & 15
    if config[0] >> 3 != 2 or rate is None or channels not in (1, 2) or config[1] & 7:
        raise CodecError("This M4A file is not AAC-LC, mono or stereo, at 32, 44.1 or 48 kHz.")
    ticks, length = struct.unpack_from(">II", media[b"mdhd"], 12)
    if ticks != rate:
        raise CodecError(f"{_DAMAGED}: it states two sample rates.")
    packets = _packets(table, top[b"mdat"], data)
    if not 0 <= FRAME * len(packets) - length < FRAME or _duration(table[b"stts"]) != length:
        raise CodecError(f"{_DAMAGED}: its packets do not give the length that it states.")
    edits, played, skip = struct.unpack_from(">IIi", _boxes(track[b"edts"])[b"elst"], 4)
    scale = struct.unpack_from(">I", _boxes(top[b"moov"])[b"mvhd"], 12)[0]
    samples = length - skip
    if edits != 1 or skip < 0 or samples <= 0 or not scale or abs(played / scale - samples / rate) > 1 / scale:
        raise CodecError(f"{_DAMAGED}: its edit list does not give the length of its packets.")
    return Mp4File(rate, channels, samples, skip, config, packets)


def _boxes(data: bytes) -> dict[bytes, bytes]:
    """Contents of each box by its type (14496-12, 4.2)."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise CodecError("The M4A file is cut off or damaged: a box reaches beyond its end.")
        if kind in found and kind in (b"mdat", b"trak"):
            raise CodecError("The M4A file holds more than one track.")
        found[kind] = data[at + 8 : at + size]
        at += size
    return found


def _config(table: bytes) -> bytes:
    """AudioSpecificConfig in the only sample description (14496-14, 5.6; 14496-1, 7.2.6)."""
    entry = _boxes(table[8:]).get(b"mp4a", b"")
    description = _boxes(entry[28:]).get(b"esds", b"")[4:]
    kind, at = 3, 0
    for inner, header in ((4, 3), (5, 13)):
        at = _content(description, at, kind)[0] + header
        kind = inner
    start, size = _content(description, at, kind)
    if size < 2:
        raise struct.error
    return description[start : start + size]


def _content(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where the content of a descriptor of this kind begins, and its size (14496-1, 8.3.3)."""
    if data[at : at + 1] != bytes([kind]):
        raise struct.error
    size = 0
    for place in range(at + 1, at + 5):
        byte = struct.unpack_from("B", data, place)[0]
        size = size << 7 | byte & 127
        if not byte & 128:
            if place + 1 + size > len(data):
                raise struct.error
            return place + 1, size
    raise struct.error


def _packets(table: dict[bytes, bytes], sound: bytes, data: bytes) -> list[bytes]:
    """The packets, which fill the box `mdat` one after another."""
    same, count = struct.unpack_from(">II", table[b"stsz"], 4)
    if same or len(table[b"stsz"]) != 12 + 4 * count or not count:
        raise CodecError(f"{_DAMAGED}: its table of packet sizes is.")
    sizes = struct.unpack_from(f">{count}I", table[b"stsz"], 12)
    start = struct.unpack_from(">I", table[b"stco"], 8)[0]
    if sum(sizes) != len(sound) or 0 in sizes or data[start - 4 : start] != b"mdat":
        raise CodecError(f"{_DAMAGED}: its packets do not fill it.")
    packets, at = [], 0
    for size in sizes:
        packets.append(sound[at : at + size])
        at += size
    return packets


def _duration(table: bytes) -> int:
    """Sum of the packets' durations (14496-12, 8.6.1.2)."""
    numbers = struct.unpack(f">{len(table) // 4}I", table)[2:]
    return sum(count * ticks for count, ticks in zip(numbers[::2], numbers[1::2], strict=False))
