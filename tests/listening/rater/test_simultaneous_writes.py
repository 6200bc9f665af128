"""Two writes at the same moment, from two tabs or after a lost answer."""

import json
import random
import threading

import pytest
from django.db import connection

from listening import events, ratings, sessions
from listening.models import EventBlock, Rating, Session

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs):
    """Run jobs in threads that start together; raise what one of them raised."""
    start, failures = threading.Barrier(len(jobs)), []

    def run(job):
        try:
            start.wait()
            job()
        except Exception as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("times", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_of_simultaneous_writes_the_highest_revision_stays(walker, times):
    """Rounds of four writes that start together, the numbers dealt out at random."""
    walker.to_training()
    token, pk = walker.setup["trial"], walker.session.pk
    draw = random.Random(7)
    rounds = [draw.sample(range(4 * i + 1, 4 * i + 5), 4) for i in range(times)]
    together = threading.Barrier(4, timeout=30)
    kept = [[] for _ in rounds]

    def writer(mine):
        def work():
            session = Session.objects.select_related("study").get(pk=pk)
            for i, revisions in enumerate(rounds):
                together.wait()
                revision = revisions[mine]
                body = {"trial": token, "slot": 1, "score": revision % 101, "plays": 1, "seconds_heard": 1.5}
                ratings.save(session, ratings.parse(json.dumps({**body, "revision": revision}).encode()))
                together.wait()
                if mine == 0:
                    kept[i] = Rating.objects.values_list("revision", "score").get(trial__token=token, slot=1)

        return work

    at_once(*[writer(i) for i in range(4)])
    assert kept == [(max(revisions), max(revisions) % 101) for revisions in rounds]


def test_two_simultaneous_consents_make_the_trials_once(walker):
    pk = walker.session.pk
    at_once(*[lambda: sessions.advance(Session.objects.get(pk=pk), "consent")] * 4)
    assert walker.session.trials.count() == 3
    assert Rating.objects.count() == 12
    assert walker.session.state == Session.State.INSTRUCTIONS


def test_two_simultaneous_nexts_go_on_by_one_page(walker):
    walker.to_training().rate_all()
    pk, left = walker.session.pk, walker.setup["trial"]
    at_once(*[lambda: sessions.advance(Session.objects.get(pk=pk), left)] * 4)
    assert sessions.current_trial(walker.session).position == 1


@pytest.mark.parametrize("times", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_of_simultaneous_blocks_each_event_is_stored_once(walker, times):
    """Rounds of four blocks that overlap."""
    pk = walker.session.pk
    for _ in range(times):
        starts = random.sample(range(1, 12), 4)
        blocks = [events.Block("the-same-page", "", first, ((0, "hidden", None, None),) * 8) for first in starts]
        at_once(*[lambda block=block: events.keep(Session.objects.get(pk=pk), block) for block in blocks])
        found = [n for block in EventBlock.objects.all() for n in range(block.first, block.end)]
        assert sorted(found) == sorted({n for first in starts for n in range(first, first + 8)})
        EventBlock.objects.all().delete()
