"""A study's clips: upload, excerpt, delete."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from listening import clip_words, duplicates, excerpts, overviews, sound_limits, spectrograms, uploads
from listening import clips as rules
from listening.forms import ClipForm
from listening.losses import NotConfirmed
from listening.models import Clip, Study
from listening.models.study import MAX_EXCERPT
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page, wants_json
from listening.views.researcher.confirming import ask_first, is_confirmed

FILE_TYPES = ".wav,.flac,.aif,.aiff,.ogg,.opus,.mp3,.m4a,.mp4,.wma,.caf,.w64,.au,audio/*"
"""What the file chooser offers first. The upload's content decides, not its name."""


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def upload_clip(request: HttpRequest, study: Study) -> HttpResponse:
    """GET shows the clips; POST adds those in `files`. A script gets JSON for its one file."""
    if request.method == "GET":
        return clips_page(request, study)
    files = request.FILES.getlist("files")
    if wants_json(request):
        return _add_for_script(request, study, files)
    if not files:
        messages.error(request, "No file was chosen.")
    for upload in files:
        try:
            clip = _added(request, study, upload)
        except rules.ClipError as error:
            messages.error(request, f"{upload.name}: {error}")
        else:
            messages.success(request, f"{upload.name} is added as “{clip.name}”.")
    return redirect("upload_clip", study.slug)


@of_study(Right.CHANGE)
@require_POST
def edit_clip(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    clip = get_object_or_404(study.clips.select_related("study"), pk=clip_id)
    form = ClipForm(_with_suggestion(request, clip), instance=clip)
    if form.is_valid():
        form.keep(request.user)
    said = f"“{form.cleaned_data['name']}” is saved." if form.is_valid() else ""
    if wants_json(request):
        kept = study.clips.get(pk=clip_id)  # the form's own holds what was filled in
        row = _row(request, study, kept, ClipForm(instance=kept) if said else form)["row"]
        return JsonResponse({"row": row, "said": said}, status=200 if said else 422)
    if said:
        messages.success(request, said)
        return redirect("upload_clip", study.slug)
    return clips_page(request, study, form, status=422)


@of_study(Right.CHANGE)
@require_POST
def delete_clip(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    clip = get_object_or_404(study.clips.select_related("study"), pk=clip_id)
    name = clip.name
    try:
        rules.delete(clip, by=request.user, confirmed=is_confirmed(request))
    except NotConfirmed as asked:
        return ask_first(request, study, asked, reverse("upload_clip", args=[study.slug]))
    except rules.ClipError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{name}” is deleted.")
    return redirect("upload_clip", study.slug)


@of_study(Right.READ)
@require_GET
def suggest_excerpt(request: HttpRequest, study: Study, clip_id: int) -> JsonResponse:
    """Where the most critical excerpt of the asked length begins."""
    clip = get_object_or_404(study.clips, pk=clip_id)
    length = _seconds(request.GET.get("length"), clip.length, MAX_EXCERPT)
    return JsonResponse({"start": excerpts.suggest(rules.overview_of(clip), length), "length": length})


@of_study(Right.READ)
@require_GET
def clip_excerpt(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    """A part of the file as WAV, for listening: the clip's excerpt, or the one asked for."""
    clip = get_object_or_404(study.clips.select_related("study"), pk=clip_id)
    clip.start = _seconds(request.GET.get("start"), clip.start, clip.original_seconds)
    clip.length = _seconds(request.GET.get("length"), clip.length, MAX_EXCERPT)
    try:
        content = rules.excerpt_as_wav(clip)
    except rules.ClipError as error:
        raise Http404(str(error)) from error
    return HttpResponse(content, content_type="audio/wav")


@of_study(Right.READ)
@require_GET
def clip_spectrogram(request: HttpRequest, study: Study, clip_id: int) -> HttpResponse:
    """Spectrogram of the whole file; it never changes for one file."""
    clip = get_object_or_404(study.clips, pk=clip_id)
    try:
        picture = spectrograms.of_clip(clip)
    except rules.ClipError as error:
        raise Http404(str(error)) from error
    return HttpResponse(picture, content_type="image/png")


def clips_page(request: HttpRequest, study: Study, bound: ClipForm | None = None, status: int = 200) -> HttpResponse:
    """Page of all clips, each with its form; `bound` is the one that was not accepted."""
    found = list(study.clips.all())
    for clip in found:
        clip.study = study
    alike = duplicates.twins(found)
    forms = [bound if bound and clip.pk == bound.instance.pk else ClipForm(instance=clip) for clip in found]
    return study_page(
        request,
        study,
        "clips",
        status=status,
        entries=[
            _entry(clip, form, duplicates.words(alike.get(clip.pk, [])))
            for clip, form in zip(found, forms, strict=True)
        ],
        categories=sorted({clip.category for clip in found if clip.category}),
        licences=sorted({clip.licence for clip in found if clip.licence}),
        waiting=uploads.waiting(study, request.user) if study.editable and request.may.change else [],
        rule=clip_words.rule(study),
        file_types=FILE_TYPES,
        max_mb=settings.MAX_UPLOAD_MB,
        longest=sound_limits.LONGEST_FILE,
        max_excerpt=MAX_EXCERPT,
    )


def clip_answer(request: HttpRequest, study: Study, clip: Clip) -> JsonResponse:
    """What a script gets for a file that became a clip: its name, warnings, notes and card."""
    return JsonResponse({"name": clip.name, **_row(request, study, clip, ClipForm(instance=clip))}, status=201)


def _row(request: HttpRequest, study: Study, clip: Clip, form: ClipForm) -> dict[str, object]:
    """A clip's card as the page has it, its warnings and its notes."""
    clip.study = study
    entry = _entry(clip, form, duplicates.words(duplicates.twins_of(clip)))
    editable = study.editable and request.may.change
    shown = {"study": study, "editable": editable, "entry": entry, "max_excerpt": MAX_EXCERPT}
    row = render_to_string("listening/_clip.html", shown, request)
    return {"row": row, "warnings": entry["warnings"], "notes": entry["notes"]}


def _add_for_script(request: HttpRequest, study: Study, files: list[UploadedFile]) -> JsonResponse:
    if len(files) != 1:
        return JsonResponse({"error": "Send one file at a time, as “files”."}, status=400)
    try:
        clip = _added(request, study, files[0])
    except rules.ClipError as error:
        return JsonResponse({"error": str(error)}, status=422)
    return clip_answer(request, study, clip)


def _added(request: HttpRequest, study: Study, upload: UploadedFile) -> Clip:
    category, licence = (request.POST.get(name, "").strip() for name in ("category", "licence"))
    return rules.add_clip(study, upload, category, licence, suggest=True, by=request.user)


def _with_suggestion(request: HttpRequest, clip: Clip) -> QueryDict:
    """What was filled in; with the button "Suggest", the start is the suggested one."""
    filled = request.POST.copy()
    if "suggest" in filled:
        length = _seconds(filled.get("length"), clip.length, MAX_EXCERPT)
        filled["start"] = str(excerpts.suggest(rules.overview_of(clip), length))
    return filled


def _seconds(given: str | None, otherwise: float, most: float) -> float:
    """A number of seconds from a request; what is none or out of bounds is not taken."""
    try:
        found = float(given or "")
    except ValueError:
        return otherwise
    return found if 0 <= found <= most else otherwise


def _entry(clip: Clip, form: ClipForm, twin: str) -> dict[str, object]:
    """A clip as the list shows it; its reference only while it is what the settings would make."""
    end = min(clip.start + clip.length, clip.original_seconds)
    made = bool(clip.reference) and clip.prepared_for == rules.preparation_key(clip)
    waveform, columns = "", 0
    try:
        overview = rules.overview_of(clip)
        waveform, columns = overviews.path(overview), len(overview.peaks) - 1
    except rules.ClipError as error:
        twin = str(error)
    return {
        "clip": clip,
        "form": form,
        "has_reference": made,
        "warnings": [*clip.warnings, *([twin] if twin else [])],
        "notes": clip.notes,
        "waveform": waveform,
        "columns": columns,
        "from_percent": 100 * clip.start / clip.original_seconds,
        "to_percent": 100 * end / clip.original_seconds,
        "end": end,
        "top_hertz": clip.original_rate / 2,
        "fate": clip_words.fate(clip),
    }
