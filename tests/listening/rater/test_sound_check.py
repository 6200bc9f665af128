"""Level and headphone tests before the instructions: who goes on, who ends there, what is kept, what is never told."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from django.utils import timezone

from listening import export, headphone_check, headphones
from listening.models import Session
from listening.protocol import ProtocolError, read
from tests.listening.rater.conftest import Walker

State = Session.State
BOTH = {"tests": ["antiphase", "huggins"]}


class Listener(Walker):
    """A rater at the pages of the sound check."""

    def answer(self, choice, attempt=None, trial=None, **more):
        now = self.client.get(self.url) and self.session
        at = headphone_check.current(now)
        body = {
            "attempt": attempt if attempt is not None else at.number,
            "trial": trial if trial is not None else len(at.answers),
            "answer": choice,
            **more,
        }
        reply = self.client.post(f"{self.url}headphones/", json.dumps(body), content_type="application/json")
        self.seen.append(reply)
        return reply

    def answer_all(self, right=6):
        """Answer a whole attempt, so many of them right."""
        attempt = headphone_check.current(self.session)
        for trial, expected in enumerate(attempt.right_answers):
            given = expected if trial < right else expected % 3 + 1
            reply = self.answer(given, attempt.number, trial)
            assert reply.status_code == 200, reply.content
        self.open()
        return reply.json()

    def level(self, db):
        body = json.dumps({"db": db})
        return self.client.post(f"{self.url}level/", body, content_type="application/json")


@pytest.fixture
def listener(wants):
    """A rater of a study with such a protocol, past the consent."""

    def come(**parts) -> Listener:
        found = Listener(wants(**parts))
        found.leave()
        return found

    return come


def test_level_and_tests_come_between_consent_and_instructions(listener):
    rater = listener(level=True, headphones=BOTH)
    states = [rater.session.state]
    rater.leave(level="-20")
    for _ in range(2):
        states.append((rater.session.state, rater.setup["test"]))
        rater.answer_all()
        rater.leave()
    states.append(rater.session.state)
    assert states == [
        State.LEVEL,
        (State.HEADPHONES, "antiphase"),
        (State.HEADPHONES, "huggins"),
        State.INSTRUCTIONS,
    ]
    assert "Sound check" in rater.text
    rater.leave()
    rater.rate_all().leave()
    assert rater.session.state == State.TRIALS


def test_a_study_that_wants_none_of_it_has_none_of_it(listener):
    rater = listener()
    assert rater.session.state == State.INSTRUCTIONS
    assert "Sound check" not in rater.text
    rater.leave()
    assert rater.setup["level"] is None
    assert 'id="louder"' not in rater.text
    assert rater.level(-10).status_code == 409


# The level


def test_the_sample_is_the_reference_of_the_first_page(listener):
    rater = listener(level=True)
    first = rater.session.trials.order_by("position").first()
    assert rater.unmasked(rater.setup["sound"]) == first.clip.packed.open("rb").read()


def test_the_level_is_kept_over_reloads_and_goes_with_every_page(listener):
    rater = listener(level=True, headphones={"tests": ["antiphase"]})
    assert rater.setup["level"] == -16
    assert rater.level(-25.5).json() == {"db": -25.5}
    rater.open()
    assert rater.setup["level"] == -25.5
    rater.leave(level="-12")
    assert rater.session.level_db == -12
    assert rater.setup["level"] == -12
    rater.answer_all()
    rater.leave()
    rater.leave()
    assert rater.setup["level"] == {"db": -12, "change": 0, "most_change": 4, "url": f"{rater.url}level/"}
    assert 'id="louder"' in rater.text


@pytest.mark.parametrize("level", ["", "loud", "nan", "inf", "-3", "0", "-41", "1e999", None])
def test_a_level_that_is_none_is_refused(listener, level):
    rater = listener(level=True)
    assert rater.leave(**({} if level is None else {"level": level})).status_code == 409
    assert "Set the level with the slider" in rater.text
    assert rater.session.state == State.LEVEL
    assert rater.level(level).status_code == 409
    assert rater.session.level_db is None


@pytest.mark.parametrize(("asked", "kept"), [(-18, 2), (-24, -4), (-10, 4), (-90, -4), (20, 4), (-20, 0)])
def test_after_the_level_is_set_it_may_be_changed_by_4_db(listener, asked, kept):
    rater = listener(level=True)
    rater.leave(level="-20")
    assert rater.level(-18).status_code == 409
    rater.leave()
    assert rater.level(asked).json() == {"db": -20 + kept}
    assert (rater.session.level_db, rater.session.level_change_db) == (-20, kept)
    rater.rate_all().leave()
    assert rater.setup["level"]["change"] == kept


def test_the_loudest_level_with_the_largest_change_does_not_clip(listener):
    rater = listener(level=True)
    rater.leave(level="-4")
    rater.leave()
    assert rater.level(100).json() == {"db": 0}


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '{"db": null}', '{"db": "x"}', '{"db": NaN}', "[" * 5000])
def test_a_level_that_is_no_level_changes_nothing(listener, body):
    rater = listener(level=True)
    rater.leave(level="-20")
    rater.leave()
    answer = rater.client.post(f"{rater.url}level/", body, content_type="application/json")
    assert answer.status_code in (400, 409)
    assert "error" in answer.json()
    assert rater.session.level_change_db == 0


# The headphone tests


@pytest.mark.parametrize(
    ("test", "right", "state"),
    [
        ("antiphase", 6, State.INSTRUCTIONS),
        ("antiphase", 5, State.INSTRUCTIONS),
        ("antiphase", 4, State.SCREENED_OUT),
        ("huggins", 6, State.INSTRUCTIONS),
        ("huggins", 5, State.SCREENED_OUT),
    ],
)
def test_who_passes_goes_on_and_who_fails_ends_there_with_the_code_for_that(listener, test, right, state):
    rater = listener(headphones={"tests": [test]}, ends={"screened_out": {"code": "NO-PHONES"}})
    last = rater.answer_all(right)
    assert last["gone"] == (state == State.SCREENED_OUT)
    if state == State.INSTRUCTIONS:
        assert rater.session.state == State.HEADPHONES
        rater.leave()
    else:
        assert "NO-PHONES" in rater.text
        assert rater.session.finished_at is not None
    assert rater.session.state == state
    assert headphone_check.outcome(rater.session) == ("passed" if state == State.INSTRUCTIONS else "failed")


def test_the_pass_rule_is_the_studys(listener):
    rater = listener(headphones={"tests": ["huggins"], "huggins_passes_with": 4})
    rater.answer_all(4)
    assert headphone_check.outcome(rater.session) == "passed"


def test_a_study_may_let_those_go_on_who_fail_and_note_it(listener):
    rater = listener(headphones={**BOTH, "failing": "go_on"})
    rater.answer_all(2)
    rater.leave()
    rater.answer_all(6)
    rater.leave()
    assert rater.session.state == State.INSTRUCTIONS
    assert headphone_check.outcome(rater.session) == "failed"


def test_a_second_attempt_has_other_sounds_and_counts_instead(listener, opened):
    rater = listener(headphones={"tests": ["antiphase"], "attempts": 2})
    before = [each["url"] for each in rater.setup["sounds"]]
    assert "once more" not in rater.text
    last = rater.answer_all(3)
    assert (last["attempt"], last["trial"]) == (2, 0)
    assert "once more" in rater.text
    assert not set(before) & {each["url"] for each in rater.setup["sounds"]}
    assert rater.leave().status_code == 409
    rater.answer_all(5)
    rater.leave()
    assert rater.session.state == State.INSTRUCTIONS
    first, second = headphone_check.attempts(rater.session)
    assert (first.right, second.right) == (3, 5)
    assert first.trials != second.trials


def test_the_last_attempt_that_fails_is_the_end(listener):
    rater = listener(headphones={"tests": ["antiphase"], "attempts": 2})
    rater.answer_all(4)
    assert rater.session.state == State.HEADPHONES
    rater.answer_all(4)
    assert rater.session.state == State.SCREENED_OUT


def test_a_trial_keeps_its_first_answer_whatever_comes_later(listener):
    rater = listener(headphones={"tests": ["antiphase"]})
    right = headphone_check.current(rater.session).right_answers[0]
    wrong = right % 3 + 1
    assert rater.answer(wrong).json()["trial"] == 1
    rater.open()
    assert rater.setup["trial"] == 1
    assert rater.answer(right, trial=0).json()["trial"] == 1
    assert headphone_check.current(rater.session).answers == [wrong]


def test_an_answer_to_an_attempt_that_is_over_changes_nothing(listener):
    rater = listener(headphones={"tests": ["antiphase"], "attempts": 2})
    rater.answer_all(0)
    reply = rater.answer(1, attempt=1, trial=5)
    assert (reply.status_code, reply.json()["attempt"], reply.json()["trial"]) == (200, 2, 0)
    assert headphone_check.current(rater.session).answers == []


@pytest.mark.parametrize(
    "fields",
    [{"trial": 1}, {"trial": 6}, *({"choice": choice} for choice in (0, 4, -1, "1", 1.0, True, None, [1]))],
)
def test_what_is_no_answer_is_refused(listener, fields):
    rater = listener(headphones={"tests": ["antiphase"]})
    reply = rater.answer(**{"choice": 1, **fields})
    assert reply.status_code == 409
    assert reply.json()["error"]
    assert headphone_check.current(rater.session).answers == []


def test_nobody_goes_on_before_every_question_is_answered(listener):
    rater = listener(headphones={"tests": ["antiphase"]})
    for _ in range(5):
        rater.answer(1)
    assert rater.leave().status_code == 409
    assert "Answer every question first" in rater.text
    assert rater.session.state == State.HEADPHONES


def test_answers_from_another_page_or_after_the_end_do_nothing(listener, close):
    rater = listener(headphones={"tests": ["antiphase"]})
    body = json.dumps({"attempt": 1, "trial": 0, "answer": 1})
    url = f"{rater.url}headphones/"
    assert rater.client.get(url).status_code == 405
    assert rater.client.post("/r/unknown/headphones/", body, content_type="application/json").status_code == 404
    rater.answer_all()
    rater.leave()
    assert rater.client.post(url, body, content_type="application/json").json()["gone"] is True
    close()
    assert rater.client.post(url, body, content_type="application/json").status_code == 410


def test_the_time_limit_counts_in_the_tests_too(listener):
    rater = listener(headphones={"tests": ["antiphase"]}, time_limit_minutes=5)
    Session.objects.update(consented_at=timezone.now() - timedelta(minutes=6))
    body = json.dumps({"attempt": 1, "trial": 0, "answer": 1})
    reply = rater.client.post(f"{rater.url}headphones/", body, content_type="application/json")
    assert reply.json()["gone"] is True
    assert rater.session.state == State.TIMED_OUT


# What is heard, and what is not told


@pytest.mark.parametrize("test", ["antiphase", "huggins"])
def test_the_sounds_are_those_of_the_trials_at_the_studys_rate(listener, opened, test):
    rater = listener(headphones={"tests": [test], "failing": "go_on"})
    attempt = headphone_check.current(rater.session)
    for trial in attempt.trials:
        content = rater.unmasked(rater.setup["sounds"][0])
        samples, rate = soundfile.read(io.BytesIO(content), always_2d=True)
        assert rate == opened.rate
        span = round(headphones.SECONDS * rate)
        heard = [samples[round(start * rate) :][:span] for start in headphones.starts(test)]
        if test == "antiphase":
            levels = [np.abs(each[:, 0]).max() for each in heard]
            assert np.argmin(levels) == trial.index("quiet")
        else:
            assert [bool((each[:, 0] == each[:, 1]).all()) for each in heard] == [kind == "noise" for kind in trial]
        rater.answer(1)
        rater.open()
    assert rater.setup["sounds"] == []


def test_a_sound_is_the_same_each_time_and_different_for_each_rater(listener, wants):
    one = listener(headphones={"tests": ["huggins"]})
    other = Listener(wants(headphones={"tests": ["huggins"]}))
    other.leave()
    first = one.unmasked(one.setup["sounds"][0])
    assert one.unmasked(one.setup["sounds"][0]) == first
    assert other.unmasked(other.setup["sounds"][0]) != first


def test_only_the_question_at_hand_and_the_next_one_can_be_heard(listener):
    rater = listener(headphones={"tests": ["antiphase"]})
    tokens = headphone_check.current(rater.session).tokens
    found = [rater.sound(f"{rater.url}audio/{token}").status_code for token in tokens]
    assert found == [200, 200, 404, 404, 404, 404]
    rater.answer(1)
    found = [rater.sound(f"{rater.url}audio/{token}").status_code for token in tokens]
    assert found == [404, 200, 200, 404, 404, 404]


def test_the_example_of_the_hidden_tone_has_it_in_the_second_noise(listener, opened):
    rater = listener(headphones={"tests": ["huggins"]})
    samples, rate = soundfile.read(io.BytesIO(rater.unmasked(rater.setup["example"])), always_2d=True)
    alike = [
        bool((part[:, 0] == part[:, 1]).all())
        for part in (samples[round(start * rate) :][:rate] for start in headphones.starts("huggins"))
    ]
    assert alike == [True, False, True]
    assert listener(headphones={"tests": ["antiphase"]}).setup["example"] is None


def test_nothing_but_the_samples_tells_which_sound_is_asked_for(listener):
    rater = listener(headphones={**BOTH, "failing": "go_on"})
    headers, lengths = set(), {"antiphase": set(), "huggins": set()}
    for test in ("antiphase", "huggins"):
        for _ in range(6):
            answer = rater.sound(rater.setup["sounds"][0]["url"])
            lengths[test].add(len(answer.content))
            names = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
            headers.add(json.dumps(names, sort_keys=True))
            reply = rater.answer(1)
            assert not re.search(r"right|quiet|pitch|noise|full|passed|failed|target", reply.content.decode())
            rater.open()
            assert not re.search(r"right_answers|\"(quiet|pitch|noise|full)\"", rater.text)
        rater.leave()
    assert len(headers) == 1
    assert all(len(found) == 1 for found in lengths.values())


def test_replies_are_alike_for_right_and_wrong_answers(listener):
    rater = listener(headphones={"tests": ["antiphase"], "failing": "go_on"})
    keys = set()
    for right in (True, False, True, False, True, False):
        attempt = headphone_check.current(rater.session)
        expected = attempt.right_answers[len(attempt.answers)]
        keys.add(tuple(rater.answer(expected if right else expected % 3 + 1).json()))
    assert len(keys) == 1


# What researchers get


def test_level_and_answers_are_in_the_table_of_sessions(listener, opened):
    rater = listener(level=True, headphones={**BOTH, "attempts": 2, "failing": "go_on"})
    rater.leave(level="-18")
    rater.answer_all(3)
    rater.answer_all(5)
    rater.leave()
    rater.answer_all(5)
    rater.answer_all(4)
    (row,) = (dict(zip(export.SESSIONS, each, strict=True)) for each in export.session_rows(opened))
    assert list(row)[-7:-1] == [
        "level_db",
        "level_change_db",
        "headphones",
        "antiphase_right",
        "huggins_right",
        "headphone_answers",
    ]
    assert list(row.values())[-7:-2] == [-18, 0, "failed", 5, 4]
    answers = json.loads(row["headphone_answers"])
    assert [(each["test"], each["attempt"]) for each in answers] == [
        ("antiphase", 1),
        ("antiphase", 2),
        ("huggins", 1),
        ("huggins", 2),
    ]
    assert all(len(each["answers"]) == len(each["right_answers"]) == 6 for each in answers)


def test_a_session_without_a_sound_check_has_empty_columns(walker, opened):
    (row,) = (dict(zip(export.SESSIONS, each, strict=True)) for each in export.session_rows(opened))
    assert list(row.values())[-7:-1] == [None, None, "", None, None, ""]


def test_the_raters_page_says_who_passed(listener, client, opened):
    rater = listener(headphones={**BOTH})
    rater.answer_all(6)
    client.force_login(opened.owner)
    assert "antiphase 6/6" in client.get(f"/studies/{opened.slug}/raters/").content.decode()
    rater.leave()
    rater.answer_all(2)
    page = client.get(f"/studies/{opened.slug}/raters/").content.decode()
    assert "failed" in page
    assert "huggins 2/6" in page


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"tests": ["stereo"]}, "headphones.tests.0"),
        ({"tests": ["huggins", "huggins"]}, "headphones.tests"),
        ({"antiphase_passes_with": 7}, "headphones.antiphase_passes_with"),
        ({"huggins_passes_with": 0}, "headphones.huggins_passes_with"),
        ({"attempts": 6}, "headphones.attempts"),
        ({"failing": "shout"}, "headphones.failing"),
    ],
)
def test_a_protocol_that_can_not_be_is_refused_with_its_place(part, place):
    with pytest.raises(ProtocolError, match=place):
        read({"headphones": part})
