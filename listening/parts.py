"""What the parts of a study's protocol are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, field_validator

from listening.nul import holds_nul

LANGUAGES = ("en", "fr", "de", "es", "ja", "ar")
"""Languages of the rater's pages."""
LONGEST_TEXT = 20_000
LONGEST_SAID = 2000
"""Characters of a text that is said in each language, such as a question."""

Language = Literal["en", "fr", "de", "es", "ja", "ar"]
Words = Annotated[str, Field(max_length=LONGEST_TEXT)]


MOST_FAULTS = 30
LONGEST_FAULT = 300
"""Characters. A fault quotes what was given, which may be of any length."""


def cut(fault: str) -> str:
    """A fault's text, at most `LONGEST_FAULT` characters of it."""
    return fault if len(fault) <= LONGEST_FAULT else f"{fault[: LONGEST_FAULT - 1]}…"


def few_and_short(faults: list[str]) -> list[str]:
    """The first `MOST_FAULTS` faults, each cut, and how many others there are."""
    more = len(faults) - MOST_FAULTS
    return [*map(cut, faults[:MOST_FAULTS]), *([f"{more} other faults."] if more > 0 else [])]


class Part(BaseModel):
    """A part of a protocol: unknown words are faults, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        if holds_nul(value):
            raise ValueError("a text without the character NUL")
        return value


def _word(value: Any) -> Any:
    """YAML reads yes and no as truth values, and 1 as a number."""
    if isinstance(value, bool):
        raise ValueError('a word; put yes and no in quotes ("yes")')
    return str(value) if isinstance(value, int | float) else value


Name = Annotated[
    str, BeforeValidator(_word), Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.-]+$", strict=True)
]


def _said(value: Any) -> str | dict[str, str]:
    value = _word(value)
    if isinstance(value, Mapping):
        if unknown := [str(key) for key in value if key not in LANGUAGES]:
            raise ValueError(f"languages are {', '.join(LANGUAGES)}, not {', '.join(unknown)}")
        return {language: text for language, each in value.items() if (text := _checked(_word(each)))}
    return _checked(value)


def _checked(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("a text, or a list of languages with a text each (en: …)")
    if len(text) > LONGEST_SAID:
        raise ValueError(f"at most {LONGEST_SAID} characters, not {len(text)}")
    return text.strip()


def _not_empty(value: str | dict[str, str]) -> str | dict[str, str]:
    if not value:
        raise ValueError("a text, not an empty one")
    return value


MaybeSaid = Annotated[str | dict[str, str], PlainValidator(_said)]
"""A text, or one for each language."""
Said = Annotated[str | dict[str, str], PlainValidator(lambda value: _not_empty(_said(value)))]
"""The same, and it must be there."""


def in_language(said: str | dict[str, str], language: str, own: str) -> tuple[str, str]:
    """What a text is in a language, and the language that it is in then.

    Parameters
    ----------
    said : str or dict of str to str
    language : str
        That the rater reads.
    own : str
        Of plain texts; it also stands in where the rater's is missing, and then any that is there.
    """
    if isinstance(said, str):
        return said, own
    found = next((each for each in (language, own) if said.get(each)), None) or next(iter(said), own)
    return said.get(found, ""), found


def plain(number: float) -> str:
    """A number in plain digits."""
    return str(int(number)) if number == int(number) else str(number)
