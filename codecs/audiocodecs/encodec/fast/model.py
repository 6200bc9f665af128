"""A model's inference: samples to latents to codes, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodecs.encodec.fast.quantizer import Quantizer
from audiocodecs.encodec.fast.seanet import Half
from audiocodecs.encodec.model import EncodecModel, Settings
from audiocodecs.encodec.seanet import HOP

PUSH_FRAMES = 375
"""Frames of a clip that are worked on at once, offline, where the model allows it."""


@dataclass(frozen=True)
class FastEncodec:
    """What `EncodecModel` computes, within rounding, in less time and, at 24 kHz, in bounded memory.

    Attributes
    ----------
    settings : Settings
    encoder, decoder : Half
    quantizer : Quantizer
    """

    settings: Settings
    encoder: Half
    decoder: Half
    quantizer: Quantizer

    @classmethod
    def of(cls, model: EncodecModel) -> FastEncodec:
        """Make of a model that `prepare` has made ready, on the CPU; it shares the weights where it can.

        Raises
        ------
        ValueError
            If the model is not on the CPU: on another device the module itself is the fast one.
        """
        devices = {str(value.device) for value in model.state_dict().values()}
        if devices != {"cpu"}:
            raise ValueError(
                f"FastEncodec is for the CPU, and the model is on {', '.join(devices)}. Use the model itself."
            )
        whole = not model.settings.causal
        return cls(
            model.settings,
            Half.of(model.encoder, whole),
            Half.of(model.decoder, whole),
            Quantizer.of(model.quantizer),
        )

    @torch.inference_mode()
    def encode_latents(self, x: Tensor) -> Tensor:
        """Latents (batch, 128, ceil(n / 320)) of samples (batch, channels, n)."""
        return self._run(self.encoder, x, PUSH_FRAMES * HOP)

    @torch.inference_mode()
    def quantize(self, latents: Tensor, n_q: int) -> Tensor:
        """Codes int64 (batch, n_q, frames) of latents (batch, 128, frames)."""
        return torch.cat([self.quantizer.encode(part, n_q) for part in torch.split(latents, PUSH_FRAMES, dim=2)], dim=2)

    @torch.inference_mode()
    def dequantize(self, codes: Tensor) -> Tensor:
        """Latents (batch, 128, frames) of codes (batch, n_q, frames), from any leading codebooks."""
        return self.quantizer.decode(codes)

    @torch.inference_mode()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Samples (batch, channels, 320 * frames) of latents (batch, 128, frames)."""
        return self._run(self.decoder, latents, PUSH_FRAMES)

    def _run(self, half: Half, x: Tensor, most: int) -> Tensor:
        state = half.start(len(x))
        pieces = torch.split(x, most, dim=2) if self.settings.causal else (x,)
        return torch.cat([half.push(piece, state, piece is pieces[-1]) for piece in pieces], dim=2)
