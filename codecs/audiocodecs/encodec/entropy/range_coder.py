"""The range coder of RVQF files: 32-bit, bytes out, frequencies of any total up to 2**17.

A symbol has a range of `size` from `start` in `total`. Subbotin's and LZMA's coders work alike; the carry runs
into bytes already written.

>>> import numpy as np
>>> ends = np.array([1, 5, 8])
>>> encoder = RangeEncoder()
>>> for symbol in (0, 1, 2, 2):
...     encoder.push(*((0, 1), (1, 4), (5, 3))[symbol], 8)
>>> data = encoder.finish()
>>> decoder = RangeDecoder(data)
>>> [decoder.pull(ends) for _ in range(4)], len(data)
([0, 1, 2, 2], 1)
>>> decoder.finish()
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecError

MOST_TOTAL = 1 << 17
_TOP = 1 << 32
_LEAST = 1 << 24


class RangeEncoder:
    """Codes symbols one after another; `finish` gives the bytes."""

    def __init__(self) -> None:
        self._low = 0
        self._range = _TOP
        self._out = bytearray()

    def push(self, start: int, size: int, total: int) -> None:
        """Code a symbol whose range is `size` from `start` in `total`."""
        unit = self._range // total
        self._low += unit * start
        self._range = unit * size
        if self._low >= _TOP:
            self._low -= _TOP
            self._carry()
        while self._range < _LEAST:
            self._out.append(self._low >> 24)
            self._low = (self._low & 0xFFFFFF) << 8
            self._range <<= 8

    def finish(self) -> bytes:
        """Fewest bytes that name a number in the last range; zeros that would end them are left out."""
        number = -(-self._low // _LEAST) * _LEAST  # the range is wide enough to hold one
        if number >= _TOP:
            number -= _TOP
            self._carry()
        self._out.append(number >> 24)
        return bytes(self._out).rstrip(b"\0")

    def _carry(self) -> None:
        place = len(self._out) - 1
        while self._out[place] == 0xFF:
            self._out[place] = 0
            place -= 1
        self._out[place] += 1


class RangeDecoder:
    """Reads what `RangeEncoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 4
        self._range = _TOP
        self._number = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def pull(self, ends: NDArray[np.integer]) -> int:
        """Next symbol, given where the symbols' ranges end, ascending; the last end is the total.

        Raises
        ------
        CodecError
            If no symbol has such a number.
        """
        total = int(ends[-1])
        unit = self._range // total
        place = self._number // unit
        if place >= total:
            raise CodecError("The entropy-coded data of the file is damaged: it names no code.")
        symbol = int(ends.searchsorted(place, "right"))
        start = int(ends[symbol - 1]) if symbol else 0
        self._number -= unit * start
        self._range = unit * (int(ends[symbol]) - start)
        while self._range < _LEAST:
            following = self._data[self._position] if self._position < len(self._data) else 0
            self._number = self._number << 8 | following
            self._range <<= 8
            self._position += 1
        return symbol

    def finish(self) -> None:
        """Raise CodecError unless the data ends as the encoder would have ended it."""
        ended = len(self._data) <= self._position - 3 and not self._data.endswith(b"\0")
        if not ended or self._number >= _LEAST:
            raise CodecError("The entropy-coded data of the file is damaged: it does not end with its last code.")
