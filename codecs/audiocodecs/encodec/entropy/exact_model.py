"""The language model in whole numbers: the same tables of frequencies on every machine.

Encoding runs all frames of a stretch at once (`hidden`), decoding one frame after another for several stretches
together (`Stepper`): the numbers are the same, because every sum is exact (see `exact_layers`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec.entropy.exact_layers import (
    GELU_STEPS,
    STEPS,
    SUM_STEPS,
    ExactAttention,
    ExactLinear,
    ExactNorm,
    Whole,
    bounded,
    exact_gelu,
)
from audiocodecs.encodec.entropy.exact_tables import exponentials, sinusoids
from audiocodecs.encodec.entropy.exact_weights import ExactWeights

TOTAL = 1 << 16
"""The frequencies of a code's values add up to about this."""
MOST_FRAMES = 1000
"""Of a stretch: an attention sum is exact up to 1023 keys."""
_EXP_BITS = 16

Codes = NDArray[np.int64]


class _Layer:
    """One layer; `attend` is given queries, keys and values that were split from `project`."""

    def __init__(self, weights: ExactWeights, name: str) -> None:
        tensors = weights.tensors

        def linear(part: str, steps: int, bias: str = "") -> ExactLinear:
            return ExactLinear(
                *weights.matrix(f"{name}.{part}"), tensors[f"{name}.{bias or part.replace('weight', 'bias')}"], steps
            )

        settings = weights.settings
        self._heads, self._width = settings.heads, settings.dim // settings.heads
        self.attention = ExactAttention(self._width)
        self._in = linear("self_attn.in_proj_weight", STEPS, "self_attn.in_proj_bias")
        self._out = linear("self_attn.out_proj.weight", SUM_STEPS)
        self._up = linear("linear1.weight", GELU_STEPS)
        self._down = linear("linear2.weight", SUM_STEPS)
        self._norm1 = ExactNorm(tensors[f"{name}.norm1.weight"], tensors[f"{name}.norm1.bias"])
        self._norm2 = ExactNorm(tensors[f"{name}.norm2.weight"], tensors[f"{name}.norm2.bias"])
        reach = np.repeat([self.attention.reach] * 2 + [self.attention.value_reach], settings.dim)
        self._reach = reach.astype(np.float32)

    @property
    def linears(self) -> tuple[ExactLinear, ...]:
        """Its matrix products."""
        return self._in, self._out, self._up, self._down

    def project(self, x: Whole) -> Whole:
        """Queries, keys and values of (rows, dim): (3, heads, rows, width)."""
        every = self._in(x)
        return bounded(every, self._reach).reshape(len(x), 3, self._heads, self._width).transpose(1, 2, 0, 3)

    def finish(self, x: Whole, attended: Whole) -> Whole:
        """What follows the attention: (rows, dim) and (rows, dim) to (rows, dim)."""
        total = self._out(attended)
        total += x * np.float32(SUM_STEPS // STEPS)
        x = self._norm1(total)
        total = self._down(exact_gelu(self._up(x)))
        total += x * np.float32(SUM_STEPS // STEPS)
        return self._norm2(total)


class ExactLanguageModel:
    """Predicts codes as `LanguageModel` does, to within the rounding of its weights to 8 bits.

    Parameters
    ----------
    weights : ExactWeights

    Raises
    ------
    CodecUnavailable
        If this machine cannot add whole numbers in float32 exactly.
    """

    def __init__(self, weights: ExactWeights) -> None:
        self.settings = weights.settings
        self.prefix = weights.prefix
        settings, tensors = self.settings, weights.tensors
        self._tokens = [self._on_grid(weights, f"emb.{k}.weight", SUM_STEPS // 2) for k in range(settings.codebooks)]
        self._norm_in = ExactNorm(tensors["transformer.norm_in.weight"], tensors["transformer.norm_in.bias"])
        self._positions = sinusoids(MOST_FRAMES, settings.dim, STEPS)
        self.layers = [_Layer(weights, f"transformer.layers.{i}") for i in range(settings.layers)]
        self._heads = [
            ExactLinear(*weights.matrix(f"linears.{k}.weight"), tensors[f"linears.{k}.bias"], STEPS)
            for k in range(settings.codebooks)
        ]
        self._within = [
            self._on_grid(weights, f"within.{k}.weight", STEPS)
            for k in range(settings.codebooks - 1 if settings.within_frame else 0)
        ]
        if not all(linear.is_exact() for linear in (*self._heads, *(part for x in self.layers for part in x.linears))):
            raise CodecUnavailable(
                "This machine's matrix products are not exact for whole numbers below 2**24.",
                "Leave entropy=lm out, and report the processor and the versions of numpy and its BLAS.",
            )
        self._table = exponentials(STEPS, _EXP_BITS)
        self._last = np.float32(len(self._table) - 1)

    @staticmethod
    def _on_grid(weights: ExactWeights, name: str, steps: int) -> Whole:
        rows, scale = weights.matrix(name)
        return np.rint(rows * (scale * np.float32(steps))[:, None]).astype(np.float32)

    def embed(self, tokens: Codes, offset: int | NDArray[np.int64]) -> Whole:
        """Input of the first layer: tokens (rows, n_q), 0 or 1 + code, at frames `offset`: (rows, dim)."""
        total = self._tokens[0][tokens[:, 0]]
        for k in range(1, tokens.shape[1]):
            total += self._tokens[k][tokens[:, k]]
        return self._norm_in(total) + self._positions[offset]

    def hidden(self, codes: Codes) -> Whole:
        """What each frame is predicted from, all frames of a stretch at once: codes (n_q, t) to (t, dim)."""
        frames = codes.shape[1]
        tokens = np.zeros((frames, len(codes)), np.int64)
        tokens[1:] = codes.T[:-1] + 1
        x = self.embed(tokens, np.arange(frames))
        # The first key is that of a vector of zeros, as published.
        age = np.arange(1, frames + 1)[:, None] - np.arange(frames + 1)
        unseen = (age < 0) | (age > self.settings.past_context)
        for layer in self.layers:
            q, k, v = layer.project(np.concatenate([np.zeros_like(x[:1]), x]))
            attended = layer.attention(q[:, 1:], k, v, unseen)
            x = layer.finish(x, attended.transpose(1, 0, 2).reshape(frames, -1))
        return x

    def ends(self, hidden: Whole, k: int) -> NDArray[np.int64]:
        """Where the ranges of the values of codebook `k` end: (rows, dim) to (rows, entries)."""
        return self._ends(self._heads[k](hidden))

    def all_ends(self, hidden: Whole, count: int) -> NDArray[np.int64]:
        """`ends` of the first `count` codebooks: (rows, dim) to (count, rows, entries)."""
        logits = np.concatenate([head(hidden) for head in self._heads[:count]])
        return self._ends(logits).reshape(count, len(hidden), -1)

    def _ends(self, logits: Whole) -> NDArray[np.int64]:
        far = np.maximum.reduce(logits, axis=1, keepdims=True)
        far = np.subtract(far, logits, out=logits)
        np.minimum(far, self._last, out=far)
        shares = self._table.take(far.astype(np.intp))
        room = np.float64(TOTAL - self.settings.entries)
        total = np.add.reduce(shares, axis=1, dtype=np.float64, keepdims=True)
        shares *= (room / total).astype(np.float32)
        np.floor(shares, out=shares)
        shares += 1
        ends: Codes = np.add.accumulate(shares, axis=1, dtype=np.float32).astype(np.int64)
        return ends

    def within(self, hidden: Whole, k: int, codes: Codes) -> Whole:
        """What the codes (rows,) of codebook `k` add for those after it in the frame; (rows, dim) to the same."""
        return hidden + self._within[k][codes] if self._within else hidden


class Stepper:
    """Runs several stretches frame by frame, each from its start, side by side.

    Parameters
    ----------
    model : ExactLanguageModel
    count : int
        Stretches.
    frames : int
        Of the longest one.
    """

    def __init__(self, model: ExactLanguageModel, count: int, frames: int) -> None:
        self._model = model
        settings = model.settings
        self._room = min(frames, settings.past_context) + 1
        shape = (settings.layers, 2, count, settings.heads, 2 * self._room, settings.dim // settings.heads)
        self._cache = np.empty(shape, np.float32)
        self._start, self._stop = 0, 1
        self._frame = 0
        zeros = np.zeros((count, settings.dim), np.float32)
        for layer, cache in zip(model.layers, self._cache, strict=True):
            cache[:, :, :, 0] = layer.project(zeros)[1:].transpose(0, 2, 1, 3)

    def step(self, tokens: Codes) -> Whole:
        """Hidden vectors (count, dim) of the next frame, given 0 or 1 + the codes of the last one, (count, n_q).

        `tokens` may have fewer rows than before: the last stretches have then ended.
        """
        count = len(tokens)
        if self._stop == self._cache.shape[4]:
            kept = self._stop - self._start
            self._cache[..., :kept, :] = self._cache[..., self._start : self._stop, :].copy()
            self._start, self._stop = 0, kept
        self._start = max(self._start, self._stop - self._model.settings.past_context)
        x = self._model.embed(tokens, self._frame)
        for layer, cache in zip(self._model.layers, self._cache, strict=True):
            q, k, v = layer.project(x)
            keys, values = cache[0, :count], cache[1, :count]
            keys[:, :, self._stop] = k.transpose(1, 0, 2)
            values[:, :, self._stop] = v.transpose(1, 0, 2)
            seen = slice(self._start, self._stop + 1)
            attended = layer.attention(q.transpose(1, 0, 2)[:, :, None], keys[:, :, seen], values[:, :, seen])
            x = layer.finish(x, attended.reshape(count, -1))
        self._stop += 1
        self._frame += 1
        return x
