"""Raters who come, rate, drop out and come back, many at once in processes of their own, and one who watches counts.

    DATABASE_URL=postgres://… VAR_DIR=… python -m tests.simulated_raters '{"raters": 60, "at_a_time": 8}'

makes tables and a study in an empty database, sends raters to it through the same functions that the pages call, and
prints as JSON what happened (`simulated` does that from a test or a benchmark).
"""

from __future__ import annotations

import json
import multiprocessing
import queue
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection, connections  # noqa: E402

from listening import allocation, ratings, sessions  # noqa: E402
from listening.models import Clip, Condition, Place, Rating, Session, Study, Trial  # noqa: E402
from tests.listen import listen  # noqa: E402

State = Session.State


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes
    ----------
    raters : int
        Who come in all, and more where a machine is so slow that living raters lose their places. Who is turned away
        comes again until every place is finished.
    at_a_time : int
        Processes, each with one rater after the other.
    clips, each, wanted : int
        Clips of the study, of each rater, and ratings wanted of each stimulus in each panel.
    panels : tuple of str
        That raters come from.
    dropping_out : float
        Share of raters who stop at any point of their way. Every fourth of them comes back after a while.
    give_back_seconds, hold_seconds : float
        Without a sign of life for so long, a place goes to the next rater; `hold_seconds` counts until the first page
        of sounds is finished.
    thinking : float
        Longest wait between two deeds, seconds.
    only_agree : bool
        Raters stop once they have agreed, and nobody watches: for timing places alone.
    """

    raters: int = 500
    at_a_time: int = 40
    clips: int = 12
    each: int = 4
    wanted: int | None = 50
    panels: tuple[str, ...] = ("", "students")
    dropping_out: float = 0.3
    give_back_seconds: float = 40.0
    hold_seconds: float = 20.0
    thinking: float = 0.05
    only_agree: bool = False
    seed: int = 1


@dataclass
class Told:
    """What the raters of one process tell, or all of them together.

    Attributes
    ----------
    ends : counter of str
        How their ways ended.
    waits : list of float
        Seconds that each new place took to get past the lock, the statement that waits for it included.
    """

    ends: Counter = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


def run(plan: Plan) -> dict[str, object]:
    """Simulate; returns what a test or a benchmark asks of it, fit for JSON."""
    study = _study(plan)
    allocation.HOLD_MINUTES = plan.hold_seconds / 60
    connections.close_all()
    context = multiprocessing.get_context("fork")
    come, told = context.Value("i", 0), context.Queue()
    over = context.Event()
    looks = context.Queue()
    watcher = context.Process(target=_watch, args=(study.pk, over, looks))
    workers = [context.Process(target=_work, args=(plan, study.pk, come, told)) for _ in range(plan.at_a_time)]
    began = time.monotonic()
    processes = workers if plan.only_agree else [watcher, *workers]
    for each in processes:
        each.start()
    whole = Told()
    for _ in workers:
        ends, waits = _next(told, processes)
        whole.ends.update(ends)
        whole.waits += waits
    seconds = time.monotonic() - began
    over.set()
    watched = {} if plan.only_agree else _next(looks, processes)
    for each in processes:
        each.join(30)
    return {"ends": whole.ends, "waits": whole.waits, "seconds": seconds, **watched, **_afterwards(study.pk)}


def _next(told, processes):  # noqa: ANN001, ANN202
    """What one of the processes tells; who died tells nothing."""
    while True:
        try:
            return told.get(timeout=2)
        except queue.Empty:
            if failed := [each.exitcode for each in processes if each.exitcode]:
                for each in processes:
                    each.terminate()
                raise RuntimeError(f"{len(failed)} processes failed, see above") from None


def _study(plan: Plan) -> Study:
    """An open study of clips without a sound: no page is drawn."""
    owner = get_user_model().objects.create(username="ada")
    study = Study.objects.create(owner=owner, slug="speech", title="Speech")
    for spec in ("reference", "opus@12"):
        Condition.objects.create(study=study, spec=spec, title=spec, role="hidden_reference")
    for n in range(plan.clips):
        facts = {"original_rate": 48000, "original_channels": 1, "original_seconds": 5, "original_sha256": str(n)}
        Clip.objects.create(study=study, name=f"clip {n}", position=n, **facts)
    design = {
        "clips_per_rater": plan.each,
        "ratings_per_stimulus": plan.wanted,
        "give_back_minutes": plan.give_back_seconds / 60,
    }
    study.raters_way = {"design": design}
    study.state = Study.State.OPEN
    study.save()
    allocation.lay_all(study)
    return study


def _watch(study: int, over, looks) -> None:  # noqa: ANN001
    """Look at the counts again and again, each time as of one moment, until all is over."""
    found = {"looks": 0, "largest_difference": 0, "states_seen": 0}
    seen = set()
    study = Study.objects.get(pk=study)
    last = False
    while not last:
        last = over.is_set()
        for panel in allocation.coverage(study):
            held = [clip.held for clip in panel.clips]
            found["largest_difference"] = max(found["largest_difference"], max(held) - min(held))
            seen.add((panel.panel, *held))
        found["looks"] += 1
        time.sleep(0.02)
    looks.put({**found, "states_seen": len(seen)})
    connection.close()


def _work(plan: Plan, study: int, come, told) -> None:  # noqa: ANN001
    """One rater after the other."""
    mine = Told()

    def timed(execute, sql, params, many, context):  # noqa: ANN001, ANN202
        before = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if sql in (allocation.TAKE_NEXT, "BEGIN IMMEDIATE"):
                mine.waits.append(time.perf_counter() - before)

    study = Study.objects.get(pk=study)
    with connection.execute_wrapper(timed):
        while True:
            with come.get_lock():
                number = come.value
                come.value += 1
            if number >= plan.raters and (plan.only_agree or all(_through(study, panel) for panel in plan.panels)):
                break
            draw = random.Random(f"{plan.seed}/{number}")
            mine.ends[_rater(plan, study, draw)] += 1
    connection.close()
    told.put((mine.ends, mine.waits))


def _rater(plan: Plan, study: Study, draw: random.Random) -> str:
    """From the link to whatever end; who finds no place comes again until every place is finished."""
    panel = draw.choice(plan.panels)
    deeds = 4 + plan.each  # the link, consent, instructions, training, pages and the last one
    stops_after = draw.randrange(deeds) if draw.random() < plan.dropping_out else None
    comes_back = draw.random() < 0.25
    if plan.only_agree:
        stops_after, comes_back = 1, False
    while allocation.is_full(study, panel):
        if _through(study, panel):
            return "turned away"
        time.sleep(draw.uniform(0.3, 0.9))
    session = sessions.start(study, outside_ids={}, locale="en", browser="", panel=panel)
    token, done = session.rater.token, 0
    while True:
        time.sleep(draw.uniform(0, plan.thinking))
        session = sessions.behind_link(token)
        if session.ended:
            return session.state
        if done == stops_after:
            if not comes_back:
                return "dropped out"
            time.sleep(draw.uniform(0, 2 * plan.give_back_seconds))
            comes_back, stops_after = False, None
            continue
        try:
            _leave(session, draw)
        except allocation.StudyFull:
            if _through(study, panel):
                return "turned away at the consent"
            time.sleep(draw.uniform(0.3, 0.9))
            continue
        except ratings.Refused as refused:
            if refused.status != 409:  # its place went to another rater in this very moment
                raise
            continue
        done += 1


def _leave(session: Session, draw: random.Random) -> None:
    """Do what the page wants, and leave it."""
    left = sessions.step_of(session)
    if trial := sessions.current_trial(session):
        sessions.show(trial)
        listen(session)
        for rating in trial.ratings.all():
            body = {"trial": trial.token, "slot": rating.slot, "score": draw.randint(0, 100), "plays": 1}
            write = ratings.parse(json.dumps({**body, "seconds_heard": 2.0, "revision": rating.revision + 1}).encode())
            ratings.save(session, write)
    sessions.advance(session, left)


def _through(study: Study, panel: str) -> bool:
    """Whether every place of a panel is finished."""
    places = Place.objects.held().filter(panel__study=study, panel__name=panel)
    return places.exists() and not places.exclude(session__state=State.FINISHED).exists()


def _afterwards(study: int) -> dict[str, object]:
    """What the tables say: from the ratings themselves, not from the places."""
    trials = Trial.objects.filter(session__study=study, training=False, repeat=0)
    finished = Counter()
    rated = Rating.objects.filter(trial__in=trials, score__isnull=False, trial__session__state=State.FINISHED)
    names = ("trial__session__panel", "trial__clip_id", "condition_id")
    for panel, clip, condition in rated.values_list(*names):
        finished[panel, clip, condition] += 1
    panels = sorted({panel for panel, _, _ in finished})
    clips_of: dict[int, list[int]] = {}
    for session, clip in trials.order_by("position").values_list("session_id", "clip_id"):
        clips_of.setdefault(session, []).append(clip)
    places = Place.objects.filter(panel__study=study)
    consented = Session.objects.filter(study=study, consented_at__isnull=False)
    return {
        "fewest": {panel: min(n for key, n in finished.items() if key[0] == panel) for panel in panels},
        "stimuli": {panel: sum(key[0] == panel for key in finished) for panel in panels},
        "twice": sum(len(set(clips)) < len(clips) for clips in clips_of.values()),
        "places_held": places.held().count(),
        "other_clips_than_the_place": sum(
            clips_of.get(session, []) != block
            for session, block in places.held().filter(session__state=State.FINISHED).values_list("session", "clips")
        ),
        "places_without_consent": places.filter(session__isnull=False, session__consented_at=None).count(),
        "consented": consented.count(),
        "unfinished_with_ratings": Rating.objects.filter(
            trial__in=trials, score__isnull=False, trial__session__state=State.TIMED_OUT
        ).count(),
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    print(json.dumps(run(Plan(**json.loads(sys.argv[1])))))
