"""`manage.py delete_rater demo-speech R4K7M2QP`: all that a rater gave, at their wish."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from listening.losses import NotConfirmed
from listening.models import Study
from listening.studies import StudyError
from listening.withdrawing import delete_rater


class Command(BaseCommand):
    help = "Delete the ratings, answers, comments, events and identity of a rater who asked for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="STUDY", help="short name of the study")
        parser.add_argument(
            "code", metavar="CODE", help="of the rater, as in the exports and on the page of the raters"
        )

        parser.add_argument("--yes", action="store_true", help="delete without asking")

    def handle(self, *, slug: str, code: str, yes: bool = False, **_: Any) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        try:
            delete_rater(study, code, None, confirmed=yes)
        except NotConfirmed as asked:
            self._ask(code, asked)
            delete_rater(study, code, None, confirmed=True)
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"All data of rater {code} are deleted. Files exported before still hold them.")

    def _ask(self, code: str, asked: NotConfirmed) -> None:
        lost = ", ".join(asked.lost)
        if not sys.stdin.isatty():
            raise CommandError(f"This deletes for good {lost} of rater {code}. Say --yes, and it is done.")
        if input(f"Delete for good {lost} of rater {code}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was deleted.")
