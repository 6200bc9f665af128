"""A file that a researcher sends in parts."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.signals import post_delete
from django.dispatch import receiver

from listening.storage import delete_folder


def new_token() -> str:
    """Name of an upload in addresses, and of the folder with its parts."""
    return secrets.token_urlsafe(24)


class Upload(models.Model):
    """A file on its way into a study. Its parts lie aside until all of them are there; see `listening.uploads`."""

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField("bytes of the whole file", validators=[MinValueValidator(0)])
    modified = models.BigIntegerField("when the file was last changed, ms by the browser", default=0)
    start_sha256 = models.CharField("hash of the file's start", max_length=64, blank=True)
    category = models.CharField(max_length=40, blank=True)
    licence = models.CharField(max_length=100, blank=True)
    received = models.BigIntegerField("bytes that are here, from the start", default=0)
    parts = models.JSONField("SHA-256 of each part, in order", default=list)
    clip = models.ForeignKey("listening.Clip", models.CASCADE, null=True, related_name="+", help_text="what it became")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField("when the last part came")

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> str:
        """Where its parts lie in the storage."""
        return f"uploads/{self.token}"

    @property
    def percent(self) -> int:
        """How much is here, rounded down."""
        return int(100 * self.received / self.size)


@receiver(post_delete, sender=Upload)
def _delete_parts(instance: Upload, **_: object) -> None:
    """Also where the row goes with its study or clip."""
    delete_folder(instance.folder)
