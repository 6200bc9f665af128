"""A study to its file: the same bytes for the same study, in bounded memory, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.utils.text import slugify

from analysis.frame import RatingsError
from analysis.versions import versions
from listening import packing
from listening.archive import study_yaml
from listening.archive.tables import ORDERS, TABLES, Row, Table, encoded
from listening.models import Clip, Rendering, Study
from listening.reporting import report_of
from listening.studies import StudyError

SUMS = "SHA256SUMS"
BLOCK = 1 << 20
_AT_ONCE = 500
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: when the file was made is not in it
_MODE = 0o100644 << 16
_REFERRED = {other for table in TABLES for other in (*table.refers.values(), *table.lists.values())}


def write(study: Study, target: Path, *, with_links: bool = False, with_raters: bool = True) -> None:
    """Write a study's file beside its name and rename it.

    Parameters
    ----------
    study : Study
    target : Path
        Replaced where it is there.
    with_links : bool
        Whether raters' links and their names at panels are in it, so that who began goes on elsewhere.
    with_raters : bool
        False: material and settings only.

    Raises
    ------
    StudyError
        While stimuli are being rendered, or if a file of the study is gone.
    OSError
        If the file can't be written; what was there is unchanged.
    """
    if study.state == Study.State.RENDERING:
        raise StudyError("The study is being rendered. Write its file when that is done.")
    with _aside(target) as file, zipfile.ZipFile(file, "w") as archive:
        _Writer(archive, study, with_links, with_raters).write()


def for_researchers(study: Study) -> IO[bytes]:
    """A study's file, open, without a name. Of an open study it has the material alone: results stay hidden.

    Raises
    ------
    StudyError, OSError
        As `write`.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{study.slug}.zip"
        write(study, path, with_raters=study.state != Study.State.OPEN)
        return path.open("rb")  # goes on after its name is gone, and takes no place afterwards


@contextmanager
def _aside(target: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all is in it."""
    part = target.with_name(f".{target.name}.part-{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class _Writer:
    def __init__(self, archive: zipfile.ZipFile, study: Study, with_links: bool, with_raters: bool) -> None:
        self._archive, self._study = archive, study
        self._with_links, self._with_raters = with_links, with_raters
        self._numbers: dict[str, dict[int, int]] = {}
        self._files: dict[str, str] = {}  # name in the file -> name in the storage
        self._sums: dict[str, str] = {}
        self._packed = _packed_as_they_should_be(study)

    def write(self) -> None:
        with transaction.atomic():
            _see_one_moment()
            study = Study.objects.get(pk=self._study.pk)
            in_yaml = {table.name: list(self._rows(table)) for table in TABLES if table.in_yaml}
            if not self._with_raters and not study.editable:
                in_yaml["study"][0] |= {"state": Study.State.READY.value, "opened_at": None, "closed_at": None}
            self._text("study.yaml", study_yaml.written(in_yaml))
            for table in TABLES:
                if not table.in_yaml and (self._with_raters or not table.raters):
                    self._lines(table)
        self._text("versions.json", _json(_versions(study)) + "\n")
        for name, stored in sorted(self._files.items()):
            self._copy(name, stored)
        if study.state == Study.State.CLOSED and self._with_raters:
            for name, text in sorted(_report(study).items()):
                self._text(f"report/{name}", text)
        self._text(SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(self._sums.items())))

    def _rows(self, table: Table) -> Iterator[Row]:
        rows = table.model._default_manager.filter(**{table.of: self._study.pk})
        rows = rows.order_by(*ORDERS.get(table.name, ("pk",)))
        numbers = self._numbers[table.name] = {}
        for number, row in enumerate(rows.iterator(_AT_ONCE), start=1):
            if table.name in _REFERRED:
                numbers[row.pk] = number
            yield {"id": number, **self._with_files(table, row, encoded(table, row, self._with_links, self._numbers))}

    def _with_files(self, table: Table, row: models.Model, found: Row) -> Row:
        for field, folder in table.files.items():
            stored = found[field]
            if stored and folder == "packed" and stored not in self._packed:
                stored = ""  # made before the study was changed: opening it packs anew
            found[field] = stored and self._member(folder, row, stored)
        return found

    def _member(self, folder: str, row: models.Model, stored: str) -> str:
        """Name in the file of what is stored: made from the content, or for people where it is theirs."""
        name = PurePosixPath(stored).name
        if isinstance(row, Clip) and folder == "clips":
            name = f"{len(self._numbers['clips']):03d}-{slugify(row.name)[:60] or 'clip'}{PurePosixPath(stored).suffix}"
        self._files[f"{folder}/{name}"] = stored
        return f"{folder}/{name}"

    def _lines(self, table: Table) -> None:
        self._write(f"data/{table.name}.jsonl", (_json(row).encode() + b"\n" for row in self._rows(table)))

    def _copy(self, name: str, stored: str) -> None:
        try:
            with default_storage.open(stored, "rb") as file:
                self._write(name, iter(lambda: file.read(BLOCK), b""), zipfile.ZIP_STORED, default_storage.size(stored))
        except FileNotFoundError as error:
            raise StudyError(
                f"The file {stored} is gone from the storage. Put it back from a copy of the files, or render again."
            ) from error

    def _text(self, name: str, text: str) -> None:
        self._write(name, [text.encode()])

    def _write(self, name: str, blocks: Iterable[bytes], how: int = zipfile.ZIP_DEFLATED, size: int = 0) -> None:
        info = zipfile.ZipInfo(name, _DATE)
        info.compress_type, info.external_attr, info.create_system, info.file_size = how, _MODE, 3, size
        digest = hashlib.sha256()
        with self._archive.open(info, "w", force_zip64=how == zipfile.ZIP_DEFLATED) as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
        self._sums[name] = digest.hexdigest()


def _see_one_moment() -> None:
    """Rows as they were at one moment, while raters write on. SQLite's transactions do that by themselves."""
    if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _packed_as_they_should_be(study: Study) -> set[str]:
    """Names of the files that raters get, but for those of an older state of the study."""
    found: set[str] = set()
    for clip in study.clips.all():
        renderings = list(clip.renderings.order_by("pk"))
        if not study.editable or clip.packed_for == packing.packing_key(clip, renderings):
            found |= {clip.packed.name, *(each.packed.name for each in renderings)}
    return found


def _versions(study: Study) -> dict[str, Any]:
    """What made the study: this program with its libraries, and the codecs of its stimuli."""
    made = Rendering.objects.filter(clip__study=study, state=Rendering.State.DONE)
    pairs = made.order_by("condition__position", "codec_version").values_list("condition__spec", "codec_version")
    codecs: dict[str, list[str]] = {}
    for spec, version in pairs.distinct():
        codecs.setdefault(spec, []).append(version)
    return {"format": study_yaml.FORMAT, **versions(), "codecs": codecs}


def _report(study: Study) -> dict[str, str]:
    """The report's page, tests and tables by their names; none where there is nothing to report on."""
    try:
        report = report_of(study)
    except RatingsError:
        return {}
    found = {"report.html": report.html}
    found["tests.json"] = json.dumps(report.tests(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, table in report.tables().items():
        text = io.StringIO()
        table.to_csv(text, index=False)
        found[name] = text.getvalue()
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
