"""Long names are shortened in the middle and stay apart."""

from itertools import combinations, product

import pytest

from analysis.short_names import LONGEST, distinct, short


def test_a_long_name_keeps_its_beginning_and_its_end():
    name = "Opus 16 kbps, 5% packet loss in bursts of 2"
    assert short(name) == "Opus 16 kbps…bursts of 2"
    assert len(short(name)) == LONGEST
    assert short("Opus 16 kbps") == "Opus 16 kbps"


MIDDLE = [f"A codec with a very long name at {kbps} kbit/s and with the weights of its authors" for kbps in (6, 12, 24)]
GROUPS = {
    "differ at the end": [f"A condition with a name far longer than any row {end}" for end in ("one", "two", "three")],
    "differ in the middle": MIDDLE,
    "differ at the beginning": [f"{n} is the number of a condition with a long name" for n in range(20)],
    "differ at two places": [f"{'a' * 30}{i}{'b' * 30}{j}{'c' * 30}" for i, j in product(range(3), range(3))],
    "one is the short form of another": ["Opus 16 kbps…bursts of 2", "Opus 16 kbps, 5% packet loss in bursts of 2"],
    "a short form with its number": ["x" * 60, "x" * 61, "x" * 11 + "…" + "x" * 12, "x" * 62],
}


@pytest.mark.parametrize("names", GROUPS.values(), ids=list(GROUPS))
@pytest.mark.parametrize("longest", [9, LONGEST])
def test_two_names_never_shorten_to_the_same_text(names, longest):
    shown = distinct(names, longest)
    assert all(len(text) <= longest for text in shown)
    assert all(one != other for one, other in combinations(shown, 2))


def test_what_tells_names_apart_can_be_read():
    for text, kbps in zip(distinct(MIDDLE), ("6 ", "12", "24"), strict=True):
        assert kbps in text


def test_a_name_that_fits_is_never_changed():
    assert distinct(["x" * LONGEST, "y" * 60])[0] == "x" * LONGEST


def test_a_name_that_occurs_twice_is_shown_alike():
    one, two = distinct(["y" * 60, "y" * 60])
    assert one == two
