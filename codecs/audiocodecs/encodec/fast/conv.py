"""Convolution over rows with the padding of EnCodec, in one piece or in pushes of any size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodecs.encodec import conv as plain
from audiocodecs.encodec.fast.elu import SCALE, elu_into
from audiocodecs.encodec.fast.kernels import Kernel, fastest
from audiocodecs.encodec.fast.norm import RowNorm


@dataclass
class ConvState:
    """What a convolution keeps between pushes.

    Attributes
    ----------
    rows : Tensor (n, in)
        Input, after the activation, that windows to come still need.
    begun : bool
        Whether the padding on the left has been made, which takes more input than it is long.
    """

    rows: Tensor
    begun: bool = False


@dataclass(frozen=True)
class Conv:
    """A convolution, with the activation before it.

    Attributes
    ----------
    multiply : Kernel
    norm : RowNorm or None
        Needs all rows at once: with it there is one push, the last.
    channels, outputs : int
        Of the input, of the output.
    kernel, stride : int
    left, right : int
        Rows that are padded by reflection; on the right, those of the last window come on top.
    activated : bool
        Whether ELU comes first.
    """

    multiply: Kernel
    norm: RowNorm | None
    channels: int
    outputs: int
    kernel: int
    stride: int
    left: int
    right: int
    activated: bool

    @classmethod
    def of(cls, module: plain.Conv, *, activated: bool) -> Conv:
        """Make of a module whose weights are final."""
        weight, bias = module.weights.weight.detach(), module.weights.bias.detach() * SCALE
        left, right = plain.around(module.kernel - module.stride, module.causal)
        return cls(
            multiply=fastest(weight, bias, module.stride),
            norm=RowNorm.of(module.norm),
            channels=weight.shape[1],
            outputs=weight.shape[0],
            kernel=module.kernel,
            stride=module.stride,
            left=left,
            right=right,
            activated=activated,
        )

    def start(self) -> ConvState:
        """State before the first row."""
        return ConvState(torch.empty(0, self.channels))

    def push(self, x: Tensor, state: ConvState, last: bool) -> Tensor:
        """Take rows (n, in), return the rows (m, out) that are ready; all that remain after the last."""
        held = len(state.rows)
        length = held + len(x)
        begins = not state.begun and length > (0 if last else self.left)
        lead = self.left if begins else 0
        rows = torch.empty(lead + length + (self._trail(length, state.begun) if last else 0), self.channels)
        rows[lead : lead + held] = state.rows
        if self.activated:
            elu_into(x, rows[lead + held : lead + length])
        else:
            rows[lead + held : lead + length] = x
        if begins or state.begun:
            rows = _reflect(rows, lead, length)
        state.begun = state.begun or begins
        windows = max(0, (len(rows) - self.kernel) // self.stride + 1) if state.begun else 0
        state.rows = rows[windows * self.stride :].clone()
        if not windows:
            return torch.empty(0, self.outputs)
        y = self.multiply(rows, windows)
        return y if self.norm is None else self.norm(y)

    def _trail(self, length: int, begun: bool) -> int:
        """Rows to pad on the right after the last one, of which `length` are at hand."""
        unpadded = length - self.left if begun else length  # of what was begun, the first rows made windows before
        return self.right + plain.right_padding(unpadded, self.kernel, self.stride) if unpadded > 0 else 0


def _reflect(rows: Tensor, lead: int, length: int) -> Tensor:
    """Fill the rows around `length` ones that begin at `lead`."""
    trail = len(rows) - lead - length
    if length <= max(lead, trail):  # the module's rule for input that is too short to be reflected
        return plain.pad_reflect(rows[lead : lead + length].t()[None], lead, trail)[0].t().contiguous()
    if lead:
        rows[:lead] = rows[lead + 1 : 2 * lead + 1].flip(0)
    if trail:
        end = lead + length
        rows[end:] = rows[end - 1 - trail : end - 1].flip(0)
    return rows
