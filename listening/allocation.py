"""Who rates what: places with a block of clips each, one for each rater, kept balanced while raters come and go.

A panel's places are a row of blocks (`listening.blocks`), taken strictly in the order of their numbers, so that those
held are a beginning of the row at every committed moment: how often any two stimuli were given out differs by one at
most. A place that its rater gave up stays held until, in one transaction, the next rater takes over exactly that block;
so dropping out changes no count. A panel's quota is a number of places too, also where every rater gets all clips.

Two locks keep that. Taking a new place updates the panel's row, and whoever comes meanwhile waits until that is
committed: places that were numbered without waiting might be committed in another order, and would be no beginning of
the row. Nothing else is done while that row is held, on Postgres by one statement, so that nobody waits for a busy
process of ours either; blocks are laid ahead, and trials are made afterwards. Taking over locks the session that gave
up, and skips those that somebody holds at that moment: they live. That a session has one place is a constraint.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, Max, OuterRef, Q
from django.utils import timezone

from listening import endings
from listening.blocks import Blocks
from listening.models import Panel, Place, Session, Study, Trial
from listening.protocol import Design

State = Session.State

AHEAD = 8
"""Places that are laid ahead of the one to be taken: as many may come before the next cycle is laid."""
MOST_AHEAD = 200
"""Places laid when a study opens."""
HOLD_MINUTES = 10
"""Without a sign of life for so long, a place goes on where its rater has not finished the first page of sounds."""


class StudyFull(Exception):
    """Every place is held, and none of them was given up."""


class _NotLaid(Exception):
    """Others took all places that were laid."""


@dataclass(frozen=True)
class ClipCoverage:
    """How often a clip was given out in a panel. Each of its stimuli is rated as often.

    Attributes
    ----------
    clip : str
    finished : int
        By raters who finished.
    in_progress : int
        By raters who may yet finish.
    given_up : int
        Waiting for the next rater.
    """

    clip: str
    finished: int
    in_progress: int
    given_up: int

    @property
    def held(self) -> int:
        """All three together, which differ by one at most from clip to clip."""
        return self.finished + self.in_progress + self.given_up


@dataclass(frozen=True)
class PanelCoverage:
    """How often each clip was given out in a panel, and how often it is wanted (None: no number is set)."""

    panel: str
    wanted: int | None
    clips: list[ClipCoverage]


def take(session: Session) -> Place:
    """Give a session its place; one that has a place keeps it.

    Raises
    ------
    StudyFull
    """
    if found := Place.objects.filter(session=session).first():
        return found
    study = session.study
    design = study.protocol.design
    panel = _panel(study, session.panel)
    places = _places(study, panel)
    Session.objects.filter(pk=session.pk).update(seen_at=timezone.now())
    while True:
        lay(panel, panel.taken + AHEAD if places is None else min(panel.taken + AHEAD, places))
        try:
            with transaction.atomic():
                taken = _may_take_over(panel, places) and _take_over(panel, session, design)
            if not taken:
                _take_next(panel, session, places)
        except _NotLaid:
            panel.refresh_from_db()
            continue
        except IntegrityError:  # the same rater's other click was quicker: a session has one place
            pass
        return Place.objects.get(session=session)


def gives_place(session: Session) -> bool:
    """Whether a rater takes a place: where the design shares clips out, or their panel takes only so many."""
    if session.study.protocol.design.gives_places:
        return True
    return Panel.objects.filter(study=session.study_id, name=session.panel).exclude(quota=None).exists()


def is_full(study: Study, panel: str) -> bool:
    """Whether a newcomer of a panel would find no place now."""
    there = Panel.objects.filter(study=study, name=panel).select_related("study").first()
    if there is None:
        return False
    places = _places(study, there)
    return places is not None and there.taken >= places and _filled(there) >= places


def turns_away(session: Session) -> bool:
    """Whether a rater who has not agreed yet would find no place now."""
    at_the_door = session.state == State.CONSENT and not Place.objects.filter(session=session).exists()
    return at_the_door and is_full(session.study, session.panel)


def given_up(design: Design, now: datetime, session: str = "") -> Q:
    """Sessions whose place goes to the next rater.

    They ended otherwise than finished, cannot have listened, or showed no sign of life for too long: ten minutes until
    the first page of sounds is finished, the study's own minutes after that.

    Parameters
    ----------
    design : Design
    now : datetime
    session : str
        Lookup that leads to the session; "" for sessions themselves.
    """

    def of(name: str, value: object) -> Q:
        return Q(**{f"{session}{name}": value})

    lost = of("state__in", [State.SCREENED_OUT, State.TIMED_OUT, State.CLOSED])
    lost |= of("state", State.FINISHED) & ~of("cannot_have_listened", "")
    minutes = design.give_back_minutes
    silent = of("seen_at__lt", now - timedelta(minutes=minutes))
    if minutes > HOLD_MINUTES:
        begun = Exists(Trial.objects.filter(session=OuterRef(f"{session}pk")).exclude(finished_at=None))
        silent |= of("seen_at__lt", now - timedelta(minutes=HOLD_MINUTES)) & ~begun
    return lost | (silent & ~of("state", State.FINISHED))


def lay(panel: Panel, number: int) -> None:
    """Lay a panel's places up to a number at least, in whole cycles of blocks: what follows depends on the seed alone.

    Two who do so at once lay the same; the first one's stay.
    """
    if (panel.places.aggregate(last=Max("number"))["last"] or 0) >= number:
        return
    study = panel.study
    clips = list(study.clips.order_by("position", "id").values_list("pk", flat=True))
    laid = panel.places.order_by("number").values_list("clips", flat=True)
    blocks = Blocks(clips, study.protocol.design.clips_each(len(clips)), panel.seed, laid)
    while blocks.laid < number:
        first = blocks.laid + 1
        places = [Place(panel=panel, number=i, clips=block) for i, block in enumerate(blocks.cycle(), start=first)]
        Place.objects.bulk_create(places, ignore_conflicts=True)


def lay_all(study: Study) -> None:
    """Lay the places of a study that opens, so that no rater waits for it."""
    design = study.protocol.design
    if design.gives_places:
        wanted = design.places(study.clips.count()) or AHEAD
        for name in design.panels or ("",):
            lay(_panel(study, name), min(wanted, MOST_AHEAD))


def coverage(study: Study) -> list[PanelCoverage]:
    """How often each clip was given out, in each panel, as of one moment."""
    design = study.protocol.design
    clips = dict(study.clips.order_by("position", "id").values_list("pk", "name"))
    counts: dict[str, dict[str, Counter[int]]] = {}
    lost = ExpressionWrapper(given_up(design, timezone.now(), "session__"), output_field=BooleanField())
    rows = Place.objects.held().filter(panel__study=study).annotate(lost=lost).order_by("panel__name", "number")
    for panel, block, state, is_lost in rows.values_list("panel__name", "clips", "session__state", "lost"):
        if is_lost or not state:
            kind = "given_up"
        else:
            kind = "finished" if state == State.FINISHED else "in_progress"
        counts.setdefault(panel, {}).setdefault(kind, Counter()).update(block)
    kinds = ("finished", "in_progress", "given_up")
    return [
        PanelCoverage(
            panel,
            design.ratings_per_stimulus,
            [ClipCoverage(name, *(found.get(kind, Counter())[clip] for kind in kinds)) for clip, name in clips.items()],
        )
        for panel, found in counts.items()
    ]


def _panel(study: Study, name: str) -> Panel:
    return Panel.objects.select_related("study").get_or_create(study=study, name=name)[0]


def _places(study: Study, panel: Panel) -> int | None:
    """Places that a panel has: those that the design wants, or its quota where that is less; None: no end of them."""
    design = study.protocol.design
    wanted = design.places(study.clips.count()) if design.when_full == "turn_away" else None
    if panel.quota is None:
        return wanted
    # Raters who began before there was a quota may have no place, and count all the same.
    beside = study.sessions.filter(panel=panel.name, place=None).exclude(consented_at=None)
    left = max(0, panel.quota - beside.exclude(given_up(design, timezone.now())).count())
    return left if wanted is None else min(wanted, left)


def _filled(panel: Panel) -> int:
    """Places whose raters finished, or may yet."""
    lost = given_up(panel.study.protocol.design, timezone.now(), "session__")
    return panel.places.held().exclude(session=None).exclude(lost).count()


def _may_take_over(panel: Panel, places: int | None) -> bool:
    """Whether a place that was given up goes on: not where more were taken than a quota, lowered since, allows."""
    if places is None or panel.taken <= places:
        return True
    Panel.objects.select_for_update(no_key=True).get(pk=panel.pk)  # one at a time: each of them fills one more
    return _filled(panel) < places


def _take_over(panel: Panel, own: Session, design: Design) -> bool:
    """Take the lowest place that was given up, and end the session that did so; False where there is none."""
    now = timezone.now()
    while True:
        places = Place.objects.filter(panel=panel)
        if old := (
            Session.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .filter(given_up(design, now), place__panel=panel)
            .order_by("place__number")
            .first()
        ):
            places = places.filter(session=old)
        elif let_go := places.let_go().first():
            places = Place.objects.filter(pk=let_go.pk, session=None)
        else:
            return False
        # Somebody else may have been quicker between the look and now; then look again.
        if places.update(session=own, taken_at=now):
            if old and old.consented_at and not old.ended:
                endings.end(old, State.TIMED_OUT)
                old.save(update_fields=endings.FIELDS)
            return True


def _take_next(panel: Panel, own: Session, places: int | None) -> None:
    """Take the place after the last one that was taken. Until it is committed, others wait for the panel's row."""
    now = timezone.now()
    if connection.vendor == "postgresql":
        # By itself, the statement is committed by the server before we hear of it.
        inside = transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext()
        with inside, connection.cursor() as cursor:
            cursor.execute(TAKE_NEXT, [panel.pk, places, own.pk, now, panel.pk])
            taken = cursor.rowcount
    else:
        next_one = Place.objects.filter(panel=panel, number=F("panel__taken") + 1)
        with transaction.atomic():
            free = next_one if places is None else next_one.filter(number__lte=places)
            taken = Place.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(
                session=own, taken_at=now
            )
            Panel.objects.filter(pk=panel.pk).update(taken=F("taken") + taken)
    if taken:
        return
    panel.refresh_from_db()
    if places is not None and panel.taken >= places:
        raise StudyFull
    raise _NotLaid


TAKE_NEXT = """
WITH next AS (
    UPDATE listening_panel SET taken = taken + 1
    WHERE id = %s AND taken < COALESCE(%s, taken + 1) AND EXISTS (
        SELECT FROM listening_place WHERE panel_id = listening_panel.id AND number = listening_panel.taken + 1
    )
    RETURNING taken
)
UPDATE listening_place SET session_id = %s, taken_at = %s FROM next WHERE panel_id = %s AND number = next.taken
"""
