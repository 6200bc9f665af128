"""A study once more, without its raters: `manage.py clone_study demo-speech`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from listening.cloning import clone_study
from listening.models import Study
from listening.owners import NoOwner, owner_called
from listening.studies import StudyError


class Command(BaseCommand):
    help = "Make a study of the same clips, conditions and settings, without raters. Nothing is rendered again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="short name of the study")
        parser.add_argument("--slug", metavar="NAME", dest="new", default="", help="short name of the new one")
        parser.add_argument("--owner", metavar="USER", help="account that owns it (default: whose the study is)")

    def handle(self, *, slug: str, new: str = "", owner: str | None = None, **_: Any) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        try:
            made = clone_study(study, owner_called(owner) if owner else study.owner, new)
        except (StudyError, NoOwner) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{made.slug}: a clone of {slug}; {made.get_state_display().lower()}.")
