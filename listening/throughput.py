"""How fast a study is being rendered, and how long it will still take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from listening import estimates
from listening.models import Rendering

WINDOW = timedelta(minutes=2)
"""What is looked back upon."""
LEAST = 3
"""Renderings that must have ended within it for a figure to mean anything."""


@dataclass(frozen=True)
class Throughput:
    """Figures over the last minutes.

    Attributes
    ----------
    per_minute : float
        Stimuli.
    times_real_time : float
        Seconds of sound for each second.
    cores_busy : float
        Processor seconds of the codecs for each second.
    seconds_left : float
        For what is queued or running, each condition as slow as it was so far.
    """

    per_minute: float
    times_real_time: float
    cores_busy: float
    seconds_left: float

    @property
    def words(self) -> str:
        """One line for the page."""
        return (
            f"{self.per_minute:.0f} stimuli a minute, {self.times_real_time:.1f} times real time, "
            f"{self.cores_busy:.1f} cores busy with codecs. {_left(self.seconds_left)}"
        )


def measured(rows: Iterable[Rendering], now: datetime) -> Throughput | None:
    """Throughput of renderings, each with its clip and condition; None while too few ended of late."""
    rows = list(rows)
    done = [row for row in rows if row.state == Rendering.State.DONE and row.finished_at]
    late = [row for row in done if row.finished_at and row.finished_at > now - WINDOW]
    left = [row for row in rows if row.state in (Rendering.State.QUEUED, Rendering.State.RUNNING)]
    if len(late) < LEAST or not left:
        return None
    begun = min(row.finished_at - timedelta(seconds=_taken(row)) for row in late if row.finished_at)
    seconds = max((now - max(begun, now - WINDOW)).total_seconds(), 1.0)
    work_a_second = sum(map(_taken, late)) / seconds
    return Throughput(
        per_minute=60 * len(late) / seconds,
        times_real_time=sum(map(_length, late)) / seconds,
        cores_busy=sum(row.cpu_seconds or 0.0 for row in late) / seconds,
        seconds_left=_work(left, done) / work_a_second,
    )


def _work(left: list[Rendering], done: list[Rendering]) -> float:
    """Seconds that renderings will take, one after the other."""
    total = 0.0
    for condition in {row.condition_id for row in left}:
        mine = [row for row in left if row.condition_id == condition]
        before = [_taken(row) for row in done if row.condition_id == condition]
        if before:
            total += fmean(before) * len(mine)
        else:
            pace = estimates.pace(mine[0].condition.spec)
            total += sum(estimates.SECONDS_PER_STIMULUS + pace * _length(row) for row in mine)
    return total


def _taken(row: Rendering) -> float:
    return (row.encode_seconds or 0.0) + (row.decode_seconds or 0.0) + estimates.SECONDS_PER_STIMULUS


def _length(row: Rendering) -> float:
    return row.clip.frames / row.clip.study.rate if row.clip.frames else row.clip.length


def _left(seconds: float) -> str:
    if seconds < 60:
        return "Less than a minute left."
    minutes = round(seconds / 60)
    return f"About {minutes} minute{'s' if minutes > 1 else ''} left."
