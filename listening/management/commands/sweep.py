"""`manage.py sweep`: queue again what a dead worker or a lost message left."""

from django.core.management.base import BaseCommand

from listening import heartbeats, tasks


class Command(BaseCommand):
    """For operators who run no beat: call it from cron."""

    help = "Queues again the renderings that a dead worker or a lost message left. Harmless when run twice."

    def handle(self, **_: object) -> None:
        heartbeats.note("beat")
        self.stdout.write(f"Queued again: {tasks.sweep()}")
