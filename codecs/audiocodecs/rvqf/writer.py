"""Writing RVQF, whole or piece by piece into a pipe: the bytes are the same."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from audiocodecs.encodec import ecdc
from audiocodecs.rvqf.layout import (
    BLOCK,
    BLOCK_KIND,
    CRC,
    END,
    END_KIND,
    MOST_FRAMES,
    SEGMENT,
    BlockEntropyModel,
    Codes,
    RvqfHeader,
    Segment,
    checksum,
    pack_gains,
)


class RvqfWriter:
    """Writes a file of a length that is not known before its end.

    Parameters
    ----------
    header : RvqfHeader
    entropy : BlockEntropyModel, optional
        Needed if the header names a language model.

    >>> import numpy as np
    >>> header = RvqfHeader("encodec_24khz", rate=24_000, channels=1, codebooks=2, hop=320, weights=bytes(8))
    >>> writer = RvqfWriter(header)
    >>> data = writer.push(np.zeros((2, 1000), int)) + writer.push(np.zeros((2, 10), int)) + writer.finish(323_100)
    >>> data == write(header, 323_100, np.zeros((2, 1010), int))
    True
    """

    def __init__(self, header: RvqfHeader, entropy: BlockEntropyModel | None = None) -> None:
        named = None if entropy is None else entropy.prefix
        if named != header.language_model:
            raise ValueError(f"the header names the language model {header.language_model!r}, given is {named!r}")
        self.header = header
        self.payload_bytes = 0
        """Bytes of codes written so far, without header, block heads and checksums."""
        self._entropy = entropy
        self._head = header.pack()
        self._seed = checksum(self._head)
        self._waiting: list[Segment] = []
        self._frames_waiting = 0
        self._frames = 0
        self._segments = 0
        self._short: list[int] = []
        self._started = False

    def push(
        self, codes: NDArray[np.integer], scale: float | None = None, gains: NDArray[np.uint8] | None = None
    ) -> bytes:
        """Take frames, or one segment where the signal is segmented; return the bytes that are ready.

        Parameters
        ----------
        codes : ndarray of int, shape (codebooks, frames)
        scale : float, optional
            Of the segment, if the header says that segments have one.
        gains : ndarray of uint8, shape (frames,), optional
            0 to 127, if the header says that blocks have gains.

        Raises
        ------
        ValueError
            If codes, segment or scale are not what the header says.
        """
        codes = self._checked(codes, scale)
        if (gains is not None) != self.header.gains or (gains is not None and gains.shape != codes.shape[1:]):
            raise ValueError("gains are not what the header says")
        if self.header.segmented:
            self._waiting.append(Segment(codes, scale))
            if len(self._waiting) < self.header.segments_a_block:
                return self._start()
            return self._start() + self._flush()
        out = [self._start()]
        while codes.shape[1]:
            room = self.header.block_frames - self._frames_waiting
            self._waiting.append(Segment(codes[:, :room], gains=None if gains is None else gains[:room]))
            self._frames_waiting += self._waiting[-1].codes.shape[1]
            codes, gains = codes[:, room:], None if gains is None else gains[room:]
            if self._frames_waiting == self.header.block_frames:
                out.append(self._flush())
        return b"".join(out)

    def finish(self, samples: int) -> bytes:
        """End the file; `samples` is the length of the signal at the header's rate.

        Raises
        ------
        ValueError
            If a signal of that length has another number of frames than were pushed.
        """
        data = self._start() + self._flush()
        if fault := length_fault(self.header, samples, self._frames, self._segments, self._short):
            raise ValueError(fault)
        end = END.pack(END_KIND, bytes(3), samples, 0)[: -CRC.size]
        return data + end + CRC.pack(zlib.crc32(end, self._seed))

    def _start(self) -> bytes:
        head, self._started = b"" if self._started else self._head, True
        return head

    def _checked(self, codes: NDArray[np.integer], scale: float | None) -> Codes:
        header = self.header
        if codes.ndim != 2 or codes.shape[0] != header.codebooks:
            raise ValueError(f"codes have the shape ({header.codebooks}, frames), not {codes.shape}")
        least = -1 if header.varying else 0
        if codes.size and (codes.min() < least or codes.max() >= 1 << ecdc.BITS_PER_CODE):
            raise ValueError(f"codes are {least}..1023, not {codes.min()}..{codes.max()}")
        sent = codes >= 0
        if codes.size and not (sent[0].all() and (sent[1:] <= sent[:-1]).all()):
            raise ValueError("a frame has codes of the first codebooks and no others")
        if header.scaled != (scale is not None):
            raise ValueError(f"the header says scaled={header.scaled}, the scale is {scale}")
        if scale is not None and not 0 <= scale <= np.finfo(np.float32).max:
            raise ValueError(f"a scale is a number from 0 on, not {scale}")
        if header.segmented:
            if not 1 <= codes.shape[1] <= header.segment_frames:
                raise ValueError(f"a segment has 1 to {header.segment_frames} frames, not {codes.shape[1]}")
            self._segments += 1
            if self._short or codes.shape[1] < header.segment_frames:
                self._short.append(codes.shape[1])
        return codes.astype(np.int64)

    def _flush(self) -> bytes:
        if not self._waiting:
            return b""
        segments, self._waiting, self._frames_waiting = self._waiting, [], 0
        gains = b""
        if self.header.gains:
            gains = pack_gains(np.concatenate([part.gains for part in segments if part.gains is not None]))
        if not self.header.segmented:
            segments = [Segment(np.concatenate([part.codes for part in segments], axis=1))]
        frames = sum(segment.codes.shape[1] for segment in segments)
        if self._frames + frames > MOST_FRAMES:
            raise ValueError(f"an RVQF file holds at most {MOST_FRAMES} frames")
        if self._entropy is None:
            payload = ecdc.pack_codes(np.concatenate([segment.codes for segment in segments], axis=1))
        else:
            payload = gains + self._entropy.encode([segment.codes for segment in segments], self.header.varying)
        head = BLOCK.pack(BLOCK_KIND, len(segments), frames, self._frames, len(payload), 0)[: -CRC.size]
        head += CRC.pack(zlib.crc32(head, self._seed))
        table = b"".join(
            SEGMENT.pack(part.codes.shape[1], part.scale or 0.0) for part in segments if self.header.segmented
        )
        self._frames += frames
        self.payload_bytes += len(payload)
        return head + table + payload + CRC.pack(zlib.crc32(table + payload, checksum(head)))


def write(
    header: RvqfHeader,
    samples: int,
    codes: NDArray[np.integer],
    scales: NDArray[np.floating] | None = None,
    entropy: BlockEntropyModel | None = None,
) -> bytes:
    """Write a whole file.

    Parameters
    ----------
    header : RvqfHeader
    samples : int
        Length of the signal at the header's rate.
    codes : ndarray of int, shape (codebooks, frames)
        Those of all segments, one after another.
    scales : ndarray of float, shape (segments,), optional
    entropy : BlockEntropyModel, optional

    Raises
    ------
    ValueError
        If the codes do not fit the header or the length.
    """
    writer = RvqfWriter(header, entropy)
    if not header.segmented:
        return writer.push(codes) + writer.finish(samples)
    out, start = [], 0
    for index in range(-(-samples // header.stride_samples)):
        stop = start + header.segment_frames_at(index, samples)
        scale = float(scales[index]) if scales is not None and index < len(scales) else None
        out.append(writer.push(codes[:, start:stop], scale))
        start = stop
    if start != codes.shape[1]:
        raise ValueError(f"{samples} samples have {start} frames, given are {codes.shape[1]}")
    return b"".join(out) + writer.finish(samples)


def length_fault(header: RvqfHeader, samples: int, frames: int, segments: int, short: list[int]) -> str:
    """Say why a signal of `samples` samples cannot have these frames, or "".

    Parameters
    ----------
    short : list of int
        Frames of the segments from the first on that is not full.
    """
    if samples < 1:
        return f"a signal has 1 sample or more, not {samples}"
    if not header.segmented:
        expected = header.frames(samples)
        return "" if frames == expected else f"{samples} samples have {expected} frames, not {frames}"
    expected = -(-samples // header.stride_samples)
    if segments != expected:
        return f"{samples} samples have {expected} segments, not {segments}"
    first = segments - len(short)
    # Segments shorten towards the end, so that full ones need a look at the last of them alone.
    tail = [header.segment_frames_at(index, samples) for index in range(first, segments)]
    full = first == 0 or header.segment_frames_at(first - 1, samples) == header.segment_frames
    return "" if full and tail == short else f"{samples} samples end in other segments than there are"
