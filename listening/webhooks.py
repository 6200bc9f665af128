"""Messages to addresses of a study's people when something is done in it: set up, announced, sent, tried again.

A message is a row before it is sent, and the task carries its id: what a dead worker or a lost message leaves is found
by the sweep. Bodies never hold scores.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from listening import outgoing
from listening.audit import audit
from listening.models import Delivery, Study, Webhook

WAITS = (10, 60, 300, 1800, 7200)
"""Seconds after each try that failed; after one more the message is given up."""
MOST_GIVEN_UP = 10
"""Messages given up one after the other, after which a webhook is disabled."""
MOST = 10
"""Webhooks of a study."""
KEPT = 50
"""Messages of a webhook that are kept, the latest."""
TEST = "test"
ITSELF = "evalapp"
"""Who disables, in the log."""
_LEASE = timedelta(seconds=90)
"""Longer than a try can take: whoever took a message and died lost it by then."""
_STAMP, _SIGNATURE = "X-Evalapp-Timestamp", "X-Evalapp-Signature"


class WebhookError(Exception):
    """What can't be done with a webhook; the text says why and what to do."""


def add(study: Study, url: str, events: list[str], by: AbstractBaseUser) -> Webhook:
    """Have an address told of events.

    Raises
    ------
    WebhookError
    """
    url = url.strip()
    try:
        parts = outgoing.check(url)
        outgoing.public_addresses(str(parts.hostname), parts.port or 443)
    except (outgoing.BadAddress, outgoing.NoAnswer) as error:
        raise WebhookError(str(error)) from error
    if study.webhooks.filter(url=url).exists():
        raise WebhookError("This address has a webhook in this study already.")
    if study.webhooks.count() >= MOST:
        raise WebhookError(f"A study has at most {MOST} webhooks. Remove one first.")
    with transaction.atomic():
        made = Webhook.objects.create(study=study, url=url, events=events, created_by=by)
        audit(study, by, f"webhook {made.pk} to {parts.hostname} made: {', '.join(events)}")
    return made


def remove(webhook: Webhook, by: AbstractBaseUser) -> None:
    """Tell an address nothing any more."""
    with transaction.atomic():
        host, sent = urlsplit(webhook.url).hostname, webhook.deliveries.count()
        audit(
            webhook.study,
            by,
            f"webhook {webhook.pk} to {host} removed, with {sent} messages; it was told {', '.join(webhook.events)}",
        )
        webhook.delete()


def enable(webhook: Webhook, by: AbstractBaseUser) -> None:
    """Try again one that was disabled. What happened meanwhile is not told."""
    with transaction.atomic():
        done = Webhook.objects.filter(pk=webhook.pk).exclude(disabled_at=None)
        if done.update(disabled_at=None, disabled_why="", failures=0):
            audit(webhook.study, by, f"webhook {webhook.pk} switched on again")


def announce(study: Study, event: str, **data: object) -> None:
    """Queue a message for each webhook of a study that wants the event. Call it within the event's transaction.

    Parameters
    ----------
    study : Study
    event : str
        One of `Webhook.Event`.
    **data
        What else the message says.
    """
    wanting = [each for each in study.webhooks.filter(disabled_at=None) if event in each.events]
    for webhook in wanting:
        _queue(webhook, event, data)


def send_test(webhook: Webhook) -> Delivery:
    """Queue a message that says nothing, to see whether it arrives."""
    return _queue(webhook, TEST, {"said": "A test: nothing has happened."})


def deliver(delivery_id: int) -> Delivery | None:
    """Try once to send a message; None where another worker has it, or it is not due.

    Any answer from 200 to 299 means that it was taken.
    """
    now = timezone.now()
    # Taken by one conditional UPDATE: of two workers that have the same message one sends it.
    taken = Delivery.objects.due().filter(pk=delivery_id)
    if not taken.update(attempts=F("attempts") + 1, next_at=now + _LEASE):
        return None
    delivery = Delivery.objects.select_related("webhook__study").get(pk=delivery_id)
    final, status = False, None
    try:
        answer = outgoing.post(delivery.webhook.url, delivery.body.encode(), _headers(delivery))
    except outgoing.BadAddress as error:
        text, final = str(error), True
    except outgoing.NoAnswer as error:
        text = str(error)
    else:
        status, text = answer.status, answer.text
        if 300 <= status < 400:
            text = "A redirect, which is not followed. Set the address that it leads to."
    _note(delivery, status, text[:500], final)
    return delivery


def too_slow(delivery_id: int) -> None:
    """After a try that was stopped: the server gave its answer drop by drop."""
    delivery = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.WAITING).first()
    if delivery is not None:
        _note(delivery, None, "The server took too long over its answer.", final=False)


def signature(secret: str, stamp: str, body: str) -> str:
    """What the receiver computes too: HMAC-SHA256 of "STAMP.BODY" with the secret, in hexadecimal digits.

    >>> signature("whsec_x", "1700000000", "{}")[:16]
    '3b7bb7a9c1ab1e7b'
    """
    return hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()


def _headers(delivery: Delivery) -> dict[str, str]:
    stamp = str(int(time.time()))
    signed = signature(delivery.webhook.secret, stamp, delivery.body)
    return {
        "Content-Type": "application/json",
        "User-Agent": "evalapp",
        "X-Evalapp-Event": delivery.event,
        "X-Evalapp-Delivery": str(delivery.pk),
        _STAMP: stamp,
        _SIGNATURE: f"sha256={signed}",
    }


def _queue(webhook: Webhook, event: str, data: Mapping[str, object]) -> Delivery:
    from listening import tasks  # the tasks import this module

    study = webhook.study
    said = {"event": event, "study": study.slug, "at": timezone.now().isoformat(), **data}
    with transaction.atomic():
        made = Delivery.objects.create(webhook=webhook, event=event, body=json.dumps(said, ensure_ascii=False))
        kept = webhook.deliveries.order_by("-id").values_list("pk", flat=True)[:KEPT]
        webhook.deliveries.exclude(pk__in=list(kept)).delete()
        tasks.publish_delivery(made.pk)
    return made


def _note(delivery: Delivery, status: int | None, text: str, final: bool) -> None:
    """What came of a try: taken, to be tried again, or given up."""
    now, webhook = timezone.now(), Webhook.objects.filter(pk=delivery.webhook_id)
    delivery.status, delivery.answer = status, text
    if status is not None and 200 <= status < 300:
        delivery.state, delivery.ended_at = Delivery.State.TAKEN, now
        webhook.update(failures=0)
    elif final or delivery.event == TEST or delivery.attempts > len(WAITS):
        delivery.state, delivery.ended_at = Delivery.State.GIVEN_UP, now
        if delivery.event != TEST:
            webhook.update(failures=F("failures") + 1)
            _disable_where_hopeless(webhook.first(), text)
    else:
        delivery.next_at = now + timedelta(seconds=WAITS[delivery.attempts - 1])
    names = ("state", "status", "answer", "ended_at", "next_at")
    # An UPDATE, since the webhook may have been removed meanwhile.
    noted = {name: getattr(delivery, name) for name in names}
    Delivery.objects.filter(pk=delivery.pk).update(**noted, published_at=None)


def _disable_where_hopeless(webhook: Webhook | None, text: str) -> None:
    if webhook is None or webhook.failures < MOST_GIVEN_UP:
        return
    now = timezone.now()
    why = f"{webhook.failures} messages in a row were given up. The last time: {text}"
    if Webhook.objects.filter(pk=webhook.pk, disabled_at=None).update(disabled_at=now, disabled_why=why[:300]):
        webhook.deliveries.filter(state=Delivery.State.WAITING).update(
            state=Delivery.State.GIVEN_UP, ended_at=now, answer="The webhook was disabled."
        )
        audit(webhook.study, None, f"webhook {webhook.pk} disabled: {why}", who=ITSELF)
