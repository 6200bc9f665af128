"""A study from its file: `manage.py import_study demo-speech.zip`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analysis.wording import count
from listening.archive.reading import import_study
from listening.archive.tables import Fault
from listening.owners import NoOwner, owner_called


class Command(BaseCommand):
    help = "Make the study of a file that export_study wrote: all of it, or, where anything is wrong, nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--slug", metavar="NAME", default="", help="short name here (default: that in the file)")
        parser.add_argument("--owner", metavar="USER", help="account that owns it (default: the only one)")

    def handle(self, *, file: Path, slug: str = "", owner: str | None = None, **_: Any) -> None:
        try:
            found = import_study(file, owner_called(owner), slug)
        except (Fault, NoOwner) as error:
            raise CommandError(f"{error} Nothing was imported.") from error
        study = found.study
        self.stdout.write(
            f"{study.slug}: {count(study.clips.count(), 'clip')}, {count(study.conditions.count(), 'condition')}, "
            f"{count(study.sessions.count(), 'session')}; {study.get_state_display().lower()}."
        )
        for note in found.notes:
            self.stderr.write(note)
