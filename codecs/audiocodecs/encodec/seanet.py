"""Encoder and decoder of EnCodec: SEANet with an LSTM.

Layer order and sizes as published: 32 filters, doubled at every stage, strides 2, 4,
5, 8 (hop 320), 128 latent channels. The positions in `model` are part of the
checkpoint's keys, so activations hold a place in the sequence too.
"""

from __future__ import annotations

from torch import Tensor, nn

from audiocodecs.encodec.conv import Conv, ConvTranspose, Norm
from audiocodecs.encodec.lstm import SkipLSTM

STRIDES = (2, 4, 5, 8)
"""Of the encoder; the decoder goes through them backwards."""
HOP = 320
"""Samples for a latent frame, the product of the strides."""


class ResidualBlock(nn.Module):
    """Kernel 3 to half the channels, kernel 1 back, beside a 1x1 convolution as the shortcut.

    The paper (section 3.2) says two convolutions of kernel 3 and a plain skip; the
    published model is as here.
    """

    def __init__(self, channels: int, *, causal: bool = True, norm: Norm = "weight_norm") -> None:
        super().__init__()
        half = channels // 2
        self.block = nn.Sequential(
            nn.ELU(),
            Conv(channels, half, 3, causal=causal, norm=norm),
            nn.ELU(),
            Conv(half, channels, 1, causal=causal, norm=norm),
        )
        self.shortcut = Conv(channels, channels, 1, causal=causal, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, n) to the same shape."""
        y: Tensor = self.shortcut(x) + self.block(x)
        return y


class Encoder(nn.Module):
    """Samples (batch, channels, n) to latents (batch, dimension, ceil(n / 320)).

    Parameters
    ----------
    channels : int
        Audio channels.
    dimension : int
        Latent channels.
    filters : int
        Channels of the first stage.
    causal : bool
    norm : str
        "weight_norm" or "time_group_norm".
    """

    def __init__(
        self,
        channels: int = 1,
        dimension: int = 128,
        filters: int = 32,
        *,
        causal: bool = True,
        norm: Norm = "weight_norm",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Conv(channels, filters, 7, causal=causal, norm=norm)]
        width = filters
        for stride in STRIDES:
            layers += [
                ResidualBlock(width, causal=causal, norm=norm),
                nn.ELU(),
                Conv(width, 2 * width, 2 * stride, stride, causal=causal, norm=norm),
            ]
            width *= 2
        layers += [SkipLSTM(width), nn.ELU(), Conv(width, dimension, 7, causal=causal, norm=norm)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Encode."""
        z: Tensor = self.model(x)
        return z


class Decoder(nn.Module):
    """Latents (batch, dimension, frames) to samples (batch, channels, 320 * frames).

    Parameters
    ----------
    channels, dimension, filters, causal, norm
        As for `Encoder`.
    """

    def __init__(
        self,
        channels: int = 1,
        dimension: int = 128,
        filters: int = 32,
        *,
        causal: bool = True,
        norm: Norm = "weight_norm",
    ) -> None:
        super().__init__()
        width = filters * 2 ** len(STRIDES)
        layers: list[nn.Module] = [Conv(dimension, width, 7, causal=causal, norm=norm), SkipLSTM(width)]
        for stride in reversed(STRIDES):
            layers += [
                nn.ELU(),
                ConvTranspose(width, width // 2, 2 * stride, stride, causal=causal, norm=norm),
                ResidualBlock(width // 2, causal=causal, norm=norm),
            ]
            width //= 2
        layers += [nn.ELU(), Conv(width, channels, 7, causal=causal, norm=norm)]
        self.model = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Decode."""
        x: Tensor = self.model(z)
        return x
