"""A study from a file written by hand: `manage.py create_study study.yaml`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analysis.wording import count
from listening import study_form
from listening.owners import NoOwner, owner_called
from listening.studies import StudyError, start_rendering


class Command(BaseCommand):
    help = "Make a study of a YAML file, with the clips that it names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--owner", metavar="USER", help="account that owns it (default: the only one)")
        parser.add_argument("--render", action="store_true", help="queue its stimuli for the workers")

    def handle(self, *, file: Path, owner: str | None = None, render: bool = False, **_: Any) -> None:
        try:
            text = file.read_text(encoding="utf-8")
            made = study_form.create(study_form.read(text), file.parent, owner_called(owner))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} can't be read: {error}") from error
        except (study_form.FormError, NoOwner) as error:
            raise CommandError(f"{error}\nNo study was made.") from error
        finish(self, made, render)


def finish(command: BaseCommand, made: study_form.Made, render: bool) -> None:
    """Say what was made, and queue its stimuli where that is asked for."""
    study = made.study
    for note in made.notes:
        command.stderr.write(note)
    made_of = [count(study.clips.count(), "clip"), count(study.conditions.count(), "condition")]
    command.stdout.write(f"{study.slug}: {', '.join(made_of)}.")
    if render:
        try:
            start_rendering(study)
        except StudyError as error:
            raise CommandError(f"The study is made and not rendered: {error}") from error
        command.stdout.write("Its stimuli are queued; workers (manage.py run) make them.")
