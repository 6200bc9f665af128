"""Which clips each rater gets: an endless row of blocks, every clip in about as many of them as every other.

The row is permutations of all clips put end to end and cut into blocks, where no block has a clip twice. Wherever it
is cut off, between two blocks, the clips were in blocks equally often, or one time more. Among such rows ours also

- brings any two clips together in a block about equally often (a balanced incomplete block design, where there is
  one, is that exactly), by taking for each block the clips that were together least, in several ways, and the best;
- has each clip at each position of the block about equally often, and after each other clip about equally often.

No Django in here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

import numpy as np
import scipy  # whose parts load when they are first used
from numpy.typing import NDArray

WORK = 150_000
"""Additions that may go into trying out one cycle: some tens of milliseconds, for a rater may wait for it."""
MOST_TRIES = 20
ORDERS = 8
"""Orders of a block that are tried out, all of them with its clips at the positions where they were least."""


class Blocks:
    """A row of blocks, counted as far as it goes.

    Parameters
    ----------
    clips : sequence of int
        Keys.
    size : int
        Clips in a block, at most as many as there are.
    seed : int
    laid : iterable of sequence of int
        The blocks so far, whole cycles of them: what follows depends on them and on the seed alone.

    Attributes
    ----------
    together : array of int, shape (clips, clips)
        How often two clips were in one block.
    positions : array of int, shape (clips, size)
        How often a clip was at a position.
    follows : array of int, shape (clips, clips)
        How often the second clip came right after the first.

    Examples
    --------
    >>> Blocks([11, 12, 13], 2, seed=1).cycle()
    [(12, 11), (11, 13), (13, 12)]
    """

    def __init__(self, clips: Sequence[int], size: int, seed: int, laid: Iterable[Sequence[int]] = ()) -> None:
        if not 1 <= size <= len(clips):
            raise ValueError(f"a block has 1 to {len(clips)} clips, not {size}")
        self.clips, self.size, self.seed = list(clips), size, seed
        self.laid = 0
        n = len(self.clips)
        self.together: NDArray[np.int64] = np.zeros((n, n), np.int64)
        self.positions: NDArray[np.int64] = np.zeros((n, size), np.int64)
        self.follows: NDArray[np.int64] = np.zeros((n, n), np.int64)
        index = {clip: i for i, clip in enumerate(self.clips)}
        for block in laid:
            self._count([index[clip] for clip in block])

    @property
    def in_a_cycle(self) -> int:
        """Blocks after which every clip was in equally many."""
        return len(self.clips) // math.gcd(len(self.clips), self.size)

    def cycle(self) -> list[tuple[int, ...]]:
        """The next blocks, until every clip was in equally many; each in the order in which it is rated."""
        draw = random.Random(f"{self.seed}/{self.laid}")
        n, size = len(self.clips), self.size
        tries = 1 if size == n else max(2, min(MOST_TRIES, WORK // (self.in_a_cycle * size * n)))
        found = min((self._drawn(draw) for _ in range(tries)), key=self._unevenness)
        blocks = []
        for block in found:
            ordered = self._ordered(block, draw)
            self._count(ordered)
            blocks.append(tuple(self.clips[i] for i in ordered))
        return blocks

    def _drawn(self, draw: random.Random) -> list[list[int]]:
        """A cycle in which each block takes, one by one, the clip that was least together with those it has."""
        n = len(self.clips)
        together = self.together.copy()
        left: list[int] = []
        blocks = []
        for _ in range(self.in_a_cycle):
            # What a permutation has left comes first; the next one goes on with clips that the block does not have.
            rest = left if len(left) < self.size else []
            if len(left) < self.size:
                left = [clip for clip in range(n) if clip not in rest]
            block = list(rest)
            cost = together[block].sum(axis=0)
            while len(block) < self.size:
                draw.shuffle(left)  # of clips that are equally good, any
                chosen = left.pop(int(np.argmin(cost[left])))
                block.append(chosen)
                cost = cost + together[chosen]
            left += rest
            together[np.ix_(block, block)] += 1
            blocks.append(block)
        return blocks

    def _unevenness(self, blocks: list[list[int]]) -> int:
        """Sum of the squared counts of pairs: the less, the more alike they are."""
        together = self.together.copy()
        for block in blocks:
            together[np.ix_(block, block)] += 1
        np.fill_diagonal(together, 0)
        return int((together**2).sum())

    def _ordered(self, block: list[int], draw: random.Random) -> list[int]:
        """A block with its clips at the positions where they were least, and after those that they followed least."""
        size = len(block)
        counts = self.positions[block]
        orders = []
        for _ in range(ORDERS):
            noise = np.array([[draw.random() for _ in range(size)] for _ in range(size)])
            # The noise decides between orders that are equally good; together it stays below one count.
            rows, places = scipy.optimize.linear_sum_assignment(counts + noise / (2 * size))
            order = [0] * size
            for row, place in zip(rows, places, strict=True):
                order[place] = block[row]
            orders.append(order)
        return min(orders, key=self._followed)

    def _followed(self, order: list[int]) -> int:
        return int(sum(self.follows[one, other] for one, other in zip(order, order[1:], strict=False)))

    def _count(self, block: list[int]) -> None:
        self.laid += 1
        self.together[np.ix_(block, block)] += 1
        self.positions[block, range(len(block))] += 1
        self.follows[block[:-1], block[1:]] += 1
