"""Walsh averages by rank are those of all pairs, also where most are never made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import walsh

KINDS = {
    "no two alike": lambda draw, n: draw.normal(0, 12, n),
    "whole points": lambda draw, n: draw.normal(0, 12, n).round(),
    "means of three items": lambda draw, n: (draw.integers(-90, 90, n) / 3).round(9),
    "mostly zero": lambda draw, n: draw.integers(-1, 2, n) * (draw.random(n) < 0.2) * 0.1,
    "all alike": lambda draw, n: np.full(n, -7.3),
}


def all_averages(values: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(len(values))
    return np.sort((values[first] + values[second]) / 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 60, 700])
def test_every_rank_is_exactly_that_of_all_pairs(kind, n, monkeypatch):
    monkeypatch.setattr(walsh, "FEW", 0)  # few enough to be made at once are otherwise all
    draw = np.random.default_rng(n)
    given_values = KINDS[kind](draw, n)
    values, everyone = walsh.distinct(given_values), all_averages(given_values)
    assert walsh.n_averages(values) == len(everyone)
    for rank in {0, len(everyone) - 1, *draw.integers(0, len(everyone), 30)}:
        assert walsh.at_rank(values, int(rank)) == everyone[rank]
    assert walsh.median(values) == np.median(everyone)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.floats(0, 1))
def test_rounding_of_sums_moves_no_rank(numbers, share):
    values, everyone = np.array(numbers), all_averages(np.array(numbers))
    rank = min(int(share * len(everyone)), len(everyone) - 1)
    before, walsh.FEW = walsh.FEW, 0
    try:
        assert walsh.at_rank(walsh.distinct(values), rank) == everyone[rank]
    finally:
        walsh.FEW = before


def test_many_values_do_not_take_all_their_averages():
    draw = np.random.default_rng(3)
    d = draw.normal(2, 10, 100_000)  # five thousand million averages
    found = walsh.median(walsh.distinct(d))
    assert found == pytest.approx(2, abs=0.2)
    n_below = np.searchsorted(np.sort(d), 2 * found - d).sum()  # of all ordered pairs
    assert n_below / len(d) ** 2 == pytest.approx(0.5, abs=1e-4)
