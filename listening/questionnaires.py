"""Questionnaires of a study: which questions are asked, when, and in which words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from django.utils.text import slugify
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from listening import equipment
from listening.parts import MaybeSaid, Name, Part, Said, plain

At = Literal["start", "between", "end"]
Every = Annotated[int, Field(ge=1, le=200)] | None


class Option(Part):
    """An answer to choose: its value is what is exported, whatever the language."""

    value: Name
    text: Said


class _Question(Part):
    name: Name
    text: Said
    help: MaybeSaid = ""
    optional: bool = False


class TextQuestion(_Question):
    """Asks for words. More than 200 characters get several lines."""

    kind: Literal["text"]
    longest: Annotated[int, Field(ge=1, le=4000)] = 1000


class NumberQuestion(_Question):
    """Asks for a number."""

    kind: Literal["number"]
    least: float | None = None
    most: float | None = None
    unit: MaybeSaid = ""

    @model_validator(mode="after")
    def _has_room(self) -> NumberQuestion:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least ({plain(self.least)}) is above most ({plain(self.most)})")
        return self


class ChoiceQuestion(_Question):
    """Asks to choose one of the options, or several."""

    kind: Literal["choice"]
    options: Annotated[tuple[Option, ...], Field(max_length=50)]
    several: bool = False

    @field_validator("options", mode="before")
    @classmethod
    def _short_ones(cls, options: Any) -> Any:
        """An option may be its text alone; its value is then made from it."""
        if not isinstance(options, list | tuple):
            return options
        return [
            {"value": slugify(str(each))[:60] or f"option-{i}", "text": each}
            if isinstance(each, str | int | float)
            else each
            for i, each in enumerate(options, start=1)
        ]

    @field_validator("options")
    @classmethod
    def _can_be_told_apart(cls, options: tuple[Option, ...]) -> tuple[Option, ...]:
        if len(options) < 2:
            raise ValueError(f"at least two options, not {len(options)}")
        if twice := _twice(each.value for each in options):
            raise ValueError(f"each option needs a different value; {twice} comes twice")
        return options


class LikertQuestion(_Question):
    """Asks for a point on a line between two ends."""

    kind: Literal["likert"]
    points: Annotated[int, Field(ge=2, le=11)] = 5
    low: MaybeSaid = ""
    high: MaybeSaid = ""


Question = Annotated[TextQuestion | NumberQuestion | ChoiceQuestion | LikertQuestion, Field(discriminator="kind")]
KINDS = ("text", "number", "choice", "likert")


class _When(Part):
    """When a questionnaire is on the way; `every` so many rated pages where it stands between them."""

    at: At = "end"
    every: Every = None

    @model_validator(mode="after")
    def _says_how_often(self) -> _When:
        if self.at == "between" and self.every is None:
            raise ValueError("every: say after how many pages it comes")
        if self.at != "between" and self.every is not None:
            raise ValueError(f"every: is for questionnaires between pages; this one is at the {self.at}")
        return self


class Questionnaire(_When):
    """Questions on one page."""

    name: Name
    title: MaybeSaid = ""
    intro: MaybeSaid = ""
    questions: Annotated[tuple[Question, ...], Field(max_length=50)]

    @field_validator("questions")
    @classmethod
    def _have_names(cls, questions: tuple[Question, ...]) -> tuple[Question, ...]:
        if not questions:  # `min_length` would be said beside every fault of a question
            raise ValueError("at least one is needed")
        if twice := _twice(each.name for each in questions):
            raise ValueError(f"each question needs a different name; {twice} comes twice")
        return questions


class Ready(_When):
    """A questionnaire of ours, in all languages of the pages."""

    ready: Literal["equipment"]
    at: At = "start"

    @property
    def name(self) -> str:
        """Its name in the export."""
        return self.ready


def _which(value: Any) -> str:
    if isinstance(value, Part):
        return "ready" if isinstance(value, Ready) else "own"
    return "ready" if isinstance(value, dict) and "ready" in value else "own"


Either = Annotated[Annotated[Ready, Tag("ready")] | Annotated[Questionnaire, Tag("own")], Discriminator(_which)]
"""One of a study's questionnaires: of ours or its own."""


def told_apart(questionnaires: tuple[Either, ...]) -> tuple[Either, ...]:
    """The same, if all names differ; ValueError otherwise."""
    if twice := _twice(each.name for each in questionnaires):
        raise ValueError(f"each questionnaire needs a different name; {twice} comes twice")
    return questionnaires


def written_out(either: Either) -> Questionnaire:
    """A questionnaire with its questions; those of ours in the language that is active."""
    if isinstance(either, Questionnaire):
        return either
    return Questionnaire.model_validate(
        {**equipment.questionnaire(), "name": either.name, "at": either.at, "every": either.every}
    )


def is_said_in(either: Either, language: str) -> bool:
    """Whether each of a questionnaire's texts is there in a language other than the study's own; ours are."""
    return isinstance(either, Ready) or all(isinstance(said, dict) and said.get(language) for said in _texts(either))


def _texts(questionnaire: Questionnaire) -> Iterator[str | dict[str, str]]:
    said = [questionnaire.title, questionnaire.intro]
    for question in questionnaire.questions:
        said += [getattr(question, name, "") for name in ("text", "help", "unit", "low", "high")]
        said += [option.text for option in getattr(question, "options", ())]
    return (each for each in said if each)


def due(questionnaires: Iterable[Either], at: str, pages: int = 0, of: int = 0) -> list[tuple[str, int]]:
    """Those that are asked at a place of the way, with the count of the time: 1 for the first.

    Parameters
    ----------
    questionnaires : iterable of Either
    at : str
        "start", "between" or "end".
    pages, of : int
        Pages rated so far, of all: nothing is asked between the last page and the end.
    """
    found = [each for each in questionnaires if each.at == at]
    if at != "between":
        return [(each.name, 1) for each in found]
    return [(each.name, pages // each.every) for each in found if each.every and pages % each.every == 0 and pages < of]


def _twice(names: Iterable[str]) -> str:
    """The names that come more than once, joined."""
    return ", ".join(name for name, n in Counter(names).items() if n > 1)
