"""From page to page: what the server asks for before it lets a rater go on."""

import pytest

from listening import sessions
from listening.models import Session

State = Session.State


def test_a_whole_session_ends_with_a_code(walker):
    states = [walker.session.state]
    walker.to_end()
    states.append(walker.session.state)
    assert states == [State.CONSENT, State.FINISHED]
    assert walker.session.completion_code in walker.text
    assert walker.session.finished_at is not None


def test_next_is_refused_until_every_slot_was_heard_and_set(walker):
    walker.to_training()
    answer = walker.leave()
    assert answer.status_code == 409
    assert "Still to hear: 1, 2, 3, 4. Still to rate: 1, 2, 3, 4." in answer.content.decode()
    assert walker.session.state == State.TRAINING


@pytest.mark.parametrize(
    ("changes", "wanting"),
    [
        ({"seconds_heard": 0.999}, "Still to hear: 3."),
        ({"score": None}, "Still to rate: 3."),
        ({"score": None, "seconds_heard": 0}, "Still to hear: 3. Still to rate: 3."),
    ],
)
def test_one_slot_not_heard_or_not_set_is_named(walker, changes, wanting):
    walker.to_training()
    for slot in (1, 2, 4):
        walker.save(slot, 50)
    walker.save(3, **{"score": 50, **changes})
    assert walker.leave().status_code == 409
    assert wanting in walker.text
    assert walker.session.state == State.TRAINING
    walker.save(3, 0, revision=2, seconds_heard=1.0)
    assert walker.leave().status_code == 302
    assert walker.session.state == State.TRIALS


def test_how_long_is_heard_is_the_studys_choice(walker, opened):
    opened.heard_seconds = 3.0
    opened.save()
    walker.to_training().rate_all()
    assert walker.leave().status_code == 409
    for each in walker.setup["slots"]:
        walker.save(each["slot"], 50, 2, seconds_heard=3.0)
    assert walker.leave().status_code == 302


def test_a_score_of_zero_is_a_score(walker):
    walker.to_training().rate_all(lambda slot: 0)
    assert walker.leave().status_code == 302


def test_a_double_click_on_next_goes_on_by_one_page(walker):
    walker.to_training().rate_all()
    data = {"from": walker.field("from")}
    for _ in range(2):
        assert walker.client.post(f"{walker.url}step/", data).status_code == 302
    assert sessions.current_trial(walker.session).position == 1


@pytest.mark.parametrize("left", ["", "consent", "comments", "finished", "trials", "x" * 500, "\x00"])
def test_a_step_from_where_the_rater_is_not_only_shows_the_current_page(walker, left):
    walker.to_trials()
    before = sessions.step_of(walker.session)
    data = {"from": left}
    assert walker.client.post(f"{walker.url}step/", data).status_code == 302
    assert sessions.step_of(walker.session) == before


def test_a_step_by_get_is_refused(walker):
    assert walker.client.get(f"{walker.url}step/").status_code == 405


def test_times_of_a_trial_are_noted(walker):
    walker.leave()
    assert walker.session.trials.first().started_at is None
    walker.leave()
    training = walker.session.trials.first()
    assert training.started_at is not None
    assert training.finished_at is None
    walker.open()
    assert walker.session.trials.first().started_at == training.started_at
    walker.rate_all().leave()
    assert walker.session.trials.first().finished_at > training.started_at


def test_the_comment_is_kept_as_it_was_written(walker):
    walker.to_comments()
    walker.leave(comment="A & B;\r\n\"quoted\", 100% 'ä'\x00 <b>")
    assert walker.session.comment == "A & B;\n\"quoted\", 100% 'ä' <b>"


def test_a_comment_that_is_too_long_is_given_back_to_be_shortened(walker):
    walker.to_comments()
    assert walker.leave(comment="x" * 4001).status_code == 409
    assert "x" * 4001 in walker.text
    assert "4000 can be kept" in walker.text
    assert walker.session.state == State.COMMENTS
    assert walker.leave(comment="x\r\n" * 2000).status_code == 302
    assert len(walker.session.comment) == 4000


def test_each_rater_gets_a_code_of_their_own_unless_the_study_has_one(walker, arrive, opened):
    own = walker.to_end().session.completion_code
    other = arrive().to_end().session.completion_code
    assert own != other
    assert len(own) == 9
    opened.completion_code = "C1DE & 5"
    opened.save()
    third = arrive().to_end()
    assert third.session.completion_code == "C1DE & 5"
    assert "C1DE &amp; 5" in third.text


def test_a_study_closed_in_between_ends_the_session_and_keeps_what_was_rated(walker, close):
    walker.to_trials().save(1, 33)
    close()
    assert walker.leave().status_code == 302
    assert "has ended" in walker.text
    assert walker.session.state == State.CLOSED
    assert walker.session.trials.get(position=1).ratings.get(slot=1).score == 33


def test_a_finished_rater_sees_the_code_after_the_study_was_closed(walker, close):
    walker.to_end()
    close()
    assert walker.open().status_code == 200
    assert walker.session.completion_code in walker.text


@pytest.mark.parametrize("token", ["x", "A" * 22, "A" * 200, "%00", "..", "ä"])
@pytest.mark.parametrize("way", ["", "step/"])
def test_a_link_that_nobody_has_is_answered_in_words(walker, token, way):
    send = walker.client.post if way else walker.client.get
    fields = {"from": "consent"} if way else {}
    answer = send(f"/r/{token}/{way}", fields)
    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.content.decode()
