"""The multi-scale STFT discriminator: is this the original?

One small network for each window length looks at the complex spectrum as a picture of two
channels, real and imaginary part. Layer names and sizes are those of the published code, so that
a state dict of either fits the other.

References
----------
A. Défossez, J. Copet, G. Synnaeve, Y. Adi, "High Fidelity Neural Audio Compression",
arXiv 2210.13438, section 3.4 and figure 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOWS = (2048, 1024, 512, 256, 128)
"""At 24 kHz, samples."""

Judgement = tuple[list[Tensor], list[list[Tensor]]]
"""For each scale its logits, and the output of each of its hidden layers."""


def windows_at(rate: int) -> tuple[int, ...]:
    """Window lengths at a sample rate in Hz: those of 24 kHz, doubled at 48 kHz."""
    return tuple(window * max(1, round(rate / 24_000)) for window in WINDOWS)


class Conv2d(nn.Module):
    """Convolution over (time, frequency), zero padded to keep the number of cells.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : tuple of int
        Cells in time and in frequency.
    stride : int
        In frequency.
    dilation : int
        In time.
    normed : bool
        Weight norm: `weight = weight_g * weight_v / |weight_v|`.
    """

    weight_g: Tensor
    weight_v: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        stride: int = 1,
        dilation: int = 1,
        normed: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.dilation = (1, stride), (dilation, 1)
        self.padding = ((kernel[0] - 1) * dilation // 2, (kernel[1] - 1) // 2)
        bound = 1 / math.sqrt(inputs * kernel[0] * kernel[1])
        weight = torch.empty(outputs, inputs, *kernel).uniform_(-bound, bound)
        if normed:
            self.weight_g = nn.Parameter(torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True))
            self.weight_v = nn.Parameter(weight)
        else:
            self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.normed = normed

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, time, frequency) to (batch, outputs, time, frequency / stride)."""
        weight = torch._weight_norm(self.weight_v, self.weight_g, 0) if self.normed else self.weight
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation)


class NormedConv2d(nn.Module):
    """Holds a convolution under its published name, `conv`."""

    def __init__(self, *args: int | tuple[int, int], **options: int | bool) -> None:
        super().__init__()
        self.conv = Conv2d(*args, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        y: Tensor = self.conv(x)
        return y


class StftDiscriminator(nn.Module):
    """One scale: 94,466 parameters with 32 channels.

    Parameters
    ----------
    window : int
        Samples; the hop is a quarter of it.
    channels : int
    exponent : float
        Of the magnitudes it sees, phases as they are. 1 as published; with less, a few loud bins do not
        outweigh the rest.
    """

    hann: Tensor

    def __init__(self, window: int, channels: int = 32, exponent: float = 1.0) -> None:
        super().__init__()
        self.window, self.exponent = window, exponent
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.convs = nn.ModuleList(
            [
                NormedConv2d(2, channels, (3, 9), normed=False),
                *(NormedConv2d(channels, channels, (3, 9), stride=2, dilation=dilation) for dilation in (1, 2, 4)),
                NormedConv2d(channels, channels, (3, 3)),
            ]
        )
        self.conv_post = NormedConv2d(channels, 1, (3, 3))

    def spectrum(self, audio: Tensor) -> Tensor:
        """Normalised STFT without padding: (batch, n) to (batch, 2, frames, bins), float32."""
        with torch.autocast(audio.device.type, enabled=False):
            stft = torch.stft(
                audio.float(), self.window, self.window // 4, window=self.hann, center=False, return_complex=True
            )
            parts = torch.view_as_real(stft).permute(0, 3, 2, 1) / self.hann.square().sum().sqrt()
            if self.exponent == 1:
                return parts
            power = parts.square().sum(1, keepdim=True)
            return parts * (power + 1e-7) ** ((self.exponent - 1) / 2)

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge audio (batch, n): logits (batch, 1, frames, bins / 8), and the five hidden layers' outputs."""
        # channels_last is how the convolutions of a CPU and of tensor cores want it
        x = self.spectrum(audio).contiguous(memory_format=torch.channels_last)
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2, inplace=True)
            features.append(x)
        return self.conv_post(x).float(), features


class MultiScaleStftDiscriminator(nn.Module):
    """Several scales side by side; stereo channels are judged one by one.

    Parameters
    ----------
    windows : sequence of int
        Window lengths in samples; see `windows_at`.
    channels : int
        Of the hidden layers.
    exponent : float
        See `StftDiscriminator`.
    """

    def __init__(self, windows: Sequence[int] = WINDOWS, channels: int = 32, exponent: float = 1.0) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(StftDiscriminator(window, channels, exponent) for window in windows)

    def forward(self, audio: Tensor) -> Judgement:
        """Judge audio (batch, channels, n), which must be as long as the longest window.

        Returns
        -------
        logits : list of Tensor, each (batch * channels, 1, frames, bins / 8)
        features : list of list of Tensor
            Outputs of the hidden layers.

        Raises
        ------
        ValueError
            If the audio is shorter than a window.
        """
        longest = max(scale.window for scale in self.discriminators if isinstance(scale, StftDiscriminator))
        if audio.shape[-1] < longest:
            raise ValueError(f"Audio of {audio.shape[-1]} samples is shorter than the longest window, {longest}.")
        judged = [scale(audio.flatten(0, 1)) for scale in self.discriminators]
        return [logits for logits, _ in judged], [features for _, features in judged]


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Keep gradients from a module's parameters, as while the generator learns: a third less to compute."""
    asked = [p for p in module.parameters() if p.requires_grad]
    for parameter in asked:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in asked:
            parameter.requires_grad_(True)
