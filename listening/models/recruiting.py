"""How raters come to a study and what becomes of what they gave: set and changed while the study is open."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Recruiting(models.Model):
    """What a study says of the coming and going of its raters, beside its protocol, which is fixed when it opens."""

    study = models.OneToOneField("listening.Study", models.CASCADE, related_name="recruiting")
    opens_at = models.DateTimeField(null=True, blank=True, help_text="before that the invite lets nobody in")
    closes_at = models.DateTimeField(null=True, blank=True, help_text="after that the invite lets nobody new in")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="in which times are set and shown")
    notices = models.JSONField(default=dict, blank=True, help_text="by language: a message on raters' pages")
    raters_may_withdraw = models.BooleanField(default=True, help_text="by themselves, until the study is closed")
    withdrawn = models.PositiveIntegerField(default=0, help_text="raters whose data were deleted")
    forget_after_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="days after closing until raters' identities are deleted; empty: never",
    )
    forget_texts = models.BooleanField(default=False, help_text="what raters wrote is deleted then as well")
    forgotten_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"recruiting of {self.study}"
