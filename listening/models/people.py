"""Who works on a study beside its owner, and who is invited to."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

INVITATION_DAYS = 14


class Membership(models.Model):
    """One person's part in a study that is another's. The owner is none of the members."""

    class Role(models.TextChoices):
        """What a member may do; `listening.permissions` has it in full."""

        VIEWER = "viewer", "viewer"
        COLLABORATOR = "collaborator", "collaborator"

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [models.UniqueConstraint(fields=["study", "user"], name="one_membership_per_study_and_user")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.study}"


def hash_of(token: str) -> str:
    """What is stored of an invitation's token. It has 256 random bits: a slow hash would guard nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


def expiry() -> datetime:
    """When an invitation that is made now ends."""
    return timezone.now() + timedelta(days=INVITATION_DAYS)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about invitations."""

    def usable(self) -> InvitationQuerySet:
        """Those that can be accepted now."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A link that makes whoever is the first to accept it a member of a study."""

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=12, choices=Membership.Role)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256; the token is in the link alone")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="invitations_made")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=expiry)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="invitations_used"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.study} as {self.role}"

    @property
    def why_not(self) -> str:
        """Why it can't be accepted any more, as a sentence; "" while it can."""
        if self.used_at:
            return "This invitation has been used. Each lets one person in."
        if self.revoked_at:
            return "This invitation was taken back."
        if self.expires_at <= timezone.now():
            return f"This invitation has expired: each lasts {INVITATION_DAYS} days."
        return ""
