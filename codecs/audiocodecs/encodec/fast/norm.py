"""Group norm with one group over rows, for the 48 kHz model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audiocodecs.encodec.fast.elu import SCALE

BLOCK = 1 << 16
"""Elements summed at a time, so that their squares stay in the core's own cache."""


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
        """Make of the module, for rows times SCALE; None of None."""
        if norm is None:
            return None
        return cls(norm.weight.detach() * SCALE, norm.bias.detach() * SCALE, norm.eps * SCALE**2)

    def affine(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset (channels,) that normalise these rows (n, channels), all of a segment's at once."""
        # Sums of blocks, each made in a tree as torch does. BLAS's dot product or norm of all loses three digits.
        flat = (rows if rows.is_contiguous() else rows.t()).view(-1)
        blocks = torch.split(flat, BLOCK)
        mean = sum(float(block.sum()) for block in blocks) / len(flat)
        square = sum(float(block.square().sum()) for block in blocks) / len(flat)
        gain = self.gain / math.sqrt(max(0.0, square - mean * mean) + self.eps)
        return gain, self.offset - mean * gain

    def __call__(self, rows: Tensor) -> Tensor:
        """Normalise (rows, channels) in place; all rows of a segment at once."""
        gain, offset = self.affine(rows)
        return torch.addcmul(offset, rows, gain, out=rows)
