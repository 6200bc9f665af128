"""What raters answer: questions as a page shows them, and answers checked and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone, translation
from django.utils.translation import gettext

from listening.languages import language_of
from listening.models import Answer, Session
from listening.parts import in_language, plain
from listening.questionnaires import (
    ChoiceQuestion,
    LikertQuestion,
    NumberQuestion,
    Question,
    Questionnaire,
    Ready,
    TextQuestion,
    written_out,
)

ONE_LINE = 200
"""Characters of an answer that fits a field of one line."""
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


class Unanswered(Exception):
    """Answers that are missing or can't be kept.

    Attributes
    ----------
    faults : dict of str to str
        What is wrong, by the question's name.
    """

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        super().__init__(" ".join(faults.values()))


@dataclass(frozen=True)
class Words:
    """A text and the language that it is in."""

    text: str
    language: str

    def __bool__(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class Choice:
    """An answer that can be chosen; the ends of a line have words beside their number."""

    id: str
    field: str
    value: str
    words: Words
    chosen: bool
    end: Words | None = None


@dataclass(frozen=True)
class Asked:
    """A question as the page shows it.

    Attributes
    ----------
    field : str
        Name of its field in the form.
    typed : str
        What was filled in.
    """

    id: str
    field: str
    kind: str
    words: Words
    help: Words
    optional: bool
    fault: str
    typed: str = ""
    several: bool = False
    longest: int = 0
    lines: int = 1
    unit: Words | None = None
    low: Words | None = None
    high: Words | None = None
    choices: tuple[Choice, ...] = ()

    @property
    def target(self) -> str:
        """Id of what is filled in first."""
        return self.choices[0].id if self.choices else self.id

    @property
    def must(self) -> bool:
        """Whether an answer is wanted."""
        return not self.optional

    @property
    def described(self) -> str:
        """Ids of what is read with the field."""
        there = {"help": self.help, "fault": self.fault, "unit": self.unit}
        return " ".join(f"{self.id}-{name}" for name, text in there.items() if text)


@dataclass(frozen=True)
class Page:
    """A questionnaire as the page shows it."""

    at: str
    title: Words
    intro: Words
    questions: tuple[Asked, ...]

    @property
    def faulty(self) -> tuple[Asked, ...]:
        """Questions whose answers can't be kept."""
        return tuple(each for each in self.questions if each.fault)


def at_hand(session: Session) -> tuple[Questionnaire, int] | None:
    """The questionnaire that the rater is at, and which time it is; None on every other page."""
    if session.state != Session.State.QUESTIONS:
        return None
    name, time = session.way[session.at][1].rsplit("/", 1)
    found = next(each for each in session.study.protocol.questionnaires if each.name == name)
    return written_out(found), int(time)


def page(session: Session, given: Mapping[str, str], faults: Mapping[str, str]) -> Page | None:
    """The questionnaire that the rater is at, with what was filled in and what was wrong about it."""
    found = at_hand(session)
    if found is None:
        return None
    questionnaire, _ = found
    language = language_of(session)
    ours = any(
        isinstance(each, Ready) and each.name == questionnaire.name for each in session.study.protocol.questionnaires
    )
    own = translation.get_language() or language if ours else session.study.protocol.language

    def words(said: str | dict[str, str]) -> Words:
        return Words(*in_language(said, language, own))

    return Page(
        questionnaire.at,
        words(questionnaire.title),
        words(questionnaire.intro),
        tuple(_asked(each, words, given, faults.get(each.name, "")) for each in questionnaire.questions),
    )


def keep(session: Session, given: Mapping[str, str]) -> None:
    """Store the answers of the questionnaire that the rater is at; what was left out is stored as empty.

    Storing them again changes them and adds none.

    Raises
    ------
    Unanswered
    """
    found = at_hand(session)
    assert found, f"session {session.pk} is at no questionnaire"
    questionnaire, time = found
    values = checked(questionnaire, given)
    for question in questionnaire.questions:
        Answer.objects.update_or_create(
            session=session,
            questionnaire=questionnaire.name,
            occurrence=time,
            question=question.name,
            defaults={"kind": question.kind, "value": values[question.name], "answered_at": timezone.now()},
        )


def checked(questionnaire: Questionnaire, given: Mapping[str, str]) -> dict[str, str]:
    """Answers by question, as they are stored: "" for none, several choices joined by ";".

    Raises
    ------
    Unanswered
    """
    values, faults = {}, {}
    for question in questionnaire.questions:
        try:
            values[question.name] = _value(question, given)
        except ValueError as fault:
            faults[question.name] = str(fault)
    if faults:
        raise Unanswered(faults)
    return values


def _field(question: Question, value: str = "") -> str:
    return f"answer/{question.name}/{value}" if value else f"answer/{question.name}"


def _value(question: Question, given: Mapping[str, str]) -> str:
    """One answer; ValueError says what is wrong with it."""
    if isinstance(question, ChoiceQuestion) and question.several:
        value = ";".join(each.value for each in question.options if given.get(_field(question, each.value)))
    else:
        value = given.get(_field(question), "").strip()
    if not value:
        if question.optional:
            return ""
        raise ValueError(_wanting(question))
    if isinstance(question, TextQuestion) and len(value) > question.longest:
        raise ValueError(
            gettext("This has %(n)s characters; %(most)s can be kept. Please shorten it.")
            % {"n": len(value), "most": question.longest}
        )
    if isinstance(question, NumberQuestion):
        return _number(question, value)
    if isinstance(question, LikertQuestion) and value not in map(str, range(1, question.points + 1)):
        raise ValueError(_wanting(question))
    if (
        isinstance(question, ChoiceQuestion)
        and not question.several
        and value not in (o.value for o in question.options)
    ):
        raise ValueError(_wanting(question))
    return value


def _wanting(question: Question) -> str:
    if isinstance(question, TextQuestion):
        return gettext("Please write an answer.")
    if isinstance(question, NumberQuestion):
        return gettext("Please give a number.")
    if isinstance(question, ChoiceQuestion) and question.several:
        return gettext("Please choose at least one answer.")
    return gettext("Please choose an answer.")


def _number(question: NumberQuestion, typed: str) -> str:
    """A number in plain digits; a comma, or Arabic's own sign, may stand for the point."""
    text = typed.replace("٫", ".").replace(",", ".").replace("−", "-")
    if not _NUMBER.fullmatch(text):
        raise ValueError(gettext("Please give a number in digits, such as 12 or 1.5."))
    value = Decimal(text)
    least, most = question.least, question.most
    if (least is not None and value < Decimal(str(least))) or (most is not None and value > Decimal(str(most))):
        bounds = {"least": "" if least is None else plain(least), "most": "" if most is None else plain(most)}
        if least is None:
            raise ValueError(gettext("Please give a number of at most %(most)s.") % bounds)
        if most is None:
            raise ValueError(gettext("Please give a number of at least %(least)s.") % bounds)
        raise ValueError(gettext("Please give a number from %(least)s to %(most)s.") % bounds)
    digits = f"{value or Decimal(0):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _asked(question: Question, words, given: Mapping[str, str], fault: str) -> Asked:  # noqa: ANN001
    field = _field(question)
    shown = {
        "id": field.replace("/", "-"),
        "field": field,
        "kind": question.kind,
        "words": words(question.text),
        "help": words(question.help),
        "optional": question.optional,
        "fault": fault,
        "typed": given.get(field, ""),
    }
    if isinstance(question, TextQuestion):
        return Asked(**shown, longest=question.longest, lines=4 if question.longest > ONE_LINE else 1)
    if isinstance(question, NumberQuestion):
        return Asked(**shown, unit=words(question.unit))
    if isinstance(question, LikertQuestion):
        points = [(str(n), Words(str(n), "")) for n in range(1, question.points + 1)]
        ends = {"1": words(question.low), str(question.points): words(question.high)}
        chosen = _choices(question, points, given, ends)
        return Asked(**shown, low=ends["1"], high=ends[str(question.points)], choices=chosen)
    options = [(each.value, words(each.text)) for each in question.options]
    return Asked(**shown, several=question.several, choices=_choices(question, options, given))


def _choices(
    question: Question,
    options: list[tuple[str, Words]],
    given: Mapping[str, str],
    ends: Mapping[str, Words] | None = None,
) -> tuple[Choice, ...]:
    """What can be chosen; a single answer that is optional can be taken back."""
    several = isinstance(question, ChoiceQuestion) and question.several
    if question.optional and not several:
        options = [*options, ("", Words(gettext("No answer"), translation.get_language() or ""))]
    found = []
    for i, (value, text) in enumerate(options, start=1):
        field = _field(question, value) if several else _field(question)
        chosen = bool(given.get(field)) if several else field in given and given[field] == value
        end = (ends or {}).get(value)
        found.append(Choice(f"{_field(question).replace('/', '-')}-{i}", field, value, text, chosen, end))
    return tuple(found)
