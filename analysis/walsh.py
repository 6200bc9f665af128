"""Walsh averages by rank, without making them all: of 20,000 values there are 200 million.

The averages are the means of all pairs of values, each value with itself too. How many lie at or below a point is
counted by one search in the sorted values for each of them, so halving an interval soon leaves few averages in it, and
only those are made.

>>> at_rank(distinct(np.array([3.0, 1, 2])), 2)  # 1, 1.5, 2, 2, 2.5, 3; ranks begin with 0
2.0
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW = 10_000
"""Averages that are made and sorted at once, or 8 for each value if that is more."""


class Values(NamedTuple):
    """Distinct values, rising, and how often each occurs."""

    value: Floats
    times: Ints


def distinct(values: Floats) -> Values:
    """Sort and count values. Values that occur often cost no more than one that occurs once."""
    value, times = np.unique(values + 0.0, return_counts=True)  # no zero below zero
    return Values(value, times)


def n_averages(values: Values) -> int:
    """How many averages there are."""
    n = int(values.times.sum())
    return n * (n + 1) // 2


def at_rank(values: Values, rank: int) -> float:
    """The average that `rank` others precede, ranks from 0 to `n_averages` - 1.

    Notes
    -----
    Rounding moves a sum by less than `room`, so an average is left out only
    where it lies beyond the wanted one by more than that.
    """
    value, times = values
    own, m = np.arange(len(value)), len(value)
    before = np.append(0, np.cumsum(times))
    room = 8 * float(np.spacing(np.abs(value).max()))

    def partners(total: float) -> Ints:
        """For each value, the place of the first at or after it with which it sums to `total` or more."""
        return np.maximum(np.searchsorted(value, total - value), own)

    def below(partner: Ints) -> int:
        """How many averages there are with partners before those."""
        with_itself = np.where(partner > own, times * (times + 1) // 2, 0)
        with_others = times * (before[partner] - before[np.minimum(own + 1, partner)])
        return int((with_itself + with_others).sum())

    low, high = 2 * float(value[0]), 2 * float(value[-1])
    first, last = own, np.full(m, m)
    while int((last - first).sum()) > max(FEW, 8 * m):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if below(partners(middle)) > rank:
            high, last = middle, partners(middle + room)
        else:
            low, first = middle, partners(middle - room)
    n_each = last - first
    one = np.repeat(own, n_each)
    other = np.arange(len(one)) + np.repeat(last - np.cumsum(n_each), n_each)
    averages = (value[one] + value[other]) / 2
    order = np.argsort(averages)
    counts = np.where(one == other, times[one] * (times[one] + 1) // 2, times[one] * times[other])
    place = np.searchsorted(np.cumsum(counts[order]), rank - below(first), side="right")
    return float(averages[order[place]])


def median(values: Values) -> float:
    """Median of the averages."""
    n = n_averages(values)
    upper = at_rank(values, n // 2)
    return upper if n % 2 else (at_rank(values, n // 2 - 1) + upper) / 2
