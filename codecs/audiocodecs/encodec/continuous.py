"""Audio to codes and back as the 24 kHz model works: one segment as long as the clip, in bounded memory.

The counterpart of `segments.py`. What goes through the layers at once is always two seconds,
however the audio comes, so that a clip gives the same codes from a file and from a pipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from audiocodecs.encodec.ecdc import Codes, Segment
from audiocodecs.encodec.fast import FastEncodec, StreamingDecoder, StreamingEncoder
from audiocodecs.encodec.seanet import HOP

BLOCK_FRAMES = 150
BLOCK_SAMPLES = BLOCK_FRAMES * HOP


class ContinuousEncoder:
    """Codes audio that comes in pieces. Each segment that it gives continues the one before.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model.
    n_q : int
        Codebooks.
    """

    def __init__(self, fast: FastEncodec, n_q: int) -> None:
        self._stream = StreamingEncoder(fast, n_q)
        self._rest = torch.zeros(fast.settings.channels, 0)

    def push(self, samples: Tensor) -> list[Segment]:
        """Take the next samples (channels, n); gives the codes that are ready."""
        *blocks, rest = torch.split(torch.cat([self._rest, samples], dim=1), BLOCK_SAMPLES, dim=1)
        if rest.shape[1] == BLOCK_SAMPLES:
            blocks, rest = [*blocks, rest], rest[:, :0]
        self._rest = rest.clone()  # or a view would keep all that was pushed
        return [_segment(self._stream.push(block)) for block in blocks]

    def finish(self) -> list[Segment]:
        """The last codes."""
        return [_segment(self._stream.push(self._rest)), _segment(self._stream.finish())]


def decode_continuous(fast: FastEncodec, segments: Iterable[Segment]) -> Iterator[Tensor]:
    """Samples (channels, n) of segments that continue one another, 320 for each frame.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model.
    segments : iterable of Segment
    """
    stream = StreamingDecoder(fast)
    for block in _cut(part.codes for part in segments):
        yield stream.push(torch.from_numpy(block))
    yield stream.finish()


def _segment(codes: Tensor) -> Segment:
    return Segment(codes.numpy())


def _cut(parts: Iterable[Codes]) -> Iterator[Codes]:
    """The codes in blocks of BLOCK_FRAMES, the last one shorter."""
    rest: Tensor | None = None
    for part in parts:
        codes = torch.from_numpy(part)
        rest = codes if rest is None else torch.cat([rest, codes], dim=1)
        whole = rest.shape[1] // BLOCK_FRAMES * BLOCK_FRAMES
        for block in torch.split(rest[:, :whole], BLOCK_FRAMES, dim=1):
            if block.shape[1]:
                yield block.contiguous().numpy()
        rest = rest[:, whole:].clone()
    if rest is not None and rest.shape[1]:
        yield rest.contiguous().numpy()
