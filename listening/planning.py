"""Which pages a rater gets, in which order: from a study's protocol and a session's stored seed, always the same."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from listening.models import Place, Session
from listening.protocol import Protocol
from listening.questionnaires import due, written_out

State = Session.State
Step = tuple[str, str]
"""A page: the session's state there, and which one where the state has several (a trial's position)."""

_READING, _LEVEL, _HEADPHONE_TEST, _QUESTION, _LEAST_ON_A_SIGNAL = 90, 30, 90, 8, 5
"""Seconds: consent, instructions and last page; setting the level; a test; a question; a signal on a page."""

_Page = tuple[int, tuple[int, ...], int, int | None]

STATED_SCORES = tuple(range(5, 100, 5))
"""Scores that a page of attention may ask for."""


@dataclass(frozen=True)
class PlannedTrial:
    """One trial before it is stored.

    Attributes
    ----------
    position : int
        From 1 in the order of pages; those of the training come before: 0 the last of them, -1 the one before.
    clip : int
        Key of the clip.
    conditions : tuple of int
        Keys of the conditions in the order of the slots.
    repeat : int
        1 where the clip was rated on an earlier page.
    expected : int or None
        The score that the page asks for, where it tests attention.
    """

    position: int
    clip: int
    conditions: tuple[int, ...]
    repeat: int = 0
    expected: int | None = None

    @property
    def training(self) -> bool:
        """Whether its ratings are not counted."""
        return self.position <= 0


def plan(
    clips: Sequence[int],
    conditions: Sequence[int],
    seed: int,
    protocol: Protocol | None = None,
    training: Sequence[int] = (),
    order: Sequence[int] | None = None,
) -> list[PlannedTrial]:
    """Trials that a seed gives: always the same.

    Parameters
    ----------
    clips, conditions : sequence of int
        Keys, in the study's own order.
    seed : int
        The session's.
    protocol : Protocol, optional
        Repeats, pages of attention and of training.
    training : sequence of int
        Clips that the training is to use, first to last; drawn where there are none.
    order : sequence of int, optional
        Clips that are rated, in this order, where the session has a place; otherwise all, in an order that is drawn.
        Training and pages of attention then use other clips as long as there are any.

    Returns
    -------
    list of PlannedTrial
        The training, then one trial for each clip, with repeats and pages of attention among them. A repeat comes
        at least two pages after the first time where there are so many; no page of attention comes first.
    """
    protocol = protocol or Protocol()
    draw = random.Random(seed)
    spare: list[int] = []
    if order is None:
        before = list(training) or [draw.choice(clips) for _ in range(protocol.training.pages)]
        rated, order = clips, draw.sample(clips, len(clips))
    else:
        others = [clip for clip in clips if clip not in order and clip not in training]
        spare = draw.sample(others, len(others))
        before = list(training) or [
            spare.pop() if spare else draw.choice(clips) for _ in range(protocol.training.pages)
        ]
        rated = order

    def page(clip: int, repeat: int = 0, expected: int | None = None) -> _Page:
        return clip, tuple(draw.sample(conditions, len(conditions))), repeat, expected

    pages = [page(clip) for clip in (*before, *order)]
    least = len(before)
    # Drawn after all that a protocol without them needs: the orders of stored seeds stay what they were.
    for clip in draw.sample(rated, min(protocol.repeats, len(rated))):
        first = next(i for i in range(least, len(pages)) if pages[i][0] == clip)
        pages.insert(draw.randint(min(first + 3, len(pages)), len(pages)), page(clip, repeat=1))
    for _ in range(protocol.attention):
        asked = page(spare.pop() if spare else draw.choice(rated), expected=draw.choice(STATED_SCORES))
        pages.insert(draw.randint(least + 1, len(pages)), asked)
    return [PlannedTrial(position, *each) for position, each in enumerate(pages, start=1 - least)]


def plan_of(session: Session) -> list[PlannedTrial]:
    """The plan of a session, from its stored seed, its study and, where it has one, its place."""
    study = session.study
    place = Place.objects.filter(session=session).first()
    clips = study.clips.order_by("position", "id").values_list("pk", "name")
    conditions = list(study.conditions.order_by("position", "id").values_list("pk", flat=True))
    keys = {name: pk for pk, name in clips}
    named = [keys[name] for name in study.protocol.training.clips if name in keys]
    return plan(list(keys.values()), conditions, session.seed, study.protocol, named, place and place.clips)


def pages_of(protocol: Protocol, clips: int) -> int:
    """Pages that are rated after the training, in a study of so many clips."""
    each = protocol.design.clips_each(clips)
    return each + min(protocol.repeats, each) + protocol.attention


def minutes_of(protocol: Protocol, clips: int, signals: int, seconds: float) -> int:
    """Minutes that a rater will take, roughly; breaks apart.

    A page takes as long as to hear each of its signals once, at least five seconds each. For 12 signals of 10 s that
    is two minutes, as in the 20 to 30 minutes that BS.1534-3 gives 10 to 15 trials.

    Parameters
    ----------
    protocol : Protocol
    clips, signals : int
        Of the study.
    seconds : float
        Mean length of a clip.
    """
    pages = pages_of(protocol, clips)
    training = len(protocol.training.clips) or protocol.training.pages
    page = max(signals * max(seconds, _LEAST_ON_A_SIGNAL), protocol.rules.least_seconds)
    asked = sum(
        len(written_out(each).questions) * ((pages - 1) // each.every if each.at == "between" else 1)
        for each in protocol.questionnaires
    )
    before = _READING + _LEVEL * protocol.level + _HEADPHONE_TEST * len(protocol.headphones.tests)
    return math.ceil((before + (training + pages) * page + asked * _QUESTION) / 60)


def way_of(protocol: Protocol, planned: Sequence[PlannedTrial]) -> list[Step]:
    """Every page of a session in its order, from the consent to the end; breaks come in between by the clock."""
    way: list[Step] = [(State.CONSENT, "")]
    if protocol.level:
        way.append((State.LEVEL, ""))
    way += [(State.HEADPHONES, test) for test in protocol.headphones.tests]
    way += [*_questions(protocol, "start"), (State.INSTRUCTIONS, "")]
    rated = sum(not trial.training for trial in planned)
    for trial in planned:
        way.append((State.TRAINING if trial.training else State.TRIALS, str(trial.position)))
        if not trial.training:
            way += _questions(protocol, "between", trial.position, rated)
    return [*way, *_questions(protocol, "end"), (State.COMMENTS, ""), (State.FINISHED, "")]


def _questions(protocol: Protocol, at: str, pages: int = 0, of: int = 0) -> list[Step]:
    """Questionnaires at a place of the way: each by its name and which time it comes."""
    return [(State.QUESTIONS, f"{name}/{time}") for name, time in due(protocol.questionnaires, at, pages, of)]
