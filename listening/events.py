"""Keeping what raters do on their pages: each event once, however often and in whatever pieces it comes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from listening.models import EventBlock, Session
from listening.models.events import Event
from listening.ratings import Refused

LONGEST_BLOCK = 128 * 1024
"""Bytes of one block; real ones have some thousand."""
MOST_IN_BLOCK = 500
MOST_EVENTS = 100_000
"""Events of one session; an hour of steady work makes some thousand."""
MOST_BLOCKS = 10_000
LONGEST_VALUE = 100
LATEST = 10**10
"""Milliseconds since a page's start: four months."""
_PAGE = re.compile(r"[A-Za-z0-9_-]{8,40}")
_KIND = re.compile(r"[a-z][a-z_]{0,29}")


@dataclass(frozen=True)
class Block:
    """Events of one page with numbers that follow each other.

    Attributes
    ----------
    page : str
        Drawn by the browser for each time that it opens a page.
    trial : str
        Token of the page's trial; "" on other pages.
    first : int
        Number of the first event.
    events : tuple of Event
    """

    page: str
    trial: str
    first: int
    events: tuple[Event, ...]


def parse(body: bytes) -> Block:
    """Read a block from JSON: `{"page", "trial", "first", "events": [[at_ms, kind, slot, value], ...]}`.

    Raises
    ------
    Refused
        With 400 and what is wrong.
    """
    if len(body) > LONGEST_BLOCK:
        raise Refused(400, f"A block has at most {LONGEST_BLOCK} bytes, not {len(body)}.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise Refused(400, "The body is not a JSON object.")
    page, trial, first, events = (found.get(name) for name in ("page", "trial", "first", "events"))
    if not isinstance(page, str) or not _PAGE.fullmatch(page):
        raise Refused(400, "page: 8 to 40 letters and digits.")
    if not isinstance(trial, str) or "\x00" in trial:
        raise Refused(400, "trial: the token of the page's trial, or an empty text.")
    if not _whole(first, 1, MOST_EVENTS):
        raise Refused(400, f"first: a whole number from 1 to {MOST_EVENTS}.")
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_IN_BLOCK:
        raise Refused(400, f"events: a list of 1 to {MOST_IN_BLOCK}.")
    return Block(page, trial, first, tuple(_event(each) for each in events))


def keep(session: Session, block: Block) -> int:
    """Store the events of a block that are not stored yet.

    Returns
    -------
    int
        How many were new.

    Raises
    ------
    Refused
        403 if the trial is not of this session, 404 if the session was deleted meanwhile, 410 if the study takes no
        more, 413 if the session has as many events as are kept, 429 if it has more than its minutes allow: the page
        keeps them and sends them later.
    """
    trial = session.trials.filter(token=block.trial).first() if block.trial else None
    if block.trial and trial is None:
        raise Refused(403, "This trial does not belong to your link.")
    with transaction.atomic():
        # One after the other: two sendings of one event must not both find it missing.
        locked = (
            Session.objects.select_for_update(of=("self",), no_key=True)
            .select_related("study")
            .filter(pk=session.pk)
            .first()
        )
        if locked is None:
            raise Refused(404, "This link is not known.")
        if not locked.may_go_on:
            raise Refused(410, "This study has ended. It takes no more events.")
        near = (block.first - MOST_IN_BLOCK + 1, block.first + len(block.events) - 1)
        stored = locked.event_blocks.filter(page=block.page, first__range=near)
        taken = {number for each in stored.defer("packed") for number in range(max(each.first, block.first), each.end)}
        runs = _runs_without(block, taken)
        n = sum(len(events) for _, events in runs)
        if n:
            there = locked.event_blocks.aggregate(events=Sum("count"), blocks=Count("id"))
            if (there["events"] or 0) + n > MOST_EVENTS or there["blocks"] + len(runs) > MOST_BLOCKS:
                raise Refused(413, "This session has as many events as are kept.")
            if (there["events"] or 0) + n > _most_by_now(locked):
                raise Refused(429, "More events than the time since this session's start allows. Send them later.")
        for first, events in runs:
            EventBlock.objects.create(
                session=locked,
                trial=trial,
                page=block.page,
                first=first,
                count=len(events),
                packed=EventBlock.pack(events),
            )
    return n


def _most_by_now(session: Session) -> float:
    """Events that a session may have by now. Counted from its start: what waited offline for an hour comes whole."""
    minutes = (timezone.now() - session.started_at).total_seconds() / 60
    return settings.EVENTS_PER_MINUTE * (1 + max(0.0, minutes))


def _runs_without(block: Block, taken: set[int]) -> list[tuple[int, list[Event]]]:
    """First number and events of each unbroken run of numbers that are not taken."""
    runs: list[tuple[int, list[Event]]] = []
    for number, event in enumerate(block.events, start=block.first):
        if number in taken:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == number:
            runs[-1][1].append(event)
        else:
            runs.append((number, [event]))
    return runs


def _event(found: object) -> Event:
    if not isinstance(found, list) or len(found) != 4:
        raise Refused(400, "An event is a list of milliseconds, kind, slot and value.")
    at, kind, slot, value = found
    if not _whole(at, 0, LATEST):
        raise Refused(400, f"An event's milliseconds are a whole number from 0 to {LATEST}.")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise Refused(400, "An event's kind has up to 30 small letters.")
    if slot is not None and not _whole(slot, 0, 1000):
        raise Refused(400, "An event's slot is a whole number from 0 to 1000, or null.")
    if not _plain(value):
        raise Refused(400, f"An event's value is a number, a text of up to {LONGEST_VALUE} letters, or null.")
    return at, kind, slot, value


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE and value.isprintable()
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or _whole(value, -(2**53), 2**53)
