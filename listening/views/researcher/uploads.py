"""Files that a page sends in parts. Answers are JSON; `received` always says where to go on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from listening import uploads
from listening.audit import audit
from listening.clips import ClipError
from listening.forms import UploadForm
from listening.models import Study, Upload
from listening.permissions import Right
from listening.views.researcher.access import of_study
from listening.views.researcher.clips import clip_answer

FULL = 507  # Insufficient Storage (RFC 4918)


@of_study(Right.CHANGE)
@require_POST
def begin_upload(request: HttpRequest, study: Study) -> JsonResponse:
    """Start sending a file, or learn where it stopped: its name, size, time of change and the hash of its start."""
    form = UploadForm(request.POST)
    if not form.is_valid():
        said = [f"{name}: {text}" for name, texts in form.errors.items() for text in texts]
        return JsonResponse({"error": " ".join(said)}, status=422)
    try:
        upload = uploads.begin(study, request.user, form.save(commit=False))
    except uploads.UploadError as error:
        return JsonResponse({"error": str(error)}, status=422)
    return JsonResponse(
        {
            "received": upload.received,
            "part_bytes": uploads.PART_BYTES,
            "part_url": reverse("upload_part", args=[study.slug, upload.token]),
            "finish_url": reverse("finish_upload", args=[study.slug, upload.token]),
        }
    )


@of_study(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def upload_part(request: HttpRequest, study: Study, upload_token: str) -> JsonResponse:
    """GET says how much is here. POST takes the bytes of its body, which begin at `offset` in the file."""
    upload = _own(request, study, upload_token)
    if request.method == "GET":
        return JsonResponse({"received": upload.received})
    try:
        offset = int(request.GET["offset"])
    except (KeyError, ValueError):
        return JsonResponse({"error": "Say where the part begins: offset=BYTES."}, status=400)
    try:
        received = uploads.add_part(upload, offset, request.body, request.headers.get("X-Part-SHA256", ""))
    except uploads.UploadError as error:
        return _refused(upload, error)
    return JsonResponse({"received": received})


@of_study(Right.CHANGE)
@require_POST
def finish_upload(request: HttpRequest, study: Study, upload_token: str) -> JsonResponse:
    """Make a clip of a file that is here as a whole; the answer is the one of a plain upload."""
    upload = _own(request, study, upload_token)
    try:
        return clip_answer(request, study, uploads.finish(upload))
    except uploads.UploadError as error:
        return _refused(upload, error)
    except ClipError as error:
        return JsonResponse({"error": str(error)}, status=422)


@of_study(Right.CHANGE)
@require_POST
def discard_upload(request: HttpRequest, study: Study, upload_token: str) -> HttpResponse:
    """Forget a file that came half-way. Nothing asks first: its sender still has the file, and no study uses it."""
    upload = get_object_or_404(study.uploads, token=upload_token, user=request.user, clip=None)
    audit(study, request.user, f"upload {upload.name} discarded, {upload.received} of {upload.size} bytes")
    upload.delete()
    return redirect("upload_clip", study.slug)


def _own(request: HttpRequest, study: Study, token: str) -> Upload:
    return get_object_or_404(study.uploads.select_related("study", "clip"), token=token, user=request.user)


def _refused(upload: Upload, error: uploads.UploadError) -> JsonResponse:
    if isinstance(error, uploads.WrongPlace):
        return JsonResponse({"error": str(error), "received": error.received}, status=409)
    status = FULL if isinstance(error, uploads.NoRoom) else 422
    return JsonResponse({"error": str(error), "received": upload.received}, status=status)
