"""Questionnaires in a protocol: what can be written, and how faults are told."""

import pytest

from listening import planning, protocol
from listening.parts import in_language
from listening.planning import PlannedTrial
from listening.protocol import ProtocolError
from listening.questionnaires import written_out


def one(**question):
    return {"questionnaires": [{"name": "q", "questions": [{"name": "a", "text": "A?", **question}]}]}


def faults(data):
    with pytest.raises(ProtocolError) as caught:
        protocol.read(data)
    return caught.value.faults


@pytest.mark.parametrize(
    ("question", "place", "expected"),
    [
        ({"kind": "choice", "options": []}, "questions.0.options: ", "at least two options, not 0"),
        ({"kind": "choice", "options": ["one"]}, "questions.0.options: ", "at least two options, not 1"),
        ({"kind": "choice", "options": ["a", {"value": "a", "text": "B"}]}, "questions.0.options: ", "a comes twice"),
        ({"kind": "choice", "options": [True, "b"]}, "questions.0.options.0.text: ", "yes and no in quotes"),
        (
            {"kind": "choice", "options": ["a", {"value": "b", "text": ""}]},
            "questions.0.options.1.text: ",
            "not an empty one",
        ),
        ({"kind": "number", "least": 5, "most": 1}, "questions.0: ", "least (5) is above most (1)"),
        ({"kind": "likert", "points": 12}, "questions.0.points: ", "less than or equal to 11"),
        ({"kind": "likert", "points": 1}, "questions.0.points: ", "greater than or equal to 2"),
        ({"kind": "text", "options": ["a", "b"]}, "questions.0.options: ", "no such setting"),
        ({"kind": "picture"}, "questions.0: ", "kind is one of text, number, choice, likert"),
        ({}, "questions.0: ", "kind is one of"),
        ({"kind": "text", "text": {"xx": "?"}}, "questions.0.text: ", "languages are en, fr"),
        ({"kind": "text", "text": "  "}, "questions.0.text: ", "not an empty one"),
        ({"kind": "text", "name": "a b"}, "questions.0.name: ", "pattern"),
        ({"kind": "text", "text": "x" * 2001}, "questions.0.text: ", "at most 2000 characters, not 2001"),
    ],
)
def test_a_fault_of_a_question_says_where_it_is(question, place, expected):
    (fault,) = faults(one(**question))
    assert fault.startswith(f"questionnaires.0.{place}")
    assert expected in fault


QUESTION = {"kind": "text", "name": "a", "text": "A?"}


@pytest.mark.parametrize(
    ("questionnaires", "expected"),
    [
        ([{"name": "q", "questions": []}], "questionnaires.0.questions: at least one is needed"),
        ([{"name": "q"}], "questionnaires.0.questions: is missing"),
        ([{"name": "q", "questions": [QUESTION, QUESTION]}], "a comes twice"),
        ([{"name": "q", "questions": [QUESTION]}, {"name": "q", "questions": [QUESTION]}], "q comes twice"),
        ([{"ready": "equipment"}, {"ready": "equipment", "at": "end"}], "equipment comes twice"),
        ([{"ready": "hearing"}], "questionnaires.0.ready: 'equipment'"),
        ([{"name": "q", "at": "between", "questions": [QUESTION]}], "every: say after how many pages"),
        (
            [{"name": "q", "at": "end", "every": 2, "questions": [QUESTION]}],
            "every: is for questionnaires between pages",
        ),
        (["equipment"], "questionnaires.0"),
    ],
)
def test_a_fault_of_a_questionnaire_says_what_it_is(questionnaires, expected):
    (fault,) = faults({"questionnaires": questionnaires})
    assert expected in fault


def test_what_is_written_is_read_again():
    data = one(kind="choice", options=["Yes, often", {"value": "n", "text": {"en": "No", "fr": "Non"}}, "日本", 3])
    data["questionnaires"].append({"ready": "equipment", "at": "end"})
    found = protocol.read(data)
    options = found.questionnaires[0].questions[0].options
    assert [option.value for option in options] == ["yes-often", "n", "option-3", "3"]
    assert protocol.read_yaml(protocol.to_yaml(found)) == found
    assert protocol.read(protocol.stored(found)) == found


def test_the_ready_one_keeps_its_place_and_has_unique_names():
    (ready,) = protocol.read({"questionnaires": [{"ready": "equipment", "at": "between", "every": 3}]}).questionnaires
    found = written_out(ready)
    assert (found.name, found.at, found.every) == ("equipment", "between", 3)
    assert len({question.name for question in found.questions}) == len(found.questions) == 8


def test_a_text_falls_back_to_the_studys_language_and_then_to_any():
    assert in_language("Hello", "fr", "en") == ("Hello", "en")
    assert in_language({"fr": "Bonjour", "en": "Hello"}, "fr", "en") == ("Bonjour", "fr")
    assert in_language({"en": "Hello"}, "fr", "en") == ("Hello", "en")
    assert in_language({"ja": "こんにちは"}, "fr", "en") == ("こんにちは", "ja")


@pytest.mark.parametrize(("every", "pages", "after"), [(1, 3, [1, 2]), (2, 4, [2]), (2, 5, [2, 4]), (5, 4, [])])
def test_questions_between_come_after_every_so_many_rated_pages(every, pages, after):
    wanted = protocol.read(
        {"questionnaires": [{"name": "q", "at": "between", "every": every, "questions": [QUESTION]}]}
    )
    way = planning.way_of(wanted, [PlannedTrial(position, 1, (1,)) for position in range(-1, pages + 1)])
    names = [name for _, name in way]
    assert [int(names[i - 1]) for i, (state, _) in enumerate(way) if state == "questions"] == after
    assert [name for state, name in way if state == "questions"] == [f"q/{n}" for n in range(1, len(after) + 1)]
