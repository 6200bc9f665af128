"""Objective metrics of the stimuli: computed when nothing waits to be rendered, and never waited for.

They are advice. What a codec is worth, raters say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from statistics import fmean

from django.conf import settings

from audiocodecs import metrics
from audiocodecs.registry import nominal_kbps
from listening import clips, sound_limits
from listening.models import Clip, Condition, Measurement, Rendering, Study

SPEECH = ("visqol_speech", "pesq", "stoi", "si_sdr")
MUSIC = ("visqol", "si_sdr")
"""Metrics for clips whose category begins with "speech", and for all others."""
AT_ONCE = 50
"""Stimuli that one sweep queues."""


@dataclass(frozen=True)
class Figure:
    """A metric's figure as a page shows it; `value` is None where `reason` says why."""

    title: str
    unit: str
    value: float | None
    reason: str = ""


@dataclass
class Row:
    """A condition over all clips of a study: what was measured, as means.

    Attributes
    ----------
    condition : Condition
    nominal_kbps : float or None
    rendered : int
        Clips that are rendered.
    kbps : float or None
    delay : int
        Largest delay that was removed, samples.
    loudness : float or None
        Difference to the reference, LU, mean.
    times_real_time : float or None
        Seconds of audio for each second of encoding and decoding.
    figures : list of Figure
        Means over the clips that each metric could measure.
    """

    condition: Condition
    nominal_kbps: float | None
    rendered: int
    kbps: float | None = None
    delay: int = 0
    loudness: float | None = None
    times_real_time: float | None = None
    figures: list[Figure] = field(default_factory=list)


def wanted(clip: Clip, condition: Condition) -> list[str]:
    """Metrics for a clip through a condition: those that fit the material and can run here."""
    if condition.role == Condition.Role.HIDDEN_REFERENCE:
        return []
    names = SPEECH if clip.category.casefold().startswith("speech") else MUSIC
    return [name for name in names if _available(name)]


@cache
def _available(name: str) -> bool:
    try:
        metrics.check(name)
    except metrics.MetricUnavailable:
        return False
    return True


def left(renderings: Iterable[Rendering]) -> list[int]:
    """Keys of those renderings that some metric has not measured yet."""
    done = [each for each in renderings if each.state == Rendering.State.DONE]
    there = _there(done)
    return [
        each.pk
        for each in done
        if any(
            (each.stimulus_sha256, each.clip.reference_sha256, name) not in there
            for name in wanted(each.clip, each.condition)
        )
    ]


def left_of(study: Study) -> list[int]:
    """The same for a whole study; nothing where the operator has switched measuring off."""
    if not settings.MEASURE_STIMULI:
        return []
    return left(Rendering.objects.filter(clip__study=study).select_related("clip", "condition"))


def forgotten(now: datetime) -> list[int]:
    """Some that nobody measures: messages were lost, or an older version rendered them.

    Empty while anything is rendered or was measured of late: messages may still be waiting.
    """
    if not settings.MEASURE_STIMULI or Rendering.objects.unfinished().exists():
        return []
    of_late = now - timedelta(seconds=4 * settings.RENDER_LEASE)
    if Measurement.objects.filter(measured_at__gt=of_late).exists():
        return []
    if Rendering.objects.filter(finished_at__gt=of_late).exists():
        return []
    alive = Rendering.objects.filter(state=Rendering.State.DONE).exclude(clip__study__state=Study.State.CLOSED)
    return left(alive.select_related("clip", "condition"))[:AT_ONCE]


def measure(rendering: Rendering) -> None:
    """Compute what is missing of a rendering's metrics. Done twice, it changes nothing."""
    if rendering.state != Rendering.State.DONE:
        return
    clip, there = rendering.clip, _there([rendering])
    keys = {"stimulus_sha256": rendering.stimulus_sha256, "reference_sha256": clip.reference_sha256}
    names = [name for name in wanted(clip, rendering.condition) if (*keys.values(), name) not in there]
    if not names:
        return
    reference = clips.reference_samples(clip)
    with rendering.stimulus.open("rb") as file:
        decoded = sound_limits.read(file).samples
    for name in names:
        value, reason = None, ""
        try:
            value = metrics.measure(name, reference, decoded, clip.study.rate)
        except metrics.MetricError as error:
            reason = str(error)[:300]
        found = Measurement(**keys, metric=name, value=value, reason=reason)
        Measurement.objects.bulk_create([found], ignore_conflicts=True)


def figures(renderings: Iterable[Rendering]) -> dict[int, list[Figure]]:
    """What was measured of each rendering, by its key, in the order of `SPEECH` and `MUSIC`."""
    done = [each for each in renderings if each.state == Rendering.State.DONE]
    there = _there(done)
    found: dict[int, list[Figure]] = {}
    for each in done:
        rows = [
            there.get((each.stimulus_sha256, each.clip.reference_sha256, name))
            for name in wanted(each.clip, each.condition)
        ]
        found[each.pk] = [_figure(row.metric, row.value, row.reason) for row in rows if row is not None]
    return found


def overview(study: Study, renderings: Iterable[Rendering]) -> list[Row]:
    """Each condition over all clips."""
    done = [each for each in renderings if each.state == Rendering.State.DONE]
    there = _there(done)
    return [
        _row(condition, [each for each in done if each.condition_id == condition.pk], there, study.rate)
        for condition in study.conditions.filter(repeat=0)
    ]


_There = dict[tuple[str, str, str], Measurement]


def _row(condition: Condition, mine: list[Rendering], there: _There, rate: int) -> Row:
    row = Row(condition, None, len(mine))
    if condition.role == Condition.Role.SYSTEM:
        row.nominal_kbps = nominal_kbps(condition.spec)
    rates = [each.kbps for each in mine if each.kbps is not None]
    levels = [each.loudness_difference for each in mine if each.loudness_difference is not None]
    taken = sum((each.encode_seconds or 0) + (each.decode_seconds or 0) for each in mine)
    row.kbps = fmean(rates) if rates else None
    row.loudness = fmean(levels) if levels else None
    row.delay = max((each.delay_samples for each in mine), key=abs, default=0)
    if taken and rates:
        row.times_real_time = sum((each.clip.frames or 0) / rate for each in mine) / taken
    for name in dict.fromkeys((*SPEECH, *MUSIC)):
        values = [
            there[key].value
            for each in mine
            if (key := (each.stimulus_sha256, each.clip.reference_sha256, name)) in there
        ]
        if numbers := [value for value in values if value is not None]:
            row.figures.append(_figure(name, fmean(numbers)))
    return row


def _there(renderings: list[Rendering]) -> _There:
    found = Measurement.objects.filter(stimulus_sha256__in={each.stimulus_sha256 for each in renderings})
    return {(each.stimulus_sha256, each.reference_sha256, each.metric): each for each in found}


def _figure(name: str, value: float | None, reason: str = "") -> Figure:
    metric = metrics.METRICS[name]
    return Figure(metric.title, metric.unit, value, reason)
