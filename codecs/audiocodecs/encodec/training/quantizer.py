"""How the residual quantizer learns: moving averages, k-means at the start, dead codes replaced.

The state is that of the published checkpoints (`embed`, `embed_avg`, `cluster_size`, `inited` of each
codebook), so that what was trained is loaded as they are. Three things differ from the published code:

- The residual that a codebook sees is what the ones before left over, each of their outputs detached,
  and one straight-through estimator goes over the sum. There the estimator of each codebook is part of
  the next one's input, so that the commitment gradient vanishes from the second codebook on.
- A dead code's moving averages are replaced with its vector. There only the vector is, and the update
  that follows puts the old average back.
- `embed_avg` begins as the sum of a cluster and not as its mean, so that the first update of a codebook
  does not shrink it to nothing.

References
----------
A. van den Oord, O. Vinyals, K. Kavukcuoglu, "Neural Discrete Representation Learning", arXiv 1711.00937, appendix A.1.
N. Zeghidour et al., "SoundStream", arXiv 2107.03312, section III-C.
A. Défossez et al., "High Fidelity Neural Audio Compression", arXiv 2210.13438, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from audiocodecs.encodec.quantizer import Codebook, ResidualQuantizer

PUBLISHED_BATCH_FRAMES = 64 * 75
"""Latent frames in a batch of the published training, which its threshold of dead codes belongs to."""


@dataclass(frozen=True)
class QuantizerConfig:
    """How the codebooks learn.

    Attributes
    ----------
    decay : float
        Of the moving averages.
    epsilon : float
        Laplace smoothing of the cluster sizes.
    kmeans_rounds : int
    start_frames : int
        Latent frames that k-means starts from, drawn over as many batches as they need.
    dead_below : float
        A code is replaced when its average count in a batch falls below this; as published for batches of
        4,800 frames, and in proportion for smaller ones, where it would call every code dead.
    """

    decay: float = 0.99
    epsilon: float = 1e-5
    kmeans_rounds: int = 50
    start_frames: int = 50_000
    dead_below: float = 2.0


@dataclass(frozen=True)
class Quantized:
    """A batch, quantized.

    Attributes
    ----------
    latents : Tensor, shape (batch, dimension, frames)
        Sum of the chosen vectors. Its gradient passes straight to the input.
    codes : Tensor of int64, shape (n_q, batch, frames)
    commitment : Tensor
        Mean over codebooks of the mean square between what a codebook was given and what it chose.
    replaced : Tensor
        Number of dead codes that got a new vector.
    """

    latents: Tensor
    codes: Tensor
    commitment: Tensor
    replaced: Tensor


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest entry: (n, d), (k, d) to (n,)."""
    return torch.addmm(0.5 * codebook.square().sum(1), vectors, codebook.T, beta=-1).argmax(1)


def kmeans(vectors: Tensor, entries: int, rounds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm; empty clusters begin again at a random vector.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    entries, rounds : int
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    centres : Tensor, shape (entries, d)
    sizes : Tensor, shape (entries,)
        Vectors of each.
    """
    centres = _draw(vectors, entries, generator)
    for _ in range(rounds):
        sizes, sums = _gather(vectors, nearest(vectors, centres), entries)
        centres = torch.where(
            sizes[:, None] > 0, sums / sizes.clamp(min=1)[:, None], _draw(vectors, entries, generator)
        )
    return centres, _gather(vectors, nearest(vectors, centres), entries)[0]


class QuantizerTraining:
    """Trains the codebooks of `quantizer`, whose buffers hold all the state.

    Parameters
    ----------
    quantizer : ResidualQuantizer
    config : QuantizerConfig
    """

    def __init__(self, quantizer: ResidualQuantizer, config: QuantizerConfig) -> None:
        self.quantizer = quantizer
        self.config = config

    @torch.no_grad()
    def initialise(self, latents: Tensor, n_q: int, generator: torch.Generator) -> None:
        """K-means of the first `n_q` codebooks on latents (frames, dimension), each on what the ones before left."""
        residual = latents.float()
        for codebook in self.quantizer.codebooks[:n_q]:
            entries = len(codebook.embed)
            centres, sizes = kmeans(residual, entries, self.config.kmeans_rounds, generator)
            codebook.embed.copy_(centres)
            # as if batches of the published size had been averaged
            codebook.cluster_size.copy_(sizes * (PUBLISHED_BATCH_FRAMES / len(residual)))
            codebook.embed_avg.copy_(centres * codebook.cluster_size[:, None])
            codebook.inited.fill_(1)
            residual = residual - centres[nearest(residual, centres)]

    @torch.no_grad()
    def adopt(self) -> None:
        """Make the averages of codebooks from elsewhere what this class counts; where they were dropped, anew."""
        for codebook in self.quantizer.codebooks:
            total = codebook.cluster_size.sum()
            if codebook.inited and total > 0:
                codebook.embed_avg.mul_(PUBLISHED_BATCH_FRAMES / total)
                codebook.cluster_size.mul_(PUBLISHED_BATCH_FRAMES / total)
            elif codebook.inited:
                codebook.cluster_size.fill_(PUBLISHED_BATCH_FRAMES / len(codebook.embed))
                codebook.embed_avg.copy_(codebook.embed * codebook.cluster_size[:, None])

    def quantize(self, latents: Tensor, n_q: int, generator: torch.Generator | None = None) -> Quantized:
        """Quantize latents (batch, dimension, frames) with the first `n_q` codebooks.

        Parameters
        ----------
        latents : Tensor
        n_q : int
        generator : torch.Generator, optional
            With it, on the CPU, the codebooks learn from the batch; without they stay as they are.
        """
        batch, dimension, frames = latents.shape
        with torch.autocast(latents.device.type, enabled=False):
            residual = latents.float().transpose(1, 2).reshape(-1, dimension)
            given = residual
            codes, commitments, replaced = [], [], []
            for codebook in self.quantizer.codebooks[:n_q]:
                chosen = codebook.nearest(residual.detach())
                vectors = F.embedding(chosen, codebook.embed)
                commitments.append(F.mse_loss(residual, vectors))
                if generator is not None:
                    replaced.append(self._learn(codebook, residual.detach(), chosen, generator))
                residual = residual - vectors
                codes.append(chosen.view(batch, frames))
            total = given - residual.detach()  # the sum of what was chosen, straight through to what was given
        return Quantized(
            total.view(batch, frames, dimension).transpose(1, 2),
            torch.stack(codes),
            torch.stack(commitments).mean(),
            torch.stack(replaced).sum() if replaced else torch.zeros(()),
        )

    @torch.no_grad()
    def _learn(self, codebook: Codebook, vectors: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Move a codebook; returns how many of its codes were dead."""
        config, entries = self.config, len(codebook.embed)
        sizes, sums = _gather(vectors, chosen, entries)
        # counted as in a batch of the published size, which the threshold belongs to
        share = PUBLISHED_BATCH_FRAMES / len(vectors)
        codebook.cluster_size.lerp_(sizes * share, 1 - config.decay)
        codebook.embed_avg.lerp_(sums * share, 1 - config.decay)
        fresh = _draw(vectors, entries, generator)  # always as many, so that nothing waits for a GPU's count
        dead = codebook.cluster_size < config.dead_below
        size = torch.full_like(codebook.cluster_size, max(config.dead_below, PUBLISHED_BATCH_FRAMES / entries))
        codebook.cluster_size.copy_(torch.where(dead, size, codebook.cluster_size))
        codebook.embed_avg.copy_(torch.where(dead[:, None], fresh * size[:, None], codebook.embed_avg))
        total = codebook.cluster_size.sum()
        smoothed = (codebook.cluster_size + config.epsilon) / (total + entries * config.epsilon) * total
        codebook.embed.copy_(codebook.embed_avg / smoothed[:, None])
        return dead.sum()


def _draw(vectors: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` random rows, different ones if there are enough."""
    if len(vectors) >= count:
        index = torch.randperm(len(vectors), generator=generator)[:count]
    else:
        index = torch.randint(len(vectors), (count,), generator=generator)
    return vectors[index.to(vectors.device)]


def _gather(vectors: Tensor, chosen: Tensor, entries: int) -> tuple[Tensor, Tensor]:
    """Number and sum of the vectors of each entry."""
    sizes = torch.bincount(chosen, minlength=entries).to(vectors.dtype)
    return sizes, torch.zeros(entries, vectors.shape[1], device=vectors.device).index_add_(0, chosen, vectors)


def perplexity(codes: Tensor, entries: int) -> float:
    """Codes in effective use of one codebook, 1 to `entries`: the exponential of their entropy."""
    shares = torch.bincount(codes.flatten(), minlength=entries).float() / codes.numel()
    return float(torch.special.entr(shares).sum().exp())
