"""What belongs to one's own account: tokens for scripts, what was done with them, and tries that failed."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from listening.models.audit import COMMAND_LINE


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Questions about tokens."""

    def usable(self, now: datetime) -> ApiTokenQuerySet:
        """Those that open something now."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)


class ApiToken(models.Model):
    """A key with which a script acts for a person, with that person's part in each study."""

    class Scope(models.TextChoices):
        """What a script may do with it, of what the person may."""

        READ = "read", "read only"
        WRITE = "write", "read and change"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=5, choices=Scope)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token is shown once")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty: never")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="to the minute")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"token “{self.name}” of {self.user}"

    @property
    def over(self) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= timezone.now())


class AccountLine(models.Model):
    """One thing that happened to an account, never changed afterwards."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="account_lines")
    who = models.CharField(max_length=150, default=COMMAND_LINE)
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=500)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.who}: {self.what}"


class FailedTries(models.Model):
    """How often somebody gave a wrong password or token lately. In the database, since all web processes share it."""

    key = models.CharField(max_length=64, unique=True, help_text="hash of what was tried: account, address, or both")
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.count} failed tries"
