"""The Transformer that predicts the codes of a frame from those of the frames before.

For the published checkpoints in their key layout, and for our own. `step` runs it frame by frame
with the published package's operations in their order, because ECDC files depend on every bit of
its probabilities; `forward` runs many frames at once, for training. Files of our own format use
`exact_model.ExactLanguageModel`, which is built from the same weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, LanguageModelSettings

MAX_PERIOD = 10_000.0


States = list[Tensor]
"""Input of each layer at the frames seen so far, float32 (1, frames, dim)."""


class Layer(nn.Module):
    """Attention over the frames seen so far and a feed-forward part, each followed by its norm."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        super().__init__()
        self.past_context = settings.past_context
        self.self_attn = nn.MultiheadAttention(settings.dim, settings.heads, batch_first=True)
        self.linear1 = nn.Linear(settings.dim, settings.hidden)
        self.linear2 = nn.Linear(settings.hidden, settings.dim)
        self.norm1 = nn.LayerNorm(settings.dim)
        self.norm2 = nn.LayerNorm(settings.dim)

    def forward(self, x: Tensor, past: Tensor) -> Tensor:
        """Map (batch, t, dim), given the layer's earlier inputs (batch, h, dim), to (batch, t, dim)."""
        before, now = past.shape[1], x.shape[1]
        # One object for keys and values: the projection of both is then one product, as published.
        keys = torch.cat([past, x], dim=1)
        age = torch.arange(before, before + now, device=x.device)[:, None] - torch.arange(before + now, device=x.device)
        hidden = (age < 0) | (age > self.past_context)
        attended = self.self_attn(x, keys, keys, attn_mask=hidden, need_weights=False)[0]
        x = self.norm1(x + attended)
        y: Tensor = self.norm2(x + self.linear2(F.gelu(self.linear1(x))))
        return y


class Transformer(nn.Module):
    """Holds the layers under their published names."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        super().__init__()
        self.dim = settings.dim
        self.past_context = settings.past_context
        self.norm_in = nn.LayerNorm(settings.dim)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))

    def forward(self, x: Tensor, states: States | None, offset: int) -> tuple[Tensor, States]:
        """Run over (batch, t, dim) from `offset` frames on; without states, from a vector of zeros."""
        if states is None:
            states = [torch.zeros_like(x[:, :1]) for _ in self.layers]
        positions = torch.arange(x.shape[1], device=x.device).view(1, -1, 1) + offset
        x = self.norm_in(x)
        x = x + sinusoids(positions, self.dim)
        after = []
        for layer, past in zip(self.layers, states, strict=True):
            after.append(torch.cat([past, x], dim=1)[:, -self.past_context :])
            x = layer(x, past)
        return x, after


class LanguageModel(nn.Module):
    """Predicts codes; key layout as published.

    Parameters
    ----------
    settings : LanguageModelSettings
    """

    def __init__(self, settings: LanguageModelSettings = PUBLISHED_24KHZ) -> None:
        super().__init__()
        self.settings = settings
        count, entries, dim = settings.codebooks, settings.entries, settings.dim
        self.transformer = Transformer(settings)
        self.emb = nn.ModuleList(nn.Embedding(entries + 1, dim) for _ in range(count))
        self.linears = nn.ModuleList(nn.Linear(dim, entries) for _ in range(count))
        if settings.within_frame:
            self.within = nn.ModuleList(nn.Embedding(entries, dim) for _ in range(count - 1))
            for embedding in self.within:
                nn.init.zeros_(next(embedding.parameters()))

    def forward(self, codes: Tensor) -> Tensor:
        """Logits of every code from those before it, all frames at once.

        Parameters
        ----------
        codes : Tensor of int64, shape (batch, n_q, frames)
            -1 where a frame has none.

        Returns
        -------
        Tensor, shape (n_q, batch, frames, entries)
        """
        started = F.pad(codes[..., :-1] + 1, (1, 0))
        x = self._embed(started)
        h, _ = self.transformer(x, None, 0)
        logits = []
        for k in range(codes.shape[1]):
            logits.append(self.linears[k](h))
            if self.settings.within_frame and k + 1 < codes.shape[1]:
                h = h + self.within[k](codes[:, k].clamp(min=0))
        return torch.stack(logits)

    @torch.no_grad()
    def step(self, tokens: Tensor, states: States | None, offset: int) -> tuple[Tensor, States]:
        """Probabilities of the codes of one frame, as the published package computes them.

        Parameters
        ----------
        tokens : Tensor of int64, shape (1, n_q, 1)
            0 at the start, then 1 + the codes of the frame before.
        states : list of Tensor or None
            As returned for the frame before; None at the start.
        offset : int
            Frames before this one.

        Returns
        -------
        probabilities : Tensor of float32, shape (entries, n_q)
        states : list of Tensor
        """
        h, states = self.transformer(self._embed(tokens), states, offset)
        logits = torch.stack([linear(h) for linear in self.linears[: tokens.shape[1]]], dim=1).permute(0, 3, 1, 2)
        return torch.softmax(logits, dim=1)[0, :, :, 0], states

    def _embed(self, tokens: Tensor) -> Tensor:
        x: Tensor = sum(emb(row) for emb, row in zip(self.emb, tokens.unbind(1), strict=False))
        return x


def sinusoids(positions: Tensor, dim: int) -> Tensor:
    """Cosines, then sines, of `positions` (..., 1) at dim / 2 frequencies: (..., dim)."""
    half = dim // 2
    order = torch.arange(half, device=positions.device).view(1, 1, -1)
    phase = positions / (MAX_PERIOD ** (order / (half - 1)))
    return torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1)
