"""A clip through a condition."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

MAX_ATTEMPTS = 4
"""After so many tries a fault that might pass counts as one that won't."""


class RenderingQuerySet(models.QuerySet["Rendering"]):
    """Questions of the queue."""

    def free(self, now: datetime) -> RenderingQuerySet:
        """Those that a worker may take: queued and due, or left by a worker whose lease ran out."""
        due = Q(state=Rendering.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
        return self.filter(due | Q(state=Rendering.State.RUNNING, lease_until__lt=now))

    def leased(self, now: datetime) -> RenderingQuerySet:
        """Those that a living worker holds."""
        return self.filter(state=Rendering.State.RUNNING, lease_until__gte=now)

    def unfinished(self) -> RenderingQuerySet:
        """Queued or running."""
        return self.filter(state__in=[Rendering.State.QUEUED, Rendering.State.RUNNING])


class Rendering(models.Model):
    """One clip through one condition: the work, and what came of it."""

    class State(models.TextChoices):
        """QUEUED → RUNNING → DONE or FAILED."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    clip = models.ForeignKey("listening.Clip", models.CASCADE, related_name="renderings")
    condition = models.ForeignKey("listening.Condition", models.CASCADE, related_name="renderings")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.CharField(max_length=32, blank=True, help_text="random name of the try that holds it")
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    key = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="reference, spec and codec version, hashed"
    )
    codec_version = models.CharField(max_length=300, blank=True)
    stimulus = models.FileField(max_length=200, blank=True)
    stimulus_sha256 = models.CharField(max_length=64, blank=True)
    packed = models.FileField("the stimulus as raters get it", max_length=200, blank=True)
    kbps = models.FloatField("measured payload rate, kbit/s", null=True, blank=True)
    container_kbps = models.FloatField(null=True, blank=True)
    delay_samples = models.IntegerField("delay removed after decoding, samples at the study's rate", default=0)
    encode_seconds = models.FloatField(null=True, blank=True)
    decode_seconds = models.FloatField(null=True, blank=True)
    cpu_seconds = models.FloatField("processor time of encoding and decoding", null=True, blank=True)
    peak = models.FloatField("sample peak, dBFS", null=True, blank=True)
    clipped_samples = models.PositiveIntegerField(default=0)
    loudness_difference = models.FloatField("against the reference, LU", null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True, help_text="what was found in a file of the researcher's own")

    imported = models.BooleanField(
        "came in a study's file",
        default=False,
        help_text="then no other study takes its stimulus over: nobody saw it made",
    )

    objects = RenderingQuerySet.as_manager()

    class Meta:
        ordering = ["clip__position", "condition__position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clip", "condition"], name="one_rendering_per_clip_and_condition")
        ]

    def __str__(self) -> str:
        return f"{self.clip} through {self.condition}"
