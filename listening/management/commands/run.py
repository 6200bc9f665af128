"""`manage.py run`: web server, worker and beat on one machine, until Ctrl-C."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from listening.processes import Processes, start_web, start_worker


class Command(BaseCommand):
    """Serve for real use."""

    help = "Runs the web server, a worker and the beat of its sweep, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=None, help="rendering processes (default: the cores)")

    def handle(self, *, address: str, port: int, workers: int | None, **_: object) -> None:
        logs = Path(settings.VAR_DIR) / "logs"
        with Processes(logs) as processes:
            try:
                start_worker(processes, workers)
                start_web(processes, address, port)
                self.stdout.write(f"Serving on http://{address}:{port}/  logs in {logs}  Ctrl-C ends it.")
                self.stdout.flush()
                processes.wait()
            except RuntimeError as error:
                raise CommandError(str(error)) from error
