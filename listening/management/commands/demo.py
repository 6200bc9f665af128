"""`manage.py demo`: two studies on real clips, rendered by a real worker, served."""

import time
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from audiocodecs.registry import NEURAL_CODECS
from listening import studies
from listening.demo import demo_studies, demo_user
from listening.models import Study
from listening.processes import Processes, start_web, start_worker


class Command(BaseCommand):
    """The demonstration."""

    help = "Makes the demo studies, renders them with a worker, and serves them until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, port: int, **_: object) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        user, password = demo_user()
        made = demo_studies(user)
        with Processes(Path(settings.VAR_DIR) / "logs") as processes:
            try:
                start_worker(processes)
                for study in made:
                    self._render(processes, study)
                start_web(processes, "127.0.0.1", port)
                self._print_links(port, made, user.get_username(), password)
                processes.wait()
            except (RuntimeError, studies.StudyError) as error:
                raise CommandError(str(error)) from error

    def _render(self, processes: Processes, study: Study) -> None:
        if study.state == Study.State.DRAFT:
            studies.start_rendering(study)
        study.refresh_from_db()
        if study.state == Study.State.RENDERING:
            self._show_progress(processes, study)
        if study.state == Study.State.READY:
            studies.open_study(study, study.owner)

    def _show_progress(self, processes: Processes, study: Study) -> None:
        progress = studies.progress(study)
        with tqdm(total=progress.total, desc=f"Rendering {study.slug}", unit="stimulus") as bar:
            while study.state == Study.State.RENDERING:
                processes.look_after()
                progress = studies.progress(study)
                bar.update(progress.done + progress.failed - bar.n)
                time.sleep(0.5)
                study.refresh_from_db()
            bar.update(progress.total - bar.n)
        failed = [row for row in studies.progress(study).rows if row.state == row.State.FAILED]
        if failed:
            raise CommandError("\n".join(f"{row}: {row.error}" for row in failed))

    def _print_links(self, port: int, made: list[Study], user: str, password: str) -> None:
        base = f"http://localhost:{port}"
        self.stdout.write("")
        for study in made:
            note = studies.neural_note(study) or f"No neural codec. {_why_none(study)}"
            self.stdout.write(f"{study.slug}: {note}")
        missing = [
            f"{cell.spec}: {cell.reason} {cell.remedy}"
            for row in studies.matrix(made[0])
            for cell in row.offers
            if cell.spec == "evs@9.6" and not cell.available
        ]
        for line in missing:
            self.stdout.write(f"Without {line}")
        for study in made:
            self.stdout.write(f"Rater: {base}{study.invite_path}")
        self.stdout.write(f"Researcher: {base}/")
        self.stdout.write(f"User: {user}")
        self.stdout.write(f"Password: {password}")
        self.stdout.write("Ctrl-C ends it.")
        self.stdout.flush()


def _why_none(study: Study) -> str:
    name = NEURAL_CODECS[study.channels][0]
    cell = next(row.offers[0] for row in studies.matrix(study) if row.name == name)
    return f"{cell.reason} {cell.remedy}"
