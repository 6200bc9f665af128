"""Residual vector quantizer of EnCodec, for inference.

Each codebook takes the nearest of its 1024 vectors (Euclidean) to what the ones
before it left over, so the first k of all codebooks are the code at k codebooks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CODEBOOK_SIZE = 1024


class Codebook(nn.Module):
    """One codebook. `cluster_size` and `embed_avg` are the running averages that trained it.

    Parameters
    ----------
    dimension : int
        Latent channels.
    """

    inited: Tensor
    cluster_size: Tensor
    embed: Tensor
    embed_avg: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(CODEBOOK_SIZE))
        self.register_buffer("embed", torch.zeros(CODEBOOK_SIZE, dimension))
        self.register_buffer("embed_avg", torch.zeros(CODEBOOK_SIZE, dimension))

    def nearest(self, x: Tensor) -> Tensor:
        """Index of the vector nearest to each row of `x`, (frames, dimension) to (frames,).

        The terms of the squared distance are summed in the published order: in another
        one, rounding decides a close call the other way now and then.
        """
        columns = self.embed.t()
        distance = x.pow(2).sum(1, keepdim=True) - 2 * x @ columns + columns.pow(2).sum(0, keepdim=True)
        return distance.argmin(dim=1)

    def vectors(self, codes: Tensor) -> Tensor:
        """Vectors of `codes`, (frames,) to (frames, dimension)."""
        return F.embedding(codes, self.embed)


class VectorQuantizer(nn.Module):
    """Holds a codebook under its published name."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self._codebook = Codebook(dimension)


class CodebookStack(nn.Module):
    """Holds the codebooks under their published name, `layers`."""

    def __init__(self, codebooks: int, dimension: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VectorQuantizer(dimension) for _ in range(codebooks))


class ResidualQuantizer(nn.Module):
    """All codebooks, each coding what the ones before it left over.

    Parameters
    ----------
    codebooks : int
    dimension : int
        Latent channels.
    """

    def __init__(self, codebooks: int, dimension: int = 128) -> None:
        super().__init__()
        self.vq = CodebookStack(codebooks, dimension)

    @property
    def codebooks(self) -> list[Codebook]:
        """The codebooks in coding order."""
        return [layer._codebook for layer in self.vq.layers if isinstance(layer, VectorQuantizer)]

    def encode(self, latents: Tensor, n_q: int) -> Tensor:
        """Code latents (dimension, frames) with the first `n_q` codebooks; codes (n_q, frames)."""
        residual = latents.t()
        codes = []
        for codebook in self.codebooks[:n_q]:
            codes.append(codebook.nearest(residual))
            residual = residual - codebook.vectors(codes[-1])
        return torch.stack(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents (dimension, frames) of codes (n_q, frames)."""
        latents = torch.zeros(())
        for codebook, row in zip(self.codebooks, codes, strict=False):
            latents = latents + codebook.vectors(row)
        return latents.t()
