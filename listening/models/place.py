"""Places for raters: which clips the next one gets, and who has taken which."""

from __future__ import annotations

from django.db import models

from listening.models.study import random_seed


class Panel(models.Model):
    """Raters of a study who came by links of one name ("" where the link names none); places are shared out in each."""

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="panels")
    name = models.CharField(max_length=60, blank=True)
    seed = models.BigIntegerField(default=random_seed)
    taken = models.PositiveIntegerField(default=0, help_text="number of the last place that was taken")
    quota = models.PositiveIntegerField(
        null=True, blank=True, help_text="most raters who may finish or be at work; empty: as many as come"
    )
    opens_at = models.DateTimeField(null=True, blank=True, help_text="for this panel; the study's own counts as well")
    closes_at = models.DateTimeField(null=True, blank=True, help_text="for this panel; the study's own counts as well")
    identity = models.JSONField(
        null=True, blank=True, help_text="what its links say of raters, see protocol.Identity; null: as the study's"
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["study", "name"], name="panel_name_once_per_study")]

    def __str__(self) -> str:
        return f"panel {self.name or 'without a name'} of {self.study}"


class PlaceQuerySet(models.QuerySet["Place"]):
    """Questions about many places."""

    def held(self) -> PlaceQuerySet:
        """Those that count: taken once, whoever has them now."""
        return self.filter(number__lte=models.F("panel__taken"))

    def let_go(self) -> PlaceQuerySet:
        """Those that were taken by a session which is deleted."""
        return self.held().filter(session=None)


class Place(models.Model):
    """A block of clips for one rater. Places are taken in the order of their numbers, so that those held are a
    beginning of the panel's row of blocks; one that was given up stays held until another rater takes it over."""

    panel = models.ForeignKey(Panel, models.CASCADE, related_name="places")
    number = models.PositiveIntegerField(help_text="from 1")
    clips = models.JSONField(help_text="keys of the clips, in the order in which they are rated")
    session = models.OneToOneField("listening.Session", models.SET_NULL, null=True, blank=True, related_name="place")
    taken_at = models.DateTimeField(null=True, blank=True)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["panel", "number"], name="place_number_once_per_panel")]

    def __str__(self) -> str:
        return f"place {self.number} of {self.panel}"
