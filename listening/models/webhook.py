"""Addresses that are told what happens in a study, and what they were told."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone


def new_secret() -> str:
    """Key of 256 random bits that signs what is sent."""
    return "whsec_" + secrets.token_urlsafe(32)


class Webhook(models.Model):
    """An address that gets a message when something is done."""

    class Event(models.TextChoices):
        """What is told."""

        RENDERED = "rendering.finished", "rendering has finished"
        RATER_FINISHED = "rater.finished", "a rater has finished"
        CLOSED = "study.closed", "the study is closed, its report can be read"

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=60, default=new_secret, help_text="signs; the server needs it as it is")
    events = models.JSONField(default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    failures = models.PositiveSmallIntegerField("messages given up, one after the other", default=0)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} of {self.study}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Questions of those who send."""

    def due(self) -> DeliveryQuerySet:
        """Those whose next try is due."""
        return self.filter(state=Delivery.State.WAITING, next_at__lte=timezone.now(), webhook__disabled_at=None)

    def forgotten(self) -> DeliveryQuerySet:
        """Those that are due and that no worker was told of lately."""
        before = timezone.now() - timedelta(minutes=5)
        return self.due().filter(models.Q(published_at=None) | models.Q(published_at__lt=before))


class Delivery(models.Model):
    """One message to one address, with what came back."""

    class State(models.TextChoices):
        """WAITING until it was taken or given up."""

        WAITING = "waiting", "waiting"
        TAKEN = "taken", "taken"
        GIVEN_UP = "given_up", "given up"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True, help_text="when a worker was told of this try")
    status = models.PositiveSmallIntegerField("HTTP status of the last answer", null=True, blank=True)
    answer = models.CharField("beginning of the last answer, or why there was none", max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
