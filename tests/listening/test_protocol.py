"""What a study wants of its raters, read from YAML: everything has a default, and a fault says where it is."""

import pytest

from listening import protocol
from listening.protocol import Protocol, ProtocolError


def faults(text):
    with pytest.raises(ProtocolError) as caught:
        protocol.read_yaml(text)
    return caught.value.faults


def test_nothing_said_is_every_default():
    assert protocol.read_yaml("") == protocol.read(None) == protocol.read({}) == Protocol()
    assert protocol.stored(Protocol()) == {}


def test_what_is_written_is_read_again():
    text = """
language: de
texts:
  fr: {consent: "J'accepte.", instructions: Écoutez.}
rules: {share_heard: 1.0, one_at_100: true}
training: {clips: [guitar, voice]}
repeats: 2
pause: {after_minutes: 15}
identity: {names: [PROLIFIC_PID, STUDY_ID], required: true, one_attempt: true}
ends:
  completed: {code: C1, url: "https://panel.example/done?cc={code}"}
"""
    found = protocol.read_yaml(text)
    assert found.texts["fr"].instructions == "Écoutez."
    assert found.identity.names == ("PROLIFIC_PID", "STUDY_ID")
    assert protocol.read_yaml(protocol.to_yaml(found)) == found
    assert protocol.read(protocol.stored(found)) == found
    assert "all_rated" not in protocol.to_yaml(found)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("rules: {least_seconds: 601}", "rules.least_seconds: ", "less than or equal to 600"),
        ("rules: {all_heard: true}", "rules.all_heard: ", "no such setting"),
        ("rules: {one_at_100: perhaps}", "rules.one_at_100: ", "boolean"),
        ("texts: {it: {}}", "texts.it", "'en'"),
        ("repeats: 1.5", "repeats: ", "a whole number, not 1.5."),
        ("pause: {after_minutes: 0}", "pause.after_minutes: ", "greater than 0"),
        ("identity: {names: ['a b']}", "identity.names.0: ", "pattern"),
        ("ends: {completed: {url: 'javascript:alert(1)'}}", "ends.completed.url: ", "https://"),
        ("- a list", "A protocol is a list of names", "not list"),
        ("a: [1", "Line ", "not YAML"),
    ],
)
def test_a_fault_says_where_it_is_and_what_is_expected(text, place, expected):
    (fault,) = faults(text)
    assert fault.startswith(place)
    assert expected in fault


def test_all_faults_are_told_at_once():
    assert len(faults("repeats: -1\nattention: 99\nnonsense: 1")) == 3


def test_a_huge_file_is_refused():
    assert "200000" in faults("a" * 200_001)[0]
