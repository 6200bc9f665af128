"""Many clips at once: their pieces of one length go through the network together, which is what a GPU is for.

    coded = encode_clips(network, ENCODEC_24KHZ, clips, n_q=8)       # clips: tensors (channels, n)
    sounds = decode_clips(network, ENCODEC_24KHZ, coded, [clip.shape[1] for clip in clips])

A piece is a clip at 24 kHz, a segment at 48 kHz. Pieces of other lengths are not padded to one another,
because the padding would be heard: clips of equal length profit most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.model import Settings
from audiocodecs.encodec.segments import Network, OverlapAdd, code, decode, segment_lengths

TOGETHER = 32


def encode_clips(
    network: Network, settings: Settings, clips: Sequence[Tensor], n_q: int, together: int = TOGETHER
) -> list[list[Segment]]:
    """Code clips (channels, n) at the model's rate; the segments of each, one at 24 kHz.

    Parameters
    ----------
    network : Network
    settings : Settings
    clips : sequence of Tensor
    n_q : int
        Codebooks.
    together : int
        Pieces at once. Memory grows with it, and at 24 kHz with the length of the clips.
    """
    stride = settings.stride_samples or 0
    pieces = [
        clip[:, index * stride : index * stride + length]
        for clip in clips
        for index, length in enumerate(segment_lengths(clip.shape[1], settings))
    ]
    found: list[Segment | None] = [None] * len(pieces)
    for group in _groups([piece.shape[1] for piece in pieces], together):
        coded = code(network, settings, torch.stack([pieces[k] for k in group]), n_q)
        for place, segment in zip(group, coded, strict=True):
            found[place] = segment
    every = iter(segment for segment in found if segment is not None)
    return [[next(every) for _ in segment_lengths(clip.shape[1], settings)] for clip in clips]


def decode_clips(
    network: Network,
    settings: Settings,
    coded: Sequence[Sequence[Segment]],
    lengths: Sequence[int],
    together: int = TOGETHER,
) -> list[Tensor]:
    """Samples (channels, n) of what `encode_clips` gave, each clip cut to its length."""
    segments = [segment for clip in coded for segment in clip]
    decoded: dict[int, Tensor] = {}
    for group in _groups([segment.codes.shape[1] for segment in segments], together):
        decoded.update(zip(group, decode(network, [segments[k] for k in group]), strict=True))
    every = iter(decoded[place] for place in range(len(segments)))
    return [
        _joined([next(every) for _ in clip], settings)[:, :length] for clip, length in zip(coded, lengths, strict=True)
    ]


def _joined(parts: list[Tensor], settings: Settings) -> Tensor:
    if settings.segment_samples is None:
        return parts[0]
    overlap = OverlapAdd(settings)
    return torch.cat([*(overlap.add(part) for part in parts), overlap.finish()], dim=1)


def _groups(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of equal lengths, so many at once."""
    places: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        places.setdefault(length, []).append(place)
    for same in places.values():
        for start in range(0, len(same), most):
            yield same[start : start + most]
