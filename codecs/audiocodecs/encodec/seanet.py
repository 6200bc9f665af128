"""Encoder and decoder of EnCodec: SEANet with an LSTM, causal.

Layer order and sizes as published: 32 filters, doubled at every stage, strides 2, 4,
5, 8 (hop 320), 128 latent channels. The positions in `model` are part of the
checkpoint's keys, so activations hold a place in the sequence too.
"""

from __future__ import annotations

from torch import Tensor, nn

from audiocodecs.encodec.conv import CausalConv, CausalConvTranspose
from audiocodecs.encodec.lstm import SkipLSTM

STRIDES = (2, 4, 5, 8)
"""Of the encoder; the decoder goes through them backwards."""


class ResidualBlock(nn.Module):
    """Kernel 3 to half the channels, kernel 1 back, beside a 1x1 convolution as the shortcut.

    The paper (section 3.2) says two convolutions of kernel 3 and a plain skip; the
    published model is as here.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ELU(), CausalConv(channels, channels // 2, 3), nn.ELU(), CausalConv(channels // 2, channels, 1)
        )
        self.shortcut = CausalConv(channels, channels, 1)

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
    """

    def __init__(self, channels: int = 1, dimension: int = 128, filters: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [CausalConv(channels, filters, 7)]
        width = filters
        for stride in STRIDES:
            layers += [ResidualBlock(width), nn.ELU(), CausalConv(width, 2 * width, 2 * stride, stride)]
            width *= 2
        layers += [SkipLSTM(width), nn.ELU(), CausalConv(width, dimension, 7)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Encode."""
        z: Tensor = self.model(x)
        return z


class Decoder(nn.Module):
    """Latents (batch, dimension, frames) to samples (batch, channels, 320 * frames).

    Parameters
    ----------
    channels, dimension, filters : int
        As for `Encoder`.
    """

    def __init__(self, channels: int = 1, dimension: int = 128, filters: int = 32) -> None:
        super().__init__()
        width = filters * 2 ** len(STRIDES)
        layers: list[nn.Module] = [CausalConv(dimension, width, 7), SkipLSTM(width)]
        for stride in reversed(STRIDES):
            layers += [nn.ELU(), CausalConvTranspose(width, width // 2, 2 * stride, stride), ResidualBlock(width // 2)]
            width //= 2
        layers += [nn.ELU(), CausalConv(width, channels, 7)]
        self.model = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Decode."""
        x: Tensor = self.model(z)
        return x
