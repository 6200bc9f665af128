"""The schedule of the sweep, without a file: a full disk or a killed process leaves nothing to break the next start."""

from __future__ import annotations

from datetime import UTC, datetime

from celery import beat
from django.db import close_old_connections

from listening import heartbeats


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Sends each task at the start, then at its interval, and notes that it lives."""

    max_interval = heartbeats.EVERY

    def setup_schedule(self) -> None:
        """Take the schedule from the settings; everything is due at once."""
        self.merge_inplace(self.app.conf.beat_schedule)
        for entry in self.schedule.values():
            entry.last_run_at = datetime.fromtimestamp(0, UTC)

    def tick(self, *arguments: object, **options: object) -> float:
        """One turn of the loop."""
        close_old_connections()
        heartbeats.note("beat")
        return float(super().tick(*arguments, **options))
