"""`manage.py signed_links demo-speech anna ben`: invite links that prove who their raters are."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from listening import invites, signed_links
from listening.models import Study
from listening.studies import StudyError


class Command(BaseCommand):
    help = "Print a signed invite link for each ID: the ID, a tab, the link. It continues the session on any device."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="STUDY", help="short name of the study")
        parser.add_argument("ids", metavar="ID", nargs="*", help="of a rater")
        parser.add_argument("--file", help="text file with one ID a line; - for the standard input")
        parser.add_argument("--panel", default="", help="panel of the raters")

    def handle(self, *, slug: str, ids: list[str], file: str | None, panel: str, **_: Any) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        if invites.panel(study, panel) is None:
            raise CommandError(f"The study has no panel {panel!r}; --panel names the panel of the raters.")
        found = [*ids, *(_lines(file) if file else ())]
        if not found:
            raise CommandError("Name IDs, or a file with --file.")
        try:
            links = [(each, signed_links.path(study, panel, each)) for each in found]
        except StudyError as error:
            raise CommandError(str(error)) from error
        if not settings.SITE_URL:
            self.stderr.write("SITE_URL is not set: the links begin with /t/. Put your site's address before them.")
        for each, path in links:
            self.stdout.write(f"{each}\t{settings.SITE_URL}{path}")


def _lines(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
