"""The published EnCodec file format, ECDC.

A file is `ECDC`, a version byte 0, the length of a JSON text as a big-endian
uint32, that JSON (`m` model, `al` samples, `nc` codebooks, `lm` whether the codes
are entropy coded), and the codes: 10 bits each, frame by frame, the codebooks of
a frame in turn, least significant bit first, zero bits up to a whole byte. A model
that works in segments writes them one after the other, each as its level, a
big-endian float32, and its codes up to a whole byte. With the language model the
codes of a segment are a stream of an arithmetic coder (`entropy/published_coding.py`).

>>> import numpy as np
>>> codes = np.array([[1, 1023, 5], [2, 0, 7]])
>>> data = write_ecdc("encodec_24khz", 960, codes)
>>> header, payload = read_ecdc(data)
>>> header.samples, header.codebooks, len(payload)
(960, 2, 8)
>>> bool((unpack_codes(payload, 2, 3) == codes).all())
True
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError

MAGIC = b"ECDC"
BITS_PER_CODE = 10
MAX_JSON_BYTES = 4096
"""The published encoder writes about 57 bytes; more than this is no header."""

_PREFIX = struct.Struct(">4sBI")
_LEVEL = struct.Struct(">f")
_BLOCK = 4096  # frames packed at once, a multiple of 4: any number of codebooks ends on a whole byte
_GROUP = 4  # codes that fill a whole number of bytes: 4 x 10 bits = 5 bytes
_SHIFTS = np.arange(_GROUP, dtype=np.uint64) * np.uint64(BITS_PER_CODE)

Codes = NDArray[np.int64]
"""Codebook indices 0..1023, int64 of shape (codebooks, frames)."""


@dataclass(frozen=True)
class Header:
    """What the JSON of an ECDC file says.

    Attributes
    ----------
    model : str
        Name of the model, "encodec_24khz".
    samples : int
        Length of the audio at the model's rate, per channel.
    codebooks : int
        Codes per frame.
    language_model : bool
        Whether the codes are entropy coded.
    extra : tuple of (str, object)
        Keys beyond the published four, in the file's order.
    """

    model: str
    samples: int
    codebooks: int
    language_model: bool = False
    extra: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Segment:
    """A stretch of audio, coded.

    Attributes
    ----------
    codes : ndarray of int64, shape (codebooks, frames)
    scale : float or None
        Its level, by which the decoded samples are multiplied; None if the model does without.
    """

    codes: Codes
    scale: float | None = None


def frame_count(samples: int, rate: int, frame_rate: int) -> int:
    """Frames that `samples` samples take: ceil(samples * frame_rate / rate), in integers.

    The published package 0.1.1 computes it in floating point, so it asks for one
    frame too many at some lengths (53,760 samples) and cannot read its own file.
    """
    return -(-samples * frame_rate // rate)


def payload_size(codebooks: int, frames: int) -> int:
    """Bytes that the codes of `frames` frames take."""
    return -(-codebooks * frames * BITS_PER_CODE // 8)


def pack_codes(codes: NDArray[np.integer]) -> bytes:
    """Pack codes as 10-bit numbers.

    Parameters
    ----------
    codes : ndarray of int, shape (codebooks, frames)
        Each in 0..1023.

    Raises
    ------
    ValueError
        If the shape or a code is out of range.
    """
    if codes.ndim != 2:
        raise ValueError(f"codes have the shape (codebooks, frames), not {codes.shape}")
    if codes.size and (codes.min() < 0 or codes.max() >= 1 << BITS_PER_CODE):
        raise ValueError(f"codes are 0..1023, not {codes.min()}..{codes.max()}")
    return b"".join(_pack(codes[:, start : start + _BLOCK]) for start in range(0, codes.shape[1], _BLOCK))


def _pack(codes: NDArray[np.integer]) -> bytes:
    flat = codes.T.reshape(-1).astype(np.uint64)
    groups = np.zeros(-(-flat.size // _GROUP) * _GROUP, np.uint64)
    groups[: flat.size] = flat
    words = (groups.reshape(-1, _GROUP) << _SHIFTS).sum(axis=1, dtype=np.uint64).astype("<u8")
    data: bytes = words.view(np.uint8).reshape(-1, 8)[:, :5].tobytes()
    return data[: payload_size(*codes.shape)]


def unpack_codes(data: bytes, n_q: int, frames: int) -> Codes:
    """Unpack what `pack_codes` packed.

    Memory stays in proportion to `data`, whatever `n_q` and `frames` say.

    Returns
    -------
    ndarray of int64, shape (n_q, frames)

    Raises
    ------
    CodecError
        If `data` holds fewer or more bytes than so many codes take.
    """
    if n_q < 1 or frames < 0:
        raise CodecError(f"The file says {n_q} codebooks and {frames} frames: it is damaged.")
    need = payload_size(n_q, frames)
    if len(data) != need:
        fault = "is cut off" if len(data) < need else "has something after its end"
        raise CodecError(f"The file {fault}: {n_q} codebooks x {frames} frames take {need} bytes, it has {len(data)}.")
    codes = np.empty((n_q, frames), np.int64)
    for start in range(0, frames, _BLOCK):
        stop = min(frames, start + _BLOCK)
        block = data[payload_size(n_q, start) : payload_size(n_q, stop)]
        codes[:, start:stop] = _unpack(block, n_q, stop - start)
    return codes


def _unpack(data: bytes, n_q: int, frames: int) -> Codes:
    padded = np.zeros((-(-len(data) // 5), 5), np.uint8)
    padded.reshape(-1)[: len(data)] = np.frombuffer(data, np.uint8)
    words = np.zeros((len(padded), 8), np.uint8)
    words[:, :5] = padded
    groups = words.view("<u8").astype(np.uint64) >> _SHIFTS
    flat = (groups & np.uint64((1 << BITS_PER_CODE) - 1)).reshape(-1)[: n_q * frames]
    return flat.reshape(frames, n_q).T.astype(np.int64)


class SegmentCoder(Protocol):
    """Entropy coding of a segment's codes: `entropy.published_coding.PublishedCoding`."""

    def encode(self, codes: NDArray[np.integer]) -> bytes:
        """Bytes of codes (codebooks, frames)."""
        ...

    def decode(self, data: bytes, start: int, n_q: int, frames: int) -> tuple[Codes, int]:
        """Codes that begin at byte `start`, and the bytes that they take; raises CodecError."""
        ...


def pack_segments(segments: Sequence[Segment], coder: SegmentCoder | None = None) -> bytes:
    """Pack segments, each with its level ahead of its codes if it has one; entropy coded if a coder is given."""
    pack = pack_codes if coder is None else coder.encode
    return b"".join((b"" if part.scale is None else _LEVEL.pack(part.scale)) + pack(part.codes) for part in segments)


def unpack_entropy_coded(
    data: bytes, n_q: int, frames: Sequence[int], scaled: bool, coder: SegmentCoder
) -> list[Segment]:
    """Unpack what `pack_segments` packed with a coder; arguments as for `unpack_segments`.

    Raises
    ------
    CodecError
        If `data` ends too early or goes on after the last segment, or does not fit the coder's model.
    """
    found: list[Segment] = []
    offset = 0
    for count in frames:
        scale = None
        if scaled:
            if len(data) < offset + _LEVEL.size:
                raise CodecError(f"The ECDC file is cut off after {len(found)} of {len(frames)} segments.")
            scale = _level(data, offset)
            offset += _LEVEL.size
        codes, used = coder.decode(data, offset, n_q, count)
        found.append(Segment(codes, scale))
        offset += used
    if offset != len(data):
        raise CodecError(f"The ECDC file has something after its end: its codes take {offset} bytes of {len(data)}.")
    return found


def unpack_segments(data: bytes, n_q: int, frames: Sequence[int], scaled: bool) -> list[Segment]:
    """Unpack what `pack_segments` packed.

    Parameters
    ----------
    data : bytes
    n_q : int
    frames : sequence of int
        Of each segment.
    scaled : bool
        Whether each has a level.

    Raises
    ------
    CodecError
        If `data` holds fewer or more bytes than so many codes take, or a level that no audio has.
    """
    sizes = [payload_size(n_q, count) + (_LEVEL.size if scaled else 0) for count in frames]
    if len(data) != sum(sizes):
        fault = "is cut off" if len(data) < sum(sizes) else "has something after its end"
        text = f"{n_q} codebooks x {sum(frames)} frames in {len(frames)} segments take {sum(sizes)} bytes"
        raise CodecError(f"The file {fault}: {text}, it has {len(data)}.")
    found, offset = [], 0
    for count, size in zip(frames, sizes, strict=True):
        scale = _level(data, offset) if scaled else None
        start = offset + size - payload_size(n_q, count)
        found.append(Segment(unpack_codes(data[start : offset + size], n_q, count), scale))
        offset += size
    return found


def _level(data: bytes, offset: int) -> float:
    scale: float = _LEVEL.unpack_from(data, offset)[0]
    if not 0 <= scale < math.inf:
        raise CodecError(f"The file gives a segment the level {scale:g}: it is damaged.")
    return scale


def write_header(header: Header) -> bytes:
    """Bytes of an ECDC file before its codes, as the published encoder writes them."""
    published = {"m": header.model, "al": header.samples, "nc": header.codebooks, "lm": header.language_model}
    text = json.dumps({**published, **dict(header.extra)}).encode()
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"the header takes {len(text)} bytes; {MAX_JSON_BYTES} are allowed")
    return _PREFIX.pack(MAGIC, 0, len(text)) + text


def read_header(data: bytes) -> tuple[Header, int]:
    """Read the header at the start of `data`.

    Returns
    -------
    header : Header
    offset : int
        Where the codes start.

    Raises
    ------
    CodecError
        If `data` does not start with a sound ECDC header.
    """
    if data[:4] != MAGIC:
        raise CodecError("This is not an ECDC file: it does not start with ECDC.")
    if len(data) < _PREFIX.size:
        raise CodecError("The ECDC file is cut off inside its header.")
    _, version, size = _PREFIX.unpack_from(data)
    if version != 0:
        raise CodecError(f"The ECDC file has format version {version}; only version 0 can be read.")
    if size > MAX_JSON_BYTES:
        raise CodecError(f"The ECDC file claims a header of {size} bytes; at most {MAX_JSON_BYTES} are allowed.")
    offset = _PREFIX.size + size
    if len(data) < offset:
        raise CodecError("The ECDC file is cut off inside its header.")
    try:
        found = json.loads(data[_PREFIX.size : offset].decode())
    except (ValueError, RecursionError) as error:
        raise CodecError("The header of the ECDC file is not JSON: it is damaged.") from error
    return _header(found), offset


def write_ecdc(model: str, samples: int, codes: NDArray[np.integer], extra: dict[str, object] | None = None) -> bytes:
    """Write a whole file.

    Parameters
    ----------
    model : str
        Goes into the header as `m`.
    samples : int
        Length of the audio at the model's rate.
    codes : ndarray of int, shape (codebooks, frames)
    extra : dict, optional
        More header keys. Files of the published models have none.
    """
    header = Header(model, samples, codes.shape[0], extra=tuple((extra or {}).items()))
    return write_header(header) + pack_codes(codes)


def read_ecdc(data: bytes, entropy_coded: bool = False) -> tuple[Header, bytes]:
    """Split a whole file into its header and its codes, still packed.

    Parameters
    ----------
    data : bytes
    entropy_coded : bool
        Whether codes written with the language model are wanted too.

    Raises
    ------
    CodecError
        If the header is unsound, or the codes were written with the language model and that is not wanted.
    """
    header, offset = read_header(data)
    if header.language_model and not entropy_coded:
        raise CodecError(
            "The ECDC file was written with the language model (entropy coding), which cannot be read here. "
            "Encode the clip again without it (without `--lm` in the published program)."
        )
    return header, data[offset:]


def _header(found: object) -> Header:
    if not isinstance(found, dict):
        raise CodecError("The header of the ECDC file is not a JSON object: it is damaged.")
    model, samples, codebooks, language_model = (found.pop(key, None) for key in ("m", "al", "nc", "lm"))
    if not isinstance(model, str):
        raise CodecError("The header of the ECDC file names no model (`m`): it is damaged.")
    for key, value, most in (("al", samples, 2**48), ("nc", codebooks, 1024)):
        if type(value) is not int or not 1 <= value <= most:  # a bool is an int to isinstance
            raise CodecError(f"The header of the ECDC file gives `{key}` as {str(value)[:40]}, not a number it can be.")
    if not isinstance(language_model, bool):
        raise CodecError("The header of the ECDC file does not say whether it is entropy coded (`lm`): it is damaged.")
    return Header(model, samples, codebooks, language_model, tuple(found.items()))
