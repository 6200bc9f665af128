"""Ratings, sessions or events as a file: `manage.py export_results --study demo-speech > ratings.csv`."""

from __future__ import annotations

import io
import os
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
from django.core.management.base import BaseCommand, CommandError

from analysis.frame import RatingsError, tidy
from analysis.writers import WRITERS
from listening.export import TABLES, Row, Table
from listening.models import Study
from listening.studies import audit
from listening.table_files import FORMATS, TEXT_FORMATS, write_parquet


class Command(BaseCommand):
    help = "Write a table of one study, or of all, as CSV, JSON or Parquet, or ratings as files of other programs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="SLUG", help="short name of the study; without it, all studies")
        parser.add_argument("--table", choices=list(TABLES), default="ratings", help="what to write (default: ratings)")
        parser.add_argument(
            "--format",
            choices=[*FORMATS, *WRITERS],
            help=f"default: what the name of FILE ends with, else csv; {' and '.join(WRITERS)} hold ratings only",
        )
        parser.add_argument("--output", metavar="FILE", type=Path, help="default: the standard output")

    def handle(self, *, study: str | None, table: str, format: str | None, output: Path | None, **_: Any) -> None:  # noqa: A002
        if format in WRITERS and table != "ratings":
            raise CommandError(
                f"A file of {format} holds ratings only, no {table}. Leave out --table, or choose one of the formats "
                f"{', '.join(FORMATS)}."
            )
        studies = self._studies(study)
        for found in studies:
            is_open = found.state == Study.State.OPEN
            if is_open:
                self.stderr.write(
                    f"Warning: {found.slug} is open. Who sees scores while raters are at work may be led by them to "
                    "stop early or to change the study. This export is noted in the study's log."
                )
            audit(found, None, f"{table} exported on the command line{' while the study was open' * is_open}")
        chosen = format or _format_of(output)
        rows = (row for found in studies for row in TABLES[table].rows(found))
        try:
            with self._file(output, chosen) as file:
                n = _write(TABLES[table], rows, chosen, file)
        except RatingsError as error:
            raise CommandError(str(error)) from error
        if output:
            self.stderr.write(f"{n} {table} written to {output}.")

    def _studies(self, slug: str | None) -> list[Study]:
        studies = list(Study.objects.order_by("created_at", "id"))
        if slug is None:
            return studies
        found = [study for study in studies if study.slug == slug]
        if not found:
            known = ", ".join(study.slug for study in studies) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        return found

    @contextmanager
    def _file(self, output: Path | None, format: str) -> Iterator[BinaryIO]:  # noqa: A002
        """File to write to; a final name appears only when all is in it."""
        if output is None:
            with self._standard_output(format) as file:
                yield file
            return
        target = output.resolve()
        if target.is_dir():
            raise CommandError(f"{output} is a folder. Name a file in it.")
        if not target.parent.is_dir():
            raise CommandError(f"There is no folder {target.parent}. Make it, or choose another for --output.")
        aside = target.exists() and not target.is_file()  # a device or a pipe: nothing to put in its place
        part = target if aside else target.with_name(f".{target.name}.part-{secrets.token_hex(4)}")
        try:
            with part.open("wb" if aside else "xb") as file:
                yield file
                if not aside:
                    file.flush()
                    os.fsync(file.fileno())
            if not aside:
                part.replace(target)
        except OSError as error:
            kept = "" if aside or not target.exists() else " The file that was there is unchanged."
            raise CommandError(f"{output} can't be written: {error.strerror}.{kept}") from error
        finally:
            if not aside:
                part.unlink(missing_ok=True)

    @contextmanager
    def _standard_output(self, format: str) -> Iterator[BinaryIO]:  # noqa: A002
        buffer = getattr(self.stdout, "buffer", None)
        if format == "parquet" and (buffer is None or self.stdout.isatty()):
            raise CommandError("Parquet is no text for a terminal. Name a file with --output FILE.")
        try:
            if buffer is not None:
                yield buffer
                buffer.flush()
            else:
                yield _AsText(self.stdout)
        except BrokenPipeError:
            # The reader (head, less) has enough. Python's own flush at exit must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


class _AsText(io.RawIOBase):
    """Bytes for a standard output that takes text only, as in tests that catch it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._stream.write(bytes(block).decode(), ending="")
        return len(block)


def _format_of(output: Path | None) -> str:
    suffix = output.suffix.lstrip(".").lower() if output else ""
    return suffix if suffix in FORMATS else "csv"


def _write(table: Table, rows: Iterator[Row], format: str, file: BinaryIO) -> int:  # noqa: A002
    """Write rows in a format; return how many they were."""
    n = 0

    def counted() -> Iterator[Row]:
        nonlocal n
        for n, row in enumerate(rows, start=1):  # noqa: B007
            yield row

    if format in WRITERS:
        file.write(WRITERS[format](tidy(pd.DataFrame(counted(), columns=list(table.columns)))).encode())
    elif format == "parquet":
        write_parquet(table.columns, counted(), file)
    else:
        for line in TEXT_FORMATS[format](table.columns, counted()):
            file.write(line.encode())
    return n
