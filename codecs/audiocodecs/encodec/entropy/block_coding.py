"""Codes of RVQF blocks to bytes and back with an exact language model.

A payload is the CRC-32 of the codes (each as a little-endian 16-bit number, in coding order) and the bytes of the
range coder. The codes of a block go frame by frame, in each frame codebook by codebook, in each codebook segment by
segment (segments that have ended are left out); the model starts anew with each segment. Where frames differ in
their number of codebooks, a frame begins with these, segment by segment, each coded by its distance from the frame
before.
A payload that decodes to other codes than were coded, for whatever reason, is an error.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError
from audiocodecs.encodec.entropy.blas_threads import one_blas_thread
from audiocodecs.encodec.entropy.exact_model import MOST_FRAMES, ExactLanguageModel, Stepper
from audiocodecs.encodec.entropy.range_coder import RangeDecoder, RangeEncoder

Codes = NDArray[np.int64]

NONE = -1
"""In place of a code that a frame does not have."""

_CRC_BYTES = 4
_BY_DISTANCE = np.array([1024, 368, 217, 120, 66, 30, 15, 9, 5, 2, 1])
"""Frequency of a frame's number of codebooks by its distance from the last one's: on speech, 2 to 12 kbit/s."""
_MOST_STRETCHES = 64


class BlockCoding:
    """For `rvqf.write` and `rvqf.read`.

    Parameters
    ----------
    model : ExactLanguageModel
    """

    def __init__(self, model: ExactLanguageModel) -> None:
        self.model = model

    @property
    def prefix(self) -> bytes:
        """First 8 bytes of the sha256 that names the model in a header."""
        return self.model.prefix

    def encode(self, segments: Sequence[Codes], varying: bool = False) -> bytes:
        """Payload of one block.

        Parameters
        ----------
        segments : sequence of ndarray of int64, each of shape (codebooks, frames)
            Frames that `vary` have codes from the first codebook on, then `NONE`.
        varying : bool
        """
        longest = max(part.shape[1] for part in segments)
        codebooks = len(segments[0])
        self._check(codebooks, longest)
        with one_blas_thread():
            return self._encode(segments, longest, codebooks, varying)

    def _encode(self, segments: Sequence[Codes], longest: int, codebooks: int, varying: bool) -> bytes:
        ranges = np.empty((longest, 1 + codebooks, len(segments), 3), np.int64)
        coded = np.zeros(ranges.shape[:3], bool)
        for place, codes in enumerate(segments):
            frames = codes.shape[1]
            ranges[:frames, 0, place] = _count_ranges(codes)
            ranges[:frames, 1:, place] = self._ranges(codes)
            coded[:frames, 0, place] = varying
            coded[:frames, 1:, place] = (codes != NONE).T
        coder = RangeEncoder()
        for start, size, total in ranges[coded].tolist():
            coder.push(start, size, total)
        return _checksum(segments).to_bytes(_CRC_BYTES, "little") + coder.finish()

    def bits(self, codes: Codes) -> NDArray[np.float64]:
        """What a segment whose frames vary takes: the numbers of codebooks, then each codebook; (codebooks + 1,)."""
        self._check(*codes.shape)
        with one_blas_thread():
            ranges = np.concatenate([_count_ranges(codes)[:, None], self._ranges(codes)], axis=1)
        coded = np.concatenate([np.ones_like(codes[:1], bool), codes != NONE]).T
        found: NDArray[np.float64] = np.where(coded, np.log2(ranges[..., 2] / ranges[..., 1]), 0).sum(axis=0)
        return found

    def decode(
        self, payloads: Sequence[bytes], frames: Sequence[Sequence[int]], codebooks: int, varying: bool = False
    ) -> list[list[Codes]]:
        """Segments of several blocks at once.

        Parameters
        ----------
        payloads : sequence of bytes
        frames : sequence of sequences of int
            Of each segment of each block.
        codebooks : int
        varying : bool
            Whether frames differ in their number of codebooks.

        Raises
        ------
        CodecError
            If a payload is damaged, or was written with other tables than this model gives.
        """
        self._check(codebooks, max(map(max, frames)))
        found: list[list[Codes]] = []
        start = 0
        while start < len(payloads):
            stop = start + 1
            while stop < len(payloads) and sum(map(len, frames[start : stop + 1])) <= _MOST_STRETCHES:
                stop += 1
            with one_blas_thread():
                found += self._decode(payloads[start:stop], frames[start:stop], codebooks, varying)
            start = stop
        return found

    def _check(self, codebooks: int, frames: int) -> None:
        if codebooks > self.model.settings.codebooks:
            raise CodecError(f"The file has {codebooks} codebooks; its language model {self.model.settings.codebooks}.")
        if frames > MOST_FRAMES:
            raise CodecError(f"The file has blocks of {frames} frames; a language model takes at most {MOST_FRAMES}.")

    def _ranges(self, codes: Codes) -> Codes:
        """Start, size and total of each code's range: (codebooks, t) to (t, codebooks, 3)."""
        hidden = self.model.hidden(codes)
        rows = np.arange(codes.shape[1])
        found = np.empty((codes.shape[1], len(codes), 3), np.int64)
        for k, column in enumerate(np.maximum(codes, 0)):
            ends = self.model.ends(hidden, k)
            upper = ends[rows, column]
            lower = np.where(column > 0, ends[rows, column - 1], 0)
            found[:, k] = np.stack([lower, upper - lower, ends[:, -1]], axis=1)
            if k + 1 < len(codes):
                hidden = self.model.within(hidden, k, column)
        return found

    def _decode(
        self, payloads: Sequence[bytes], frames: Sequence[Sequence[int]], codebooks: int, varying: bool
    ) -> list[list[Codes]]:
        coders = [RangeDecoder(payload[_CRC_BYTES:]) for payload in payloads]
        stretches = [(block, place, count) for block, parts in enumerate(frames) for place, count in enumerate(parts)]
        # Longest first, so that those that go on are always the first rows.
        stretches.sort(key=lambda stretch: -stretch[2])
        # Which row is next to be read, block by block, segment by segment.
        reading = sorted(range(len(stretches)), key=lambda row: stretches[row][:2])
        longest = stretches[0][2]
        stepper = Stepper(self.model, len(stretches), longest)
        found = np.full((longest, len(stretches), codebooks), NONE)
        counts = np.full(len(stretches), codebooks)
        tokens = np.zeros((len(stretches), codebooks), np.int64)
        alive = len(stretches)
        for frame in range(longest):
            while stretches[alive - 1][2] <= frame:
                alive -= 1
                reading.remove(alive)
            hidden = stepper.step(tokens[:alive])
            row_codes = found[frame]
            if varying:
                for row in reading:
                    counts[row] = 1 + coders[stretches[row][0]].pull(_count_ends(codebooks)[counts[row] - 1])
            most = int(counts[:alive].max())
            every = None if self.model.settings.within_frame else self.model.all_ends(hidden, most)
            for k in range(most):
                ends = self.model.ends(hidden, k) if every is None else every[k]
                for row in reading:
                    if counts[row] > k:
                        row_codes[row, k] = coders[stretches[row][0]].pull(ends[row])
                if k + 1 < most:
                    hidden = self.model.within(hidden, k, np.maximum(row_codes[:alive, k], 0))
            tokens = row_codes + 1
        segments: list[list[Codes]] = [[np.empty(0, np.int64)] * len(parts) for parts in frames]
        for row, (block, place, count) in enumerate(stretches):
            segments[block][place] = np.ascontiguousarray(found[:count, row].T)
        for payload, coder, parts in zip(payloads, coders, segments, strict=True):
            coder.finish()
            if payload[:_CRC_BYTES] != _checksum(parts).to_bytes(_CRC_BYTES, "little"):
                raise CodecError(
                    "The codes that the language model gives are not those of the file: it is damaged, or this "
                    "machine computes wrongly. Encode the clip again without entropy coding."
                )
        return segments


@cache
def _count_ends(codebooks: int) -> Codes:
    """Where the ranges of the numbers 1, 2, ... of codebooks end, a row for each number that the last frame had."""
    numbers = np.arange(codebooks)
    distance = np.minimum(np.abs(numbers[:, None] - numbers), len(_BY_DISTANCE) - 1)
    ends: Codes = _BY_DISTANCE[distance].cumsum(axis=1)
    return ends


def _count_ranges(codes: Codes) -> Codes:
    """Start, size and total of each frame's number of codebooks: (codebooks, t) to (t, 3)."""
    numbers = (codes != NONE).sum(axis=0)
    before = np.concatenate([[len(codes)], numbers[:-1]])
    ends = _count_ends(len(codes))[before - 1]
    rows = np.arange(len(numbers))
    upper = ends[rows, numbers - 1]
    lower = np.where(numbers > 1, ends[rows, numbers - 2], 0)
    return np.stack([lower, upper - lower, ends[:, -1]], axis=1)


def _checksum(segments: Sequence[Codes]) -> int:
    """CRC-32 of the codes, segment by segment, frame by frame."""
    crc = 0
    for codes in segments:
        crc = zlib.crc32(codes.T.astype("<u2").tobytes(), crc)
    return crc
