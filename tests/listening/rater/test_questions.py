"""Questionnaires as raters meet them: when they come, what is asked for, and what is kept."""

import csv
import io
import re

import pytest
from django.core.management import call_command

from listening import languages, protocol
from listening.models import Answer, Session, Study
from tests.listening.rater.conftest import Walker

State = Session.State

TIRED = """
questionnaires:
  - name: tired
    at: between
    every: 1
    title: {en: A moment, fr: Un instant}
    intro: {en: "How are you?", fr: "Comment ça va ?"}
    questions:
      - kind: likert
        name: tired
        text: {en: "How tired are you?", fr: "Êtes-vous fatigué ?"}
        points: 7
        low: Not at all
        high: Very
      - {kind: text, name: why, text: "Why?", optional: true, longest: 20}
  - name: after
    questions:
      - {kind: number, name: years, text: "How long do you listen to music?", least: 0, most: 100, unit: years}
      - kind: choice
        name: heard
        text: What did you hear?
        several: true
        options: [{value: noise, text: Noise}, {value: echo, text: Echo}, Clicks]
      - kind: choice
        name: again
        text: Would you come again?
        optional: true
        options: ["yes", "no"]
"""


def wants(study: Study, text: str) -> None:
    study.protocol = protocol.read_yaml(text)
    study.save()


def answers(session) -> dict[str, str]:
    return dict(session.answers.values_list("question", "value"))


@pytest.fixture
def asked(walked):
    """A rater at the questionnaire behind the consent."""

    def go(study):
        wants(study, "questionnaires: [{ready: equipment}]")
        rater = Walker(study)
        rater.leave()
        return rater

    return walked("asked for the equipment", go)


EQUIPMENT = {"answer/device": "in-ear", "answer/connection": "bluetooth", "answer/room": "quiet"}


def test_the_ready_one_comes_between_consent_and_instructions(asked):
    assert asked.session.state == State.QUESTIONS
    assert "What do you listen with?" in asked.text
    assert asked.leave(**EQUIPMENT).status_code == 302
    assert asked.session.state == State.INSTRUCTIONS


def test_its_names_and_values_are_what_is_exported(asked):
    asked.leave(**EQUIPMENT, **{"answer/model": " HD 600 "})
    assert answers(asked.session) == {
        "device": "in-ear",
        "model": "HD 600",
        "connection": "bluetooth",
        "room": "quiet",
        "hearing": "",
        "age": "",
        "experience": "",
        "music": "",
    }


def test_what_is_personal_is_optional_and_can_be_taken_back(asked):
    for name in ("hearing", "age", "experience", "music"):
        found = re.search(rf'<fieldset(?:(?!</fieldset>).)*name="answer/{name}".*?</fieldset>', asked.text, re.S)[0]
        assert "(optional)" in found
        assert re.search(rf'name="answer/{name}"\s+value=""', found)
    asked.leave(**EQUIPMENT, **{"answer/age": ""})
    assert answers(asked.session)["age"] == ""


def test_a_missing_answer_is_named_and_what_was_filled_in_stays(asked):
    answer = asked.leave(**{"answer/device": "in-ear", "answer/model": 'A & B "1"'})
    assert answer.status_code == 409
    assert asked.session.state == State.QUESTIONS
    assert not Answer.objects.exists()
    summary = re.search(r'<div class="notice bad faults".*?</div>', asked.text, re.S)[0]
    targets = re.findall(r'href="#([^"]+)"', summary)
    assert targets == ["answer-connection-1", "answer-room-1"]
    assert all(f'id="{target}"' in asked.text for target in targets)
    assert re.search(r'id="answer-device-4"[^>]*checked', asked.text)
    assert 'value="A &amp; B &quot;1&quot;"' in asked.text
    assert "What do you listen with?" not in summary


def test_between_pages_it_comes_after_each_and_not_after_the_last(opened, arrive):
    wants(opened, TIRED)
    rater = arrive().to_trials()
    seen = []
    while not rater.session.ended:
        seen.append(rater.session.state)
        if rater.session.state == State.TRIALS:
            rater.rate_all().leave()
        elif rater.session.way[rater.session.at][1].startswith("tired"):
            assert rater.leave(**{"answer/tired": "3"}).status_code == 302
        elif rater.session.state == State.QUESTIONS:
            fields = {"answer/years": "1,5", "answer/heard/noise": "on", "answer/heard/clicks": "on"}
            assert rater.leave(**fields).status_code == 302
        else:
            rater.leave()
    assert seen == [State.TRIALS, State.QUESTIONS, State.TRIALS, State.QUESTIONS, State.COMMENTS]
    assert answers(rater.session) == {"tired": "3", "why": "", "years": "1.5", "heard": "noise;clicks", "again": ""}


@pytest.fixture
def at_the_end(walked):
    """A rater at the questionnaire before the last page."""

    def go(study):
        wants(study, TIRED)
        rater = Walker(study).to_trials()
        rater.rate_all().leave()
        rater.leave(**{"answer/tired": "7"})
        rater.rate_all().leave()
        assert 'name="answer/years"' in rater.text
        return rater

    return walked("before the last questions", go)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("0", "0"), ("100", "100"), (" 7.50 ", "7.5"), ("2,25", "2.25"), ("٣", "3"), ("-0", "0"), ("+4", "4")],
)
def test_a_number_is_kept_in_plain_digits(at_the_end, typed, kept):
    at_the_end.leave(**{"answer/years": typed, "answer/heard/noise": "on"})
    assert answers(at_the_end.session)["years"] == kept


@pytest.mark.parametrize("typed", ["", "many", "-1", "100.5", "nan", "inf", "1e2", "1_0", "1.2.3", "9" * 40])
def test_what_is_no_number_or_out_of_bounds_is_refused_and_shown_again(at_the_end, typed):
    answer = at_the_end.leave(**{"answer/years": typed, "answer/heard/noise": "on"})
    assert answer.status_code == 409
    assert "Please give a number" in at_the_end.text
    assert f'value="{typed}"' in at_the_end.text
    assert re.search(r'id="answer-heard-1"[^>]*checked', at_the_end.text)
    assert "years" not in answers(at_the_end.session)


@pytest.mark.parametrize(
    "forged", [{"answer/again": "perhaps"}, {"answer/heard": "noise"}, {"answer/heard/other": "on"}]
)
def test_an_answer_that_was_not_offered_is_refused(at_the_end, forged):
    fields = {"answer/years": "3"} | ({"answer/heard/noise": "on"} if "answer/again" in forged else {}) | forged
    assert at_the_end.leave(**fields).status_code == 409
    assert at_the_end.session.state == State.QUESTIONS


def test_points_of_a_line_are_bounded(opened, arrive):
    wants(opened, TIRED)
    rater = arrive().to_trials()
    rater.rate_all().leave()
    for point in ("0", "8", "x", "1.0", ""):
        assert rater.leave(**{"answer/tired": point}).status_code == 409
    assert rater.leave(**{"answer/tired": "1", "answer/why": "x" * 21}).status_code == 409
    assert "21 characters; 20 can be kept" in rater.text
    assert "x" * 21 in rater.text
    assert rater.leave(**{"answer/tired": "1", "answer/why": "x" * 20}).status_code == 302


def test_a_double_click_stores_answers_once(asked):
    data = {"from": asked.field("from"), **EQUIPMENT}
    for device in ("in-ear", "on-ear"):
        assert asked.client.post(f"{asked.url}step/", data | {"answer/device": device}).status_code == 302
    assert Answer.objects.count() == 8
    assert answers(asked.session)["device"] == "in-ear"


def test_texts_come_in_the_raters_language_and_say_which_they_are_in(opened, arrive):
    wants(opened, TIRED.replace("questionnaires:", "languages: [en, fr]\nquestionnaires:"))
    rater = arrive(accept_language="fr")
    rater.to_trials()
    assert rater.session.language == "fr"
    rater.rate_all().leave()
    assert re.search(r'<h1 lang="fr"[^>]*>\s*Un instant\s*</h1>', rater.text)
    assert "Êtes-vous fatigué ?" in rater.text
    assert re.search(r'lang="en"[^>]*>Why\?', rater.text)  # there is no French text


def test_sounds_of_the_page_that_follows_are_brought_while_questions_are_answered(opened, arrive):
    wants(opened, TIRED)
    rater = arrive().to_trials()
    rater.rate_all().leave()
    ahead = re.search(r'<script id="sounds-ahead"[^>]*>\[(.*?)\]', rater.text)[1]
    assert ahead.count("/audio/") == 5


@pytest.mark.parametrize(
    ("text", "french"),
    [("Tired?", False), ({"en": "Tired?", "de": "Müde?"}, False), ({"en": "Tired?", "fr": "Fatigué ?"}, True)],
)
def test_a_language_is_offered_by_itself_where_the_questions_are_there_in_it(opened, text, french):
    own = {"name": "a", "questions": [{"kind": "text", "name": "b", "text": text}]}
    opened.protocol = protocol.read({"questionnaires": [{"ready": "equipment"}, own]})
    assert ("fr" in languages.offered(opened)) is french
    assert "en" in languages.offered(opened)


def test_answers_are_exported_in_the_order_in_which_they_were_asked(opened, arrive, tmp_path):
    wants(opened, TIRED)
    rater = arrive().to_trials()
    rater.rate_all().leave()
    rater.leave(**{"answer/tired": "7", "answer/why": 'A "long" day, 日本'})
    call_command(
        "export_results", study="speech", table="answers", output=tmp_path / "answers.csv", stderr=io.StringIO()
    )
    with (tmp_path / "answers.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert ",".join(header) == "study,session,rater,questionnaire,occurrence,question,kind,answer,answered_at"
    named = ["speech", str(rater.session.pk), rater.session.rater.code, "tired", "1"]
    assert [row[:8] for row in rows] == [
        [*named, "tired", "likert", "7"],
        [*named, "why", "text", 'A "long" day, 日本'],
    ]
    assert all(row[8] for row in rows)
