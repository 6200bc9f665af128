"""Transposed convolution over rows, as the sum of the two frames that each output row lies in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodecs.encodec import conv as plain
from audiocodecs.encodec.fast.elu import SCALE, elu_into
from audiocodecs.encodec.fast.kernels import Kernel, fastest
from audiocodecs.encodec.fast.norm import RowNorm


@dataclass
class TransposeState:
    """What a transposed convolution keeps between pushes.

    Attributes
    ----------
    previous : Tensor (1, in)
        The last row, after the activation, whose second half of output rows is still to come; at first zeros.
    """

    previous: Tensor


@dataclass(frozen=True)
class ConvTranspose:
    """A transposed convolution whose kernel is two strides long, with the ELU before it.

    Row t of the input reaches the output rows from t * stride on, two strides of them. So those
    of one stride are a convolution of kernel 2 whose outputs, laid end to end, are stride rows.

    Attributes
    ----------
    multiply : Kernel
        From (n + 1, in) to (n, stride * out).
    norm : RowNorm or None
        Needs all rows at once: with it there is one push, the last.
    stride, inputs, outputs : int
    cut_left : int
        Rows to cut off at the start; those that are over at the end are cut off too.
    """

    multiply: Kernel
    norm: RowNorm | None
    stride: int
    inputs: int
    outputs: int
    cut_left: int

    @classmethod
    def of(cls, module: plain.ConvTranspose) -> ConvTranspose:
        """Make of a module whose weights are final."""
        weight, bias = module.weights.weight.detach(), module.weights.bias.detach() * SCALE
        inputs, outputs, kernel = weight.shape
        if kernel != 2 * module.stride:
            raise ValueError(f"The kernel is {kernel} long with a stride of {module.stride}; it has to be twice that.")
        # (in, out, 2 strides) to (strides of out, in, 2), the second half, which the row before left, first.
        halves = weight.view(inputs, outputs, 2, module.stride).flip(2).permute(3, 1, 0, 2).flatten(0, 1)
        return cls(
            multiply=fastest(halves, bias.repeat(module.stride), 1),
            norm=RowNorm.of(module.norm),
            stride=module.stride,
            inputs=inputs,
            outputs=outputs,
            cut_left=module.cut_left,
        )

    def start(self) -> TransposeState:
        """State before the first row."""
        return TransposeState(torch.zeros(1, self.inputs))

    def push(self, x: Tensor, state: TransposeState, last: bool) -> Tensor:
        """Take rows (n, in), return rows (n * stride, out)."""
        if not len(x):
            return torch.empty(0, self.outputs)
        # The surplus after the last row is needed where the norm counts it or the start is cut off.
        surplus = self.norm is not None or self.cut_left > 0
        rows = torch.empty(1 + len(x) + surplus, self.inputs)
        rows[0] = state.previous
        elu_into(x, rows[1 : len(x) + 1])
        if surplus:
            rows[-1] = 0
        state.previous = rows[len(x) : len(x) + 1].clone()
        y = self.multiply(rows, len(rows) - 1).view(-1, self.outputs)
        if self.norm is not None:
            y = self.norm(y)
        return y[self.cut_left : self.cut_left + len(x) * self.stride]
