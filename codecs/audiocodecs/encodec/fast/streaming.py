"""Coding and decoding of a causal model's audio as it comes, in constant memory.

The 48 kHz model is not causal: it needs a whole segment, a second, and `segments.SegmentEncoder`
and `segments.SegmentDecoder` are its streams.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from audiocodecs.encodec.fast.model import PUSH_FRAMES, FastEncodec
from audiocodecs.encodec.seanet import HOP

OFFLINE = PUSH_FRAMES
"""Frames at a time that the offline methods take: a stream that takes as many gives the same bits."""


class StreamingEncoder:
    """Samples in pushes of any size to codes, the same as of all samples at once.

    Nothing comes before the seventh frame (2,240 samples, 93.3 ms), as the padding at the start
    mirrors what comes after it. From then on each frame comes with its last sample.

    The frames are computed so many at a time, however they were pushed, so that the size of the
    pushes changes no bit. One at a time gives the least delay; more are faster. Latents of other
    numbers at a time differ in rounding, by about a millionth, which changes the code of a frame only
    where two vectors are as good as equally near. `frames=OFFLINE` gives the codes of
    `FastEncodec.encode_latents` and `quantize` bit by bit, ten seconds late.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model.
    n_q : int
        Codebooks.
    frames : int
        Frames to compute at a time.
    """

    def __init__(self, fast: FastEncodec, n_q: int, frames: int = 1) -> None:
        _check_causal(fast)
        self._fast, self._n_q = fast, n_q
        self._state = fast.encoder.start(1)
        self._waiting = _Waiting(fast.settings.channels, frames * HOP)

    @torch.inference_mode()
    def push(self, samples: Tensor) -> Tensor:
        """Take the next samples (channels, n); gives the codes (n_q, t) that are ready, t >= 0."""
        none = torch.empty(self._n_q, 0, dtype=torch.int64)
        return torch.cat([none, *(self._codes(part, last=False) for part in self._waiting.add(samples))], dim=1)

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """The last codes."""
        return self._codes(self._waiting.rest(), last=True)

    def _codes(self, samples: Tensor, last: bool) -> Tensor:
        return self._fast.quantize(self._fast.encoder.push(samples[None], self._state, last), self._n_q)[0]


class StreamingDecoder:
    """Codes in pushes of any size to samples, the same as of all codes at once.

    Nothing comes before the seventh frame; from then on each frame gives its 320 samples at once.
    What is said of `frames` at `StreamingEncoder` holds here for the samples' rounding.

    Parameters
    ----------
    fast : FastEncodec
        Of a causal model.
    frames : int
        Frames to compute at a time.
    """

    def __init__(self, fast: FastEncodec, frames: int = 1) -> None:
        _check_causal(fast)
        self._fast = fast
        self._state = fast.decoder.start(1)
        self._waiting = _Waiting(fast.quantizer.dimension, frames)
        self._given = 0

    @torch.inference_mode()
    def push(self, codes: Tensor) -> Tensor:
        """Take the next codes (n_q, t), from any leading codebooks; gives the samples (channels, n) that are ready."""
        parts = self._waiting.add(self._fast.dequantize(codes[None])[0])
        empty = torch.empty(self._fast.settings.channels, 0)
        samples = torch.cat([empty, *(self._samples(part, last=False) for part in parts)], dim=1)
        self._given += samples.shape[1]
        return samples

    @torch.inference_mode()
    def finish(self, total_samples: int | None = None) -> Tensor:
        """The last samples.

        Parameters
        ----------
        total_samples : int, optional
            Length of the clip, beyond which its last frame is cut off here. `push` gives whole frames: what
            it gave of the last one stays for the caller to cut.
        """
        samples = self._samples(self._waiting.rest(), last=True)
        return samples if total_samples is None else samples[:, : max(0, total_samples - self._given)]

    def _samples(self, latents: Tensor, last: bool) -> Tensor:
        return self._fast.decoder.push(latents[None], self._state, last)[0]


class _Waiting:
    """Columns that wait until there are `size` of them."""

    def __init__(self, channels: int, size: int) -> None:
        if size < 1:
            raise ValueError("A stream computes at least one frame at a time.")
        self._held = torch.empty(channels, size)
        self._count = 0
        self._open = True

    def add(self, columns: Tensor) -> Iterator[Tensor]:
        """Take columns (channels, n), give them out in groups of `size`."""
        if not self._open:
            raise ValueError("This stream is finished. Make a new one for the next clip.")
        at = 0
        while at < columns.shape[1]:
            taken = min(self._held.shape[1] - self._count, columns.shape[1] - at)
            self._held[:, self._count : self._count + taken] = columns[:, at : at + taken]
            self._count += taken
            at += taken
            if self._count == self._held.shape[1]:
                self._count = 0
                yield self._held

    def rest(self) -> Tensor:
        """What still waits; nothing can be added after it."""
        if not self._open:
            raise ValueError("This stream is finished. Make a new one for the next clip.")
        self._open = False
        return self._held[:, : self._count]


def _check_causal(fast: FastEncodec) -> None:
    if not fast.settings.causal:
        raise ValueError(f"{fast.settings.name} needs a whole segment at once. Use SegmentEncoder and SegmentDecoder.")
