"""Saving ratings one by one: idempotent, the latest stays, and nothing bad gets in."""

import json

import pytest

from listening import ratings, sessions
from listening.models import Rating


def stored(walker, slot=1):
    return Rating.objects.get(trial=sessions.current_trial(walker.session), slot=slot)


def values():
    """Everything that is stored of every rating."""
    return list(Rating.objects.order_by("pk").values())


def test_a_score_is_saved_at_once_with_what_was_heard(at_trial):
    answer = at_trial.save(1, 73, 5, plays=3, seconds_heard=4.25)
    assert answer.status_code == 200
    assert answer.json() == {"slot": 1, "score": 73, "plays": 3, "seconds_heard": 4.25, "revision": 5}
    rating = stored(at_trial)
    assert (rating.score, rating.plays, rating.seconds_heard, rating.revision) == (73, 3, 4.25, 5)
    assert rating.rated_at is not None


def test_the_same_write_twice_changes_nothing(at_trial):
    first = at_trial.save(1, 73, 5)
    once = values()
    second = at_trial.save(1, 73, 5)
    assert (second.status_code, second.json()) == (200, first.json())
    assert values() == once


def test_a_late_write_does_not_undo_a_later_one(at_trial):
    at_trial.save(1, 80, 7)
    once = values()
    answer = at_trial.save(1, 20, 6)
    assert (answer.status_code, answer.json()["score"], answer.json()["revision"]) == (200, 80, 7)
    assert values() == once


def test_two_writes_of_one_number_keep_the_first(at_trial):
    at_trial.save(1, 80, 7)
    assert at_trial.save(1, 20, 7).json()["score"] == 80


def test_listening_on_keeps_the_score(at_trial):
    at_trial.save(1, 80, 1, seconds_heard=2)
    rated = stored(at_trial).rated_at
    at_trial.save(1, None, 2, plays=2, seconds_heard=3)
    rating = stored(at_trial)
    assert (rating.score, rating.plays, rating.seconds_heard, rating.rated_at) == (80, 2, 3, rated)


def test_what_was_heard_is_never_taken_back(at_trial):
    at_trial.save(1, 80, 1, plays=5, seconds_heard=9)
    at_trial.save(1, 81, 2, plays=1, seconds_heard=1)
    rating = stored(at_trial)
    assert (rating.score, rating.plays, rating.seconds_heard) == (81, 5, 9)


def test_the_time_of_a_rating_is_when_its_score_last_changed(at_trial):
    at_trial.save(1, 80, 1)
    first = stored(at_trial).rated_at
    at_trial.save(1, 80, 2, seconds_heard=9)
    assert stored(at_trial).rated_at == first
    at_trial.save(1, 79, 3)
    assert stored(at_trial).rated_at > first


def test_slots_do_not_touch_each_other(at_trial):
    at_trial.save(1, 10, 1)
    at_trial.save(2, 20, 1)
    assert [stored(at_trial, slot).score for slot in (1, 2, 3, 4)] == [10, 20, None, None]


@pytest.mark.parametrize("score", [101, -1, "abc", 50.5, "50", True, [], {}, 10**30, float("nan")])
def test_a_score_that_is_none_is_refused_with_its_name(at_trial, score):
    refused(at_trial.save(1, score), 400, "score", at_trial)


@pytest.mark.parametrize("score", [0, 1, 99, 100])
def test_both_ends_of_the_scale_are_scores(at_trial, score):
    assert at_trial.save(1, score).json()["score"] == score


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("slot", value) for value in (0, -1, None, "1", 1.0)],
        *[("plays", value) for value in (-1, None, 10**9, "1", 0.5)],
        *[("seconds_heard", value) for value in (-0.1, None, 1e9, "1", True, float("nan"), float("inf"))],
        *[("revision", value) for value in (0, -5, None, 2**53, "1", 1.5)],
        *[("trial", value) for value in (None, 5, [], {})],
        *[("writer", value) for value in (None, 5, "A", "x" * 17, "<b>")],
    ],
)
def test_a_field_that_makes_no_sense_is_refused_with_its_name(at_trial, name, value):
    refused(at_trial.save(**{"slot": 1, name: value}), 400, name, at_trial)


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", "5", '"x"', "[" * 1900, b"\xff\xfe", "{}", "x" * 100_000, '{"slot": 1}']
)
def test_a_body_that_is_no_write_is_refused(at_trial, body):
    refused(at_trial.post_write(body), 400, "", at_trial)


def test_a_slot_that_the_trial_does_not_have_is_refused(at_trial):
    refused(at_trial.save(5), 404, "no slot 5", at_trial)


@pytest.mark.parametrize("token", ["", "x", "A" * 22, "\x00", "ä", "x" * 900])
def test_a_forged_trial_is_refused(at_trial, token):
    refused(at_trial.save(1, trial=token), 403, "does not belong to your link", at_trial)


def test_another_sessions_slot_is_refused(at_trial, arrive):
    other = arrive().to_trials()
    refused(at_trial.save(1, trial=other.setup["trial"]), 403, "does not belong to your link", other)


def test_a_forged_link_is_refused(at_trial):
    answer = at_trial.client.post("/r/forged/ratings/", "{}", content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, {"error": "This link is not known."})


def test_a_finished_trial_keeps_its_ratings(at_trial):
    old = at_trial.setup["trial"]
    at_trial.rate_all().leave()
    refused(at_trial.save(1, 99, 50, trial=old), 409, "no longer on this page", at_trial)


def test_a_trial_that_is_still_to_come_is_refused(at_trial):
    later = at_trial.session.trials.get(position=2)
    refused(at_trial.save(1, trial=later.token), 409, "no longer on this page", at_trial)


def test_a_finished_session_keeps_its_ratings(at_trial):
    old = at_trial.setup["trial"]
    at_trial.rate_all().leave()
    at_trial.rate_all().leave()
    before = values()
    body = {"trial": old, "slot": 1, "score": 1, "plays": 1, "seconds_heard": 1, "revision": 99}
    assert at_trial.post_write(json.dumps(body)).status_code == 409
    assert values() == before


def test_a_closed_study_takes_no_rating(at_trial, close):
    close()
    at_trial.page = at_trial.seen[-2]
    before = values()
    token = at_trial.session.trials.get(position=1).token
    body = {"trial": token, "slot": 1, "score": 1, "plays": 1, "seconds_heard": 1, "revision": 99}
    answer = at_trial.post_write(json.dumps(body))
    assert (answer.status_code, answer.json()["error"]) == (410, "This study has ended. It takes no more ratings.")
    assert values() == before


def test_ratings_come_by_post_only(at_trial):
    assert at_trial.client.get(f"{at_trial.url}ratings/").status_code == 405


def refused(answer, status, words, walker):
    """The answer is a clear refusal, and nothing that is stored has changed."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    assert words in answer.json()["error"]
    assert all(rating.revision <= 1 for rating in Rating.objects.all())
    current = sessions.current_trial(walker.session)
    assert not current.ratings.exclude(score=None, revision=0).exists()


def test_a_rater_who_withdraws_during_a_write_gets_an_answer(at_trial, monkeypatch):
    """The rows go after the write has found them: another tab is as quick as that."""
    write = ratings._update

    def withdrawn(*arguments):
        write(*arguments)
        Rating.objects.all().delete()

    monkeypatch.setattr(ratings, "_update", withdrawn)
    answer = at_trial.save(1, 73, 5)
    assert (answer.status_code, answer.json()["error"]) == (404, "This link is not known.")
