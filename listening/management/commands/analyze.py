"""The report of a study as a folder: `manage.py analyze demo-speech`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analysis.frame import RatingsError
from analysis.report.findings import findings, primary_claim
from listening.models import Study
from listening.reporting import report_of
from listening.studies import audit


class Command(BaseCommand):
    help = "Analyse a study after its own rules: report.html, report.pdf, tables and figures in a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="SLUG", help="short name of the study")
        parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="default: SLUG-report")

    def handle(self, *, study: str, output: Path | None, **_: Any) -> None:
        found = Study.objects.filter(slug=study).first()
        if found is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study {study!r}. Studies: {known}.")
        is_open = found.state == Study.State.OPEN
        if is_open:
            self.stderr.write(
                f"Warning: {found.slug} is open. Who sees scores while raters are at work may be led by them to "
                "stop early or to change the study. This is noted in the study's log."
            )
        audit(found, None, f"analysed on the command line{' while the study was open' * is_open}")
        folder = output or Path(f"{found.slug}-report")
        try:
            report = report_of(found)
            report.save(folder)
        except (RatingsError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join([*primary_claim(report), *findings(report)]))
        self.stderr.write(f"Written: {folder / 'report.html'}, report.pdf, tables and figures.")
