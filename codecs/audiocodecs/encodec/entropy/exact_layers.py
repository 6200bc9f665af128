"""Layers of a Transformer in whole numbers, so that every machine computes the same.

Activations are multiples of 1/64, weights are 8-bit integers with a scale for each row. A product of matrices then
adds whole numbers that stay below 2**24, which float32 holds exactly: whatever the order of the additions, the number
of threads, the instructions or the rows computed together, the sum is the same. Between the products there are
tables of whole numbers and single operations (+, -, *, /, square root, rounding) that IEEE 754 defines to the last bit.
All arrays are float32 that hold whole numbers, unless said.
"""

from __future__ import annotations

from functools import cache
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from audiocodecs.encodec.entropy.exact_tables import exponentials, gelu

STEPS = 64
"""Activations are multiples of 1 / STEPS."""
REACH = 1023
"""Largest activation that enters a product, in such steps: 16."""
SUM_STEPS = 1024
SUM_REACH = (1 << 17) - 1
"""Grid and bound of what a norm takes."""

_EXACT = (1 << 24) - 1
_EXP_STEPS, _EXP_BITS = 256, 14
_WEIGHT = 4096
GELU_STEPS, _GELU_REACH = 128, 12

Whole = NDArray[np.float32]


def bounded(x: Whole, reach: float | Whole) -> Whole:
    """Clip `x` to -reach..reach, in place: less work for small arrays than `np.clip`."""
    np.minimum(x, reach, out=x)
    np.maximum(x, -reach, out=x)
    return x


class ExactLinear:
    """y = rint(steps * (W x + b)), x in multiples of 1 / STEPS and within REACH.

    Parameters
    ----------
    matrix : ndarray of int8, shape (rows, columns)
    scale : ndarray of float32, shape (rows,)
    bias : ndarray of float32, shape (rows,)
    steps : int
        Grid of the result, a power of two.
    """

    def __init__(self, matrix: NDArray[np.int8], scale: NDArray[np.float32], bias: Whole, steps: int) -> None:
        columns = matrix.shape[1]
        largest = int(np.abs(matrix.astype(np.int64)).sum(1).max()) * REACH
        pieces = -(-largest // _EXACT)
        while any(np.abs(part.astype(np.int64)).sum(1).max() * REACH > _EXACT for part in self._cut(matrix, pieces)):
            pieces += 1
        self._parts = [np.ascontiguousarray(part.T.astype(np.float32)) for part in self._cut(matrix, pieces)]
        self._edges = [0, *np.cumsum([len(part) for part in self._parts]).tolist()]
        assert self._edges[-1] == columns
        # Powers of two: exact.
        self._scale: Whole = scale * np.float32(steps / STEPS)
        self._bias: Whole = bias * np.float32(steps)

    @staticmethod
    def _cut(matrix: NDArray[np.int8], pieces: int) -> list[NDArray[np.int8]]:
        return np.array_split(matrix, max(1, pieces), axis=1)

    def is_exact(self) -> bool:
        """Whether this machine's matrix product really adds such whole numbers exactly."""
        for part in self._parts:
            # As large as sums get: each input at its bound, with the sign of the first output's weight.
            x = np.where(part[:, :1].T < 0, -REACH, REACH).astype(np.float32)
            if not np.array_equal(x @ part, x.astype(np.int64) @ part.astype(np.int64)):
                return False
        return True

    def __call__(self, x: Whole) -> Whole:
        """Map (rows, columns) to (rows, outputs)."""
        if len(self._parts) == 1:
            y: Whole = x @ self._parts[0]
        else:
            total = np.zeros((len(x), self._parts[0].shape[1]))
            for part, start, stop in zip(self._parts, self._edges, self._edges[1:], strict=False):
                total += x[:, start:stop] @ part
            y = total.astype(np.float32)
        y *= self._scale
        y += self._bias
        return np.rint(y, out=y)


class ExactNorm:
    """Layer norm of sums in multiples of 1 / SUM_STEPS; the result is on the grid of activations, within REACH."""

    def __init__(self, gain: Whole, bias: Whole) -> None:
        size = len(gain)
        self._size = float(size)
        # The variance is that of size * x, and so is the published 1e-5 beside it.
        self._epsilon = 1e-5 * SUM_STEPS * SUM_STEPS * size * size
        self._gain = gain.astype(np.float64) * STEPS
        self._bias = bias.astype(np.float64) * STEPS

    def __call__(self, x: Whole) -> Whole:
        """Map (rows, size) to the same shape."""
        wide = bounded(x, SUM_REACH).astype(np.float64)
        total = np.add.reduce(wide, axis=1, keepdims=True)
        spread = np.add.reduce(wide * wide, axis=1, keepdims=True)
        spread *= self._size
        spread -= total * total
        spread += self._epsilon
        np.sqrt(spread, out=spread)
        wide *= self._size
        wide -= total
        wide /= spread
        wide *= self._gain
        wide += self._bias
        return bounded(np.rint(wide).astype(np.float32), REACH)


class ExactAttention:
    """Weights of keys and sums of values, for queries against all keys that they see."""

    def __init__(self, width: int) -> None:
        self.reach = isqrt(_EXACT // width)
        """Bound of queries and keys: a product of two is then exact."""
        self._unit = np.float32(_EXP_STEPS / (np.sqrt(np.float64(width)) * STEPS * STEPS))
        self._table = exponentials(_EXP_STEPS, _EXP_BITS)
        self._last = np.float32(len(self._table) - 1)
        self.value_reach = float(_EXACT // (2 * _WEIGHT))

    def __call__(self, queries: Whole, keys: Whole, values: Whole, unseen: NDArray[np.bool_] | None = None) -> Whole:
        """Attend.

        Parameters
        ----------
        queries : ndarray, shape (..., q, width)
        keys, values : ndarray, shape (..., k, width)
            At most 1023 seen by a query: sums of their weights are then exact.
        unseen : ndarray of bool, shape (q, k), optional

        Returns
        -------
        ndarray, shape (..., q, width)
            Within REACH.
        """
        scores = queries @ keys.swapaxes(-1, -2)
        if unseen is not None:
            scores[..., unseen] = -np.inf
        far = np.maximum.reduce(scores, axis=-1, keepdims=True)
        far = np.subtract(far, scores, out=scores)
        far *= self._unit
        np.rint(far, out=far)
        np.minimum(far, self._last, out=far)
        weights = self._table.take(far.astype(np.intp))
        weights *= np.float32(_WEIGHT) / np.add.reduce(weights, axis=-1, keepdims=True)
        np.rint(weights, out=weights)
        mixed: Whole = weights @ values
        mixed /= np.add.reduce(weights, axis=-1, keepdims=True)
        return bounded(np.rint(mixed, out=mixed), REACH)


def exact_gelu(x: Whole) -> Whole:
    """GELU of multiples of 1 / GELU_STEPS, on the grid of activations; `x` is used up."""
    bounded(x, _GELU_REACH * GELU_STEPS)
    x += _GELU_REACH * GELU_STEPS
    found: Whole = _gelu_table().take(x.astype(np.intp))
    return found


@cache
def _gelu_table() -> Whole:
    # A finer grid goes in than comes out: whole numbers, halves to the even one.
    table: Whole = np.rint(gelu(GELU_STEPS, _GELU_REACH) * np.float32(STEPS / GELU_STEPS))
    return np.clip(table, -REACH, REACH)
