"""Group norm with one group over rows, for the 48 kHz model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class RowNorm:
    """Mean 0 and deviation 1 over all rows and channels at once, then a gain and an offset for each channel.

    Attributes
    ----------
    gain, offset : Tensor (channels,)
    eps : float
    """

    gain: Tensor
    offset: Tensor
    eps: float

    @classmethod
    def of(cls, norm: nn.GroupNorm | None) -> RowNorm | None:
        """Make of the module, None of None."""
        return None if norm is None else cls(norm.weight.detach(), norm.bias.detach(), norm.eps)

    def __call__(self, rows: Tensor) -> Tensor:
        """Normalise (rows, channels) in place; all rows of a segment at once."""
        # torch's own sums are made in a tree. A dot product or norm from BLAS is not, and loses three digits here.
        rows.sub_(rows.mean())
        gain = self.gain * torch.rsqrt(rows.square().mean() + self.eps)
        return torch.addcmul(self.offset, rows, gain, out=rows)
