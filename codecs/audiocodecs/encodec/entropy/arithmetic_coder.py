"""The arithmetic coder of ECDC files: 24-bit ranges, whole bits out, as the published package does it.

>>> import numpy as np
>>> cdf = np.array([2**23, 2**24])
>>> encoder = ArithmeticEncoder()
>>> for symbol in (0, 1, 1, 0, 1):
...     encoder.push(symbol, cdf)
>>> data = encoder.finish()
>>> decoder = ArithmeticDecoder(data)
>>> [decoder.pull(cdf) for _ in range(5)], decoder.consumed
([0, 1, 1, 0, 1], 4)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodecs.base import CodecError

RANGE_BITS = 24
LEAST_WIDTH = 2
ROUND_OFF = 1e-8

_TOTAL = 1 << RANGE_BITS

Cdf = NDArray[np.int64]
"""Upper ends of the symbols' ranges, int64 of shape (entries,), at most 2**24."""


def published_cdfs(probabilities: Tensor) -> Cdf:
    """Ranges of probabilities, float32 (entries, n_q): int64 (n_q, entries).

    In float32, with the operations of the published package in their order.
    """
    rounded = (probabilities / ROUND_OFF).floor() * ROUND_OFF
    alpha = LEAST_WIDTH * len(probabilities) / _TOTAL
    widths = (((1 - alpha) * _TOTAL) * rounded).floor().long() + LEAST_WIDTH
    return np.ascontiguousarray(torch.cumsum(widths, dim=0).T.numpy())


class ArithmeticEncoder:
    """Codes symbols one after another; `finish` gives the bytes."""

    def __init__(self) -> None:
        self._low = self._high = 0
        self._pending = 0  # bits of low and high that are not written yet
        self._bits: list[str] = []

    def push(self, symbol: int, cdf: Cdf) -> None:
        """Code `symbol` with the ranges `cdf`; raises CodecError if they end above 2**24."""
        while self._high - self._low + 1 < _TOTAL:
            self._low, self._high = 2 * self._low, 2 * self._high + 1
            self._pending += 1
        width = self._high - self._low + 1
        if cdf[symbol] > _TOTAL:
            raise CodecError(
                "A code is so certain that the published format's rounding goes beyond its range: the published "
                "program fails too. Encode without the language model, or as RVQF."
            )
        below = int(cdf[symbol - 1]) if symbol else 0
        self._high = self._low + ((int(cdf[symbol]) - 1) * width >> RANGE_BITS)
        self._low += -(-below * width >> RANGE_BITS)
        # Leading bits in which low and high agree are final.
        open_bits = (self._low ^ self._high).bit_length()
        if final := self._pending - open_bits:
            self._bits.append(format(self._low >> open_bits, f"0{final}b"))
            mask = (1 << open_bits) - 1
            self._low, self._high, self._pending = self._low & mask, self._high & mask, open_bits

    def finish(self) -> bytes:
        """Whole bytes of all that was pushed, the first bit lowest."""
        if self._pending:
            self._bits.append(format(self._low, f"0{self._pending}b"))
        bits = np.frombuffer("".join(self._bits).encode(), np.uint8) - ord("0")
        return np.packbits(bits, bitorder="little").tobytes()


class ArithmeticDecoder:
    """Reads what `ArithmeticEncoder` wrote, from byte `start` of `data` on."""

    def __init__(self, data: bytes, start: int = 0) -> None:
        self._data = data
        self._start = start
        self._position = 8 * start
        self._low = self._high = self._current = 0
        self._pending = 0

    @property
    def consumed(self) -> int:
        """Bytes read so far: the encoder wrote as many."""
        return -(-self._position // 8) - self._start

    def pull(self, cdf: Cdf) -> int:
        """Next symbol, given its ranges.

        Raises
        ------
        CodecError
            If the data ends, or no symbol has such bits: it was written with other probabilities.
        """
        missing = 0
        while (self._high - self._low + 1) << missing < _TOTAL:
            missing += 1
        if self._position + missing > 8 * len(self._data):
            raise CodecError("The ECDC file is cut off: its entropy-coded data ends too early.")
        for _ in range(missing):
            bit = self._data[self._position >> 3] >> (self._position & 7) & 1
            self._current = 2 * self._current + bit
            self._position += 1
        self._low, self._high = self._low << missing, ((self._high + 1) << missing) - 1
        self._pending += missing
        width = self._high - self._low + 1
        above = self._current - self._low
        symbol = int(np.searchsorted(cdf, (above << RANGE_BITS) // width, side="right"))
        if symbol == len(cdf) or (high := (int(cdf[symbol]) - 1) * width >> RANGE_BITS) < above:
            raise CodecError(
                "The entropy-coded data of the ECDC file does not fit the language model here: it is damaged, or was "
                "written where the model's probabilities differ in their last bits. Encode the clip again as RVQF."
            )
        below = int(cdf[symbol - 1]) if symbol else 0
        self._high = self._low + high
        self._low += -(-below * width >> RANGE_BITS)
        open_bits = (self._low ^ self._high).bit_length()
        mask = (1 << open_bits) - 1
        self._low, self._high, self._current = self._low & mask, self._high & mask, self._current & mask
        self._pending = open_bits
        return symbol
