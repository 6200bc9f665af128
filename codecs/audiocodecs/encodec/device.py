"""EnCodec on a GPU, where there is one: the modules as they are, which cuDNN runs better than our layers for the CPU.

Codes may differ from the CPU's in a few frames, where two vectors are as good as equally near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from audiocodecs.encodec.continuous import ContinuousEncoder, decode_continuous
from audiocodecs.encodec.ecdc import Segment
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.model import EncodecModel
from audiocodecs.encodec.segments import code, decode

WHOLE_FRAMES = 75 * 120
"""A clip at 24 kHz up to two minutes goes to the GPU in one piece, and a longer one through the CPU's streams."""
SEGMENTS = 32
"""Segments at once at 48 kHz."""


def _full_precision() -> AbstractContextManager[None]:
    """Without the TF32 numbers that cuDNN takes for convolutions unless told, which are too short for equal codes."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return flags


def gpu() -> torch.device | None:
    """The GPU that torch would use; None where there is none."""
    return torch.device("cuda") if torch.cuda.is_available() else None


@dataclass(frozen=True)
class OnDevice:
    """A `segments.Network` that runs a model's modules on a device; what it gives stays there.

    Attributes
    ----------
    model : EncodecModel
        Prepared, on that device.
    device : torch.device
    """

    model: EncodecModel
    device: torch.device

    @torch.inference_mode()
    def encode_latents(self, x: Tensor) -> Tensor:
        """Latents (batch, 128, frames) of samples (batch, channels, n)."""
        with _full_precision():
            return self.model.encode_latents(x.to(self.device))

    @torch.inference_mode()
    def quantize(self, latents: Tensor, n_q: int) -> Tensor:
        """Codes (batch, n_q, frames) of latents (batch, 128, frames)."""
        return self.model.quantize(latents.to(self.device), n_q)

    @torch.inference_mode()
    def dequantize(self, codes: Tensor) -> Tensor:
        """Latents of codes."""
        return self.model.dequantize(codes.to(self.device))

    @torch.inference_mode()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Samples (batch, channels, 320 * frames) of latents."""
        with _full_precision():
            return self.model.decode_latents(latents.to(self.device))


class WholeEncoder:
    """Codes a clip at 24 kHz on a device, or on the CPU once it is longer than `most` samples.

    Parameters
    ----------
    network : OnDevice
    fast : FastEncodec
        The same model for the CPU.
    n_q : int
    most : int
    """

    def __init__(self, network: OnDevice, fast: FastEncodec, n_q: int, most: int = WHOLE_FRAMES * 320) -> None:
        self._network, self._fast, self._n_q, self._most = network, fast, n_q, most
        self._held: list[Tensor] = []
        self._stream: ContinuousEncoder | None = None

    def push(self, samples: Tensor) -> list[Segment]:
        """Take the next samples (channels, n)."""
        if self._stream is not None:
            return self._stream.push(samples)
        self._held.append(samples)
        if sum(part.shape[1] for part in self._held) <= self._most:
            return []
        self._stream = ContinuousEncoder(self._fast, self._n_q)
        held, self._held = torch.cat(self._held, dim=1), []
        return self._stream.push(held)

    def finish(self) -> list[Segment]:
        """The codes, or the last of them."""
        if self._stream is not None:
            return self._stream.finish()
        return code(self._network, self._fast.settings, torch.cat(self._held, dim=1)[None], self._n_q)


def decode_whole(
    network: OnDevice, fast: FastEncodec, segments: Iterable[Segment], most: int = WHOLE_FRAMES
) -> Iterator[Tensor]:
    """Samples of a clip's codes at 24 kHz, from the device, or from the CPU if there are more than `most` frames."""
    coming = iter(segments)
    held: list[Segment] = []
    frames = 0
    for part in coming:
        held.append(part)
        frames += part.codes.shape[1]
        if frames > most:
            yield from decode_continuous(fast, chain(held, coming))
            return
    codes = torch.cat([torch.from_numpy(part.codes) for part in held], dim=1)
    yield from decode(network, [Segment(codes.numpy())])
