"""The short form of tests/verify/test_leaks.py: in few sessions no program names a condition, and one leak is found."""

import pytest

from listening import masking
from listening.models import Rating
from tests.verify.leaks.crawl import ProcessLine, crawl
from tests.verify.leaks.naming import ALL, name
from tests.verify.leaks.study import Collector

SESSIONS = 8
DRAWS = 4999
BY_CHANCE = 0.001
"""Here a test that fails once in a thousand runs for no reason is rare enough; `make verify` tests at 1%."""


@pytest.fixture
def crawled(opened):
    """Pages of so many raters of the study."""
    opened.heard_seconds = 0
    opened.save()
    found = Collector()
    crawl(ProcessLine, opened.invite_path, SESSIONS, found.see)
    return found.seen(dict(Rating.objects.values_list("token", "condition__spec")))


@pytest.mark.slow
def test_no_program_names_a_condition_better_than_by_chance(crawled):
    found = name(crawled, DRAWS)
    assert found.pages == 3 * SESSIONS
    assert found.chance > BY_CHANCE, found.table()


@pytest.fixture
def unmasked(monkeypatch):
    """Bodies travel as they are: zeros at the end, frames."""
    monkeypatch.setattr(masking, "mask", lambda content, key: content)


@pytest.mark.slow
def test_without_the_mask_every_condition_is_named(unmasked, crawled):
    found = name(crawled, DRAWS)
    assert found.chance <= BY_CHANCE
    assert found.hits["linear"][ALL] > 2 * found.band(ALL)[1], found.table()
