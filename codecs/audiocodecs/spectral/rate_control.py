"""How many codebooks each frame gets, so that a clip's entropy-coded rate is the one that was asked for.

A frame gets the number that least of error + price * bits has, one price for the whole clip (a Lagrangian: Shoham and
Gersho, "Efficient bit allocation for an arbitrary set of quantizers", IEEE TASSP 36, 1988). Bits are what the language
model takes for each codebook on average, measured on the clip itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocodecs.encodec.entropy.block_coding import NONE, BlockCoding

_CODE_BITS, _NUMBER_BITS = 8.5, 2.5
"""What a code, and a frame's number of codebooks, take on speech: the first guess."""
_ROUNDS = 4
_CLOSE = 0.003
_HALVINGS = 40

Codes = NDArray[np.int64]


def choose_codes(
    every: NDArray[np.int16], error: NDArray[np.float32], coding: BlockCoding, bits: float, block_frames: int
) -> Codes:
    """Codes of a clip that take about `bits`.

    Parameters
    ----------
    every : ndarray, shape (t, counts, codebooks)
        Codes of each frame with each number of codebooks, ascending, the last number being `codebooks`.
    error : ndarray, shape (t, counts)
    coding : BlockCoding
    bits : float
        Of the whole clip. With more than all codebooks take, each frame gets all; with less than the fewest take, the
        fewest.
    block_frames : int
        Frames that are entropy coded together.

    Returns
    -------
    ndarray of int64, shape (codebooks, t)
        `NONE` where a frame has no code.
    """
    frames, counts, codebooks = every.shape
    fewest = codebooks - counts + 1
    book_bits = np.full(codebooks, _CODE_BITS)
    wanted, best, nearest = bits - _NUMBER_BITS * frames, None, np.inf
    for _ in range(_ROUNDS):
        chosen = _within_budget(error, book_bits.cumsum()[fewest - 1 :], wanted)
        codes = every[np.arange(frames), chosen].T.astype(np.int64)
        spent = sum(coding.bits(codes[:, start : start + block_frames]) for start in range(0, frames, block_frames))
        assert isinstance(spent, np.ndarray)
        total = float(spent.sum())
        if abs(total - bits) < nearest:
            best, nearest = codes, abs(total - bits)
        if nearest <= _CLOSE * bits:
            break
        used = (codes != NONE).sum(axis=1)
        book_bits = np.where(used > 0, spent[1:] / np.maximum(used, 1), book_bits)
        wanted = bits - spent[0]
    assert best is not None
    return best


def coded_mean(count: float, most: int) -> float:
    """Mean number of codebooks at the coded rate that `count` codebooks of 10 bits have uncoded, at most `most`."""
    return min(10 / _CODE_BITS * count, most)


def codes_of_mean(every: NDArray[np.int16], error: NDArray[np.float32], mean: float) -> Codes:
    """Codes of a clip, (codebooks, t), whose frames have a mean of `mean` codebooks, each as dear as the others."""
    frames, counts, codebooks = every.shape
    numbers = np.arange(codebooks - counts + 1, codebooks + 1, dtype=np.float64)
    return every[np.arange(frames), _within_budget(error, numbers, mean * frames)].T.astype(np.int64)


def _within_budget(error: NDArray[np.float32], bits: NDArray[np.float64], budget: float) -> NDArray[np.int64]:
    """Place of each frame's number of codebooks, so that they cost about `budget`; `bits` is what each number costs."""
    low, high = 1e-9, 1e3
    for _ in range(_HALVINGS):
        price = (low * high) ** 0.5
        chosen: NDArray[np.int64] = (error + price * bits).argmin(axis=1)
        if bits[chosen].sum() > budget:
            low = price
        else:
            high = price
    return np.asarray((error + high * bits).argmin(axis=1))
