"""YAML from people: plain values alone, within bounds of time, memory and message."""

import re
from pathlib import Path

import pytest

from listening import protocol, study_form, webmushra_yaml, yaml_files
from listening.archive import study_yaml
from listening.archive.tables import Fault

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

READERS = [
    (yaml_files.read, yaml_files.WrongYaml),
    (webmushra_yaml.read, yaml_files.WrongYaml),
    (protocol.read_yaml, protocol.ProtocolError),
    (study_form.read, study_form.FormError),
    (study_yaml.read, Fault),
]


@pytest.mark.parametrize(("read", "refusal"), READERS)
def test_every_reader_refuses_aliases_at_once(read, refusal):
    with pytest.raises(refusal, match=r"Line 2: \*names of values are not read here"):
        read(BOMB)


@pytest.mark.parametrize(("read", "refusal"), READERS)
@pytest.mark.parametrize(
    "text",
    [
        "x" * 300_000 + ": [",
        "? " + "y" * 150_000 + "\n: !" + "z" * 20_000 + " 1",
        "title: {" + "a: {" * 50 + "}" * 51,
    ],
)
def test_a_message_is_short_whatever_the_text(read, refusal, text):
    with pytest.raises(refusal) as caught:
        read(text + "\n- [")
    assert len(str(caught.value)) < 12_000
    assert all(len(line) <= 500 for line in str(caught.value).splitlines())


@pytest.mark.parametrize(("read", "refusal"), [READERS[2], READERS[3]])
@pytest.mark.parametrize("name", ["repeats", "unknown" * 100])
def test_a_fault_of_a_setting_is_short_and_few_are_listed(read, refusal, name):
    with pytest.raises(refusal) as caught:
        read(f"{name}: {'x' * 50_000}\n" + "".join(f"nonsense{i}: 1\n" for i in range(1000)))
    lines = str(caught.value).splitlines()
    assert len(lines) == 31
    assert all(len(line) <= 300 for line in lines)
    assert re.fullmatch(r"\d+ other faults\.", lines[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: !!python/object:os.system x", "Line 2: the tag"),
        ("a: !!bool x", "Line 1: the tag"),
        ("a: !!timestamp x", "Line 1: the tag"),
        ("[" * 50, "nested more than 40 deep"),
        ("[" + "1," * 1000 + "]", "more than 1000 values"),
        ("a: " + "1:" * 5000 + "1", "a number of 10001 characters"),
        ("a: 0b" + "1" * 5000, "a number of 5002 characters"),
        ("a: 2024-13-45", "not YAML that can be read"),
        ("a: 1\na: 2", "Line 1: a stands there twice"),
        ("a" * 2_000_001, "2000001 characters"),
    ],
)
def test_what_costs_time_or_is_no_plain_value_is_refused(text, expected, monkeypatch):
    monkeypatch.setattr(yaml_files, "MOST_VALUES", 1000)
    with pytest.raises(yaml_files.WrongYaml, match=expected):
        yaml_files.read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "content: Please rate all. A note: the reference is there.",
            "Please rate all. A note: the reference is there.",
        ),
        ("content: a: b: c", "a: b: c"),
        ("content: a : b", "a : b"),
        ("content: ends with a colon:", "ends with a colon:"),
        ("content: a: b # a comment", "a: b"),
        ("content: a: 'b'", "a: 'b'"),
        ("content: http://x.org/y: z", "http://x.org/y: z"),
        ("content: a\n  goes on", "a goes on"),
        ("content: a: b\n  goes on", "a: b goes on"),
        ("content: 'a: b'", "a: b"),
        ("content: |\n  a: b\n", "a: b\n"),
        ("content: 12", 12),
        ("content: {a: b}", {"a": "b"}),
        ("content:\n  a: b", {"a": "b"}),
        ("content:\n  - a: b: c\n    d: e", [{"a": "b: c", "d": "e"}]),
    ],
)
def test_a_value_of_webmushra_may_hold_a_colon(text, value):
    assert webmushra_yaml.read(text + "\n") == {"content": value}
    assert webmushra_yaml.read(f"- first: x\n  {text.replace(chr(10), chr(10) + '  ')}\n") == [
        {"first": "x", "content": value}
    ]


@pytest.mark.parametrize("text", ["content: a\n   name: b\n", "content: 'a': b\n", "a: [b: c: d]\n"])
def test_what_is_no_value_on_one_line_stays_an_error(text):
    with pytest.raises(yaml_files.WrongYaml, match="not YAML"):
        webmushra_yaml.read(text)


def test_only_one_module_calls_the_library():
    """A second reader would not have these bounds."""
    root = Path(yaml_files.__file__).parent.parent
    sources = [
        path for folder in ("listening", "codecs", "analysis", "evalapp") for path in (root / folder).rglob("*.py")
    ]
    users = {path.name for path in sources if "import yaml\n" in path.read_text()}
    assert users == {"yaml_files.py", "webmushra_yaml.py"}
