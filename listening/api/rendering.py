"""Rendering: start, progress, failures, retry."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status

from listening import studies
from listening.api.access import Body, Refusal, answers, changes, reads
from listening.models import Rendering, Study

router = Router(tags=["rendering"])


class Stimulus(Schema):
    """A clip through a condition."""

    id: int
    clip: str
    condition: str
    state: str
    attempts: int
    error: str
    kbps: float | None
    delay_samples: int
    loudness_difference: float | None
    sha256: str
    warnings: list[str]


class Progress(Schema):
    """How far the rendering is. `study_state` is ready when all is done, draft when something failed."""

    study_state: str
    total: int
    done: int
    failed: int
    running: int
    queued: int
    percent: int
    stimuli: list[Stimulus]


class Which(Body):
    """Stimuli that failed; left out: all of them."""

    ids: list[int] | None = None


@router.get(
    "studies/{slug:slug}/rendering",
    auth=reads,
    response=answers(200, Progress),
    url_name="api_rendering",
    summary="Progress, and the codec's own words where one failed",
)
def read_rendering(request: HttpRequest, slug: str) -> Any:
    return _shown(request.study)


@router.post(
    "studies/{slug:slug}/rendering",
    auth=changes,
    response=answers(202, Progress),
    url_name="api_rendering",
    summary="Start: what is rendered and still fits stays",
)
def start_rendering(request: HttpRequest, slug: str) -> Any:
    try:
        studies.start_rendering(request.study)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return Status(202, _shown(request.study))


@router.post(
    "studies/{slug:slug}/rendering/retry",
    auth=changes,
    response=answers(202, Progress),
    url_name="api_retry",
    summary="Try again what failed",
)
def retry_rendering(request: HttpRequest, slug: str, payload: Which | None = None) -> Any:
    study: Study = request.study
    failed = Rendering.objects.select_related("clip__study", "condition").filter(
        clip__study=study, state=Rendering.State.FAILED
    )
    if payload is not None and payload.ids is not None:
        failed = failed.filter(pk__in=payload.ids)
    rows = list(failed)
    if not rows:
        raise Refusal(409, "Nothing of that has failed: there is nothing to retry.")
    try:
        for row in rows:
            studies.retry(row)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    study.refresh_from_db()
    return Status(202, _shown(study))


def _shown(study: Study) -> Progress:
    found = studies.progress(study)
    counts = {name: getattr(found, name) for name in ("total", "done", "failed", "running", "queued", "percent")}
    return Progress(study_state=study.state, **counts, stimuli=[_stimulus(row) for row in found.rows])


def _stimulus(row: Rendering) -> Stimulus:
    return Stimulus(
        id=row.pk,
        clip=row.clip.name,
        condition=row.condition.title,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        kbps=row.kbps,
        delay_samples=row.delay_samples,
        loudness_difference=row.loudness_difference,
        sha256=row.stimulus_sha256,
        warnings=row.warnings,
    )
