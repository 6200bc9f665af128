"""Causal convolutions of EnCodec with the padding and the parameter names of the published model.

The paper pads with zeros nowhere and says little more; what is here is the behaviour
of the published code (facebookresearch/encodec), without which its checkpoints give
other codes. An inner `conv` (or `convtr`) module around the parameters gives the keys
`...conv.conv.weight_g` of those files.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeightNorm(nn.Module):
    """A convolution's weight as direction and length, `weight = weight_g * weight_v / |weight_v|`.

    The norm is taken over all but the first dimension, which counts output channels
    in a convolution and input channels in a transposed one.

    Parameters
    ----------
    shape : tuple of int
        Shape of the weight.
    channels : int
        Output channels, the size of the bias.
    """

    weight_g: Tensor
    weight_v: Tensor

    def __init__(self, shape: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(shape[1] * shape[2])
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))
        direction = torch.empty(shape).uniform_(-bound, bound)
        self.weight_g = nn.Parameter(torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(direction)
        self.register_buffer("folded", None, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The weight itself."""
        if self.folded is not None:
            return self.folded
        return cast(Tensor, torch._weight_norm(self.weight_v, self.weight_g, 0))

    def fold(self) -> None:
        """Compute the weight once and drop its two parts. For inference: there is no way back."""
        self.folded = self.weight.detach()
        del self.weight_g, self.weight_v


def fold_weight_norm(model: nn.Module) -> None:
    """Fold every `WeightNorm` in `model`."""
    for module in model.modules():
        if isinstance(module, WeightNorm):
            module.fold()


class NormedConv(nn.Module):
    """Holds the inner convolution under its published name, `conv` or `convtr`."""

    def __init__(self, name: str, shape: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        self.add_module(name, WeightNorm(shape, channels))


def right_padding(length: int, kernel: int, stride: int) -> int:
    """Samples to add on the right so that the last window of a causal convolution is full.

    Parameters
    ----------
    length : int
        Samples at the input, before the `kernel - stride` that are added on the left.
    kernel, stride : int
    """
    total = kernel - stride
    windows = -(-(length - kernel + total) // stride) + 1
    return (windows - 1) * stride + kernel - total - length


def pad_reflect(x: Tensor, left: int, right: int) -> Tensor:
    """Pad the last dimension by reflection.

    Input that is no longer than a padding is first continued with zeros on its right,
    just far enough to be reflected, and what these add at the end is cut off again.
    """
    short = max(0, max(left, right) - x.shape[-1] + 1)
    padded = F.pad(F.pad(x, (0, short)) if short else x, (left, right), "reflect")
    return padded[..., : padded.shape[-1] - short]


class CausalConv(nn.Module):
    """Convolution that pads `kernel - stride` samples on the left, by reflection.

    Maps (batch, in_channels, n) to (batch, out_channels, ceil(n / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = NormedConv("conv", (out_channels, in_channels, kernel), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        left, right = self.kernel - self.stride, right_padding(x.shape[-1], self.kernel, self.stride)
        if left or right:
            x = pad_reflect(x, left, right)
        inner = cast(WeightNorm, self.conv.conv)
        return F.conv1d(x, inner.weight, inner.bias, self.stride)


class CausalConvTranspose(nn.Module):
    """Transposed convolution whose `kernel - stride` surplus samples are cut off on the right.

    Maps (batch, in_channels, n) to (batch, out_channels, n * stride).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convtr = NormedConv("convtr", (in_channels, out_channels, kernel), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        inner = cast(WeightNorm, self.convtr.convtr)
        return F.conv_transpose1d(x, inner.weight, inner.bias, self.stride)[..., : x.shape[-1] * self.stride]
