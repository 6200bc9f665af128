"""Rules that a study switches on: what the server holds, whatever a page says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from listening import sessions
from listening.models import Rating, Session, Trial
from listening.protocol import read

WHOLE = "f" * 25
HALF = "3" + "f" * 12  # 50 of 100 parts
ALMOST = "1" + "f" * 12  # 49


@pytest.fixture
def at(opened, walker):
    """A rater on the training page of the open study with these rules."""

    def start(**rules):
        opened.protocol = read({"rules": rules})
        opened.save()
        return walker.to_training()

    return start


def refused(walker):
    """What the server misses; "" where it lets the rater go on."""
    before = walker.session.state
    answer = walker.leave()
    if answer.status_code == 302:
        assert walker.session.state != before
        return ""
    assert (answer.status_code, walker.session.state) == (409, before)
    return str(sessions.missing(sessions.current_trial(walker.session)))


def test_a_share_of_the_clip_must_be_heard_and_hearing_one_part_again_is_no_more_of_it(at):
    walker = at(share_heard=0.5)
    for slot in (1, 2, 3, 4):
        walker.save(slot, 50, 1, seconds_heard=12.0, parts_heard=ALMOST if slot == 4 else HALF)
    assert refused(walker) == "Still to hear: 4."
    walker.save(4, 50, 2, seconds_heard=15.0, parts_heard=ALMOST)
    assert refused(walker) == "Still to hear: 4."
    walker.save(4, 50, 3, parts_heard="2" + "0" * 12)  # one part more; the page need not tell the others again
    assert refused(walker) == ""


def test_the_whole_clip_is_all_of_its_parts(at):
    walker = at(share_heard=1.0)
    for slot in (1, 2, 3, 4):
        walker.save(slot, 50, 1, parts_heard=WHOLE if slot != 2 else "e" + WHOLE[1:])
    assert refused(walker) == "Still to hear: 2."
    walker.save(2, 50, 2, parts_heard="1" + "0" * 24)  # two devices, each with a part of it
    assert refused(walker) == ""


def test_what_was_heard_comes_back_with_the_page(at):
    walker = at(share_heard=1.0)
    walker.save(1, 50, 1, parts_heard="ff")
    walker.open()
    assert [each.get("parts_heard") for each in walker.setup["slots"]] == ["ff", None, None, None]


def test_a_study_may_let_slots_stay_unrated(at):
    walker = at(all_rated=False)
    for slot in (1, 2, 3, 4):
        walker.save(slot, None)
    assert refused(walker) == ""


def test_one_sound_must_have_100(at):
    walker = at(one_at_100=True)
    walker.rate_all(lambda slot: 99)
    assert refused(walker) == "At least one sound must have 100."
    walker.save(3, 100, 2)
    assert refused(walker) == ""


def test_a_page_that_says_which_score_to_give_wants_no_100(at):
    walker = at(one_at_100=True)
    Trial.objects.filter(pk=sessions.current_trial(walker.session).pk).update(expected=40)
    walker.rate_all(lambda slot: 40)
    assert refused(walker) == ""


def test_a_sound_is_rated_once_it_was_played(at):
    walker = at(only_playing=True)
    answer = walker.save(1, 50, 1, plays=0, seconds_heard=0)
    assert answer.status_code == 409
    assert "once it was played" in answer.json()["error"]
    assert not Rating.objects.filter(score__isnull=False).exists()
    assert walker.save(1, None, 1, plays=0, seconds_heard=0).status_code == 200
    assert walker.save(1, 50, 2, plays=1).status_code == 200
    assert walker.save(1, 51, 3, plays=0, seconds_heard=0).status_code == 200  # it was, as the server knows


def test_a_page_stays_for_a_time_that_the_server_measures(at):
    walker = at(least_seconds=30)
    assert 28 <= walker.setup["rules"]["seconds_left"] <= 30
    walker.rate_all()
    Trial.objects.filter(pk=sessions.current_trial(walker.session).pk).update(started_at=timezone.now())
    assert "You can go on in" in refused(walker)
    trial = sessions.current_trial(walker.session)
    Trial.objects.filter(pk=trial.pk).update(started_at=timezone.now() - timedelta(seconds=29.5))
    assert refused(walker) == "You can go on in 1 second."
    Trial.objects.filter(pk=trial.pk).update(started_at=timezone.now() - timedelta(seconds=30))
    walker.open()
    assert walker.setup["rules"]["seconds_left"] == 0
    assert refused(walker) == ""


def test_a_study_that_asks_for_nothing_gets_what_it_always_got(walker):
    walker.to_training()
    assert walker.setup["rules"] == {
        "share_heard": 0.0,
        "all_rated": True,
        "one_at_100": False,
        "only_playing": False,
        "least_seconds": 0.0,
        "seconds_left": 0,
    }
    walker.rate_all().leave()
    assert walker.session.state == Session.State.TRIALS
