"""A study's file, looked through from end to end before anything is made of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zoneinfo import available_timezones

from django.conf import settings
from pydantic import ValidationError

from analysis.primary import WITHIN_MARGIN
from analysis.screening import RULES
from audiocodecs.base import CodecError
from audiocodecs.registry import codec_class, parse_spec
from listening import protocol as protocols
from listening.archive import study_yaml
from listening.archive.tables import TABLES, Fault, Row, Table, decoded
from listening.archive.writing import BLOCK, SUMS
from listening.commands import is_own
from listening.headphone_check import Attempt
from listening.models import Clip, Condition, EventBlock, Rendering, Session, Study
from listening.models.study import MAX_SIGNALS
from listening.protocol import Identity

MOST_MEMBERS = 50_000
LONGEST_LINE = 2_000_000
"""Bytes of a row; a block of events has at most some 130,000."""
LONGEST_TEXT = 20_000_000
"""Bytes of study.yaml and of the list of checksums."""

_AGAIN = "Get it again from where it was made."
_FILES = r"(clips/[A-Za-z0-9][A-Za-z0-9._-]{0,99}|(references|stimuli|packed|supplied)/[0-9a-f]{64}(\.[a-z0-9]{1,5})?)"
_LINES = "|".join(table.name for table in TABLES if not table.in_yaml)
_NAME = re.compile(rf"study\.yaml|versions\.json|{SUMS}|data/({_LINES})\.jsonl|{_FILES}|report/[a-z0-9_-]+\.[a-z]+")
_ALWAYS = ("study.yaml", "versions.json", SUMS, "data/renderings.jsonl")


@dataclass
class StudyFile:
    """A file without fault.

    Attributes
    ----------
    archive : ZipFile
    sums : dict of str to str
        sha256 by name.
    in_yaml : dict of str to list of dict
        Rows of study.yaml by table.
    places : dict of str to int
        Of each packed sound: 0 for the open reference, from 1 for the renderings of a clip.
    """

    archive: zipfile.ZipFile
    sums: dict[str, str] = field(default_factory=dict)
    in_yaml: dict[str, list[Row]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Names of the sounds."""
        return [name for name in self.sums if re.fullmatch(_FILES, name)]

    def rows(self, table: Table) -> Iterator[tuple[int, Row]]:
        """Number and values of each row of a table, checked one by one."""
        for number, (where, row) in enumerate(self._raw(table), start=1):
            if row.get("id") != number:
                raise Fault(f"{where}: its id is {row.get('id')!r:.40}, not {number}. {_AGAIN}")
            yield number, decoded(table, row, where)

    def _raw(self, table: Table) -> Iterator[tuple[str, Row]]:
        if table.in_yaml:
            for number, row in enumerate(self.in_yaml[table.name], start=1):
                yield f"study.yaml, {table.name} {number}", row
            return
        name = f"data/{table.name}.jsonl"
        if name not in self.archive.NameToInfo:
            return
        with self.archive.open(name) as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                where = f"{name}, line {number}"
                if len(line) > LONGEST_LINE:
                    raise Fault(f"{where}: longer than {LONGEST_LINE} bytes. {_AGAIN}")
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise Fault(f"{where}: this is no row in JSON. {_AGAIN}") from error
                if not isinstance(row, dict):
                    raise Fault(f"{where}: this is no row. {_AGAIN}")
                yield where, row


@contextmanager
def checked(source: Path | BinaryIO) -> Iterator[StudyFile]:
    """Open a study's file and look for every fault in it.

    Raises
    ------
    Fault
        The first that is found.
    """
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Fault(f"This is no study's file: it is no whole zip ({error}). {_AGAIN}") from error
    except OSError as error:
        raise Fault(f"{source} can't be read: {error.strerror}.") from error
    with archive:
        try:
            found = StudyFile(archive)
            _check_names(archive)
            _check_sizes(archive, source)
            found.sums = _sums(archive)
            for name in sorted(archive.NameToInfo):
                if name != SUMS:
                    _check_content(found, name)
            found.in_yaml = study_yaml.read(_read(archive, "study.yaml").decode("utf-8"))
            _check_rows(found)
        except UnicodeDecodeError as error:
            raise Fault(f"study.yaml is not in UTF-8. {_AGAIN}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise Fault(f"The file is damaged: {error}. {_AGAIN}") from error
        yield found


def _check_names(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise Fault(f"The file holds {len(members)} files; a study's has at most {MOST_MEMBERS}.")
    seen: set[str] = set()
    for member in members:
        name, shown = member.filename, f"{member.orig_filename!r:.100}"
        if member.orig_filename != name or not _NAME.fullmatch(name) or ".." in name:
            raise Fault(f"The file holds {shown}, which no study's file does. It was not made by `export_study`.")
        if name.lower() in seen:
            raise Fault(f"The file holds {shown} twice. {_AGAIN}")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise Fault(f"{shown} is a link or no plain file. The file was not made by `export_study`.")
        if member.flag_bits & 1:
            raise Fault(f"{shown} is encrypted. Export the study again, without a password.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Fault(
                f"{shown} is compressed in a way that is not read here. The file was not made by `export_study`."
            )
        seen.add(name.lower())
    if missing := [name for name in _ALWAYS if name not in archive.NameToInfo]:
        raise Fault(f"This is no study's file: {', '.join(missing)} is not in it. Choose one made by `export_study`.")


def _check_sizes(archive: zipfile.ZipFile, source: Path | BinaryIO) -> None:
    members, most = archive.infolist(), settings.MAX_STUDY_FILE_MB * 1_000_000
    size = os.path.getsize(source) if isinstance(source, Path) else source.seek(0, os.SEEK_END)
    whole = sum(member.file_size for member in members)
    if whole > most:
        raise Fault(
            f"Unpacked, the file has {whole / 1e6:.0f} MB, more than the {settings.MAX_STUDY_FILE_MB} MB allowed. "
            "Where you trust it, have the operator raise MAX_STUDY_FILE_MB."
        )
    if sum(member.compress_size for member in members) > size:
        raise Fault(f"The parts of the file lie over each other: it is damaged, or made to fill the disk. {_AGAIN}")


def _sums(archive: zipfile.ZipFile) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(_read(archive, SUMS).decode("utf-8", "replace").splitlines(), start=1):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S+)", line)
        if match is None or match[2] in found:
            raise Fault(f"{SUMS}, line {number}: a checksum and a name belong there. {_AGAIN}")
        found[match[2]] = match[1]
    there = set(archive.NameToInfo) - {SUMS}
    if missing := sorted(set(found) - there):
        raise Fault(f"{missing[0]} is missing in the file. {_AGAIN}")
    if unlisted := sorted(there - set(found)):
        raise Fault(f"{unlisted[0]} has no checksum. {_AGAIN}")
    return found


def _check_content(found: StudyFile, name: str) -> None:
    digest, n = hashlib.sha256(), 0
    info = found.archive.getinfo(name)
    with found.archive.open(name) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            n += len(block)
    if n != info.file_size:
        raise Fault(f"{name} has {n} bytes, not {info.file_size} as the file says. {_AGAIN}")
    if digest.hexdigest() != found.sums[name]:
        raise Fault(f"{name} is not what was exported: its checksum is another one. {_AGAIN}")
    stem = PurePosixPath(name).name.partition(".")[0]
    if name.startswith(("references/", "stimuli/", "supplied/")) and stem != found.sums[name]:
        raise Fault(f"{name} is not named by its own checksum. {_AGAIN}")
    if name.startswith("packed/"):
        for place in range(MAX_SIGNALS + 1):
            placed = digest.copy()
            placed.update(b"%d" % place)
            if placed.hexdigest() == stem:
                found.places[name] = place
        if name not in found.places:
            raise Fault(f"{name} is not named by its own content. {_AGAIN}")


def _check_rows(found: StudyFile) -> None:
    counts: dict[str, int] = {}
    named: set[str] = set()
    signals: dict[int, int] = {}
    done: set[tuple[int, int]] = set()
    for table in TABLES:
        n = 0
        for n, row in found.rows(table):
            where = f"{table.name} {n}"
            named_rows = [(other, row[name]) for name, other in table.refers.items() if row[name] is not None]
            named_rows += [(other, each) for name, other in table.lists.items() for each in row[name]]
            for other, number in named_rows:
                if number > counts[other]:
                    raise Fault(f"{where}: there is no row {number} of {other}. {_AGAIN}")
            for name, folder in table.files.items():
                if row[name] and (row[name] not in found.sums or not row[name].startswith(f"{folder}/")):
                    raise Fault(f"{where}: the file {row[name]!r:.100} is not there. {_AGAIN}")
                named.add(row[name])
            place = 0
            if table.name == "renderings":
                place = signals[row["clip"]] = signals.get(row["clip"], 0) + 1
                if row["state"] == Rendering.State.DONE and row["stimulus"]:
                    done.add((row["clip"], row["condition"]))
            if row.get("packed") and table.files and found.places[row["packed"]] != place:
                raise Fault(f"{where}: {row['packed']} belongs to another sound. {_AGAIN}")
            if (check := _SENSE.get(table.name)) is not None:
                check(found, row, where)
        counts[table.name] = n
    if counts["study"] != 1:
        raise Fault(f"The file holds {counts['study']} studies. {_AGAIN}")
    if unnamed := sorted(set(found.files) - named):
        raise Fault(f"{unnamed[0]} belongs to nothing in the study. {_AGAIN}")
    _check_whole(found, counts, done)


def _check_whole(found: StudyFile, counts: dict[str, int], done: set[tuple[int, int]]) -> None:
    conditions = [(row.get("spec"), row.get("repeat", 0)) for row in found.in_yaml["conditions"]]
    once = len(set(conditions)) == len(conditions) <= MAX_SIGNALS and conditions.count(("reference", 0)) == 1
    if not once or any(repeat and (spec, 0) not in conditions for spec, repeat in conditions):
        raise Fault(f"study.yaml: each condition once, at most {MAX_SIGNALS}, with the hidden reference. {_AGAIN}")
    for claim in found.in_yaml["primary_claim"]:
        pair = [found.in_yaml["conditions"][claim[name] - 1].get("role") for name in ("system", "against")]
        if pair[0] != Condition.Role.SYSTEM or claim["system"] == claim["against"]:
            raise Fault(f"study.yaml, primary_claim: it compares a system with another condition. {_AGAIN}")
        if claim.get("statement") in WITHIN_MARGIN and found.in_yaml["study"][0].get("margin") is None:
            raise Fault(f"study.yaml, primary_claim: {claim['statement']} needs a margin. {_AGAIN}")
    state = found.in_yaml["study"][0].get("state")
    prepared = all(row.get("state") == Clip.State.PREPARED and row.get("reference") for row in found.in_yaml["clips"])
    if state != Study.State.DRAFT and not (prepared and len(done) == counts["conditions"] * counts["clips"] > 0):
        raise Fault(f"The study is said to be {state}, but not every stimulus is in the file. {_AGAIN}")
    if state not in (Study.State.OPEN, Study.State.CLOSED) and counts["raters"]:
        raise Fault(f"The study is said to be {state}, and has raters. {_AGAIN}")


def _study(found: StudyFile, row: Row, where: str) -> None:
    if row["state"] == Study.State.RENDERING:
        raise Fault(f"{where}: no study is exported while it is rendered. {_AGAIN}")
    try:
        protocols.read(row["raters_way"])
    except protocols.ProtocolError as error:
        raise Fault(f"study.yaml, protocol: {' '.join(error.faults)} Update evalapp, or set it anew.") from error
    rules = row["screening"]
    if not isinstance(rules, list) or any(name not in RULES for name in rules):
        raise Fault(f"study.yaml, screening: rules are {', '.join(RULES)}, not {rules!r:.100}.")


def _condition(found: StudyFile, row: Row, where: str) -> None:
    if is_own(row["spec"]):
        return
    try:
        codec_class(parse_spec(row["spec"]).name)
    except CodecError as error:
        raise Fault(f"study.yaml, {where}: {error} Update evalapp.") from error


def _clip(found: StudyFile, row: Row, where: str) -> None:
    _same(found, row["original"], row["original_sha256"], where)
    _same(found, row["reference"], row["reference_sha256"], where)
    _texts(row["warnings"], where)
    _texts(row["notes"], where)
    if not re.fullmatch(r"(\.[a-z0-9]{1,5})?", PurePosixPath(row["original"]).suffix):
        raise Fault(f"study.yaml, {where}: {row['original']!r:.100} has an ending that no sound has. {_AGAIN}")


def _supplied(found: StudyFile, row: Row, where: str) -> None:
    _same(found, row["file"], row["sha256"], where)


def _rendering(found: StudyFile, row: Row, where: str) -> None:
    if row["state"] not in (Rendering.State.DONE, Rendering.State.FAILED):
        raise Fault(f"{where}: only what is done or failed is exported. {_AGAIN}")
    _same(found, row["stimulus"], row["stimulus_sha256"], where)
    _texts(row["warnings"], where)


def _session(found: StudyFile, row: Row, where: str) -> None:
    way, states = row["way"], set(Session.State.values)
    steps = isinstance(way, list) and all(
        isinstance(step, list) and len(step) == 2 and step[0] in states and isinstance(step[1], str) for step in way
    )
    if not steps or (way and row["at"] >= len(way)) or (not way and row["at"]):
        raise Fault(f"{where}: its way through the study is none. {_AGAIN}")
    try:
        attempts = [Attempt(**each) for each in row["headphones"]]
        whole = all(isinstance(each.right, int) and each.over is not None for each in attempts)
    except (TypeError, KeyError, ValueError, IndexError, AttributeError):
        whole = False
    if not whole:
        raise Fault(f"{where}: its headphone tests are none. {_AGAIN}")


def _recruiting(found: StudyFile, row: Row, where: str) -> None:
    notices = row["notices"]
    if not isinstance(notices, dict) or not all(isinstance(each, str) for each in notices.values()):
        raise Fault(f"{where}: messages are texts by language. {_AGAIN}")
    if row["time_zone"] not in available_timezones():
        raise Fault(f"{where}: there is no time zone {row['time_zone']!r:.80}. {_AGAIN}")


def _panel(found: StudyFile, row: Row, where: str) -> None:
    if row.get("identity") is None:
        return
    try:
        Identity.model_validate(row["identity"])
    except ValidationError as error:
        raise Fault(f"{where}: its identity is none: {error.errors()[0]['msg']}. {_AGAIN}") from error


def _registration(found: StudyFile, row: Row, where: str) -> None:
    if hashlib.sha256(row["text"].encode()).hexdigest() != row["sha256"]:
        raise Fault(f"{where}: the pre-registration is not what its checksum says. {_AGAIN}")


def _rater(found: StudyFile, row: Row, where: str) -> None:
    outside = row.get("outside_ids", {})
    if not isinstance(outside, dict) or not all(isinstance(value, str) for value in outside.values()):
        raise Fault(f"{where}: outside ids are names with texts. {_AGAIN}")


def _events(found: StudyFile, row: Row, where: str) -> None:
    if row["count"] != len(EventBlock(packed=row["packed"]).events):
        raise Fault(f"{where}: it holds more or fewer events than it says. {_AGAIN}")


_SENSE = {
    "study": _study,
    "conditions": _condition,
    "clips": _clip,
    "supplied": _supplied,
    "renderings": _rendering,
    "recruiting": _recruiting,
    "panels": _panel,
    "registration": _registration,
    "raters": _rater,
    "sessions": _session,
    "events": _events,
}
"""What a table's rows must be beside what their columns say."""


def _same(found: StudyFile, name: str, sha256: str, where: str) -> None:
    if found.sums.get(name, "") != (sha256 if name else "") and name:
        raise Fault(f"{where}: {name} is another file than the one that was rated. {_AGAIN}")


def _texts(value: object, where: str) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Fault(f"{where}: warnings are texts. {_AGAIN}")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        found = file.read(LONGEST_TEXT + 1)
    if len(found) > LONGEST_TEXT:
        raise Fault(f"{name} is longer than {LONGEST_TEXT} bytes. {_AGAIN}")
    return found
