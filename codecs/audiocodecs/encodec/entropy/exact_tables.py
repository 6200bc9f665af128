"""Exponential, GELU, cosine and sine as tables of whole numbers, the same on every machine.

Computed with Python's integers alone: a library's `exp` or `erf` may differ in its last bit between machines.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_BITS = 160
_ONE = 1 << _BITS


@cache
def exponentials(steps: int, scale_bits: int) -> NDArray[np.float32]:
    """Integers nearest to 2**scale_bits * exp(-i / steps), i = 0, 1, ..., ended by a zero; as float32."""
    factor = _exp_minus(_ONE // steps)
    found, value = [], _ONE << scale_bits
    while rounded := (value + _ONE // 2) >> _BITS:
        found.append(rounded)
        value = value * factor >> _BITS
    table = np.array([*found, 0], np.float32)
    table.flags.writeable = False
    return table


@cache
def gelu(steps: int, reach: int) -> NDArray[np.float32]:
    """Integers nearest to steps * GELU(i / steps) for i = -reach * steps, ..., reach * steps; as float32."""
    above = [(i * (_ONE + _erf_of_root_half(i, steps)) // 2 + _ONE // 2) >> _BITS for i in range(reach * steps + 1)]
    # GELU(-x) = GELU(x) - x
    table = np.array([value - i for i, value in enumerate(above)][:0:-1] + above, np.float32)
    table.flags.writeable = False
    return table


@cache
def sinusoids(positions: int, dim: int, steps: int) -> NDArray[np.float32]:
    """Positions 0, 1, ... as the published model embeds them, in integers of 1 / steps: (positions, dim).

    Cosines, then sines, of position / 10000**(i / (dim / 2 - 1)).
    """
    half = dim // 2
    root = _root_of_10000(half - 1) if half > 1 else _ONE
    frequency, columns = _ONE, []
    for _ in range(half):
        cosine, sine = _cos_sin(frequency)
        columns.append(_turns(cosine, sine, positions))
        frequency = (frequency << _BITS) // root
    wave = np.array(columns)  # (half, positions, 2)
    rounded = (wave * steps + (1 << 39)) >> 40
    table = np.concatenate([rounded[..., 0], rounded[..., 1]]).T.astype(np.float32)
    table.flags.writeable = False
    return table


def _exp_minus(x: int) -> int:
    total = term = _ONE
    order = 1
    while term:
        term = -(term * x >> _BITS) // order
        total += term
        order += 1
        if abs(term) <= 1:
            break
    return total


def _erf_of_root_half(i: int, steps: int) -> int:
    """erf(x / sqrt 2) for x = i / steps, by the series of erf that has no cancellation.

    erf(x / sqrt 2) = sqrt(2 / pi) exp(-x**2 / 2) (x + x**3 / 3 + x**5 / 15 + ...); Abramowitz and Stegun 7.1.6.
    """
    x = (i << _BITS) // steps
    square = x * x >> _BITS
    total, term, odd = 0, x, 1
    while term:
        total += term
        odd += 2
        term = (term * square >> _BITS) // odd
    decay = _exp_minus(square // 128)
    for _ in range(6):
        decay = decay * decay >> _BITS
    return (total * decay >> _BITS) * _root_of_two_over_pi() >> _BITS


@cache
def _root_of_two_over_pi() -> int:
    from math import isqrt

    return isqrt((2 << 3 * _BITS) // _pi())


@cache
def _pi() -> int:
    """Machin: pi / 4 = 4 arctan(1/5) - arctan(1/239)."""

    def arctan_of_inverse(n: int) -> int:
        total, power, odd, sign = 0, _ONE // n, 1, 1
        while power:
            total += sign * power // odd
            power, odd, sign = power // (n * n), odd + 2, -sign
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def _root_of_10000(order: int) -> int:
    """10000 ** (1 / order), the largest fraction of 2**-160 whose power stays below, by bisection."""
    low, high = _ONE, 10_001 << _BITS
    while high - low > 1:
        middle = (low + high) // 2
        power = _ONE
        for digit in format(order, "b"):
            power = power * power >> _BITS
            if digit == "1":
                power = power * middle >> _BITS
        low, high = (middle, high) if power <= 10_000 << _BITS else (low, middle)
    return low


def _cos_sin(x: int) -> tuple[int, int]:
    """Cosine and sine of 0 <= x <= 1."""
    parts, term, order = [0, 0], _ONE, 0
    while term:
        parts[order % 2] += -term if order % 4 >= 2 else term
        order += 1
        term = (term * x >> _BITS) // order
    return parts[0], parts[1]


def _turns(cosine: int, sine: int, positions: int) -> list[tuple[int, int]]:
    """Cosine and sine of 0, 1, ... times the angle, in 2**-40."""
    real, imaginary, found = _ONE, 0, []
    for _ in range(positions):
        found.append((real >> _BITS - 40, imaginary >> _BITS - 40))
        real, imaginary = (
            (real * cosine - imaginary * sine) >> _BITS,
            (real * sine + imaginary * cosine) >> _BITS,
        )
    return found
