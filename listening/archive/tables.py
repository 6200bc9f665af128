"""What of each model is in a study's file. Writing and reading both follow these tables and nothing else.

A new column is a word in `fields`, a new model a table; tests/listening/test_archive_tables.py fails until it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from listening.models import (
    AccountLine,
    Answer,
    ApiToken,
    AuditLine,
    Clip,
    Condition,
    Delivery,
    EventBlock,
    FailedTries,
    Heartbeat,
    Invitation,
    Measurement,
    Membership,
    Panel,
    Place,
    PrimaryClaim,
    Rater,
    Rating,
    Recruiting,
    Registration,
    Rendering,
    Session,
    Study,
    SuppliedFile,
    Trial,
    Upload,
    Webhook,
)

Row = dict[str, Any]
"""A row in the file. It has a number under "id", from 1 in the order of the table, by which others name it."""

_HERE = "names a row of this installation"
_QUEUE = "of the queue of renderings here; only what is done or failed is in the file"


class Fault(Exception):
    """What is wrong with a study's file; the text says it and what to do."""


@dataclass(frozen=True)
class Table:
    """One model's part of the file.

    Attributes
    ----------
    name : str
        Of its rows: data/NAME.jsonl, or a part of study.yaml.
    model : type
    fields : tuple of str
        In their order in the file.
    left_out : mapping of str to str
        Columns that are not in it, each with the reason.
    of : str
        Lookup from the model to the study.
    refers : mapping of str to str
        Fields that name a row of another table: the field, the table.
    lists : mapping of str to str
        Fields that name several rows of another table: the field, the table.
    files : mapping of str to str
        Fields that name a file: the field, the folder in the file.
    private : frozenset of str
        Fields that lead to a rater: written only where links are asked for, made anew otherwise.
    made : frozenset of str
        Fields that nobody sets: what was found, and when.
    later : frozenset of str
        Fields that files of earlier versions lack: they get the column's default.
    in_yaml : bool
        Whether the rows stand in study.yaml.
    raters : bool
        Whether the rows are of the study's life with its raters, not of its material.
    """

    name: str
    model: type[models.Model]
    fields: tuple[str, ...]
    left_out: Mapping[str, str]
    of: str = "study"
    refers: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    private: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    in_yaml: bool = False
    raters: bool = False

    def written(self, with_links: bool) -> tuple[str, ...]:
        """Fields that are in a file."""
        return tuple(name for name in self.fields if with_links or name not in self.private)

    def field_of(self, name: str) -> models.Field:
        """The model's field of a name."""
        return self.model._meta.get_field(name)


TABLES = (
    Table(
        "study",
        Study,
        (
            *("title", "slug", "rate", "channels", "loudness", "screening", "margin", "heard_seconds"),
            *("consent_text", "instructions_text", "completion_code", "raters_way"),
            *("state", "created_at", "opened_at", "closed_at"),
        ),
        {"id": _HERE, "owner": "who imports it owns it", "rehearsal_of": "rehearsals have no file"},
        of="pk",
        made=frozenset({"state", "created_at", "opened_at", "closed_at"}),
        in_yaml=True,
    ),
    Table(
        "conditions",
        Condition,
        ("spec", "title", "role", "weights", "stands_for", "encode_command", "decode_command", "repeat"),
        {"id": _HERE, "study": "the file is of one study", "position": "the order in the file"},
        later=frozenset({"encode_command", "decode_command", "repeat", "stands_for"}),
        in_yaml=True,
    ),
    Table(
        "primary_claim",
        PrimaryClaim,
        ("system", "statement", "against"),
        {"id": _HERE, "study": "the file is of one study"},
        refers={"system": "conditions", "against": "conditions"},
        in_yaml=True,
    ),
    Table(
        "clips",
        Clip,
        (
            *("original", "name", "category", "licence", "start", "length", "lossy_source"),
            *("original_name", "original_sha256", "original_rate", "original_channels", "original_seconds"),
            *("source_loudness", "source_true_peak"),
            *("warnings", "notes", "silent", "state", "prepared_for", "reference", "reference_sha256"),
            *("frames", "gain_db", "loudness", "true_peak", "packed"),
        ),
        {
            "id": _HERE,
            "study": "the file is of one study",
            "position": "the order in the file",
            "packed_for": "hashes numbers of rows here; opening packs again where it is empty, to the same files",
        },
        files={"original": "clips", "reference": "references", "packed": "packed"},
        made=frozenset(
            {
                *("original_name", "original_sha256", "original_rate", "original_channels", "original_seconds"),
                *("source_loudness", "source_true_peak"),
                *("warnings", "notes", "silent", "state", "prepared_for", "reference", "reference_sha256"),
                *("frames", "gain_db", "loudness", "true_peak", "packed"),
            }
        ),
        in_yaml=True,
        later=frozenset({"licence", "source_loudness", "source_true_peak", "notes"}),
    ),
    Table(
        "supplied",
        SuppliedFile,
        ("clip", "condition", "file", "name", "sha256"),
        {
            "id": _HERE,
            **dict.fromkeys(("seconds", "delay", "level", "warnings"), "a check of the upload; renderings have theirs"),
        },
        of="clip__study",
        refers={"clip": "clips", "condition": "conditions"},
        files={"file": "supplied"},
        in_yaml=True,
    ),
    Table(
        "renderings",
        Rendering,
        (
            *("clip", "condition", "state", "attempts", "finished_at", "error", "key", "codec_version"),
            *("stimulus", "stimulus_sha256", "packed", "kbps", "container_kbps", "delay_samples", "encode_seconds"),
            *("decode_seconds", "cpu_seconds", "peak", "clipped_samples", "loudness_difference", "warnings"),
        ),
        {
            "id": _HERE,
            "imported": "whoever imports it sets that",
            **dict.fromkeys(("lease", "lease_until", "not_before", "published_at"), _QUEUE),
        },
        of="clip__study",
        refers={"clip": "clips", "condition": "conditions"},
        files={"stimulus": "stimuli", "packed": "packed"},
    ),
    Table(
        "log",
        AuditLine,
        ("at", "who", "what"),
        {
            "id": _HERE,
            "study": "the file is of one study",
            "user": "accounts belong to an installation; the name is in who",
        },
        raters=True,
    ),
    Table(
        "recruiting",
        Recruiting,
        (
            *("opens_at", "closes_at", "time_zone", "notices", "raters_may_withdraw", "withdrawn"),
            *("forget_after_days", "forget_texts", "forgotten_at"),
        ),
        {"id": _HERE, "study": "the file is of one study"},
        raters=True,
    ),
    Table(
        "registration",
        Registration,
        ("text", "sha256", "made_at"),
        {"id": _HERE, "study": "the file is of one study"},
        raters=True,
    ),
    Table(
        "raters",
        Rater,
        ("code", "token", "outside_ids", "locale", "created_at"),
        {"id": _HERE},
        of="session__study",
        private=frozenset({"token", "outside_ids"}),
        raters=True,
    ),
    Table(
        "sessions",
        Session,
        (
            *("rater", "seed", "state", "way", "at", "language", "panel", "seen_at", "identity"),
            "resume_code",
            *("consent_text", "consent_version", "consented_at", "started_at", "finished_at", "level_db"),
            *("level_change_db", "headphones", "rested_at", "completion_code", "comment", "browser"),
            "cannot_have_listened",
        ),
        {"id": _HERE, "study": "the file is of one study"},
        refers={"rater": "raters"},
        private=frozenset({"identity", "resume_code"}),
        raters=True,
        later=frozenset({"resume_code", "cannot_have_listened"}),
    ),
    Table(
        "panels",
        Panel,
        ("name", "seed", "taken", "quota", "opens_at", "closes_at", "identity"),
        {"id": _HERE, "study": "the file is of one study"},
        raters=True,
        later=frozenset({"quota", "opens_at", "closes_at", "identity"}),
    ),
    Table(
        "places",
        Place,
        ("panel", "number", "clips", "session", "taken_at"),
        {"id": _HERE},
        of="panel__study",
        refers={"panel": "panels", "session": "sessions"},
        lists={"clips": "clips"},
        raters=True,
    ),
    Table(
        "trials",
        Trial,
        (
            *("session", "clip", "token", "reference_token", "training", "position", "repeat", "expected"),
            *("started_at", "finished_at", "served"),
        ),
        {"id": _HERE},
        of="session__study",
        refers={"session": "sessions", "clip": "clips"},
        private=frozenset({"token", "reference_token"}),
        raters=True,
        later=frozenset({"served"}),
    ),
    Table(
        "ratings",
        Rating,
        (
            *("trial", "slot", "condition", "token", "score", "plays", "seconds_heard", "parts_heard", "comment"),
            *("revision", "writer", "rated_at"),
        ),
        {"id": _HERE},
        of="trial__session__study",
        refers={"trial": "trials", "condition": "conditions"},
        private=frozenset({"token"}),
        raters=True,
    ),
    Table(
        "answers",
        Answer,
        ("session", "questionnaire", "occurrence", "question", "kind", "value", "answered_at"),
        {"id": _HERE},
        of="session__study",
        refers={"session": "sessions"},
        raters=True,
    ),
    Table(
        "events",
        EventBlock,
        ("session", "trial", "page", "first", "count", "packed", "received_at"),
        {"id": _HERE},
        of="session__study",
        refers={"session": "sessions", "trial": "trials"},
        raters=True,
    ),
)
"""In an order in which each refers only to those before it."""

LEFT_OUT: dict[type[models.Model], str] = {
    AccountLine: "accounts are those of this installation",
    ApiToken: "a key of this installation",
    Delivery: "what was sent from this installation",
    FailedTries: "of this installation's doors",
    Heartbeat: "of this installation's processes",
    Webhook: "an address with a secret: whoever imports the study sets their own",
    Invitation: "a link of this installation",
    Measurement: "belongs to two files and not to a study; workers compute it where the study is",
    Membership: "accounts are those of this installation",
    Upload: "a file that is not yet here",
}
"""Models that are not in the file, each with the reason."""

BY_NAME = {table.name: table for table in TABLES}

ORDERS: dict[str, tuple[str, ...]] = {"conditions": ("position", "pk"), "clips": ("position", "pk")}
"""Order of the rows where it is not that of their making."""


def encoded(table: Table, row: models.Model, with_links: bool, numbers: Mapping[str, Mapping[int, int]]) -> Row:
    """A row for the file, but for its files: those are still named as they are stored.

    Parameters
    ----------
    table : Table
    row : Model
    with_links : bool
    numbers : mapping
        By table: the number in the file of each row's key.
    """
    found: Row = {}
    for name in table.written(with_links):
        if name in table.refers:
            key = getattr(row, f"{name}_id")
            found[name] = None if key is None else numbers[table.refers[name]][key]
        elif name in table.lists:
            found[name] = [numbers[table.lists[name]][key] for key in getattr(row, name)]
        elif (special := _SPECIAL.get((table.name, name))) is not None:
            found[name] = special.write(row)
        else:
            value = getattr(row, name)
            found[name] = value.isoformat() if isinstance(value, datetime) else value
            if name in table.files:
                found[name] = value.name or ""
    return found


def decoded(table: Table, row: Row, where: str) -> Row:
    """Values for the model from a row of the file; what it refers to is still named by numbers.

    Raises
    ------
    Fault
        If a field is unknown or missing, or a value is none that the model can have.
    """
    with_links = any(name in row for name in table.private)
    expected = {"id", *table.written(with_links)}
    if unknown := sorted(set(row) - expected):
        raise Fault(f"{where}: there is no field {', '.join(unknown)}. {_NEWER}")
    row = {**{name: table.field_of(name).get_default() for name in table.later}, **row}
    if missing := sorted(expected - set(row)):
        raise Fault(f"{where}: {', '.join(missing)} is missing. {_OTHER}")
    found: Row = {}
    for name in table.written(with_links):
        value, at = row[name], f"{where}, {name}"
        if name in table.refers:
            found[name] = _number(value, table.field_of(name).null, at)
        elif name in table.lists:
            if not isinstance(value, list):
                raise Fault(f"{at}: a list of rows' numbers, not {value!r:.60}. {_OTHER}")
            found[name] = [_number(each, False, at) for each in value]
        elif name in table.files:
            if not isinstance(value, str):
                raise Fault(f"{at}: the name of a file, not {value!r}. {_OTHER}")
            found[name] = value
        elif (special := _SPECIAL.get((table.name, name))) is not None:
            found[name] = special.read(value, at)
        else:
            found[name] = _clean(table.field_of(name), value, at)
    return found


@dataclass(frozen=True)
class _Special:
    """A field that is written in a form of its own."""

    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


def _events(value: Any, at: str) -> bytes:
    if not isinstance(value, list) or not all(isinstance(each, list) and len(each) == 4 for each in value):
        raise Fault(f"{at}: a list of events, each of milliseconds, kind, slot and value. {_OTHER}")
    return EventBlock.pack([tuple(each) for each in value])


_SPECIAL = {
    ("events", "packed"): _Special(lambda block: [list(event) for event in block.events], _events),
}

_NEWER = "The file is of a later version of evalapp: update this one, then import it."
_OTHER = "The file was changed after it was written. Get it again from where it was made."

_PLAIN = {
    models.BooleanField: bool,
    models.IntegerField: int,
    models.FloatField: (float, int),
    models.CharField: str,
    models.TextField: str,
    models.DateTimeField: str,
}


def _clean(column: models.Field, value: Any, at: str) -> Any:
    """A value that the column can have."""
    if value is None and column.null:
        return None
    for kind, plain in _PLAIN.items():
        wrong = not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool)  # type: ignore[arg-type]
        if isinstance(column, kind) and wrong:
            raise Fault(f"{at}: {value!r:.60} can't stand there. {_OTHER}")
    if isinstance(value, str) and "\x00" in value:
        raise Fault(f"{at}: a NUL can't stand there. {_OTHER}")
    try:
        found = column.to_python(value)
        if isinstance(column, models.DateTimeField) and found.tzinfo is None:
            raise ValidationError("a time has its zone")
        if not (column.blank and found in column.empty_values):
            column.validate(found, None)  # type: ignore[arg-type]
        column.run_validators(found)
    except (ValidationError, OverflowError) as error:
        said = " ".join(getattr(error, "messages", [str(error)]))
        raise Fault(f"{at}: {value!r:.60} can't stand there ({said}). {_OTHER}") from error
    return found


def _number(value: Any, may_miss: bool, at: str) -> int | None:
    if value is None and may_miss:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Fault(f"{at}: the number of a row, not {value!r:.60}. {_OTHER}")
    return value
