"""What a page reports of listening counts as far as the server's clock and the sounds that it sent allow."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from listening import hearing, sessions
from listening.models import Rating, Session, Trial
from listening.protocol import read
from tests.listen import listen
from tests.listening.rater.conftest import come

State = Session.State


def report(walker, slot, seconds, revision=1, score=50, **more):
    """One write of a page whose rater may not have listened at all."""
    body = {"trial": walker.setup["trial"], "slot": slot, "score": score, "plays": 3, "seconds_heard": seconds}
    answer = walker.post_write(json.dumps({**body, "revision": revision, **more}))
    assert answer.status_code == 200, answer.content
    return answer.json()


def fetch(walker):
    """The page's sounds, as a browser gets them."""
    for sound in (walker.setup["reference"], *walker.setup["slots"]):
        assert walker.sound(sound["url"]).status_code == 200


def shown_ago(walker, seconds):
    trial = sessions.current_trial(walker.session)
    Trial.objects.filter(pk=trial.pk).update(started_at=timezone.now() - timedelta(seconds=seconds))


@pytest.fixture
def training(walked):
    """A rater at the training, who has just been shown it."""
    walker = walked("at training", lambda study: come(study).to_training())
    shown_ago(walker, 0)  # a copy was shown when the first was
    return walker


def test_99_seconds_in_the_first_one_are_cut_and_the_score_is_kept(training):
    fetch(training)
    saved = report(training, 1, 99, score=73)
    assert saved["score"] == 73
    assert saved["seconds_heard"] < 3


def test_all_sounds_together_count_no_more_than_the_time_since_the_page_was_shown(training):
    fetch(training)
    shown_ago(training, 10)
    for slot in (1, 2, 3, 4):
        report(training, slot, 8.0)
    heard = list(Rating.objects.filter(trial__token=training.setup["trial"]).values_list("seconds_heard", flat=True))
    assert heard[0] == 8.0
    assert 10 <= sum(heard) <= 10.2 + hearing.SPARE_SECONDS + 1


def test_nothing_counts_of_a_sound_that_was_never_sent(training):
    shown_ago(training, 600)
    saved = report(training, 2, 9.5, score=41)
    assert (saved["score"], saved["plays"], saved["seconds_heard"]) == (41, 0, 0.0)
    training.leave()
    assert training.page.status_code == 409
    assert "Still to hear: 1" in training.text


def test_an_honest_report_is_kept_to_the_millisecond(training):
    fetch(training)
    shown_ago(training, 12)
    assert [report(training, slot, 2.875)["seconds_heard"] for slot in (1, 2, 3, 4)] == [2.875] * 4


def test_sounds_that_came_ahead_of_the_page_count_as_sent(training):
    """While a page is rated, the browser fetches the next one's sounds; a reloaded page takes them from its cache."""
    fetch(training)
    for url in training.setup["next"]:
        assert training.sound(url).status_code == 200
    listen(training.session)
    training.rate_all().leave()
    shown_ago(training, 60)
    training.open()
    assert report(training, 1, 2.5)["seconds_heard"] == 2.5


def test_a_head_request_sends_no_sound(training):
    url = training.setup["slots"][0]["url"]
    assert training.client.head(url).status_code == 200
    assert sessions.current_trial(training.session).served == 0


def test_each_sound_is_recorded_once(training, django_assert_num_queries):
    fetch(training)
    trial = sessions.current_trial(training.session)
    assert trial.served == 0b11111
    with django_assert_num_queries(0):
        for slot in range(5):
            hearing.note_served(trial, slot)


def test_reports_that_waited_offline_for_an_hour_count_whole(training):
    fetch(training)
    shown_ago(training, 3600)
    assert [report(training, slot, 800.0)["seconds_heard"] for slot in (1, 2, 3, 4)] == [800.0] * 4


def test_a_later_report_counts_once_its_time_has_passed(training):
    fetch(training)
    shown_ago(training, 4)
    assert report(training, 1, 30.0, 1)["seconds_heard"] < 6
    shown_ago(training, 40)
    assert report(training, 1, 30.0, 2)["seconds_heard"] == 30.0


def test_a_clock_that_was_set_back_bounds_nobody(training):
    fetch(training)
    shown_ago(training, -3600)
    assert report(training, 1, 7.5)["seconds_heard"] == 7.5


def test_a_trial_from_before_sounds_were_recorded_is_bounded_by_time_alone(training):
    Trial.objects.update(served=None)
    shown_ago(training, 20)
    assert report(training, 1, 7.5)["seconds_heard"] == 7.5


def test_parts_of_a_clip_take_the_time_that_they_last(opened, walker):
    opened.protocol = read({"rules": {"share_heard": 1.0}})
    opened.save()
    walker.to_training()
    whole = (1 << 100) - 1
    seconds = sessions.current_trial(walker.session).clip.frames / opened.rate
    fetch(walker)
    shown_ago(walker, seconds * 0.5)
    Rating.objects.filter(slot=2).update(seconds_heard=hearing.SPARE_SECONDS)  # the spare time is used up
    kept = int(report(walker, 1, seconds, parts_heard=f"{whole:x}").get("parts_heard", "0"), 16)
    assert 40 <= kept.bit_count() <= 90
    shown_ago(walker, 60)
    assert report(walker, 1, seconds, 2, parts_heard=f"{whole:x}")["parts_heard"] == f"{whole:x}"


def finished(opened, walker, listens):
    """A rater through to the end, in a study that asks for no listening before Next."""
    opened.heard_seconds = 0
    opened.save()
    walker.to_training()
    while walker.session.state in (State.TRAINING, State.TRIALS):
        if listens:
            listen(walker.session)
        for slot in (1, 2, 3, 4):
            report(walker, slot, 2.0)
        walker.leave()
    walker.leave(comment="")
    assert walker.session.state == State.FINISHED
    return walker


def test_a_session_that_fetched_no_sound_gets_no_code_and_reads_whom_to_write_to(opened, walker):
    opened.protocol = read(
        {
            "consent": {"contact": "lab@example.org"},
            "ends": {"completed": {"code": "PAID", "url": "https://panel.example/?cc={code}"}},
        }
    )
    finished(opened, walker, listens=False)
    session = walker.session
    assert session.cannot_have_listened == "8 of 8 rated sounds were never sent to the rater"
    assert session.completion_code == ""
    assert "PAID" not in walker.text
    assert "panel.example" not in walker.text
    assert "lab@example.org" in walker.text
    assert session.rater.code in walker.text
    assert 'data-testid="completion-code"' not in walker.text


def test_a_session_that_listened_gets_its_code(opened, walker):
    finished(opened, walker, listens=True)
    assert walker.session.cannot_have_listened == ""
    assert walker.session.completion_code in walker.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"trial": {"started_at": "finished"}}, "8 sounds were rated within 0.0 s"),
        ({"rating": {"seconds_heard": 0}}, "none of 8 rated sounds was played"),
        ({"trial": {"served": 0b11}}, "6 of 8 rated sounds were never sent to the rater"),
        ({"trial": {"served": None}}, ""),
    ],
)
def test_what_speaks_against_a_session_is_said_in_words(opened, walker, change, why):
    walker.to_comments()
    trials = walker.session.trials.filter(training=False)
    for trial in trials:
        fields = dict(change.get("trial", {}))
        if fields.get("started_at"):
            fields["started_at"] = trial.finished_at
        Trial.objects.filter(pk=trial.pk).update(**fields or {"repeat": trial.repeat})
    Rating.objects.filter(trial__in=trials).update(**change.get("rating", {"plays": 1}))
    walker.leave(comment="")
    assert walker.session.cannot_have_listened == why
    assert bool(walker.session.completion_code) is (not why)


@pytest.mark.parametrize("listens", [False, True])
def test_a_rater_who_did_not_listen_gets_no_code_at_another_end_either(wants, arrive, close, listens):
    wants(ends={"closed": {"code": "HALF"}})
    walker = arrive().to_trials()
    if listens:
        listen(walker.session)
    for slot in (1, 2):
        report(walker, slot, 2.0)
    close()
    walker.open()
    session = walker.session
    assert session.state == State.CLOSED
    assert session.cannot_have_listened == ("" if listens else "2 of 2 rated sounds were never sent to the rater")
    assert session.completion_code == ("HALF" if listens else "")
    assert ("HALF" in walker.text) is listens


def test_a_rater_whose_place_goes_on_gets_no_code_without_having_listened(wants, arrive):
    wants(design={"ratings_per_stimulus": 1, "when_full": "turn_away"}, ends={"timed_out": {"code": "LATE"}})
    walker = arrive().to_trials()
    report(walker, 1, 2.0)
    Session.objects.update(seen_at=timezone.now() - timedelta(days=1))
    arrive("?new=1").leave()
    assert walker.session.state == State.TIMED_OUT
    assert walker.session.cannot_have_listened == "1 of 1 rated sounds were never sent to the rater"
    assert walker.session.completion_code == ""
