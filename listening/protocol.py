"""What a study wants of its raters, as one checked value: pages before and after, rules, repeats, how it ends.

It is stored with the study, written and read as YAML, and filled in on the page "Raters' way". Everything has a
default: a study that says nothing leads from the consent over instructions, one training page and one page for each
clip to the last page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator

from listening import yaml_files
from listening.parts import Language, Name, Part, Words, cut, few_and_short
from listening.questionnaires import KINDS, Either, told_apart

LONGEST_YAML = 200_000


class ProtocolError(Exception):
    """What was wrong with a protocol: one line for each fault, with the place and what is expected there.

    Parameters
    ----------
    faults : list of str
    places : dict of str to str, optional
        What is expected, by place.
    """

    def __init__(self, faults: list[str], places: dict[str, str] | None = None) -> None:
        self.faults, self.places = faults, places or {}
        super().__init__("\n".join(faults))


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each of them once")
    return names


def _of_the_link(names: tuple[str, ...]) -> tuple[str, ...]:
    if taken := {"new", "panel", "signed"} & set(names):
        raise ValueError(f"other names than {', '.join(sorted(taken))}, which our own links use")
    return names


class Texts(Part):
    """A study's own texts in one language; an empty one is the text of the study's settings, or ours."""

    consent: Words = ""
    instructions: Words = ""
    ending: Words = ""


class Consent(Part):
    """What raters agree to, beside its text."""

    version: Annotated[str, Field(max_length=40)] = ""
    contact: Annotated[str, Field(max_length=200)] = ""
    kept_months: Annotated[int, Field(ge=1, le=1200)] | None = None


class Headphones(Part):
    """Tests that headphones pass and loudspeakers do not (see `listening.headphones`), in their order.

    Of each, so many of six answers must be right. Who fails ends there with the code for that, or goes on and is noted.
    """

    tests: Annotated[tuple[Literal["antiphase", "huggins"], ...], AfterValidator(_each_once)] = ()
    antiphase_passes_with: Annotated[int, Field(ge=1, le=6)] = 5
    huggins_passes_with: Annotated[int, Field(ge=1, le=6)] = 6
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    failing: Literal["screen_out", "go_on"] = "screen_out"

    def passes_with(self, test: str) -> int:
        """Right answers that pass a test."""
        return {"antiphase": self.antiphase_passes_with, "huggins": self.huggins_passes_with}[test]


class Design(Part):
    """Who rates what: how many clips each rater gets, and how many ratings each stimulus wants.

    Where `clips_per_rater` or `ratings_per_stimulus` is set, raters take places (see `listening.allocation`), in each
    panel for itself. An unfinished place that showed no sign of life for `give_back_minutes` goes to the next rater.
    """

    clips_per_rater: Annotated[int, Field(ge=1, le=500)] | None = None
    ratings_per_stimulus: Annotated[int, Field(ge=1, le=100_000)] | None = None
    when_full: Literal["turn_away", "let_in"] = "turn_away"
    give_back_minutes: Annotated[float, Field(gt=0, le=43_200)] = 120.0
    panels: Annotated[tuple[Name, ...], Field(max_length=100), AfterValidator(_each_once)] = ()

    @property
    def gives_places(self) -> bool:
        """Whether each rater takes a place; otherwise each rates all clips, in an order of their own."""
        return self.clips_per_rater is not None or self.ratings_per_stimulus is not None

    def clips_each(self, clips: int) -> int:
        """Clips that each rater gets, of a study's `clips`."""
        return clips if self.clips_per_rater is None else min(self.clips_per_rater, clips)

    def places(self, clips: int) -> int | None:
        """Places that must be finished in each panel for every stimulus to have its ratings; None: no number is set."""
        if self.ratings_per_stimulus is None or not clips:
            return None
        return math.ceil(self.ratings_per_stimulus * clips / self.clips_each(clips))


class Training(Part):
    """Pages that are not counted. Clips are drawn where none are named."""

    pages: Annotated[int, Field(ge=1, le=10)] = 1
    clips: tuple[Annotated[str, Field(max_length=100)], ...] = ()


class Rating(Part):
    """How a page is rated."""

    input: Literal["sliders", "numbers"] = "sliders"
    comments: bool = False


class Rules(Part):
    """What a page wants before its rater may go on; the page shows it and the server holds it.

    `Study.heard_seconds` counts beside `share_heard`: each sound must be heard for as long as both say.
    """

    share_heard: Annotated[float, Field(ge=0, le=1)] = 0.0
    all_rated: bool = True
    one_at_100: bool = False
    only_playing: bool = False
    least_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0


class Break(Part):
    """A pause that is offered between two pages."""

    after_minutes: Annotated[float, Field(gt=0, le=240)] | None = None


class Identity(Part):
    """Names that the link must carry for the rater, such as Prolific's PROLIFIC_PID; a panel may have others.

    The first of `names` tells raters apart: with `one_attempt` nobody gets a second session under the same ID.
    """

    names: Annotated[tuple[Name, ...], Field(max_length=10), AfterValidator(_of_the_link)] = ()
    required: bool = False
    one_attempt: bool = False


class Ending(Part):
    """What a rater gets at an end: a code, and an address to go on to.

    In `url`, `{code}` and the names of the link, such as `{PROLIFIC_PID}`, are replaced.
    """

    code: Annotated[str, Field(max_length=60)] = ""
    url: Annotated[str, Field(max_length=500)] = ""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url and not re.match(r"https?://[^\s/]+", url):
            raise ValueError("an address that begins with https:// or http://")
        return url


class Ends(Part):
    """The ways in which a session ends. The code of a completed one may also be set on the study itself.

    `closed` is for raters who have started when the study closes. `full` is for newcomers who find no place left; they
    have no session.
    """

    completed: Ending = Ending()
    screened_out: Ending = Ending()
    timed_out: Ending = Ending()
    closed: Ending = Ending()
    full: Ending = Ending()


class Protocol(Part):
    """Everything that a study wants of its raters.

    Attributes
    ----------
    language : str
        Of the study's own texts in its settings.
    languages : tuple of str
        Offered to raters; empty: those that the study has texts in, or all where it uses ours.
    texts : dict of str to Texts
        By language.
    level : bool
        Whether raters set the level on a page of its own; from then on they may change it by 4 dB (after BS.1534-3).
    repeats : int
        Pages that come a second time, for the reliability of a rater.
    attention : int
        Pages that say which score to give.
    time_limit_minutes : float or None
        From the consent on.
    finish_after_closing : bool
        Whether raters who have started may finish after the study was closed, for a day.
    questionnaires : tuple of Questionnaire or Ready
        Asked before the instructions, between the pages or before the last page.
    """

    language: Language = "en"
    languages: tuple[Language, ...] = ()
    texts: dict[Language, Texts] = {}
    consent: Consent = Consent()
    level: bool = False
    headphones: Headphones = Headphones()
    design: Design = Design()
    training: Training = Training()
    rating: Rating = Rating()
    rules: Rules = Rules()
    repeats: Annotated[int, Field(ge=0, le=50)] = 0
    attention: Annotated[int, Field(ge=0, le=10)] = 0
    pause: Break = Break()
    identity: Identity = Identity()
    ends: Ends = Ends()
    time_limit_minutes: Annotated[float, Field(gt=0, le=10_000)] | None = None
    finish_after_closing: bool = False
    questionnaires: Annotated[tuple[Either, ...], Field(max_length=20), AfterValidator(told_apart)] = ()

    @property
    def asks_first(self) -> bool:
        """Whether questions come before the instructions."""
        return any(each.at == "start" for each in self.questionnaires)


def read(data: Any) -> Protocol:
    """A protocol from what was stored, or written by hand.

    Parameters
    ----------
    data : mapping or None

    Raises
    ------
    ProtocolError
    """
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise ProtocolError([f"A protocol is a list of names with values, not {type(data).__name__}."])
    try:
        return Protocol.model_validate(data)
    except ValidationError as error:
        found = [(_place(fault["loc"]), _in_words(fault)) for fault in error.errors()]
        faults = few_and_short([f"{place or 'protocol'}: {words}" for place, words in found])
        raise ProtocolError(faults, {place: cut(words) for place, words in found}) from error


def read_yaml(text: str) -> Protocol:
    """A protocol from YAML.

    Raises
    ------
    ProtocolError
        With the line where the text is no YAML.
    """
    try:
        return read(yaml_files.read(text, LONGEST_YAML))
    except yaml_files.WrongYaml as error:
        raise ProtocolError([str(error)]) from error


def stored(protocol: Protocol) -> dict[str, Any]:
    """What is kept of a protocol: all that differs from the defaults."""
    return protocol.model_dump(mode="json", exclude_defaults=True)


def to_yaml(protocol: Protocol) -> str:
    """A protocol as YAML, in the order of the attributes, without what is at its default."""
    return yaml_files.written(stored(protocol))


def _place(loc: tuple[str | int, ...]) -> str:
    """Where a fault is, with dots; names of alternatives, which pydantic puts behind a number, are left out."""
    tags = {"questionnaires": ("own", "ready"), "questions": KINDS}
    return ".".join(str(part) for i, part in enumerate(loc) if i < 2 or part not in tags.get(str(loc[i - 2]), ()))


def _in_words(fault: Any) -> str:
    """What is expected where a fault is."""
    match fault["type"]:
        case "extra_forbidden":
            return "there is no such setting. Check its spelling."
        case "missing":
            return "is missing."
        case "union_tag_not_found" | "union_tag_invalid":
            return f"kind is one of {', '.join(KINDS)}."
        case "int_parsing" | "int_type" | "int_from_float":
            return f"a whole number, not {fault['input']!r}."[:120]
        case "float_parsing" | "float_type":
            return f"a number, not {fault['input']!r}."[:120]
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    given = fault.get("input")
    shown = f", not {given!r}"[:80] if isinstance(given, str | int | float | bool) and "not " not in message else ""
    return f"{message}{shown}."
