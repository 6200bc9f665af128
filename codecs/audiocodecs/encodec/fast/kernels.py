"""Ways to turn a convolution over rows into matrix products, each for the shapes where it is the fastest.

Rows are time, columns are channels: (rows, channels), contiguous. A kernel is given all
rows that its windows need, padding included, and how many windows there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

MANY = 256
"""From so many windows on, oneDNN's convolution gains more than it loses by laying out its weights in every call."""


class Kernel(Protocol):
    """Multiplies every window of some rows by one weight."""

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Map (windows * stride + kernel - stride or more, in) to (windows, out)."""


@dataclass(frozen=True)
class Taps:
    """As many products as a window has strides, each added to the one before; nothing is copied.

    With a stride s, s rows of c channels are one row of s * c. Window t is the wide rows
    t, t + 1, ..., and each of those has a matrix of its own.

    Attributes
    ----------
    matrices : tuple of Tensor
        kernel / stride of them, each (stride * in, out).
    bias : Tensor (out,)
    stride : int
    """

    matrices: tuple[Tensor, ...]
    bias: Tensor
    stride: int

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, stride: int) -> Taps:
        """Make of a weight (out, in, kernel) whose kernel is a multiple of the stride."""
        by_row = weight.permute(2, 1, 0).flatten(0, 1)
        return cls(tuple(part.contiguous() for part in torch.split(by_row, stride * weight.shape[1])), bias, stride)

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Multiply."""
        wide = rows[: (windows + len(self.matrices) - 1) * self.stride].view(-1, self.matrices[0].shape[0])
        out = torch.addmm(self.bias, wide[:windows], self.matrices[0])
        for at, matrix in enumerate(self.matrices[1:], 1):
            out.addmm_(wide[at : at + windows], matrix)
        return out


@dataclass(frozen=True)
class Wide:
    """oneDNN's convolution for many windows, `Taps` for few.

    Rows of channels are what it calls channels last, so it reads and writes them as they are.

    Attributes
    ----------
    weight : Tensor (out, in, 1, kernel)
    few : Taps
    """

    weight: Tensor
    few: Taps

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, stride: int) -> Wide:
        """Make of a weight (out, in, kernel) whose kernel is a multiple of the stride."""
        planes = weight[:, :, None].contiguous(memory_format=torch.channels_last)
        return cls(planes, Taps.of(weight, bias, stride))

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Multiply."""
        if windows < MANY:
            return self.few(rows, windows)
        needed = rows[: (windows - 1) * self.few.stride + self.weight.shape[3]]
        planes = needed.t()[None, :, None]
        return F.conv2d(planes, self.weight, self.few.bias, (1, self.few.stride))[0, :, 0].t()


@dataclass(frozen=True)
class Windows:
    """One product over windows that are copied out of the rows: for one or two channels, where a window is short.

    Attributes
    ----------
    matrix : Tensor (kernel * in, out)
    bias : Tensor (out,)
    stride : int
    """

    matrix: Tensor
    bias: Tensor
    stride: int

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, stride: int) -> Windows:
        """Make of a weight (out, in, kernel)."""
        return cls(weight.permute(2, 1, 0).flatten(0, 1).contiguous(), bias, stride)

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Multiply."""
        channels = rows.shape[1]
        overlapping = rows.as_strided((windows, self.matrix.shape[0]), (self.stride * channels, 1))
        return torch.addmm(self.bias, overlapping, self.matrix)


@dataclass(frozen=True)
class FewOutputs:
    """One product for all taps, then a sum of shifted lines: for one or two output channels, stride 1.

    Attributes
    ----------
    matrix : Tensor (kernel * out, in)
    bias : Tensor (out, 1)
    kernel : int
    """

    matrix: Tensor
    bias: Tensor
    kernel: int

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> FewOutputs:
        """Make of a weight (out, in, kernel)."""
        return cls(weight.permute(2, 0, 1).flatten(0, 1).contiguous(), bias[:, None], weight.shape[2])

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Multiply. The result is a transposed view: samples come out channel by channel."""
        length = windows + self.kernel - 1
        lines = torch.mm(self.matrix, rows[:length].t()).view(self.kernel, -1, length)
        out = self.bias + lines[0, :, :windows]
        for tap in range(1, self.kernel):
            out += lines[tap, :, tap : tap + windows]
        return out.t()


def fastest(weight: Tensor, bias: Tensor, stride: int) -> Kernel:
    """Choose for a weight (out, in, kernel)."""
    outputs, inputs, kernel = weight.shape
    if outputs <= 2 and stride == 1:
        return FewOutputs.of(weight, bias)
    if inputs <= 2 or kernel % stride:
        return Windows.of(weight, bias, stride)
    return Wide.of(weight, bias, stride)
