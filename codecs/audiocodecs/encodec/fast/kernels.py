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

HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
"""Whether this build of torch has oneDNN. The operators for weights laid out once are those of torch's compiler."""


class Kernel(Protocol):
    """Multiplies every window of some rows by one weight."""

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Map (windows * stride + kernel - stride or more, in) to (windows, out)."""


@dataclass(frozen=True)
class Convolution:
    """oneDNN's convolution, its weights laid out once.

    Rows of channels are what it calls channels last, so it reads and writes them as they are.

    Attributes
    ----------
    weight : Tensor (out, in, 1, kernel)
        In the layout that oneDNN chose, if it is here.
    bias : Tensor (out,)
    stride, kernel : int
    """

    weight: Tensor
    bias: Tensor
    stride: int
    kernel: int

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, stride: int) -> Convolution:
        """Make of a weight (out, in, kernel)."""
        outputs, inputs, kernel = weight.shape
        planes = weight[:, :, None].contiguous(memory_format=torch.channels_last)
        if HAS_ONEDNN:
            size = [1, inputs, 1, 256 * stride + kernel]  # oneDNN picks the same layout for every length
            planes = torch.ops.mkldnn._reorder_convolution_weight(planes, [0, 0], [1, stride], [1, 1], 1, size)
        return cls(planes, bias, stride, kernel)

    def __call__(self, rows: Tensor, windows: int) -> Tensor:
        """Multiply."""
        planes = rows[: (windows - 1) * self.stride + self.kernel].t()[None, :, None]
        if HAS_ONEDNN:
            out: Tensor = torch.ops.mkldnn._convolution_pointwise(
                planes, self.weight, self.bias, [0, 0], [1, self.stride], [1, 1], 1, "none", [], ""
            )
        else:
            out = F.conv2d(planes, self.weight, self.bias, (1, self.stride))
        return out[0, :, 0].t()


@dataclass(frozen=True)
class Product:
    """oneDNN's product with a matrix that is laid out once: a fifth faster than BLAS for narrow matrices.

    Attributes
    ----------
    weight : Tensor (out, in)
        In the layout that oneDNN chose, if it is here.
    bias : Tensor (out,)
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Product:
        """Make of a weight (out, in)."""
        return cls(torch.ops.mkldnn._reorder_linear_weight(weight.contiguous()) if HAS_ONEDNN else weight, bias)

    def __call__(self, rows: Tensor) -> Tensor:
        """Map (rows, in) to (rows, out)."""
        if not HAS_ONEDNN:
            return F.linear(rows, self.weight, self.bias)
        out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return out


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
    if inputs <= 2:
        return Windows.of(weight, bias, stride)
    return Convolution.of(weight, bias, stride)
