"""The residual block over rows: two convolutions and the shortcut in three products."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodecs.encodec import conv as plain
from audiocodecs.encodec import seanet
from audiocodecs.encodec.fast.conv import Conv, ConvState
from audiocodecs.encodec.fast.elu import SCALE, elu_into
from audiocodecs.encodec.fast.kernels import Product
from audiocodecs.encodec.fast.norm import RowNorm


@dataclass
class ResidualState:
    """What a residual block keeps between pushes.

    Attributes
    ----------
    inner : ConvState
    waiting : Tensor (n, channels)
        Input of the shortcut whose other half is not ready: at the start, until the padding is made.
    """

    inner: ConvState
    waiting: Tensor


@dataclass(frozen=True)
class ResidualBlock:
    """`shortcut(x) + out(ELU(inner(ELU(x))))`, both outer convolutions being of kernel 1.

    Attributes
    ----------
    inner : Conv
    shortcut : Product
        Its bias includes that of `out`, unless there are norms.
    out : Tensor (channels // 2, channels)
    out_bias : Tensor (channels,)
    out_norm, shortcut_norm : RowNorm or None
    """

    inner: Conv
    shortcut: Product
    out: Tensor
    out_bias: Tensor
    out_norm: RowNorm | None
    shortcut_norm: RowNorm | None

    @classmethod
    def of(cls, module: seanet.ResidualBlock) -> ResidualBlock:
        """Make of a module whose weights are final."""
        _, inner, _, out = module.block
        if not isinstance(inner, plain.Conv) or not isinstance(out, plain.Conv):
            raise TypeError("A residual block is ELU, Conv, ELU, Conv.")
        shortcut = module.shortcut
        out_bias, shortcut_bias = (conv.weights.bias.detach() * SCALE for conv in (out, shortcut))
        return cls(
            inner=Conv.of(inner, activated=True),
            shortcut=Product.of(_matrix(shortcut), shortcut_bias if shortcut.norm else shortcut_bias + out_bias),
            out=_matrix(out).t().contiguous(),
            out_bias=out_bias,
            out_norm=RowNorm.of(out.norm),
            shortcut_norm=RowNorm.of(shortcut.norm),
        )

    def start(self) -> ResidualState:
        """State before the first row."""
        return ResidualState(self.inner.start(), torch.empty(0, len(self.out_bias)))

    def push(self, x: Tensor, state: ResidualState, last: bool) -> Tensor:
        """Take rows (n, channels), return as many, later by at most the two that the start waits for."""
        hidden = self.inner.push(x, state.inner, last)
        if len(state.waiting):
            x = torch.cat([state.waiting, x])
        ready = len(hidden)
        state.waiting = x[ready:].clone()
        hidden = elu_into(hidden, torch.empty_like(hidden))
        if self.shortcut_norm is None or self.out_norm is None:
            return self.shortcut(x[:ready]).addmm_(hidden, self.out)
        beside = self.shortcut(x[:ready])
        through = torch.addmm(self.out_bias, hidden, self.out)
        beside_gain, beside_offset = self.shortcut_norm.affine(beside)
        gain, offset = self.out_norm.affine(through)
        return torch.addcmul(beside_offset + offset, beside, beside_gain, out=beside).addcmul_(through, gain)


def _matrix(conv: plain.Conv) -> Tensor:
    return conv.weights.weight.detach()[:, :, 0]
