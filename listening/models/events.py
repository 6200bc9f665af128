"""What a rater did on a page, moment by moment."""

from __future__ import annotations

import json
import zlib

from django.db import models

Event = tuple[int, str, int | None, int | float | str | None]
"""Milliseconds since the page's start, kind, slot, value."""


class EventBlock(models.Model):
    """Events of one page that came together: numbers `first` to `first + count - 1` of that page."""

    session = models.ForeignKey("listening.Session", models.CASCADE, related_name="event_blocks")
    trial = models.ForeignKey("listening.Trial", models.CASCADE, null=True, blank=True, related_name="event_blocks")
    page = models.CharField(max_length=40, help_text="drawn anew by the browser each time it opens a page")
    first = models.PositiveIntegerField(help_text="number of the first event, from 1")
    count = models.PositiveIntegerField()
    packed = models.BinaryField(help_text="the events as compressed JSON")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["session", "page", "first"], name="one_block_per_number")]

    def __str__(self) -> str:
        return f"events {self.first} to {self.end - 1} of page {self.page} of {self.session}"

    @property
    def end(self) -> int:
        """Number after the last event's."""
        return self.first + self.count

    @staticmethod
    def pack(events: list[Event]) -> bytes:
        """Events as they are stored: about a tenth of a row each."""
        return zlib.compress(json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode(), 9)

    @property
    def events(self) -> list[Event]:
        """The events in their order."""
        return [tuple(event) for event in json.loads(zlib.decompress(self.packed))]
