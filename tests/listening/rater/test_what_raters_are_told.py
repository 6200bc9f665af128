"""Raters learn before they agree how long the test is, and before they begin what its pages ask."""

import pytest
from django.urls import reverse

from listening import sessions
from listening.models import Session, Study
from listening.protocol import read


@pytest.fixture
def page_at(opened, client):
    """The page at a state of a study with a protocol, as text."""

    def give(state: str, protocol: dict | None = None, **study) -> str:
        opened.protocol = read(protocol or {})
        opened.save()
        Study.objects.filter(pk=opened.pk).update(**study)
        if state == Session.State.CONSENT:
            return client.get(opened.invite_path).content.decode()
        session = sessions.start(opened, outside_ids={}, locale="en", browser="")
        while session.state != state:
            sessions.advance(session, sessions.step_of(session))
        return client.get(reverse("rate", args=[session.rater.token])).content.decode()

    return give


def test_the_consent_page_states_duration_headphones_and_clips_without_repeats(page_at):
    page = page_at("consent", {"repeats": 2, "attention": 1})
    assert "You will hear 2 clips." in page
    assert "The test takes about 4 minutes." in page
    assert "You need headphones and a quiet room." in page


def test_a_rater_of_a_share_of_the_clips_reads_their_number(page_at):
    assert "You will hear 1 clip." in page_at("consent", {"design": {"clips_per_rater": 1}})


def test_instructions_count_every_page(page_at):
    assert "Then you rate 5 pages." in page_at("instructions", {"repeats": 2, "attention": 1})


@pytest.mark.parametrize(
    ("protocol", "study", "sentence"),
    [
        ({}, {"heard_seconds": 2.5}, "Play each sound for at least 2.5 seconds."),
        ({"rules": {"share_heard": 0.5}}, {}, "Play at least 50 % of each sound."),
        ({}, {}, "Score every sound before you go on."),
        ({"rules": {"all_rated": False}}, {}, "You may leave sounds without a score."),
        ({"rules": {"one_at_100": True}}, {}, "Give 100 to at least one sound of each page."),
        ({"rules": {"only_playing": True}}, {}, "You can score only the sound that you played last."),
        ({"rules": {"least_seconds": 20}}, {}, "Each page stays for at least 20 seconds."),
        ({}, {}, "set its slider"),
        ({"rating": {"input": "numbers"}}, {}, "type its score"),
    ],
)
def test_instructions_follow_the_rules_of_the_study(page_at, protocol, study, sentence):
    assert sentence in page_at("instructions", protocol, **study)


def test_instructions_without_a_rule_do_not_name_it(page_at):
    page = page_at("instructions", {"rules": {"all_rated": False}}, heard_seconds=0)
    assert "at least" not in page
    assert "Score every sound" not in page


def test_the_training_says_what_to_try(page_at):
    assert "Try everything: play the reference, switch between the sounds" in page_at("training")


def test_a_page_of_the_test_states_its_task(page_at):
    assert "Compare each sound with the reference and score how close it comes" in page_at(
        "trials", {"rules": {"all_rated": False}}, heard_seconds=0
    )
