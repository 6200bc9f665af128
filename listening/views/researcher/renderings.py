"""The rendering of a study: start, progress, what came of it, and listening to it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from audiocodecs.registry import parse_spec
from listening import estimates, measuring
from listening import studies as rules
from listening.byte_ranges import audio_response
from listening.models import Clip, Condition, Rendering, Study
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page, wants_json

MEASURED = (Study.State.READY, Study.State.OPEN)
"""States in which a page waits for metrics."""


@dataclass(frozen=True)
class Material:
    """A clip with its renderings and their figures, in the order of the conditions; None where there is none yet."""

    clip: Clip
    cells: list[tuple[Condition, Rendering | None, list[measuring.Figure]]]


@of_study(Right.READ)
@require_GET
def rendering(request: HttpRequest, study: Study) -> HttpResponse:
    progress = rules.progress(study)
    return study_page(
        request,
        study,
        "rendering",
        progress=progress,
        conditions=list(study.conditions.all()),
        material=material(study, progress.rows),
        overview=measuring.overview(study, progress.rows) if progress.done else [],
        unmeasured=len(measuring.left_of(study)) if study.state in MEASURED else 0,
        failures=[row for row in progress.rows if row.state == Rendering.State.FAILED],
        problems=rules.problems(study) if study.editable else [],
        estimate=estimates.estimate(study) if study.state == Study.State.DRAFT else None,
    )


@of_study(Right.CHANGE)
@require_POST
def render_study(request: HttpRequest, study: Study) -> HttpResponse:
    try:
        rules.start_rendering(study)
    except rules.StudyError as error:
        messages.error(request, str(error))
    return redirect("rendering", study.slug)


@of_study(Right.READ)
@require_GET
def progress(request: HttpRequest, study: Study) -> HttpResponse:
    """Counts, and the state of each rendering, for the page that watches them."""
    found = rules.progress(study)
    return JsonResponse(
        {
            "study_state": study.state,
            "total": found.total,
            "done": found.done,
            "failed": found.failed,
            "running": found.running,
            "queued": found.queued,
            "percent": found.percent,
            "unmeasured": len(measuring.left_of(study)) if study.state in MEASURED else 0,
            "renderings": [{"id": row.pk, "state": row.state, "attempts": row.attempts} for row in found.rows],
        }
    )


@of_study(Right.CHANGE)
@require_POST
def retry(request: HttpRequest, study: Study, rendering_id: int) -> HttpResponse:
    found = get_object_or_404(Rendering.objects.select_related("clip__study"), pk=rendering_id, clip__study=study)
    try:
        rules.retry(found)
    except rules.StudyError as error:
        if wants_json(request):
            return JsonResponse({"error": str(error)}, status=409)
        messages.error(request, str(error))
    return redirect("rendering", study.slug)


@of_study(Right.READ)
@require_GET
def stimulus(request: HttpRequest, study: Study, rendering_id: int) -> HttpResponse:
    found = get_object_or_404(Rendering, pk=rendering_id, clip__study=study, state=Rendering.State.DONE)
    return _sound(request, found.stimulus)


@of_study(Right.READ)
@require_GET
def reference(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    return _sound(request, get_object_or_404(Clip, pk=clip_id, study=study).reference)


def material(study: Study, rows: list[Rendering]) -> list[Material]:
    """Each clip with its renderings in the order of the conditions."""
    at = {(row.clip_id, row.condition_id): row for row in rows}
    conditions = list(study.conditions.all())
    figures = measuring.figures(rows)
    for condition in conditions:
        spec = parse_spec(condition.spec)
        condition.nominal_kbps = spec.value if condition.role == Condition.Role.SYSTEM else None
    return [
        Material(clip, [_cell(condition, at.get((clip.pk, condition.pk)), figures) for condition in conditions])
        for clip in study.clips.all()
    ]


def _cell(
    condition: Condition, row: Rendering | None, figures: dict[int, list[measuring.Figure]]
) -> tuple[Condition, Rendering | None, list[measuring.Figure]]:
    return condition, row, figures.get(row.pk, []) if row else []


def _sound(request: HttpRequest, stored: FieldFile) -> HttpResponse:
    if not stored:
        raise Http404("There is no such sound yet.")
    return audio_response(request, stored)
