"""EnCodec: encoder, quantizer and decoder as one model, at 24 kHz and at 48 kHz.

At 24 kHz causal and mono: 75 frames a second, 32 codebooks of 10 bits, 750 bit/s each,
a clip in one piece. At 48 kHz not causal and stereo: 150 frames a second, 16 codebooks,
1500 bit/s each, in segments of a second (`segments.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec.conv import Norm, fold_weight_norm
from audiocodecs.encodec.quantizer import ResidualQuantizer
from audiocodecs.encodec.seanet import Decoder, Encoder


@dataclass(frozen=True)
class Settings:
    """What distinguishes one model from another.

    Attributes
    ----------
    name : str
        In specs and in the header of a file.
    rate : int
        Sample rate in Hz.
    channels : int
    frame_rate : int
        Latent frames a second.
    bandwidths : tuple of float
        Bitrates offered, kbit/s.
    codebooks : int
        Used at the highest of them.
    causal : bool
        Whether a convolution sees what comes after it.
    norm : str
        "weight_norm", or "time_group_norm" after every convolution.
    normalize : bool
        Whether each segment is divided by its level, which the file then holds.
    segment_samples, stride_samples : int or None
        Length of a segment and how far the next one begins after it; None for a clip in one piece.
    filters : int
        Channels of the first stage; 32 in the published models.
    """

    name: str
    rate: int
    channels: int
    frame_rate: int
    bandwidths: tuple[float, ...]
    codebooks: int
    causal: bool = True
    norm: Norm = "weight_norm"
    normalize: bool = False
    segment_samples: int | None = None
    stride_samples: int | None = None
    filters: int = 32

    def codebooks_at(self, kbps: float) -> int:
        """Codebooks used at a bitrate; one spends `10 * frame_rate` bit/s."""
        return max(1, int(kbps * 1000 // (10 * self.frame_rate)))


ENCODEC_24KHZ = Settings("encodec_24khz", 24_000, 1, 75, (1.5, 3.0, 6.0, 12.0, 24.0), 32)
ENCODEC_48KHZ = Settings(
    "encodec_48khz",
    48_000,
    2,
    150,
    (3.0, 6.0, 12.0, 24.0),
    16,
    causal=False,
    norm="time_group_norm",
    normalize=True,
    segment_samples=48_000,
    stride_samples=47_520,
)


class EncodecModel(nn.Module):
    """The model, with the layout of the published checkpoints.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings = ENCODEC_24KHZ) -> None:
        super().__init__()
        self.settings = settings
        causal, norm = settings.causal, settings.norm
        self.encoder = Encoder(settings.channels, filters=settings.filters, causal=causal, norm=norm)
        self.quantizer = ResidualQuantizer(settings.codebooks)
        self.decoder = Decoder(settings.channels, filters=settings.filters, causal=causal, norm=norm)

    def prepare(self) -> EncodecModel:
        """Make ready for inference only: weight norm folded, gradients off. Returns the model."""
        fold_weight_norm(self)
        return self.eval().requires_grad_(False)

    def encode_latents(self, x: Tensor) -> Tensor:
        """Latents (batch, 128, frames) of samples (batch, channels, n)."""
        latents: Tensor = self.encoder(x)
        return latents

    def quantize(self, latents: Tensor, n_q: int) -> Tensor:
        """Codes (batch, n_q, frames) of latents (batch, 128, frames)."""
        codes = self.quantizer.encode(latents.transpose(0, 1).flatten(1), n_q)
        return codes.reshape(n_q, len(latents), -1).transpose(0, 1)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Latents (batch, 128, frames) of codes (batch, n_q, frames), from any leading codebooks."""
        latents = self.quantizer.decode(codes.transpose(0, 1).flatten(1))
        return latents.reshape(len(latents), len(codes), -1).transpose(0, 1)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Samples (batch, channels, 320 * frames) of latents (batch, 128, frames)."""
        samples: Tensor = self.decoder(latents)
        return samples

    @torch.inference_mode()
    def encode(self, samples: Tensor, n_q: int) -> Tensor:
        """Code one piece (channels, n) at the model's rate; codes int64 (n_q, ceil(n / 320))."""
        return self.quantizer.encode(self.encoder(samples[None])[0], n_q)

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Samples (channels, 320 * frames) of one piece's codes (n_q, frames), from any leading codebooks."""
        samples: Tensor = self.decoder(self.quantizer.decode(codes)[None])[0]
        return samples
