"""Nothing that raters' browsers receive, decoded samples apart, names a condition: programs that learn try in vain."""

from __future__ import annotations

import pytest

from tests.verify.leaks import study
from tests.verify.leaks.naming import ALL, name
from tests.verify.leaks.planted import LEAKS

pytestmark = pytest.mark.slow

SESSIONS = 50
DRAWS = 99
TREES = 30
PLANTED = {
    "unmasked": (10, ["reference", "lowpass@3500", "lowpass@7000", ALL]),
    "length": (10, ["lowpass@3500"]),
    "ordered_tokens": (10, ["reference", "spectral_24khz@12", ALL]),
    "one_key": (10, ["reference"]),
    "late": (15, ["opus@12"]),
}
"""Leak -> sessions in which it is to be found, and what it tells; every leak of `planted.LEAKS`."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = study.make(tmp_path_factory.mktemp("leaks"))
    yield stack
    stack.stop()


def test_no_program_names_the_reference_an_anchor_or_a_codec_better_than_by_chance(stack):
    """The 99% band for all questions together. What falls out of it by chance does not do so twice."""
    for _ in range(2):
        found = name(study.crawled(stack, SESSIONS), DRAWS, TREES)
        print(f"\n{found.table()}\nBy chance the best of all these comes as far with p = {found.chance:.2f}.")
        if found.chance > 0.01:
            return
    raise AssertionError(f"twice outside the 99% band, most telling: {found.telling}")


@pytest.mark.parametrize("leak", PLANTED)
def test_every_leak_that_is_planted_is_found(stack, leak):
    """Twice as often as the 99% band allows: whichever of the questions it was, that is no chance."""
    sessions, told = PLANTED[leak]
    found = name(study.crawled(stack, sessions, leak), 0, TREES)
    print(f"\n{leak}\n{found.table()}\ntraits that the trees used most: {'; '.join(found.telling)}")
    for question in told:
        assert max(hits[question] for hits in found.hits.values()) > 2 * found.band(question)[1]


def test_every_leak_that_can_be_planted_is():
    assert set(PLANTED) == set(LEAKS)
