"""What an objective metric says of a stimulus."""

from __future__ import annotations

from django.db import models


class Measurement(models.Model):
    """A metric's figure for a stimulus against its reference, or why there is none.

    It belongs to the two files and not to a study: whoever has the same stimulus has its figures.
    """

    reference_sha256 = models.CharField(max_length=64)
    stimulus_sha256 = models.CharField(max_length=64)
    metric = models.CharField(max_length=40)
    value = models.FloatField(null=True)
    reason = models.CharField("why there is no figure", max_length=300, blank=True)
    measured_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stimulus_sha256", "reference_sha256", "metric"], name="measured_once_by_each_metric"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.stimulus_sha256[:8]}"
