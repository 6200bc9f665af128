"""The form of the page "Raters' way", made from the protocol itself: a new setting of it is a field here by itself.

Only the protocol checks what was filled in; each of its faults is shown at the field with that place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from listening.parts import LANGUAGES
from listening.protocol import Protocol, ProtocolError, read, stored
from listening.questionnaire_form import QuestionnaireForm
from listening.way_words import CHOICES, PROLIFIC_NAMES, PROLIFIC_URL, SECTIONS, TEXTS, Section, help_of, label_of

BESIDE = ("texts", "questionnaires")
"""Parts of a protocol that have fields of their own making."""


@dataclass
class Setting:
    """One field.

    Attributes
    ----------
    place : str
        Where the protocol has it, with dots; also the field's name.
    kind : str
        tick, ticks, select, number, text, lines or area.
    value : str, bool or list of str
    """

    place: str
    kind: str
    value: Any
    label: str
    help: str = ""
    faults: list[str] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    least: float | None = None
    most: float | None = None
    whole: bool = False
    longest: int | None = None

    @property
    def id(self) -> str:
        """Of its element."""
        return f"id_{self.place}".replace(".", "-")


@dataclass
class Group:
    """Fields below one heading; the first of a section has none. Those of a language fold."""

    title: str
    settings: list[Setting]
    folds: bool = False

    @property
    def filled(self) -> bool:
        """Whether something is in it, or wrong in it."""
        return any(setting.value or setting.faults for setting in self.settings)


@dataclass
class ShownSection:
    """A section with its fields."""

    section: Section
    groups: list[Group]

    @property
    def faulty(self) -> bool:
        """Whether something in it is wrong."""
        return any(setting.faults for group in self.groups for setting in group.settings)

    @property
    def id(self) -> str:
        """Of its element."""
        return f"section-{self.section.names[0]}"


class WayForm:
    """A protocol as fields.

    Parameters
    ----------
    clips : list of str
        Names of the study's clips.
    protocol : Protocol
        What is stored.
    posted : QueryDict, optional
        What was filled in.
    """

    def __init__(self, clips: list[str], protocol: Protocol, posted: QueryDict | None = None) -> None:
        self.clips = clips
        self.posted = posted
        self.loose_faults: list[str] = []
        self._values = stored(protocol) if posted is None else {}
        self._defaults = Protocol().model_dump(mode="json")
        self.questionnaires = QuestionnaireForm(protocol, posted)
        self.sections = [ShownSection(section, list(self._groups(section))) for section in _sections()]

    @property
    def settings(self) -> Iterator[Setting]:
        """All fields but those of the questionnaires."""
        return (setting for shown in self.sections for group in shown.groups for setting in group.settings)

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        """What is wrong: id of the field, its label, and what is expected."""
        found = [("", "", text) for text in self.loose_faults]
        found += [(setting.id, setting.label, text) for setting in self.settings for text in setting.faults]
        return found + self.questionnaires.listed_faults

    def fill_in_for_prolific(self) -> None:
        """Set what Prolific wants; nothing is stored yet."""
        wanted: dict[str, Any] = {
            "identity.names": "\n".join(PROLIFIC_NAMES),
            "identity.required": True,
            "identity.one_attempt": True,
            "ends.completed.url": PROLIFIC_URL,
        }
        for setting in self.settings:
            setting.value = wanted.get(setting.place, setting.value)

    def protocol(self) -> Protocol:
        """What was filled in.

        Raises
        ------
        ProtocolError
            Its faults are then at the fields.
        """
        data: dict[str, Any] = {}
        for setting in self.settings:
            value = _sent(setting)
            if value is not None:
                _put(data, setting.place.split("."), value)
        questionnaires, faults = self.questionnaires.data()
        try:
            found = read(data | {"questionnaires": questionnaires})
        except ProtocolError as error:
            self._show(faults | error.places)
            raise
        if faults:
            self._show(faults)
            raise ProtocolError([f"{place}: {text}" for place, text in faults.items()], faults)
        return found

    def _show(self, places: Mapping[str, str]) -> None:
        for place, text in places.items():
            if place.startswith("questionnaires"):
                self.questionnaires.show(place, text)
                continue
            at = next((each for each in self.settings if f"{place}.".startswith(f"{each.place}.")), None)
            if at:
                at.faults.append(text)
            else:
                self.loose_faults.append(f"{place}: {text}")

    def _groups(self, section: Section) -> Iterator[Group]:
        schema = Protocol.model_json_schema()
        plain = []
        for name in section.names:
            if name == "texts":
                continue
            if name not in schema["properties"]:
                continue
            found = list(self._leaves(schema, schema["properties"][name], name))
            depth = max((setting.place.count(".") for setting in found), default=0)
            if depth < 2:
                plain += found
        if plain:
            yield Group("", plain)
        for name in section.names:
            for inner, settings in self._deep(schema, name):
                yield Group(label_of(f"{name}.{inner}"), settings)
        if "texts" in section.names:
            yield from self._texts()

    def _deep(self, schema: dict[str, Any], name: str) -> Iterator[tuple[str, list[Setting]]]:
        """Parts of a part, each a group of its own."""
        if name == "texts" or name not in schema["properties"]:
            return
        part = _resolved(schema, schema["properties"][name])
        for inner, each in part.get("properties", {}).items():
            if "properties" in _resolved(schema, each):
                yield inner, list(self._leaves(schema, each, f"{name}.{inner}"))

    def _leaves(self, schema: dict[str, Any], found: dict[str, Any], place: str) -> Iterator[Setting]:
        found = _resolved(schema, found)
        if "properties" in found:
            for name, inner in found["properties"].items():
                yield from self._leaves(schema, inner, f"{place}.{name}")
            return
        yield self._setting(found, place)

    def _setting(self, found: dict[str, Any], place: str) -> Setting:
        kind, choices = _kind(found)
        if place == "training.clips":
            kind = "ticks"
            choices = [(name, name) for name in self.clips]
        if kind == "ticks":
            # What is chosen comes first, in its own order: saving the page changes none.
            words, named = dict(choices), self._list(place)
            choices = [(name, words.get(name, f"{name} (not in the study)")) for name in named]
            choices += [(name, label) for name, label in words.items() if name not in named]
        setting = Setting(place, kind, None, label_of(place), help_of(place), choices=choices)
        setting.least = found.get("minimum", 0 if "exclusiveMinimum" in found else None)
        setting.most = found.get("maximum")
        setting.whole = found.get("type") == "integer"
        setting.longest = found.get("maxLength")
        setting.value = self._value(setting)
        return setting

    def _texts(self) -> Iterator[Group]:
        for language in LANGUAGES:
            settings = []
            for name, label in TEXTS:
                setting = Setting(f"texts.{language}.{name}", "area", None, label)
                setting.value = self._value(setting)
                settings.append(setting)
            yield Group(CHOICES[language], settings, folds=True)

    def _value(self, setting: Setting) -> Any:
        place = setting.place
        if setting.kind == "ticks":
            return self._list(place)
        if self.posted is not None:
            return place in self.posted if setting.kind == "tick" else self.posted.get(place, "").replace("\r\n", "\n")
        value = _get(self._values, place, _get(self._defaults, place))
        if setting.kind == "tick":
            return bool(value)
        if setting.kind == "lines":
            return "\n".join(value or ())
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return "" if value is None else str(value)

    def _list(self, place: str) -> list[str]:
        if self.posted is not None:
            return self.posted.getlist(place)
        return list(_get(self._values, place, ()))


def _sections() -> list[Section]:
    named = {name for section in SECTIONS for name in section.names}
    there = Protocol.model_fields
    rest = [name for name in there if name not in named and name not in BESIDE]
    found = [section for section in SECTIONS if any(name in there for name in section.names)]
    return [*found, *(Section(label_of(name), "", (name,)) for name in rest)]


def _resolved(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema behind references, and without its "or nothing"."""
    if "anyOf" in found:
        found = next(each for each in found["anyOf"] if each.get("type") != "null")
    while "$ref" in found:
        found = schema["$defs"][found["$ref"].rsplit("/", 1)[-1]]
    return found


def _kind(found: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Kind of field for a part of the schema, and what can be chosen."""

    def words(values: list[str]) -> list[tuple[str, str]]:
        return [(value, CHOICES.get(value, value)) for value in values]

    if "enum" in found:
        return "select", words(found["enum"])
    match found.get("type"):
        case "boolean":
            return "tick", []
        case "integer" | "number":
            return "number", []
        case "array" if "enum" in found["items"]:
            return "ticks", words(found["items"]["enum"])
        case "array":
            return "lines", []
    return ("area" if found.get("maxLength", 0) > 500 else "text"), []


def _sent(setting: Setting) -> Any:
    """What a field says to the protocol; None where its default is meant."""
    value = setting.value
    if setting.kind in ("tick", "ticks"):
        return value
    if setting.kind == "lines":
        return [line.strip() for line in value.split("\n") if line.strip()]
    value = value.strip()
    return value or None


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value


def _get(data: Mapping[str, Any], place: str, default: Any = None) -> Any:
    found: Any = data
    for name in place.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return default
        found = found[name]
    return found
