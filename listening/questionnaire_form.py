"""The builder of questionnaires: what was typed, as it was typed, until the protocol takes it.

Fields are named by their place in the protocol, texts with ":LANGUAGE" behind it. Buttons change the typed structure
and store nothing, so that the page works without scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.text import slugify

from listening.parts import LANGUAGES, plain
from listening.protocol import Protocol
from listening.questionnaires import KINDS, ChoiceQuestion, Questionnaire, Ready
from listening.way_words import CHOICES

WHEN = (("start", "Before the instructions"), ("between", "Between pages"), ("end", "Before the last page"))
KIND_WORDS = {
    "text": "Text",
    "number": "Number",
    "choice": "Choice",
    "likert": "Points of a line",
}
OF_KIND = {
    "text": ("longest",),
    "number": ("least", "most"),
    "choice": (),
    "likert": ("points",),
}
"""Plain settings of each kind; texts of a kind are in `SAID_OF_KIND`."""
SAID_OF_KIND = {"text": (), "number": ("unit",), "choice": (), "likert": ("low", "high")}
SAID = {"title", "intro", "text", "help", "unit", "low", "high", "options"}
FRESH = {"longest": "1000", "points": "5"}


@dataclass
class Part:
    """A questionnaire or a question as it was typed.

    Attributes
    ----------
    typed : dict of str to str
        By name, and by "name:language" for texts.
    faults : dict of str to list of str
        By name; "" for those of the whole.
    """

    place: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    questions: list[Part] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    fresh: bool = False

    @property
    def ready(self) -> str:
        """Name of the questionnaire of ours that this is, if it is one."""
        return self.typed.get("ready", "")


class QuestionnaireForm:
    """The questionnaires of a study as fields.

    Parameters
    ----------
    protocol : Protocol
        What is stored.
    posted : QueryDict, optional
        What was filled in.
    """

    def __init__(self, protocol: Protocol, posted: QueryDict | None = None) -> None:
        if posted is None:
            self.own = protocol.language
            self.parts = [_typed(each, self.own) for each in protocol.questionnaires]
            wanted = set(protocol.languages)
        else:
            self.own = posted.get("language", "") if posted.get("language", "") in LANGUAGES else protocol.language
            self.parts = _posted(posted)
            wanted = set(posted.getlist("languages"))
        there = {
            key.rsplit(":", 1)[1]
            for part in _all(self.parts)
            for key, text in part.typed.items()
            if ":" in key and text
        }
        self.languages = [self.own, *(each for each in LANGUAGES if each != self.own and each in wanted | there)]
        self._number()

    @property
    def has_equipment(self) -> bool:
        """Whether the ready one is among them."""
        return any(part.ready for part in self.parts)

    @property
    def listed_faults(self) -> list[tuple[str, str, str]]:
        """Id of the field, its label, and what is expected."""
        found = []
        for part in _all(self.parts):
            for name, texts in part.faults.items():
                at = (
                    f"{part.place}.{name}:{self.own}"
                    if name in SAID
                    else f"{part.place}.{name}"
                    if name
                    else part.place
                )
                found += [(element_id(at), _called(part, name), text) for text in texts]
        return found

    def do(self, action: str) -> bool:
        """Take a button's action, such as "add-question 0" or "up 0.2"; False where there is none of that name."""
        name, _, at = action.partition(" ")
        path = [int(each) for each in at.split(".") if each.isdigit()]
        for part in _all(self.parts):
            part.fresh = False
        if name == "add":
            self.parts.append(Part(typed={"at": "end"}, questions=[_question()], fresh=True))
        elif name == "add-equipment" and not self.has_equipment:
            self.parts.append(Part(typed={"ready": "equipment", "at": "start"}, fresh=True))
        elif name == "add-question" and len(path) == 1 and path[0] < len(self.parts):
            self.parts[path[0]].questions.append(_question(fresh=True))
        elif name in ("up", "down", "remove") and (found := self._at(path)):
            _move(*found, name)
        else:
            return False
        self._number()
        return True

    def data(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """What the protocol is to read, and faults by place that it would not see."""
        faults: dict[str, str] = {}
        names: set[str] = set()
        found = []
        for i, part in enumerate(self.parts, start=1):
            each: dict[str, Any] = {"at": part.typed.get("at", "end")}
            if part.typed.get("every", "").strip() and each["at"] == "between":
                each["every"] = part.typed["every"].strip()
            if part.ready:
                found.append({"ready": part.ready, **each})
                continue
            name = _name(part, "title", f"questionnaire-{i}", names)
            each |= {"name": name, **self._said(part, ("title", "intro"))}
            asked: set[str] = set()
            each["questions"] = [
                self._question_data(question, n, asked, faults) for n, question in enumerate(part.questions, start=1)
            ]
            found.append(each)
        return found, faults

    def show(self, place: str, text: str) -> None:
        """Put a fault to its field, or to the nearest thing around it."""
        parts = sorted(_all(self.parts), key=lambda part: len(part.place), reverse=True)
        part = next((each for each in parts if f"{place}.".startswith(f"{each.place}.")), None)
        if part is None:
            self.parts[0].faults.setdefault("", []).append(text) if self.parts else None
            return
        name = place[len(part.place) + 1 :].split(".")[0]
        known = name in part.typed or name in SAID or name in ("name", "every", "at", "kind", *FRESH, "least", "most")
        part.faults.setdefault(name if known else "", []).append(text)

    def _question_data(self, part: Part, n: int, names: set[str], faults: dict[str, str]) -> dict[str, Any]:
        kind = part.typed.get("kind", "text")
        found: dict[str, Any] = {"name": _name(part, "text", f"question-{n}", names), "kind": kind}
        found |= self._said(part, ("text", "help", *SAID_OF_KIND.get(kind, ())))
        found.setdefault("text", "")
        if "optional" in part.typed:
            found["optional"] = True
        found |= {each: value for each in OF_KIND.get(kind, ()) if (value := part.typed.get(each, "").strip())}
        if kind == "choice":
            found["options"] = self._options(part, faults)
            if "several" in part.typed:
                found["several"] = True
        return found

    def _said(self, part: Part, names: tuple[str, ...]) -> dict[str, Any]:
        """Texts: plain where there is one language, else by language."""
        found: dict[str, Any] = {}
        for name in names:
            by_language = {
                each: text for each in self.languages if (text := part.typed.get(f"{name}:{each}", "").strip())
            }
            if by_language:
                alone = list(by_language) == [self.own]
                found[name] = by_language[self.own] if alone else by_language
        return found

    def _options(self, part: Part, faults: dict[str, str]) -> list[dict[str, Any]]:
        """Options from lines "text" or "value = text"; lines of further languages follow those of the first."""
        lines = {each: _lines(part.typed.get(f"options:{each}", "")) for each in self.languages}
        first, *others = self.languages
        found = []
        for i, line in enumerate(lines[first], start=1):
            value, text = _option(line)
            found.append({"value": value or slugify(text)[:60] or f"option-{i}", "text": text})
        for language in others:
            given = lines[language]
            if not given:
                continue
            if len(given) != len(found):
                faults[f"{part.place}.options"] = (
                    f"{CHOICES[language]} has {len(given)} lines, and there are {len(found)} options. "
                    "Write one line for each, in the same order."
                )
                continue
            for option, line in zip(found, given, strict=True):
                said = option["text"]
                option["text"] = (said if isinstance(said, dict) else {first: said}) | {language: _option(line)[1]}
        return found

    def _at(self, path: list[int]) -> tuple[list[Part], int] | None:
        """The list that a questionnaire or question is in, and where."""
        if len(path) == 1 and path[0] < len(self.parts):
            return self.parts, path[0]
        if len(path) == 2 and path[0] < len(self.parts) and path[1] < len(self.parts[path[0]].questions):
            return self.parts[path[0]].questions, path[1]
        return None

    def _number(self) -> None:
        for i, part in enumerate(self.parts):
            part.place = f"questionnaires.{i}"
            for n, question in enumerate(part.questions):
                question.place = f"{part.place}.questions.{n}"


def element_id(place: str) -> str:
    """Id of the field with a name."""
    return "id_" + re.sub(r"[.:]", "-", place)


def _all(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from part.questions


def _question(fresh: bool = False) -> Part:
    return Part(typed={"kind": "text", **FRESH}, fresh=fresh)


def _move(found: list[Part], at: int, way: str) -> None:
    if way == "remove":
        found.pop(at)
        return
    to = at + (1 if way == "down" else -1)
    if 0 <= to < len(found):
        found[at], found[to] = found[to], found[at]
        found[to].fresh = True


def _posted(posted: QueryDict) -> list[Part]:
    """Parts from fields named by their places, in the order of their numbers."""
    found: dict[int, Part] = {}
    questions: dict[int, dict[int, Part]] = {}
    for key in posted:
        at = re.fullmatch(r"questionnaires\.(\d{1,3})(?:\.questions\.(\d{1,3}))?\.([a-z]+(?::[a-z]{2})?)", key)
        if not at:
            continue
        part = found.setdefault(int(at[1]), Part())
        if at[2] is not None:
            part = questions.setdefault(int(at[1]), {}).setdefault(int(at[2]), Part())
        part.typed[at[3]] = posted[key].replace("\r\n", "\n").replace("\x00", "")
    for number, part in found.items():
        part.questions = [each for _, each in sorted(questions.get(number, {}).items())]
    return [part for _, part in sorted(found.items())]


def _typed(either: Questionnaire | Ready, own: str) -> Part:
    """A stored questionnaire as fields."""
    part = Part(typed={"at": either.at, "every": str(either.every or "")})
    if isinstance(either, Ready):
        part.typed["ready"] = either.ready
        return part
    part.typed |= {"name": either.name, **_say("title", either.title, own), **_say("intro", either.intro, own)}
    for question in either.questions:
        typed = {"kind": question.kind, "name": question.name, **FRESH}
        for name in ("text", "help", *SAID_OF_KIND[question.kind]):
            typed |= _say(name, getattr(question, name), own)
        for name in OF_KIND[question.kind]:
            value = getattr(question, name)
            typed[name] = "" if value is None else plain(value)
        typed |= {name: "on" for name in ("optional", "several") if getattr(question, name, False)}
        if isinstance(question, ChoiceQuestion):
            typed |= _option_lines(question, own)
        part.questions.append(Part(typed=typed))
    return part


def _say(name: str, said: str | dict[str, str], own: str) -> dict[str, str]:
    by_language = said if isinstance(said, dict) else {own: said}
    return {f"{name}:{language}": text for language, text in by_language.items()}


def _option_lines(question: ChoiceQuestion, own: str) -> dict[str, str]:
    lines: dict[str, list[str]] = {}
    for option in question.options:
        said = option.text if isinstance(option.text, dict) else {own: option.text}
        for language in {own, *(key for each in question.options if isinstance(each.text, dict) for key in each.text)}:
            text = said.get(language, "")
            same = "=" not in text and (language != own or option.value == slugify(text)[:60])
            lines.setdefault(language, []).append(text if same and text else f"{option.value} = {text}")
    return {f"options:{language}": "\n".join(each) for language, each in lines.items()}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _option(line: str) -> tuple[str, str]:
    """Value and text of a line; "" for a value that is to be made."""
    found = re.match(r"([A-Za-z0-9_.-]+)\s*=\s*(.*)", line)
    return (found[1], found[2]) if found else ("", line)


def _name(part: Part, text: str, otherwise: str, taken: set[str]) -> str:
    """The name that was typed, or one made from the text."""
    if name := part.typed.get("name", "").strip():
        taken.add(name)
        return name
    first = next((value for key, value in part.typed.items() if key.startswith(f"{text}:") and value.strip()), "")
    stem = slugify(first)[:40].strip("-") or otherwise
    name, n = stem, 1
    while name in taken:
        n += 1
        name = f"{stem}-{n}"
    taken.add(name)
    return name


def _called(part: Part, name: str) -> str:
    """How a field is named in the list of faults."""
    numbers = [int(each) + 1 for each in re.findall(r"\d+", part.place)]
    where = f"Questionnaire {numbers[0]}" + (f", question {numbers[1]}" if len(numbers) > 1 else "")
    return f"{where}, {name}" if name else where


KIND_CHOICES = [(kind, KIND_WORDS[kind]) for kind in KINDS]
