"""How many codebooks each frame gets."""

from __future__ import annotations

import numpy as np
import pytest

from audiocodecs.spectral.rate_control import choose_codes, codes_of_mean


class TenBits:
    """An entropy coder to which every code is as dear, and a frame's number of codebooks 2 bits."""

    def bits(self, codes):
        return np.concatenate([[2.0 * codes.shape[1]], 10.0 * (codes >= 0).sum(axis=1)])


@pytest.fixture
def choices():
    """200 frames of up to 6 codebooks; the second half gains nothing from more than 2."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 1024, (200, 1, 6))
    every = np.where(np.arange(6) < np.arange(2, 7)[:, None], codes, -1).astype(np.int16)
    error = np.full((200, 5), 1.0, np.float32)
    error[:100] = random.uniform(1, 50, (100, 1)) * 2.0 ** -np.arange(5)
    return every, error


def test_codebooks_go_to_the_frames_that_gain_by_them(choices):
    counts = (codes_of_mean(*choices, 3.5) >= 0).sum(axis=0)
    assert counts[:100].mean() == pytest.approx(5, abs=0.1)
    assert (counts[100:] == 2).all()


@pytest.mark.parametrize("bits", [5000, 6000, 8000])
def test_the_bits_of_a_clip_are_those_that_were_asked_for(choices, bits):
    codes = choose_codes(*choices, TenBits(), bits, block_frames=75)
    assert TenBits().bits(codes).sum() == pytest.approx(bits, rel=0.005)


def test_too_few_bits_give_the_fewest_codebooks_and_too_many_the_most(choices):
    every, error = choices
    error = error * np.linspace(1, 0.9, 5, dtype=np.float32)  # each codebook gains something
    assert ((choose_codes(every, error, TenBits(), 1, 75) >= 0).sum(axis=0) == 2).all()
    assert ((choose_codes(every, error, TenBits(), 1e6, 75) >= 0).sum(axis=0) == 6).all()
