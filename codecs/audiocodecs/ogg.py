"""Taking an Ogg file of one stream apart (RFC 3533), and an Opus file in it (RFC 7845)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from audiocodecs.base import MOST_SECONDS, CodecError

OPUS_RATE = 48000

_PAGE = struct.Struct("<4sBBqIIIB")
_HEAD = struct.Struct("<8sBBHIhB")
_CONTINUED, _LAST = 1, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_FRAME_MS = (*(10, 20, 40, 60) * 3, *(10, 20) * 2, *(2.5, 5, 10, 20) * 4)
"""Frame duration by the configuration number in an Opus packet's first byte (RFC 6716, table 2)."""


@dataclass(frozen=True)
class OpusFile:
    """What an Ogg Opus file holds.

    Attributes
    ----------
    channels : int
    samples : int
        At 48 kHz, the pre-skip and what is trimmed at the end taken off.
    skip : int
        Samples at 48 kHz that the decoder gives before the first of these.
    packets : list of bytes
    """

    channels: int
    samples: int
    skip: int
    packets: list[bytes]

    @property
    def configurations(self) -> Iterator[int]:
        """Of each packet: 0-11 SILK, 12-15 hybrid, 16-31 CELT (RFC 6716, table 2)."""
        return (packet[0] >> 3 for packet in self.packets)


def read_opus(data: bytes) -> OpusFile:
    """Take an Ogg Opus file apart.

    Raises
    ------
    CodecError
        If it is no such file, damaged, cut off, or longer than `MOST_SECONDS`.
    """
    packets, granule = take_packets(data)
    if len(packets) < 3 or packets[0][:8] != b"OpusHead" or packets[1][:8] != b"OpusTags":
        raise CodecError("This Ogg file is not Opus, or holds no audio.")
    if len(packets[0]) < _HEAD.size:
        raise CodecError("The Opus file is damaged: its header is cut off.")
    _, version, channels, skip, _, _, family = _HEAD.unpack_from(packets[0])
    if version >> 4 or family != 0 or channels not in (1, 2):
        raise CodecError("This Opus file is not mono or stereo.")
    samples = granule - skip
    decoded = sum(packet_samples(packet) for packet in packets[2:])
    if not 0 < samples <= decoded - skip:
        raise CodecError("The Opus file is damaged: its packets do not give the length that it states.")
    if samples > MOST_SECONDS * OPUS_RATE:
        raise CodecError(f"The Opus file is longer than {MOST_SECONDS} s.")
    return OpusFile(channels, samples, skip, packets[2:])


def take_packets(data: bytes) -> tuple[list[bytes], int]:
    """Take the pages of an Ogg file apart.

    Returns
    -------
    packets : list of bytes
        Those of the only stream, its headers among them.
    granule : int
        Granule position of the last page.

    Raises
    ------
    CodecError
        If it is no Ogg file of one stream, damaged, or cut off.
    """
    packets: list[bytes] = []
    part: list[bytes] = []
    at, expected, serial, last, granule = 0, 0, None, False, 0
    while at < len(data):
        if last:
            raise CodecError("The Ogg file goes on after its end.")
        if len(data) - at < _PAGE.size:
            raise CodecError("The Ogg file is cut off.")
        magic, version, flags, granule, stream, number, checksum, count = _PAGE.unpack_from(data, at)
        if magic != b"OggS" or version != 0:
            raise CodecError("This is not an Ogg file, or it is damaged.")
        lacing = data[at + _PAGE.size : at + _PAGE.size + count]
        body = at + _PAGE.size + count
        end = body + sum(lacing)
        if len(lacing) < count or end > len(data):
            raise CodecError("The Ogg file is cut off.")
        if _checksum(data[at : at + 22] + bytes(4) + data[at + 26 : end]) != checksum:
            raise CodecError(f"The Ogg file is damaged in page {expected}.")
        serial = stream if serial is None else serial
        if stream != serial or number != expected or bool(flags & _CONTINUED) != bool(part):
            raise CodecError(f"The Ogg file is damaged: page {expected} does not follow the one before.")
        for size in lacing:
            part.append(data[body : body + size])
            body += size
            if size < 255:
                packets.append(b"".join(part))
                part = []
        at, expected, last = end, expected + 1, bool(flags & _LAST)
    if not last or part:
        raise CodecError("The Ogg file is cut off: its last page is missing.")
    return packets, granule


def with_serial(data: bytes, serial: int) -> bytes:
    """The Ogg file `data`, which is whole, with `serial` as the serial number of its stream."""
    out, at = bytearray(data), 0
    while at < len(out):
        body = at + _PAGE.size + out[at + 26]
        end = body + sum(out[at + _PAGE.size : body])
        struct.pack_into("<I", out, at + 14, serial)
        struct.pack_into("<I", out, at + 22, 0)
        struct.pack_into("<I", out, at + 22, _checksum(bytes(out[at:end])))
        at = end
    return bytes(out)


def _checksum(page: bytes) -> int:
    # Ogg's CRC is that of zlib with the bits the other way round and no inversion.
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def packet_samples(packet: bytes) -> int:
    """Samples at 48 kHz that an Opus packet decodes to (RFC 6716, 3.1 and 3.2)."""
    if not packet:
        raise CodecError("The Opus file is damaged: an empty packet.")
    code = packet[0] & 3
    if code == 3 and len(packet) < 2:
        raise CodecError("The Opus file is damaged: a packet without its frame count.")
    frames = (1, 2, 2, packet[1] & 63 if code == 3 else 0)[code]
    samples = int(_FRAME_MS[packet[0] >> 3] * OPUS_RATE / 1000) * frames
    if not 0 < samples <= 5760:
        raise CodecError("The Opus file is damaged: a packet of no or more than 120 ms.")
    return samples
