"""The rendering of a study: start, progress, what came of it, and listening to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.contrib import messages
from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audiocodecs.audio import AudioError
from audiocodecs.registry import nominal_kbps
from listening import estimates, measuring, stimulus_pictures, throughput
from listening import studies as rules
from listening.byte_ranges import audio_response
from listening.models import Clip, Condition, Rendering, Study
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page, wants_json

T = TypeVar("T")
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
        conditions=by_condition(study, progress.rows),
        throughput=throughput.measured(progress.rows, timezone.now()),
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
            "throughput": speed.words if (speed := throughput.measured(found.rows, timezone.now())) else "",
            "conditions": {each.condition.pk: each.done for each in by_condition(study, found.rows)},
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


@of_study(Right.READ)
@require_GET
def compare(request: HttpRequest, study: Study, rendering_id: int) -> HttpResponse:
    """A stimulus beside its reference: spectrograms, and three sounds."""
    found = _done(study, rendering_id)
    same = Rendering.objects.filter(clip=found.clip, state=Rendering.State.DONE).select_related("condition")
    return study_page(
        request,
        study,
        "stimulus",
        row=found,
        difference=_heard(stimulus_pictures.difference_of, found),
        figures=measuring.figures([found])[found.pk],
        others=list(same.order_by("condition__position")),
        depth=stimulus_pictures.DEPTH_DB,
    )


@of_study(Right.READ)
@require_GET
def difference(request: HttpRequest, study: Study, rendering_id: int) -> HttpResponse:
    """Stimulus minus reference, at the gain that the page says."""
    found = _done(study, rendering_id)
    name = _heard(stimulus_pictures.difference_file, found)
    return audio_response(request, FieldFile(found, Rendering._meta.get_field("stimulus"), name))


@of_study(Right.READ)
@require_GET
def spectrogram(request: HttpRequest, study: Study, rendering_id: int, kind: str) -> HttpResponse:
    if kind not in stimulus_pictures.KINDS:
        raise Http404(f"There is no picture of {kind}.")
    found = _done(study, rendering_id)
    return HttpResponse(_heard(lambda row: stimulus_pictures.picture(row, kind), found), content_type="image/png")


@dataclass
class Counts:
    """A condition with its renderings, and how many of them are done."""

    condition: Condition
    total: int = 0
    done: int = 0


def by_condition(study: Study, rows: list[Rendering]) -> list[Counts]:
    """Counts of renderings for each condition of a study, in their order."""
    found = {condition.pk: Counts(condition) for condition in study.conditions.all()}
    for row in rows:
        counts = found[row.condition_id]
        counts.total += 1
        counts.done += row.state == Rendering.State.DONE
    return list(found.values())


def material(study: Study, rows: list[Rendering]) -> list[Material]:
    """Each clip with its renderings in the order of the conditions."""
    at = {(row.clip_id, row.condition_id): row for row in rows}
    conditions = list(study.conditions.all())
    figures = measuring.figures(rows)
    for condition in conditions:
        condition.nominal_kbps = nominal_kbps(condition.spec) if condition.role == Condition.Role.SYSTEM else None
    return [
        Material(clip, [_cell(condition, at.get((clip.pk, condition.pk)), figures) for condition in conditions])
        for clip in study.clips.all()
    ]


def _cell(
    condition: Condition, row: Rendering | None, figures: dict[int, list[measuring.Figure]]
) -> tuple[Condition, Rendering | None, list[measuring.Figure]]:
    return condition, row, figures.get(row.pk, []) if row else []


def _done(study: Study, rendering_id: int) -> Rendering:
    rows = Rendering.objects.select_related("clip__study", "condition")
    return get_object_or_404(rows, pk=rendering_id, clip__study=study, state=Rendering.State.DONE)


def _heard(what: Callable[[Rendering], T], found: Rendering) -> T:
    """What is made of a rendering's files, or 404 where they are gone."""
    try:
        return what(found)
    except (FileNotFoundError, AudioError) as error:
        raise Http404("The sound can't be read. Render the study again.") from error


def _sound(request: HttpRequest, stored: FieldFile) -> HttpResponse:
    if not stored:
        raise Http404("There is no such sound yet.")
    return audio_response(request, stored)
