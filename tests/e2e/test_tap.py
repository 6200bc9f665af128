"""The comparison of recordings with files notices a sound that is one sample late."""

import numpy as np
import pytest

from tests.e2e import tap

RATE = 48000
ORDER = [0, 2, 1]
SOUNDS = [np.random.default_rng(seed).normal(0, 0.1, (RATE // 2, 2)) for seed in range(3)]


def played(sounds, order, rate):
    """What a page gives that loops the first sound and then switches to the others."""
    rising = tap.ramp(rate)
    n = len(rising)
    loops = [tap.looped(tap.passage(sound, rate), 0, 512 * tap.BLOCK) for sound in sounds]
    found = loops[order[0]].copy()
    for turn, (before, after) in enumerate(zip(order, order[1:], strict=False), 1):
        begin = turn * 150 * tap.BLOCK
        found[begin : begin + n] = loops[before][begin : begin + n] * rising[::-1]
        found[begin + n :] = loops[after][begin + n :]
        found[begin + n : begin + 2 * n] *= rising
    return found


def test_a_recording_of_the_files_passes():
    assert tap.check(played(SOUNDS, ORDER, RATE), SOUNDS, ORDER, RATE) == 2


def test_one_sample_too_late_in_one_sound_is_noticed():
    late = [*SOUNDS[:2], np.vstack([np.zeros((1, 2)), SOUNDS[2][:-1]])]
    with pytest.raises(AssertionError, match="from 0 to 2"):
        tap.check(played(late, ORDER, RATE), SOUNDS, ORDER, RATE)
