"""What is seen of raters at work: how far they are, where they left, who seems not to listen. Never a score."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

from django.core.cache import cache
from django.utils import timezone

from analysis.frame import RatingsError, tidy
from analysis.screening import screen
from listening import allocation, headphone_check
from listening.export import ratings_frame
from listening.models import Session, Study, Trial

State = Session.State

SUSPICIONS = {
    "cannot_have_listened": "cannot have listened",
    "too_fast": "rates very fast",
    "not_heard": "rates what was hardly played",
    "no_variance": "moves the sliders hardly at all",
}
"""Rules of the post-screening that look at how a rater listens, in words that tell no score."""

KEPT_SECONDS = 60


@dataclass(frozen=True)
class Watched:
    """A study's raters at one moment.

    Attributes
    ----------
    started, finished, at_work : int
        Who agreed to take part; of those, who finished and who may yet.
    dropped : list of (str, int)
        Where raters stopped who will not finish, in the order of the pages, and how many there.
    seconds_per_trial : float or None
        Median of the trials that count.
    headphones : list of (str, int, int)
        Of each test: how many passed, of how many who took it.
    suspicions : dict of str to list of str
        By the rater's code: what gives reason to look closer.
    """

    started: int
    finished: int
    at_work: int
    dropped: list[tuple[str, int]]
    seconds_per_trial: float | None
    headphones: list[tuple[str, int, int]]
    suspicions: dict[str, list[str]]

    @property
    def minutes_per_trial(self) -> float | None:
        """The same in minutes."""
        return None if self.seconds_per_trial is None else self.seconds_per_trial / 60

    @property
    def n_dropped(self) -> int:
        """All of them together."""
        return sum(n for _, n in self.dropped)


def watched(study: Study, sessions: list[Session]) -> Watched:
    """Look at a study's sessions.

    Parameters
    ----------
    study : Study
    sessions : list of Session
        All of the study's.
    """
    gone = allocation.given_up(study.protocol.design, timezone.now())
    gone_keys = set(study.sessions.filter(gone).values_list("pk", flat=True))
    agreed = [session for session in sessions if session.consented_at]
    going = [each for each in agreed if not each.ended and each.pk not in gone_keys]
    finished = [each for each in agreed if each.state == State.FINISHED]
    lost = [each for each in agreed if each not in going and each.state != State.FINISHED]
    where = Counter((each.at, place_of(each)) for each in lost)
    if study.state == Study.State.CLOSED and not study.protocol.finish_after_closing:
        going = []
    times = Trial.objects.filter(session__study=study, training=False, started_at__isnull=False)
    spans = times.exclude(finished_at=None).values_list("started_at", "finished_at")
    seconds = [(finish - start).total_seconds() for start, finish in spans]
    return Watched(
        len(agreed),
        len(finished),
        len(going),
        [(place, n) for (_, place), n in sorted(where.items())],
        median(seconds) if seconds else None,
        [(test, *_passes(study, sessions, test)) for test in study.protocol.headphones.tests],
        suspicions(study),
    )


def place_of(session: Session) -> str:
    """The page that a session is at or ended at, in words."""
    state, name = session.way[session.at] if session.way else (session.state, "")
    match state:
        case State.TRIALS:
            return f"page {name}"
        case State.TRAINING:
            return "training"
        case State.HEADPHONES:
            return f"headphone test {name}"
        case State.QUESTIONS:
            return f"questionnaire {name.rpartition('/')[0]}"
        case _:
            return State(state).label.lower()


def suspicions(study: Study) -> dict[str, list[str]]:
    """Raters whose way of listening gives reason to look closer, by code; a minute old at most."""
    if study.opened_at is None:
        return {}
    key = f"suspicions-{study.pk}-{study.opened_at:%Y%m%dT%H%M%S.%f}"
    if (found := cache.get(key)) is None:
        found = _suspicions(study)
        cache.set(key, found, KEPT_SECONDS)
    return found


def _suspicions(study: Study) -> dict[str, list[str]]:
    try:
        checks = screen(tidy(ratings_frame(study)), list(SUSPICIONS), keep_unfinished=True).checks
    except RatingsError:  # nothing is rated yet
        return {}
    found: dict[str, list[str]] = {}
    for rater, rule in checks.loc[checks["excluded"].astype(bool), ["rater", "rule"]].itertuples(index=False):
        found.setdefault(rater, []).append(SUSPICIONS[rule])
    return found


def _passes(study: Study, sessions: list[Session], test: str) -> tuple[int, int]:
    right = [headphone_check.last_right(session, test) for session in sessions]
    taken = [each for each in right if each is not None]
    return sum(each >= study.protocol.headphones.passes_with(test) for each in taken), len(taken)
