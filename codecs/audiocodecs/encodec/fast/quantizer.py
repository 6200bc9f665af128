"""The residual quantizer with one product for each codebook."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from audiocodecs.encodec import quantizer as plain


@dataclass(frozen=True)
class Codebook:
    """A codebook and what is computed from it once.

    Attributes
    ----------
    vectors : Tensor (1024, dimension)
    columns : Tensor (dimension, 1024)
        The vectors, transposed and multiplied by -2.
    squares : Tensor (1, 1024)
        Their squared lengths.
    """

    vectors: Tensor
    columns: Tensor
    squares: Tensor

    @classmethod
    def of(cls, codebook: plain.Codebook) -> Codebook:
        """Make of a module whose weights are final."""
        vectors = codebook.embed.detach()
        return cls(vectors, (-2 * vectors.t()).contiguous(), vectors.t().pow(2).sum(0, keepdim=True))

    def nearest(self, x: Tensor) -> Tensor:
        """Index of the vector nearest to each row of `x`, (frames, dimension) to (frames,).

        The terms are added in the order of the published code, so that a close call is decided alike.
        """
        return torch.addmm(x.pow(2).sum(1, keepdim=True), x, self.columns).add_(self.squares).argmin(dim=1)


@dataclass(frozen=True)
class Quantizer:
    """The codebooks in coding order."""

    codebooks: tuple[Codebook, ...]

    @classmethod
    def of(cls, module: plain.ResidualQuantizer) -> Quantizer:
        """Make of a module whose weights are final."""
        return cls(tuple(Codebook.of(codebook) for codebook in module.codebooks))

    @property
    def dimension(self) -> int:
        """Latent channels."""
        return self.codebooks[0].vectors.shape[1]

    def encode(self, latents: Tensor, n_q: int) -> Tensor:
        """Codes (batch, n_q, frames) of latents (batch, dimension, frames)."""
        batch, dimension, frames = latents.shape
        residual = latents.transpose(1, 2).reshape(-1, dimension)
        codes = []
        for codebook in self.codebooks[:n_q]:
            codes.append(codebook.nearest(residual))
            residual = residual - F.embedding(codes[-1], codebook.vectors)
        return torch.stack(codes).view(n_q, batch, frames).transpose(0, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents (batch, dimension, frames) of codes (batch, n_q, frames), from any leading codebooks."""
        latents = F.embedding(codes[:, 0], self.codebooks[0].vectors)
        for at, codebook in enumerate(self.codebooks[1 : codes.shape[1]], 1):
            latents += F.embedding(codes[:, at], codebook.vectors)
        return latents.transpose(1, 2)
