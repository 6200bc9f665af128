"""Audio to codes and back as the 24 kHz model works: one segment as long as the clip, in bounded memory.

The counterpart of `segments.py`. What goes through the layers at once is always as much as
offline, however the audio comes, so that a clip gives the same codes from a file and from a pipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.fast import OFFLINE, FastEncodec, StreamingDecoder, StreamingEncoder


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
        self._stream = StreamingEncoder(fast, n_q, frames=OFFLINE)

    def push(self, samples: Tensor) -> list[Segment]:
        """Take the next samples (channels, n); gives the codes that are ready."""
        codes = self._stream.push(samples)
        return [Segment(codes.numpy())] if codes.shape[1] else []

    def finish(self) -> list[Segment]:
        """The last codes."""
        return [Segment(self._stream.finish().numpy())]


def decode_continuous(fast: FastEncodec, segments: Iterable[Segment]) -> Iterator[Tensor]:
    """Samples (channels, n) of segments that continue one another, 320 for each frame.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model.
    segments : iterable of Segment
    """
    stream = StreamingDecoder(fast, frames=OFFLINE)
    for part in segments:
        for codes in torch.split(torch.from_numpy(part.codes), OFFLINE, dim=1):  # a part may be an hour
            yield stream.push(codes)
    yield stream.finish()
