"""A study from its file: all of it, or nothing at all."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, models, transaction

from audiocodecs import audio
from listening import sound_limits
from listening.archive.checking import StudyFile, checked
from listening.archive.tables import TABLES, Fault, Row, Table
from listening.forms import RESERVED_SLUGS
from listening.models import Rater, Session, Study
from listening.models.rating import new_rater_code
from listening.storage import store_once
from listening.studies import audit

_AT_ONCE = 500


@dataclass(frozen=True)
class Imported:
    """What came of a file.

    Attributes
    ----------
    study : Study
    notes : list of str
        What is not as it was, each as a sentence.
    """

    study: Study
    notes: list[str] = field(default_factory=list)


def import_study(source: Path | BinaryIO, owner: AbstractBaseUser, slug: str = "") -> Imported:
    """Make the study of a file, as it was when the file was written.

    Parameters
    ----------
    source : Path or seekable binary file
    owner : User
    slug : str, optional
        Instead of the study's own short name.

    Raises
    ------
    Fault
        With what is wrong and what to do. Nothing was stored.
    """
    with checked(source) as found:
        slug = _free_slug(slug or str(found.in_yaml["study"][0]["slug"]), given=bool(slug))
        new: list[str] = []
        try:
            stored = _store(found, new)
            with transaction.atomic():
                return _Reader(found, owner, slug, stored).read()
        except OSError as error:
            _take_back(new)
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise Fault(f"The study's files could not be stored: {why}. Make room, then import it again.") from error
        except (IntegrityError, DatabaseError) as error:
            _take_back(new)
            raise Fault(
                f"The rows of the file don't fit together ({error}). Get it again from where it was made."
            ) from error
        except BaseException:
            _take_back(new)
            raise


class _Reader:
    def __init__(self, found: StudyFile, owner: AbstractBaseUser, slug: str, stored: dict[str, str]) -> None:
        self._found, self._owner, self._slug, self._stored = found, owner, slug, stored
        self._keys: dict[str, dict[int, int]] = {}
        self._study = Study()
        self._new_codes = 0

    def read(self) -> Imported:
        for table in TABLES:
            self._keys[table.name] = {}
            for batch in _batches(self._found.rows(table)):
                self._make(table, batch)
        audit(self._study, self._owner, f"imported from a file of {self._found.in_yaml['study'][0]['slug']}")
        self._study.refresh_from_db()
        notes = []
        if self._new_codes:
            notes.append(f"{self._new_codes} raters have other codes than in the file: theirs are in use here already.")
        return Imported(self._study, notes)

    def _make(self, table: Table, batch: list[tuple[int, Row]]) -> None:
        rows = [table.model(**self._values(table, number, row)) for number, row in batch]
        if table.name == "raters":
            self._give_free_codes(rows)
        given = [self._times(table, row) for _, row in batch]
        made = table.model._default_manager.bulk_create(rows)
        # The database gave the present to columns of the kind "when it was made".
        for row, times in zip(made, given, strict=True):
            for name, value in times.items():
                setattr(row, name, value)
        if given and given[0]:
            table.model._default_manager.bulk_update(made, list(given[0]))
        self._keys[table.name].update({number: row.pk for (number, _), row in zip(batch, made, strict=True)})
        if table.name == "study":
            self._study = made[0]

    def _values(self, table: Table, number: int, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in row.items():
            if name in table.refers:
                found[f"{name}_id"] = None if value is None else self._keys[table.refers[name]][value]
            elif name in table.lists:
                found[name] = [self._keys[table.lists[name]][each] for each in value]
            elif name in table.files:
                found[name] = value and self._stored[value]
            else:
                found[name] = value
        columns = {column.name for column in table.model._meta.fields}
        if table.model is Session and "=" not in (found.get("identity") or "="):
            # Earlier versions kept the ID without its name: the first that the study's links carry.
            found["identity"] = "=".join([*self._study.protocol.identity.names[:1], found["identity"]])
        if table.model is Study:
            found |= {"owner": self._owner, "slug": self._slug}
        elif "study" in columns:
            found["study"] = self._study
        if "imported" in columns:
            found["imported"] = True
        if "position" in columns and "position" not in row:
            found["position"] = number - 1
        return found

    def _times(self, table: Table, row: Row) -> dict[str, Any]:
        columns = {column.name for column in table.model._meta.fields if getattr(column, "auto_now_add", False)}
        return {name: row[name] for name in row if name in columns}

    def _give_free_codes(self, raters: list[models.Model]) -> None:
        taken = set(Rater.objects.filter(code__in=[rater.code for rater in raters]).values_list("code", flat=True))
        tokens = [rater.token for rater in raters]
        if Rater.objects.filter(token__in=tokens).exists():
            raise Fault(
                "Raters of the file have links that lead to raters of a study here. Export it without --with-links, "
                "then import that."
            )
        for rater in raters:
            if rater.code in taken:
                rater.code = new_rater_code()
                self._new_codes += 1


def _free_slug(slug: str, given: bool) -> str:
    try:
        Study._meta.get_field("slug").clean(slug, None)
    except ValidationError as error:
        raise Fault(f"{slug!r} is no short name: {' '.join(error.messages)}") from error
    if slug in RESERVED_SLUGS or Study.objects.filter(slug=slug).exists():
        other = "Choose another one." if given else "Import it under another short name: --slug NAME."
        raise Fault(f"There is a study “{slug}” here already. {other}")
    return slug


def _store(found: StudyFile, new: list[str]) -> dict[str, str]:
    """Keep the file's sounds; the names under which they are stored. `new` gets those that were not there."""
    stored: dict[str, str] = {}
    for name in found.files:
        path = PurePosixPath(name)
        stem = found.sums[name] if path.parent.name == "clips" else path.name.partition(".")[0]
        target = f"{path.parent.name}/{stem[:2]}/{stem}{path.suffix}"
        if not default_storage.exists(target):
            new.append(target)
        with found.archive.open(name) as file:
            stored[name] = store_once(path.parent.name, stem, path.suffix, File(file, path.name))
        _check_sound(name, stored[name])
    return stored


def _check_sound(name: str, stored: str) -> None:
    """Refuse what no upload would be taken as. Packed sounds are only passed on to raters."""
    if name.startswith("packed/"):
        return
    try:
        with default_storage.open(stored) as file:
            sound_limits.probe(file)
    except audio.AudioError as error:
        raise Fault(f"{name}: {error}") from error


def _take_back(stored: list[str]) -> None:
    """Delete files that an import stored and that nothing names, not even a study that was made meanwhile."""
    for name in stored:
        if not any(_names(model, name) for model in apps.get_app_config("listening").get_models()):
            default_storage.delete(name)


def _names(model: type[models.Model], stored: str) -> bool:
    columns = [column.name for column in model._meta.fields if isinstance(column, models.FileField)]
    return any(model._default_manager.filter(**{column: stored}).exists() for column in columns)


def _batches(rows: Iterator[tuple[int, Row]]) -> Iterator[list[tuple[int, Row]]]:
    batch: list[tuple[int, Row]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
