"""A study's clips: upload, excerpt, delete."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST

from listening import clips as rules
from listening.forms import ClipForm
from listening.models import Clip, Study
from listening.models.study import MAX_EXCERPT
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page, wants_json

FILE_TYPES = ".wav,.flac,.aif,.aiff,.ogg,.opus,.mp3,.m4a,.mp4,.wma,.caf,.w64,.au,audio/*"
"""What the file chooser offers first. The upload's content decides, not its name."""


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def upload_clip(request: HttpRequest, study: Study) -> HttpResponse:
    """GET shows the clips; POST adds those in `files`. A script gets JSON for its one file."""
    if request.method == "GET":
        return clips_page(request, study)
    uploads = request.FILES.getlist("files")
    if wants_json(request):
        return _add_for_script(request, study, uploads)
    if not uploads:
        messages.error(request, "No file was chosen.")
    for upload in uploads:
        try:
            clip = rules.add_clip(study, upload, request.POST.get("category", "").strip(), by=request.user)
        except rules.ClipError as error:
            messages.error(request, f"{upload.name}: {error}")
        else:
            messages.success(request, f"{upload.name} is added as “{clip.name}”.")
    return redirect("upload_clip", study.slug)


@of_study(Right.CHANGE)
@require_POST
def edit_clip(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    clip = get_object_or_404(study.clips.select_related("study"), pk=clip_id)
    form = ClipForm(request.POST, instance=clip)
    if form.is_valid():
        form.keep(request.user)
    if form.is_valid():
        messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
        return redirect("upload_clip", study.slug)
    return clips_page(request, study, form, status=422)


@of_study(Right.CHANGE)
@require_POST
def delete_clip(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    clip = get_object_or_404(study.clips.select_related("study"), pk=clip_id)
    name = clip.name
    try:
        rules.delete(clip, by=request.user)
    except rules.ClipError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{name}” is deleted.")
    return redirect("upload_clip", study.slug)


def clips_page(request: HttpRequest, study: Study, bound: ClipForm | None = None, status: int = 200) -> HttpResponse:
    """Page of all clips, each with its form; `bound` is the one that was not accepted."""
    found = list(study.clips.all())
    for clip in found:
        clip.study = study
    forms = [bound if bound and clip.pk == bound.instance.pk else ClipForm(instance=clip) for clip in found]
    return study_page(
        request,
        study,
        "clips",
        status=status,
        entries=[_entry(clip, form) for clip, form in zip(found, forms, strict=True)],
        categories=sorted({clip.category for clip in found if clip.category}),
        file_types=FILE_TYPES,
        max_mb=settings.MAX_UPLOAD_MB,
        longest=rules.LONGEST_FILE,
        max_excerpt=MAX_EXCERPT,
    )


def _add_for_script(request: HttpRequest, study: Study, uploads: list[UploadedFile]) -> JsonResponse:
    if len(uploads) != 1:
        return JsonResponse({"error": "Send one file at a time, as “files”."}, status=400)
    try:
        clip = rules.add_clip(study, uploads[0], request.POST.get("category", "").strip(), by=request.user)
    except rules.ClipError as error:
        return JsonResponse({"error": str(error)}, status=422)
    shown = {"study": study, "editable": study.editable, "entry": _entry(clip, ClipForm(instance=clip))}
    row = render_to_string("listening/_clip.html", shown, request)
    return JsonResponse({"name": clip.name, "warnings": clip.warnings, "row": row}, status=201)


def _entry(clip: Clip, form: ClipForm) -> dict[str, object]:
    """A clip as the list shows it; its reference only while it is what the settings would make."""
    made = bool(clip.reference) and clip.prepared_for == rules.preparation_key(clip)
    return {"clip": clip, "form": form, "has_reference": made}
