"""Servers that are told what happens in a study."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status

from listening import webhooks as rules
from listening.api.access import Body, Refusal, answers, changes
from listening.models import Webhook

router = Router(tags=["webhooks"])

EventName = Literal["rendering.finished", "rater.finished", "study.closed"]


class Message(Schema):
    """What was sent, and what came back."""

    id: int
    event: str
    state: str
    attempts: int
    status: int | None
    answer: str
    created_at: datetime


class OneWebhook(Schema):
    """An address, and its latest messages."""

    id: int
    url: str
    events: list[str]
    on: bool
    off_because: str
    messages: list[Message]


class NewWebhook(Body):
    """An address that is to be told."""

    url: str
    events: list[EventName]


class MadeWebhook(Schema):
    """The secret that signs the messages is in this answer alone."""

    id: int
    secret: str


@router.get(
    "studies/{slug:slug}/webhooks",
    auth=changes,
    response=answers(200, list[OneWebhook]),
    url_name="api_webhooks",
    summary="Servers that are told, and their last messages",
)
def list_webhooks(request: HttpRequest, slug: str) -> Any:
    return [_shown(each) for each in request.study.webhooks.all()]


@router.post(
    "studies/{slug:slug}/webhooks",
    auth=changes,
    response=answers(201, MadeWebhook),
    url_name="api_webhooks",
    summary="Have a server told",
)
def add_webhook(request: HttpRequest, slug: str, payload: NewWebhook) -> Any:
    if not payload.events:
        raise Refusal(422, f"events: at least one of {', '.join(Webhook.Event.values)}.")
    try:
        made = rules.add(request.study, payload.url, list(payload.events), request.user)
    except rules.WebhookError as error:
        raise Refusal(422, f"url: {error}") from error
    return Status(201, MadeWebhook(id=made.pk, secret=made.secret))


@router.delete(
    "studies/{slug:slug}/webhooks/{int:webhook_id}",
    auth=changes,
    response=answers(204, None),
    url_name="api_webhook",
    summary="Tell it nothing any more",
)
def remove_webhook(request: HttpRequest, slug: str, webhook_id: int) -> Any:
    found = request.study.webhooks.select_related("study").filter(pk=webhook_id).first()
    if found is None:
        raise Refusal(404, f"This study has no webhook {webhook_id}.")
    rules.remove(found, request.user)
    return Status(204, None)


def _shown(webhook: Webhook) -> OneWebhook:
    return OneWebhook(
        id=webhook.pk,
        url=webhook.url,
        events=webhook.events,
        on=webhook.disabled_at is None,
        off_because=webhook.disabled_why,
        messages=[
            Message(**{name: getattr(each, name) for name in Message.model_fields})
            for each in webhook.deliveries.all()[: rules.KEPT]
        ],
    )
