"""A study as one file: `manage.py export_study demo-speech -o demo-speech.zip`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from listening.archive.writing import write
from listening.models import Study
from listening.studies import StudyError, audit


class Command(BaseCommand):
    help = "Write a study, its sounds, ratings and report as one file that import_study reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="short name of the study")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: SLUG.zip")
        parser.add_argument(
            "--with-links",
            action="store_true",
            help="raters' links and names at panels too, so that they can go on elsewhere. Don't publish that file",
        )
        parser.add_argument("--without-raters", action="store_true", help="settings, clips and stimuli only")

    def handle(
        self, *, slug: str, output: Path | None, with_links: bool = False, without_raters: bool = False, **_: Any
    ) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        target = output or Path(f"{slug}.zip")
        if target.is_dir():
            raise CommandError(f"{target} is a folder. Name a file in it.")
        if study.state == Study.State.OPEN and not without_raters:
            self.stderr.write(
                f"Warning: {slug} is open. Who sees scores while raters are at work may be led by them to "
                "stop early or to change the study. This export is noted in the study's log."
            )
            audit(study, None, "exported as a file on the command line while the study was open")
        try:
            write(study, target, with_links=with_links, with_raters=not without_raters)
        except StudyError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            kept = " The file that was there is unchanged." if target.exists() else ""
            raise CommandError(f"{target} can't be written: {error.strerror}.{kept}") from error
        self.stderr.write(f"{slug} is written to {target}, {target.stat().st_size / 1e6:.1f} MB.")
