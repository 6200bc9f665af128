"""Convolutions of EnCodec with the padding and the parameter names of the published models.

The paper pads with zeros nowhere and says little more; what is here is the behaviour
of the published code (facebookresearch/encodec), without which its checkpoints give
other codes. An inner `conv` (or `convtr`) module around the parameters gives the keys
`...conv.conv.weight_g` of those files, and beside it, at 48 kHz, `...conv.norm.weight`.
"""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Norm = Literal["weight_norm", "time_group_norm"]
"""Weight norm at 24 kHz; at 48 kHz a group norm over channels and time after every convolution."""


class PlainWeight(nn.Module):
    """A convolution's weight and bias as they are, for the model with group norm.

    Parameters
    ----------
    shape : tuple of int
        Shape of the weight.
    channels : int
        Output channels, the size of the bias.
    """

    def __init__(self, shape: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(shape[1] * shape[2])
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))


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
    folded: Tensor | None

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
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def fold(self) -> None:
        """Compute the weight once and drop its two parts. For inference: there is no way back."""
        if self.folded is None:
            self.folded = self.weight.detach()
            del self.weight_g, self.weight_v


def fold_weight_norm(model: nn.Module) -> None:
    """Fold every `WeightNorm` in `model`."""
    for module in model.modules():
        if isinstance(module, WeightNorm):
            module.fold()


class NormedConv(nn.Module):
    """Holds the parameters under their published names: `conv` or `convtr`, and `norm` where there is one."""

    def __init__(self, name: str, shape: tuple[int, int, int], channels: int, norm: Norm) -> None:
        super().__init__()
        plain = norm == "time_group_norm"
        self.add_module(name, PlainWeight(shape, channels) if plain else WeightNorm(shape, channels))
        if plain:
            self.norm: nn.GroupNorm | None = nn.GroupNorm(1, channels)
        else:
            self.norm = None


def right_padding(length: int, kernel: int, stride: int) -> int:
    """Samples to add on the right so that the last window of a convolution is full.

    Parameters
    ----------
    length : int
        Samples at the input, before the `kernel - stride` that are added around it.
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


def around(surplus: int, causal: bool) -> tuple[int, int]:
    """Left and right share of the `kernel - stride` samples that a convolution pads.

    A causal one has all of them on the left. Otherwise an odd one goes to the left.
    """
    right = 0 if causal else surplus // 2
    return surplus - right, right


class Conv(nn.Module):
    """Convolution that pads by reflection.

    Maps (batch, in_channels, n) to (batch, out_channels, ceil(n / stride)).

    Parameters
    ----------
    in_channels, out_channels, kernel, stride : int
    causal : bool
        Whether all of the padding but the last window's is on the left.
    norm : str
        "weight_norm" or "time_group_norm".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        *,
        causal: bool = True,
        norm: Norm = "weight_norm",
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.causal = kernel, stride, causal
        self.conv = NormedConv("conv", (out_channels, in_channels, kernel), out_channels, norm)

    @property
    def weights(self) -> WeightNorm | PlainWeight:
        """What holds `weight` (out, in, kernel) and `bias` (out)."""
        return cast(WeightNorm | PlainWeight, self.conv.conv)

    @property
    def norm(self) -> nn.GroupNorm | None:
        """The group norm of its output, None with weight norm."""
        return self.conv.norm

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        left, right = around(self.kernel - self.stride, self.causal)
        right += right_padding(x.shape[-1], self.kernel, self.stride)
        if left or right:
            x = pad_reflect(x, left, right)
        y = F.conv1d(x, self.weights.weight, self.weights.bias, self.stride)
        return y if self.norm is None else self.norm(y)


class ConvTranspose(nn.Module):
    """Transposed convolution whose `kernel - stride` surplus samples are cut off.

    Maps (batch, in_channels, n) to (batch, out_channels, n * stride). A causal one is
    cut on the right alone. The group norm sees the surplus too.

    Parameters
    ----------
    in_channels, out_channels, kernel, stride : int
    causal : bool
    norm : str
        "weight_norm" or "time_group_norm".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        *,
        causal: bool = True,
        norm: Norm = "weight_norm",
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.causal = kernel, stride, causal
        self.convtr = NormedConv("convtr", (in_channels, out_channels, kernel), out_channels, norm)

    @property
    def weights(self) -> WeightNorm | PlainWeight:
        """What holds `weight` (in, out, kernel) and `bias` (out)."""
        return cast(WeightNorm | PlainWeight, self.convtr.convtr)

    @property
    def norm(self) -> nn.GroupNorm | None:
        """The group norm of its output, None with weight norm."""
        return self.convtr.norm

    @property
    def cut_left(self) -> int:
        """Surplus samples cut off at the start."""
        surplus = self.kernel - self.stride
        return 0 if self.causal else surplus - surplus // 2

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        y = F.conv_transpose1d(x, self.weights.weight, self.weights.bias, self.stride)
        if self.norm is not None:
            y = self.norm(y)
        return y[..., self.cut_left : self.cut_left + x.shape[-1] * self.stride]
