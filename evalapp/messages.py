"""What counts as a message of the broker. Workers log and drop everything else; the sweep queues lost work again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.transport import virtual
from kombu.utils.json import loads

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
"""Our messages carry one id and take less than 2 kB."""

FAULTS_OF_CONTENT = (
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
    *(DecodeError, ContentDisallowed),
)
"""What kombu and Celery raise at content that no producer of ours writes."""


class NotAMessage(Exception):
    """Why something in the queue is not a message."""


def parse(raw: bytes) -> dict[str, Any]:
    """Read a message as kombu writes it.

    Raises
    ------
    NotAMessage
        If it is empty, cut off, too large, or anything else than a message.
    """
    if len(raw) > MAX_BYTES:
        raise NotAMessage(f"{len(raw)} bytes are too many")
    try:
        payload = loads(raw)
    except FAULTS_OF_CONTENT as error:
        raise NotAMessage(f"{type(error).__name__}: {error}") from error
    check(payload)
    return dict(payload)


def check(payload: object) -> None:
    """Check the fields of a message that kombu reads without looking.

    Raises
    ------
    NotAMessage
        If one is missing or has another type.
    """
    message = _dict("message", payload)
    properties = _dict("properties", message.get("properties"))
    delivery = _dict("delivery_info", properties.get("delivery_info"))
    _dict("headers", message.get("headers"))
    texts = {
        "body": message.get("body"),
        "delivery_tag": properties.get("delivery_tag"),
        "exchange": delivery.get("exchange"),
        "routing_key": delivery.get("routing_key"),
    }
    for name, value in texts.items():
        if not isinstance(value, str):
            raise NotAMessage(f"its {name} is not a text")
    try:
        virtual.Channel.decode_body(virtual.Channel, message["body"], properties.get("body_encoding"))
    except FAULTS_OF_CONTENT as error:
        raise NotAMessage(f"its body cannot be decoded: {error}") from error


def _dict(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotAMessage(f"its {name} is not an object" if name != "message" else "it is not an object")
    return value


class DropsFaults:
    """Part of a kombu channel: a message that cannot be delivered is logged and dropped, and the worker goes on."""

    def basic_consume(self, queue: str, *arguments: Any, **options: Any) -> None:
        """Consume from a queue, whatever is in it."""
        super().basic_consume(queue, *arguments, **options)  # type: ignore[misc]
        callbacks = self.connection._callbacks  # type: ignore[attr-defined]
        deliver = callbacks[queue]
        callbacks[queue] = lambda payload: self._deliver(deliver, payload)

    def _deliver(self, deliver: Callable[[Any], None], payload: Any) -> None:
        try:
            check(payload)
        except NotAMessage as fault:
            log.error("Dropped something that is not a message: %s", fault)
            return
        try:
            deliver(payload)
        except FAULTS_OF_CONTENT:
            log.exception("Dropped a message that cannot be read: %.200r", payload)
            # Otherwise it would count as being worked on, and come back when the worker ends.
            self.basic_reject(payload["properties"]["delivery_tag"], requeue=False)  # type: ignore[attr-defined]
