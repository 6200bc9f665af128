"""Audio to coded segments and back, as the 48 kHz model works: a second at a time, one hundredth overlapping.

Each segment is divided by its level, coded by itself and multiplied by that level again after decoding.
Neighbours are faded into each other. Both directions take audio piece by piece: memory does not grow with
the clip, and however it is cut into pieces the result is the same, because segments are taken together
in batches only when all of them are full ones.

The level is that of the two channels' mean. Where they cancel each other (left = -right) it is
1e-8, and what the network gets is about a hundred million times too loud: see docs/researchers.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Protocol

import torch
from torch import Tensor

from audiocodecs.base import CodecError
from audiocodecs.encodec.ecdc import Segment, frame_count
from audiocodecs.encodec.model import Settings

BATCH = 4
"""Segments that go through the network at once, which takes about 60 MB for each."""


class Network(Protocol):
    """What of a model is used here: a batch in, a batch out, at the model's rate."""

    def encode_latents(self, x: Tensor) -> Tensor:
        """Latents (batch, 128, frames) of samples (batch, channels, n)."""

    def quantize(self, latents: Tensor, n_q: int) -> Tensor:
        """Codes (batch, n_q, frames) of latents (batch, 128, frames)."""

    def dequantize(self, codes: Tensor) -> Tensor:
        """Latents of codes."""

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Samples (batch, channels, 320 * frames) of latents."""


def segment_lengths(samples: int, settings: Settings) -> list[int]:
    """Samples of each segment of a clip: a new one begins every stride, so the last may be a single sample."""
    if settings.segment_samples is None or settings.stride_samples is None:
        return [samples]
    return [min(settings.segment_samples, samples - start) for start in range(0, samples, settings.stride_samples)]


def segment_frames(samples: int, settings: Settings) -> list[int]:
    """Latent frames of each segment of a clip of so many samples."""
    return [frame_count(n, settings.rate, settings.frame_rate) for n in segment_lengths(samples, settings)]


def level(x: Tensor) -> Tensor:
    """What segments (batch, channels, n) are divided by: 1e-8 + RMS of the channels' mean, (batch, 1, 1)."""
    mono = x.mean(dim=1, keepdim=True)
    return 1e-8 + mono.pow(2).mean(dim=2, keepdim=True).sqrt()


class SegmentEncoder:
    """Codes audio that comes in pieces.

    Parameters
    ----------
    network : Network
    settings : Settings
        Of a model with segments.
    n_q : int
        Codebooks.
    batch : int
        Full segments to code at once.
    """

    def __init__(self, network: Network, settings: Settings, n_q: int, batch: int = BATCH) -> None:
        self._network, self._settings, self._n_q, self._batch = network, settings, n_q, batch
        self._length, self._stride = _segmenting(settings)
        self._rest = torch.zeros(settings.channels, 0)

    def push(self, samples: Tensor) -> list[Segment]:
        """Take the next samples (channels, n); gives the segments that are complete, a batch at a time."""
        self._rest = torch.cat([self._rest, samples], dim=1)
        whole_batch = self._length + (self._batch - 1) * self._stride
        found = []
        while self._rest.shape[1] >= whole_batch:
            found += self._coded(self._rest[:, :whole_batch].unfold(1, self._length, self._stride).transpose(0, 1))
            self._rest = self._rest[:, self._batch * self._stride :]
        self._rest = self._rest.clone()  # or a view would keep all that was pushed
        return found

    def finish(self) -> list[Segment]:
        """The last segments."""
        found = []
        while self._rest.shape[1]:
            found += self._coded(self._rest[None, :, : self._length])
            self._rest = self._rest[:, self._stride :]
        return found

    def _coded(self, x: Tensor) -> list[Segment]:
        return code(self._network, self._settings, x, self._n_q)


@torch.inference_mode()
def code(network: Network, settings: Settings, x: Tensor, n_q: int) -> list[Segment]:
    """Code segments of one length, (batch, channels, n), with `n_q` codebooks; raises CodecError if one is too loud."""
    levels: list[float | None] = [None] * len(x)
    if settings.normalize:
        scales = level(x)
        if not scales.isfinite().all():
            raise CodecError("The audio is louder than a file can say. Bring its level down to full scale, ±1.")
        x = x / scales
        levels = scales.flatten().tolist()
    codes = network.quantize(network.encode_latents(x), n_q).cpu()
    return [Segment(part.numpy(), scale) for part, scale in zip(codes, levels, strict=True)]


@torch.inference_mode()
def decode(network: Network, segments: Sequence[Segment]) -> list[Tensor]:
    """Samples (channels, n) of each of some segments that have the same number of frames."""
    codes = torch.stack([torch.from_numpy(part.codes) for part in segments])
    samples = network.decode_latents(network.dequantize(codes)).cpu()
    return [y if part.scale is None else y * part.scale for y, part in zip(samples, segments, strict=True)]


class SegmentDecoder:
    """Decodes segments that come one after the other.

    Parameters
    ----------
    network : Network
    settings : Settings
        Of a model with segments.
    batch : int
        Segments of one length to decode at once.
    """

    def __init__(self, network: Network, settings: Settings, batch: int = BATCH) -> None:
        self._network, self._batch = network, batch
        self._overlap = OverlapAdd(settings)

    def push(self, segments: Sequence[Segment]) -> Tensor:
        """Take the next segments; gives the samples (channels, n) that no later one reaches."""
        bounds = _runs([part.codes.shape[1] for part in segments], self._batch)
        ready = [
            self._overlap.add(y)
            for start, stop in pairwise(bounds)
            for y in decode(self._network, segments[start:stop])
        ]
        return torch.cat([self._overlap.nothing, *ready], dim=1)

    def finish(self) -> Tensor:
        """The samples that were held back for a segment to come."""
        return self._overlap.finish()


class OverlapAdd:
    """Joins decoded segments, fading each into the next.

    Parameters
    ----------
    settings : Settings
        Of a model with segments.
    """

    def __init__(self, settings: Settings) -> None:
        _, self._stride = _segmenting(settings)
        self._weight: Tensor | None = None
        self.nothing = torch.zeros(settings.channels, 0)
        self._sum, self._weights = self.nothing, torch.zeros(0)

    def add(self, y: Tensor) -> Tensor:
        """Take the next segment (channels, n); gives the samples that no later one reaches."""
        n = y.shape[1]
        if self._weight is None:
            # Of the first segment's decoded length, whatever the others have. The published program does so.
            t = torch.linspace(0, 1, n + 2)[1:-1]
            self._weight = 0.5 - (t - 0.5).abs()
        # A last segment shorter than the overlap ends before the one ahead of it, which the published
        # program then cannot decode (it does so for 161 to 320 samples): here the longer one is kept.
        short = max(0, n - self._sum.shape[1])
        total, weights = (torch.nn.functional.pad(x, (0, short)) for x in (self._sum, self._weights))
        total[:, :n] += self._weight[:n] * y
        weights[:n] += self._weight[:n]
        self._sum, self._weights = total[:, self._stride :], weights[self._stride :]
        return total[:, : self._stride] / weights[: self._stride]

    def finish(self) -> Tensor:
        """The samples that were held back for a segment to come."""
        rest = self._sum / self._weights
        self._sum, self._weights = self.nothing, self._weights[:0]
        return rest


def decode_segments(
    network: Network, settings: Settings, segments: Iterable[Segment], batch: int = BATCH
) -> Iterator[Tensor]:
    """Samples (channels, n) of segments; as many as they have frames, which may be up to 479 more than the clip had."""
    decoder = SegmentDecoder(network, settings, batch)
    coming = iter(segments)
    while together := list(islice(coming, batch)):
        yield decoder.push(together)
    yield decoder.finish()


def _segmenting(settings: Settings) -> tuple[int, int]:
    if settings.segment_samples is None or settings.stride_samples is None:
        raise ValueError(f"{settings.name} codes a clip in one piece, without segments")
    return settings.segment_samples, settings.stride_samples


def _runs(lengths: Sequence[int], most: int) -> list[int]:
    """Boundaries of runs of equal lengths, of at most so many: [5, 5, 5, 2] in twos is 0, 2, 3, 4."""
    bounds = [0]
    for index in range(1, len(lengths)):
        if lengths[index] != lengths[index - 1] or index - bounds[-1] >= most:
            bounds.append(index)
    return [*bounds, len(lengths)] if lengths else [0]
