"""The modified discrete cosine transform, its sine partner, and the way back.

A frame of `hop` coefficients covers 2 * hop samples under a sine window; frames are `hop` samples apart
(13.3 ms at 24 kHz, 20 ms at 48 kHz). Frame t covers the samples (t - 1) * hop to (t + 1) * hop, so n samples
have ceil(n / hop) + 1 frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def frame_count(samples: int, hop: int) -> int:
    """Frames that `samples` samples need."""
    return -(-samples // hop) + 1


class Mdct(nn.Module):
    """MDCT and MDST with 50 % overlap, orthonormal (Princen, Bradley 1986; Malvar 1990)."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop
        n = torch.arange(2 * hop, dtype=torch.float64)[:, None] + 0.5
        k = torch.arange(hop, dtype=torch.float64)[None, :] + 0.5
        window = torch.sin(math.pi * n / (2 * hop)) * math.sqrt(2 / hop)
        phase = math.pi / hop * (n + hop / 2) * k
        # Computed, so never saved: they would be 1.6 MB of the weights file.
        self.register_buffer("cosines", (window * torch.cos(phase)).float(), persistent=False)
        self.register_buffer("sines", (window * torch.sin(phase)).float(), persistent=False)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Transform audio.

        Parameters
        ----------
        samples : Tensor, shape (batch, n)

        Returns
        -------
        mdct, mdst : Tensor, shape (batch, ceil(n / hop) + 1, hop)
        """
        padded = functional.pad(samples, (self.hop, self.hop + (-samples.shape[-1]) % self.hop))
        return self.frames(padded)

    def frames(self, padded: Tensor) -> tuple[Tensor, Tensor]:
        """Transform audio that already has the overlap before and after: (batch, (t + 1) * hop) -> (batch, t, hop)."""
        windows = padded.unfold(-1, 2 * self.hop, self.hop)
        return windows @ self.cosines, windows @ self.sines

    def inverse(self, mdct: Tensor) -> Tensor:
        """Overlap and add: (batch, t, hop) -> (batch, (t - 1) * hop), what all frames cover twice."""
        windows = mdct @ self.cosines.T
        out = windows[:, 1:, : self.hop] + windows[:, :-1, self.hop :]
        return out.flatten(1)
