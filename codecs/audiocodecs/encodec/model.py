"""EnCodec at 24 kHz: encoder, quantizer and decoder as one model.

Encoder and decoder at 75 frames a second, 32 codebooks of 10 bits: 750 bit/s each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec.conv import fold_weight_norm
from audiocodecs.encodec.quantizer import ResidualQuantizer
from audiocodecs.encodec.seanet import Decoder, Encoder


@dataclass(frozen=True)
class Settings:
    """What distinguishes one published model from another.

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
    """

    name: str
    rate: int
    channels: int
    frame_rate: int
    bandwidths: tuple[float, ...]
    codebooks: int

    def codebooks_at(self, kbps: float) -> int:
        """Codebooks used at a bitrate; one spends `10 * frame_rate` bit/s."""
        return max(1, int(kbps * 1000 // (10 * self.frame_rate)))


ENCODEC_24KHZ = Settings("encodec_24khz", 24_000, 1, 75, (1.5, 3.0, 6.0, 12.0, 24.0), 32)


class EncodecModel(nn.Module):
    """The model, with the layout of the published checkpoints.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings = ENCODEC_24KHZ) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.channels)
        self.quantizer = ResidualQuantizer(settings.codebooks)
        self.decoder = Decoder(settings.channels)

    def prepare(self) -> EncodecModel:
        """Make ready for inference only: weight norm folded, gradients off. Returns the model."""
        fold_weight_norm(self)
        return self.eval().requires_grad_(False)

    @torch.inference_mode()
    def encode(self, samples: Tensor, n_q: int) -> Tensor:
        """Code samples (channels, n) at the model's rate; codes int64 (n_q, ceil(n / 320))."""
        return self.quantizer.encode(self.encoder(samples[None])[0], n_q)

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Samples (channels, 320 * frames) of codes (n_q, frames), from any leading codebooks."""
        samples: Tensor = self.decoder(self.quantizer.decode(codes)[None])[0]
        return samples
