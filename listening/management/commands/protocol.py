"""What a study wants of its raters, from and to YAML: `manage.py protocol demo-speech > way.yaml`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from listening import protocol as protocols
from listening.models import Study
from listening.studies import StudyError, audit
from listening.study_settings import change_settings


class Command(BaseCommand):
    help = "Print what a study wants of its raters as YAML, or set it from a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="short name of the study")
        parser.add_argument("--set", metavar="FILE", dest="file", help="YAML to set it from; - for the standard input")

    def handle(self, *, slug: str, file: str | None, **_: Any) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        if file is None:
            self.stdout.write(protocols.to_yaml(study.protocol), ending="")
            return
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
            change_settings(study, raters_way=protocols.stored(protocols.read_yaml(text)))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} can't be read: {error}") from error
        except protocols.ProtocolError as error:
            raise CommandError("Nothing was changed.\n" + "\n".join(error.faults)) from error
        except StudyError as error:
            raise CommandError(str(error)) from error
        audit(study, None, "raters' way set on the command line")
        self.stderr.write(f"Raters' way of {slug} is set.")
