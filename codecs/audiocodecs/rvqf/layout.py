"""The bytes of an RVQF file: header, head of a block, end; and what a header may say.

All numbers are little-endian. docs/rvqf.md has the tables.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError

MAGIC = b"RVQF"
VERSION = 1
BITS = 10
BLOCK_SECONDS = 5

RAW, LANGUAGE_MODEL = 0, 1
SCALED, VARYING, GAINS = 1, 2, 4
"""Flags: each segment carries a float32 scale; each frame has its own number of codebooks; blocks have gains."""

HEADER = struct.Struct("<4sBBBB16sIIIHHBBBB8s8sI")
BLOCK = struct.Struct("<BBHIII")
END = struct.Struct("<B3sQI")
SEGMENT = struct.Struct("<Hf")
CRC = struct.Struct("<I")
GAIN_COUNT = struct.Struct("<H")
BLOCK_KIND, END_KIND = 0x42, 0x45

MOST_RATE = 384_000
MOST_CODEBOOKS = 64
MOST_CHANNELS = 8
MOST_BLOCK_FRAMES = 8192
MOST_SEGMENT_SAMPLES = 1 << 24
MOST_EXTRA_FRAMES = 16
MOST_FRAMES = (1 << 32) - 1
MOST_SEGMENTS_A_BLOCK = 255
MOST_GAIN_FRAMES = 512

_NAME = re.compile(rb"[a-z][a-z0-9_]{0,15}")

Codes = NDArray[np.int64]
"""Codebook indices 0..1023, int64 of shape (codebooks, frames); -1 where a frame has fewer codebooks."""


class BlockEntropyModel(Protocol):
    """What codes and decodes the codes of blocks: `audiocodecs.encodec.entropy` has one."""

    @property
    def prefix(self) -> bytes:
        """First 8 bytes of the sha256 that names the model in a header."""
        ...

    def encode(self, segments: Sequence[Codes], varying: bool = False) -> bytes:
        """Payload of one block, whose segments are each (codebooks, frames)."""
        ...

    def decode(
        self, payloads: Sequence[bytes], frames: Sequence[Sequence[int]], codebooks: int, varying: bool = False
    ) -> list[list[Codes]]:
        """Segments of several blocks at once; `frames` says the frames of each segment of each block."""
        ...


@dataclass(frozen=True)
class Segment:
    """Codes that the model decodes together: the whole signal, or a second of it at 48 kHz.

    Attributes
    ----------
    codes : ndarray of int64, shape (codebooks, frames)
    scale : float or None
        What the decoded samples are multiplied with.
    gains : ndarray of uint8, shape (frames,), or None
        What the decoder does at each frame's place, 0 for nothing: see docs/rvqf.md.
    """

    codes: Codes
    scale: float | None = None
    gains: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class RvqfHeader:
    """What the header of a file says.

    Attributes
    ----------
    model : str
        Name of the codec's model, at most 16 of a-z, 0-9 and _.
    rate : int
        Sample rate in Hz.
    channels, codebooks : int
    hop : int
        Samples between frames; the frame rate is rate / hop.
    weights : bytes
        First 8 bytes of the sha256 of the weights file.
    extra_frames : int
        Frames beyond ceil(samples / hop).
    segment_samples, stride_samples : int
        Length and distance of the segments that are coded apart; 0 where the signal is one.
    scaled : bool
        Whether each segment has a scale.
    block_frames : int
        Frames of a full block; 0 chooses about five seconds.
    language_model : bytes or None
        First 8 bytes of the sha256 of the language model that the payloads need.
    varying : bool
        Whether each frame has its own number of codebooks, at most `codebooks`; needs a language model.
    gains : bool
        Whether blocks have gains; needs a language model.
    """

    model: str
    rate: int
    channels: int
    codebooks: int
    hop: int
    weights: bytes
    extra_frames: int = 0
    segment_samples: int = 0
    stride_samples: int = 0
    scaled: bool = False
    block_frames: int = 0
    language_model: bytes | None = None
    varying: bool = False
    gains: bool = False

    def __post_init__(self) -> None:
        if not self.block_frames:
            object.__setattr__(self, "block_frames", self._five_seconds())
        if fault := self._fault():
            raise ValueError(fault)

    def _five_seconds(self) -> int:
        if self.segment_samples and self.stride_samples:
            segments = max(1, round(BLOCK_SECONDS * self.rate / self.stride_samples))
            return segments * self.segment_frames
        return max(1, BLOCK_SECONDS * self.rate // self.hop)

    def _fault(self) -> str:
        """What a file cannot say, or ""."""
        limits = {
            "rate": (self.rate, 1, MOST_RATE),
            "hop": (self.hop, 1, 65_535),
            "channels": (self.channels, 1, MOST_CHANNELS),
            "codebooks": (self.codebooks, 1, MOST_CODEBOOKS),
            "extra_frames": (self.extra_frames, 0, MOST_EXTRA_FRAMES),
            "block_frames": (self.block_frames, 1, MOST_BLOCK_FRAMES),
            "segment_samples": (self.segment_samples, 0, MOST_SEGMENT_SAMPLES),
            "stride_samples": (self.stride_samples, 0, self.segment_samples),
        }
        for name, (value, least, most) in limits.items():
            if not least <= value <= most:
                return f"{name} is {value}, not {least} to {most}"
        if not _NAME.fullmatch(self.model.encode()):
            return f"the model's name {self.model!r} is not 1 to 16 of a-z, 0-9 and _"
        if bool(self.segment_samples) != bool(self.stride_samples):
            return "segments have both a length and a stride, or neither"
        if self.segment_samples and self.extra_frames:
            return "segments have no extra frames"
        if self.segment_samples and self.block_frames % self.segment_frames:
            return f"a block of {self.block_frames} frames is no whole number of segments of {self.segment_frames}"
        if self.segments_a_block > MOST_SEGMENTS_A_BLOCK:
            return f"a block has {self.segments_a_block} segments, more than {MOST_SEGMENTS_A_BLOCK}"
        if self.varying and self.language_model is None:
            return "frames that differ in their number of codebooks need a language model"
        if self.gains and self.language_model is None:
            return "gains need a language model"
        if self.gains and (self.segment_samples or self.block_frames > MOST_GAIN_FRAMES):
            return f"gains need a signal in one piece, in blocks of at most {MOST_GAIN_FRAMES} frames"
        if len(self.weights) != 8 or (self.language_model is not None and len(self.language_model) != 8):
            return "a sha256 prefix has 8 bytes"
        return ""

    @property
    def segmented(self) -> bool:
        """Whether the signal is coded in segments."""
        return self.segment_samples > 0

    @property
    def segment_frames(self) -> int:
        """Frames of a full segment; 0 where the signal is one."""
        return -(-self.segment_samples // self.hop)

    @property
    def segments_a_block(self) -> int:
        """Segments of a full block; 1 where the signal is one."""
        return self.block_frames // self.segment_frames if self.segmented else 1

    def frames(self, samples: int) -> int:
        """Frames that a signal of `samples` samples has, where it is not segmented."""
        return -(-samples // self.hop) + self.extra_frames

    def segment_frames_at(self, index: int, samples: int) -> int:
        """Frames of segment `index` of a signal of `samples` samples."""
        return -(-min(self.segment_samples, samples - index * self.stride_samples) // self.hop)

    def check(self, model: str, weights: bytes) -> None:
        """Raise CodecError unless the file was written by `model` with these weights (sha256 prefix)."""
        if self.model != model:
            raise CodecError(f"The file was written by {self.model}; this is {model}. Decode it with {self.model}.")
        if self.weights != weights:
            raise CodecError(
                f"The file was written with other weights of {model} ({self.weights.hex()}) than those in use "
                f"({weights.hex()}). Encode the clip again, or use the weights that it was written with."
            )

    def pack(self) -> bytes:
        """Bytes of the header, with its checksum."""
        kind = RAW if self.language_model is None else LANGUAGE_MODEL
        flags = SCALED * self.scaled | VARYING * self.varying | GAINS * self.gains
        data = HEADER.pack(
            *(MAGIC, VERSION, flags, kind, BITS, self.model.encode()),
            *(self.rate, self.segment_samples, self.stride_samples, self.hop, self.block_frames),
            *(self.channels, self.codebooks, self.extra_frames, 0, self.weights, self.language_model or bytes(8), 0),
        )[: -CRC.size]
        return data + CRC.pack(zlib.crc32(data))


def pack_gains(gains: NDArray[np.uint8]) -> bytes:
    """A block's table of gains, of shape (frames,)."""
    places = np.flatnonzero(gains)
    entries = places | (gains[places].astype(np.int64) << 9)
    return GAIN_COUNT.pack(len(places)) + entries.astype("<u2").tobytes()


def unpack_gains(payload: bytes, frames: int) -> tuple[NDArray[np.uint8], bytes]:
    """Gains of a block, shape (frames,), and the rest of its payload; raises CodecError."""
    if len(payload) >= GAIN_COUNT.size:
        (count,) = GAIN_COUNT.unpack_from(payload)
        stop = GAIN_COUNT.size + 2 * count
        entries = np.frombuffer(payload[GAIN_COUNT.size : stop], "<u2") if len(payload) >= stop else None
        if entries is not None:
            places, values = entries & 511, (entries >> 9).astype(np.uint8)
            if count == 0 or (np.all(np.diff(places.astype(int)) > 0) and places[-1] < frames and values.all()):
                gains = np.zeros(frames, np.uint8)
                gains[places] = values
                return gains, payload[stop:]
    raise CodecError("The RVQF file is damaged: a block's table of gains is not sound.")


def checksum(part: bytes | bytearray) -> int:
    """CRC-32 that ends a header or a head; what follows is summed from it on, so that it belongs to this file.

    (The CRC-32 of a part with its own at the end is the same number for all parts.)
    """
    found: int = CRC.unpack(part[-CRC.size :])[0]
    return found


def prefix(sha256: str) -> bytes:
    """First 8 bytes of a hex sha256, as headers have them."""
    return bytes.fromhex(sha256[:16])


def read_header(data: bytes) -> RvqfHeader:
    """Header at the start of `data`.

    Raises
    ------
    CodecError
        If `data` does not start with a sound header of version 1.
    """
    data = data[: HEADER.size]
    if data[:4] != MAGIC:
        raise CodecError("This is not an RVQF file: it does not start with RVQF.")
    if len(data) < HEADER.size:
        raise CodecError("The RVQF file is cut off inside its header.")
    fields = HEADER.unpack(data)
    _, version, flags, kind, bits, name, rate, segment, stride, hop, block_frames = fields[:11]
    channels, codebooks, extra, reserved, weights, language_model, crc = fields[11:]
    if version != VERSION:
        raise CodecError(f"The RVQF file has format version {version}; only version {VERSION} can be read.")
    if zlib.crc32(data[: -CRC.size]) != crc:
        raise CodecError("The RVQF file is damaged: the checksum of its header does not match.")
    plain = name.rstrip(b"\0")
    if not _NAME.fullmatch(plain):
        raise CodecError("The header of the RVQF file names no model: it is damaged.")
    if (
        flags & ~(SCALED | VARYING | GAINS)
        or kind not in (RAW, LANGUAGE_MODEL)
        or bits != BITS
        or reserved
        or block_frames == 0
    ):
        raise CodecError("The header of the RVQF file has fields that version 1 does not: a later version wrote it.")
    if kind == RAW and language_model != bytes(8):
        raise CodecError("The header of the RVQF file names a language model that it does not use: it is damaged.")
    try:
        return RvqfHeader(
            plain.decode(),
            rate=rate,
            channels=channels,
            codebooks=codebooks,
            hop=hop,
            weights=weights,
            extra_frames=extra,
            segment_samples=segment,
            stride_samples=stride,
            scaled=bool(flags & SCALED),
            varying=bool(flags & VARYING),
            gains=bool(flags & GAINS),
            block_frames=block_frames,
            language_model=None if kind == RAW else language_model,
        )
    except (ValueError, ZeroDivisionError) as error:
        raise CodecError(f"The header of the RVQF file is not sound: {error}.") from error
