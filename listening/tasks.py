"""What workers do. Messages carry ids; the database says what is still to be done."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from celery import Task, current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from listening import forgetting, measuring, packing, rehearsals, studies, uploads, webhooks
from listening import rendering as rendering_rules
from listening.models import Delivery, Rendering, Study

log = logging.getLogger(__name__)

MEASURING_WAITS = 5.0
"""Seconds until measuring looks again whether nothing waits to be rendered."""


@shared_task(
    name="listening.tasks.render",
    soft_time_limit=settings.RENDER_TIME_LIMIT,
    time_limit=settings.RENDER_TIME_LIMIT + 15,
)
def render(rendering_id: int) -> None:
    """Render one clip through one condition, within the time limit."""
    try:
        done = rendering_rules.render(rendering_id)
    except SoftTimeLimitExceeded:
        done = Rendering.objects.get(pk=rendering_id)
        rendering_rules.postpone(done, f"It took longer than {settings.RENDER_TIME_LIMIT} s and was stopped.")
    if done is None:
        return
    if done.state == Rendering.State.QUEUED and done.not_before:
        publish([done.pk], countdown=max(0.0, (done.not_before - timezone.now()).total_seconds()))
    study = done.clip.study
    studies.settle(study)
    packing.pack(done.clip)
    if study.state == Study.State.READY:
        publish_measuring(measuring.left_of(study))


@shared_task(
    name="listening.tasks.measure",
    soft_time_limit=settings.RENDER_TIME_LIMIT,
    time_limit=settings.RENDER_TIME_LIMIT + 15,
)
def measure(rendering_id: int) -> None:
    """Compute the metrics of a stimulus; renderings that wait go first."""
    if Rendering.objects.free(timezone.now()).exists():
        publish_measuring([rendering_id], countdown=MEASURING_WAITS)
        return
    found = Rendering.objects.select_related("clip__study", "condition").filter(pk=rendering_id).first()
    if found is not None:  # its clip may have been taken away meanwhile
        measuring.measure(found)


@shared_task(name="listening.tasks.sweep")
def sweep() -> int:
    """Queue again what a dead worker or a lost message left, and forget raters whose time has come.

    Harmless when run twice at once.
    """
    ids = rendering_rules.lost(timezone.now())
    if ids:
        log.info("Queued again: %d rendering(s)", len(ids))
    publish(ids)
    publish_measuring(measuring.forgotten(timezone.now()))
    for pk in Delivery.objects.forgotten().values_list("pk", flat=True):
        publish_delivery(pk)
    for study in Study.objects.filter(state=Study.State.RENDERING):
        studies.settle(study)
    if left := uploads.sweep(timezone.now()):
        log.info("Removed: %d unfinished upload(s)", left)
    rehearsals.sweep(timezone.now())
    forgetting.forget_all()
    return len(ids)


@shared_task(name="listening.tasks.deliver", soft_time_limit=60, time_limit=75)
def deliver(delivery_id: int) -> None:
    """Try once to send a message of a webhook. The sweep finds those that are to be tried again."""
    try:
        webhooks.deliver(delivery_id)
    except SoftTimeLimitExceeded:
        webhooks.too_slow(delivery_id)


def publish_delivery(delivery_id: int) -> None:
    """Tell a worker of a message, once what is being written is committed."""

    def send() -> None:
        Delivery.objects.filter(pk=delivery_id).update(published_at=timezone.now())
        _send(deliver, [delivery_id])

    transaction.on_commit(send)


def publish_measuring(ids: list[int], countdown: float = 0) -> None:
    """Send a message for each stimulus that is to be measured, once what is being written is committed."""

    if ids:
        transaction.on_commit(lambda: _send(measure, ids, countdown))


def publish(ids: list[int], countdown: float = 0) -> None:
    """Send a message for each rendering, once what is being written is committed."""

    def send() -> None:
        Rendering.objects.filter(pk__in=ids).update(published_at=timezone.now())
        _send(render, ids, countdown)

    if ids:
        transaction.on_commit(send)


def _send(task: Task, ids: Iterable[int], countdown: float = 0) -> None:
    """Send a message for each id. What the broker refuses, the sweep sends later: the work is in the database."""
    try:
        with current_app.producer_or_acquire() as producer:
            for pk in ids:
                task.apply_async((pk,), countdown=countdown, producer=producer)
    except OperationalError as error:
        log.error("No message could be sent to the workers: %s", error)
