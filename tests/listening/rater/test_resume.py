"""Going on after a break: the link alone brings everything back."""

from django.db import OperationalError, connection
from django.test import Client

from listening.models import Session


def test_a_reload_shows_scores_and_what_was_heard(walker):
    walker.to_trials()
    walker.save(1, 40, 3, plays=2, seconds_heard=2.5)
    walker.save(2, None, 4, plays=1, seconds_heard=0.5)
    before = walker.setup
    walker.open()
    one, two, three, four = walker.setup["slots"]
    assert (one["score"], one["plays"], one["seconds_heard"], one["revision"]) == (40, 2, 2.5, 3)
    assert (two["score"], two["plays"], two["seconds_heard"], two["revision"]) == (None, 1, 0.5, 4)
    assert three == before["slots"][2]
    assert four == before["slots"][3]


def test_a_reload_keeps_trial_slots_and_sounds(walker):
    walker.to_trials()
    before = walker.setup
    for _ in range(3):
        walker.open()
        assert walker.setup == before


def test_the_link_on_another_device_shows_the_same(walker):
    walker.to_trials().save(3, 77, 1)
    walker.open()
    phone = Client()
    assert walker.setup["trial"] in phone.get(walker.url).content.decode()
    assert '"score": 77' in phone.get(walker.url).content.decode()


def test_every_page_is_found_again_by_the_link(walker):
    seen = []
    for move in (walker.leave, walker.leave, lambda: walker.rate_all().leave(), lambda: walker.rate_all().leave()):
        move()
        shown = walker.text
        walker.open()
        assert heading(walker.text) == heading(shown)
        seen.append(heading(shown))
    walker.rate_all().leave()
    walker.leave(comment="")
    walker.open()
    assert walker.session.state == Session.State.FINISHED
    assert len(set(seen)) == 4


def heading(text):
    return text.split("<h1>")[1].split("</h1>")[0]


def test_a_rater_reads_on_while_a_full_disk_takes_no_sign_of_life(walker):
    walker.to_trials()
    Session.objects.update(seen_at=None)

    def full(execute, sql, *arguments):
        if sql.startswith("UPDATE"):
            raise OperationalError("database or disk is full")
        return execute(sql, *arguments)

    before = walker.setup
    with connection.execute_wrapper(full):
        walker.open()
    assert walker.setup == before
