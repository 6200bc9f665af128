"""Which clips each rater gets: balanced after any number of raters, and far better than by chance."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listening.blocks import Blocks


def row(clips: int, size: int, seed: int, least: int) -> list[tuple[int, ...]]:
    """The first blocks, whole cycles of them."""
    blocks = Blocks(range(clips), size, seed)
    found: list[tuple[int, ...]] = []
    while len(found) < least:
        found += blocks.cycle()
    return found


def by_chance(clips: int, size: int, seed: int, n: int) -> list[list[int]]:
    """Blocks drawn for each rater alone."""
    draw = random.Random(seed)
    return [draw.sample(range(clips), size) for _ in range(n)]


def pairs(blocks, clips: int) -> list[int]:
    """How often each two clips came together."""
    found = Counter(frozenset(pair) for block in blocks for pair in itertools.combinations(block, 2))
    return [found[frozenset(pair)] for pair in itertools.combinations(range(clips), 2)]


def positions(blocks, clips: int) -> list[int]:
    found = Counter((clip, at) for block in blocks for at, clip in enumerate(block))
    return [found[clip, at] for clip in range(clips) for at in range(len(blocks[0]))]


def followers(blocks, clips: int) -> list[int]:
    found = Counter(pair for block in blocks for pair in itertools.pairwise(block))
    return [found[pair] for pair in itertools.permutations(range(clips), 2)]


sizes = st.integers(1, 16).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@settings(max_examples=25, deadline=None)
@given(sizes, st.integers(0, 2**62))
def test_wherever_the_row_is_cut_off_all_clips_came_equally_often_or_once_more(size, seed):
    clips, each = size
    counts = dict.fromkeys(range(clips), 0)
    for block in row(clips, each, seed, least=12):
        assert len(set(block)) == each
        for clip in block:
            counts[clip] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


@settings(max_examples=8, deadline=None)
@given(sizes, st.integers(0, 2**62))
def test_a_row_goes_on_from_what_is_laid_as_if_it_had_never_stopped(size, seed):
    clips, each = size
    whole = Blocks(range(clips), each, seed)
    first, second = whole.cycle(), whole.cycle()
    assert Blocks(range(clips), each, seed, first).cycle() == second
    assert Blocks(range(clips), each, seed).cycle() == first


def test_keys_of_the_clips_are_what_is_given_out():
    assert {clip for block in Blocks([70, 80, 90], 2, 5).cycle() for clip in block} == {70, 80, 90}


@pytest.mark.parametrize("size", [0, 4])
def test_a_block_without_clips_or_with_more_than_there_are_is_refused(size):
    with pytest.raises(ValueError, match="1 to 3 clips, not"):
        Blocks([1, 2, 3], size, 1)


@pytest.mark.parametrize(("clips", "size"), [(7, 3), (12, 4), (13, 4), (10, 6), (16, 6)])
def test_any_two_clips_come_together_far_more_evenly_than_by_chance(clips, size):
    blocks = row(clips, size, seed=3, least=100)
    ours, chance = pairs(blocks, clips), pairs(by_chance(clips, size, 3, len(blocks)), clips)
    assert np.std(ours) < np.std(chance) / 3
    assert max(ours) - min(ours) <= 4


def test_where_few_blocks_make_a_complete_design_any_two_clips_come_together_equally_often():
    assert set(pairs(row(5, 2, seed=1, least=10)[:10], 5)) == {1}
    assert set(pairs(row(6, 5, seed=1, least=6)[:6], 6)) == {4}


@pytest.mark.parametrize(("clips", "size"), [(6, 6), (12, 12), (12, 4), (13, 4)])
def test_each_clip_comes_at_each_position_equally_often_or_nearly(clips, size):
    blocks = row(clips, size, seed=8, least=60)
    found = positions(blocks, clips)
    assert max(found) - min(found) <= (1 if size == clips else 2)
    chance = by_chance(clips, size, 8, len(blocks))
    assert np.std(found) < np.std(positions(chance, clips)) / 3
    assert np.std(followers(blocks, clips)) < np.std(followers(chance, clips)) / 1.3


def test_another_seed_gives_another_row():
    assert row(8, 4, 1, 4) != row(8, 4, 2, 4)
