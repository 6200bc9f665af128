"""Celery's broker in Redis, which anything with its address can write to."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import redis

from evalapp.messages import FAULTS_OF_CONTENT, DropsFaults, NotAMessage, check

log = logging.getLogger(__name__)


class Channel(DropsFaults, redis.Channel):  # type: ignore[misc]
    """kombu's channel, which takes an entry off its list before it decodes it."""

    def _brpop_read(self, **options: Any) -> bool:
        try:
            return bool(super()._brpop_read(**options))
        except FAULTS_OF_CONTENT:
            log.exception("Dropped an entry of the queue that is not a message.")
            return True

    def _get(self, queue: str) -> dict[str, Any]:
        while True:
            try:
                payload = super()._get(queue)
                check(payload)
                return dict(payload)
            except (*FAULTS_OF_CONTENT, NotAMessage):
                log.exception("Dropped an entry of the queue that is not a message.")


class Transport(redis.Transport):  # type: ignore[misc]
    """kombu's transport with that channel."""

    Channel = Channel
