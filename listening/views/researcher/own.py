"""Conditions of a researcher's own: files that were made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from listening import clips as clip_rules
from listening import condition_changes, matching, supplied
from listening import studies as rules
from listening.losses import NotConfirmed
from listening.models import Clip, Condition, Rendering, Study, SuppliedFile
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page, wants_json
from listening.views.researcher.clips import FILE_TYPES
from listening.views.researcher.confirming import ask_first, is_confirmed


@dataclass(frozen=True)
class Entry:
    """A clip with its file, and what came of it if it is rendered."""

    clip: Clip
    file: SuppliedFile | None
    rendering: Rendering | None


@of_study(Right.CHANGE)
@require_POST
def add_supplied(request: HttpRequest, study: Study) -> HttpResponse:
    """Make a condition of files, and go to where they are given."""
    try:
        condition_changes.check_room(study)
        condition = supplied.add_condition(study, request.POST.get("title", ""))
    except (clip_rules.ClipError, rules.StudyError) as error:
        messages.error(request, str(error))
        return redirect("conditions", study.slug)
    return redirect("supplied", study.slug, condition.pk)


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def files(request: HttpRequest, study: Study, condition_id: int) -> HttpResponse:
    """GET shows the files of a condition; a script that names `files` gets their clips. POST takes files.

    Each file is of the clip in `clip`, or else of that whose name is nearest to its own.
    """
    condition = _condition(study, condition_id)
    if request.method == "GET":
        if wants_json(request):
            return JsonResponse({"clips": _matched(study, request.GET.getlist("files"))})
        return _page(request, study, condition)
    uploads = request.FILES.getlist("files")
    if wants_json(request):
        return _add_for_script(request, condition, uploads)
    if not uploads:
        messages.error(request, "No file was chosen.")
    of = _matched(study, [each.name for each in uploads])
    for upload in uploads:
        clip = _clip(study, request.POST.get("clip") or of[upload.name])
        if clip is None:
            messages.error(
                request, f"{upload.name}: no clip has such a name. Choose the file in the line of its clip below."
            )
            continue
        try:
            made = _added(request, condition, clip, upload)
        except clip_rules.ClipError as error:
            messages.error(request, f"{upload.name}: {error}")
        else:
            messages.success(request, " ".join([f"{made.name} is the file of “{clip.name}”.", *made.warnings]))
    return redirect("supplied", study.slug, condition.pk)


@of_study(Right.CHANGE)
@require_POST
def change_file(request: HttpRequest, study: Study, condition_id: int, file_id: int) -> HttpResponse:
    """Give a file to another clip, or with `delete` take it out."""
    condition = _condition(study, condition_id)
    file = get_object_or_404(condition.supplied_files.select_related("clip__study", "condition__study"), pk=file_id)
    try:
        if "delete" in request.POST:
            supplied.delete_file(file, request.user, confirmed=is_confirmed(request))
            messages.success(request, f"{file.name} is deleted.")
        elif clip := _clip(study, request.POST.get("clip")):
            supplied.move_file(file, clip)
            messages.success(request, f"{file.name} is the file of “{clip.name}” now.")
    except NotConfirmed as asked:
        return ask_first(request, study, asked, reverse("supplied", args=[study.slug, condition.pk]))
    except clip_rules.ClipError as error:
        messages.error(request, str(error))
    return redirect("supplied", study.slug, condition.pk)


@of_study(Right.CHANGE)
@require_POST
def delete_condition(request: HttpRequest, study: Study, condition_id: int) -> HttpResponse:
    """Take a condition out of the study, with its files."""
    condition = get_object_or_404(study.conditions.select_related("study"), pk=condition_id)
    try:
        condition_changes.remove_condition(condition, request.user, confirmed=is_confirmed(request))
    except NotConfirmed as asked:
        return ask_first(request, study, asked, reverse("conditions", args=[study.slug]))
    except rules.StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{condition.label} is deleted.")
    return redirect("conditions", study.slug)


def _page(request: HttpRequest, study: Study, condition: Condition) -> HttpResponse:
    there = {each.clip_id: each for each in condition.supplied_files.all()}
    made = {each.clip_id: each for each in condition.renderings.filter(state=Rendering.State.DONE)}
    clips = list(study.clips.all())
    return study_page(
        request,
        study,
        "supplied",
        condition=condition,
        entries=[Entry(clip, there.get(clip.pk), made.get(clip.pk)) for clip in clips],
        clips=clips,
        missing=[clip for clip in clips if clip.pk not in there],
        file_types=FILE_TYPES,
        max_mb=settings.MAX_UPLOAD_MB,
        level_noticed=supplied.LEVEL_NOTICED,
    )


def _add_for_script(request: HttpRequest, condition: Condition, uploads: list[UploadedFile]) -> JsonResponse:
    clip = _clip(condition.study, request.POST.get("clip"))
    if len(uploads) != 1 or clip is None:
        return JsonResponse({"error": "Send one file at a time, with the clip that it is of."}, status=400)
    try:
        made = _added(request, condition, clip, uploads[0])
    except clip_rules.ClipError as error:
        return JsonResponse({"error": str(error)}, status=422)
    return JsonResponse({"clip": clip.name, "warnings": made.warnings}, status=201)


def _added(request: HttpRequest, condition: Condition, clip: Clip, upload: UploadedFile) -> SuppliedFile:
    """The file of a clip; another one that is there stays unless the form says to replace it."""
    try:
        return supplied.add_file(condition, clip, upload, by=request.user, replace_other="replace" in request.POST)
    except NotConfirmed as asked:
        raise clip_rules.ClipError(
            f"“{clip.name}” has another file, which stays ({asked.lost[0]}). To delete that one, tick “Replace "
            "existing files” and send this one again."
        ) from asked


def _matched(study: Study, names: list[str]) -> dict[str, int | None]:
    """Clips of files, by their keys."""
    keys: dict[str, int] = dict(study.clips.values_list("name", "pk"))
    return {name: keys[clip] if clip else None for name, clip in matching.match(names, keys).items()}


def _condition(study: Study, condition_id: int) -> Condition:
    found = get_object_or_404(study.conditions, spec__startswith=supplied.PREFIX, repeat=0, pk=condition_id)
    found.study = study
    return found


def _clip(study: Study, key: str | int | None) -> Clip | None:
    clip = study.clips.filter(pk=key).first() if str(key or "").isdecimal() else None
    if clip is not None:
        clip.study = study
    return clip
