"""A study's clips: sent, cut, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from listening import clips as rules
from listening import excerpts
from listening.api.access import Body, Confirm, Refusal, answers, changes, reads
from listening.models import Clip, Study
from listening.models.study import MAX_EXCERPT

router = Router(tags=["clips"])


class OneClip(Schema):
    """A clip: the recording as it came, and the excerpt that is heard."""

    id: int
    name: str
    category: str
    licence: str
    original_name: str
    original_sha256: str
    original_rate: int
    original_channels: int
    original_seconds: float
    start: float
    length: float
    lossy_source: bool
    source_loudness: float | None
    source_true_peak: float | None
    loudness: float | None
    true_peak: float | None
    warnings: list[str]
    notes: list[str]


class NewClip(Body):
    """What is said of a recording that is sent, beside its file."""

    category: str = ""
    licence: str = ""
    lossy_source: bool = False
    name: str = ""
    start: float | None = None
    length: float | None = None


class ClipChange(Body):
    """What may be changed of a clip."""

    name: str | None = None
    category: str | None = None
    licence: str | None = None
    start: float | None = None
    length: float | None = None


class Suggestion(Schema):
    """An excerpt, in seconds."""

    start: float
    length: float


@router.get(
    "studies/{slug:slug}/clips", auth=reads, response=answers(200, list[OneClip]), url_name="api_clips", summary="Clips"
)
def list_clips(request: HttpRequest, slug: str) -> Any:
    return [shown(clip) for clip in request.study.clips.all()]


@router.post(
    "studies/{slug:slug}/clips",
    auth=changes,
    response=answers(201, OneClip),
    url_name="api_clips",
    summary="Send a recording",
)
def add_clip(request: HttpRequest, slug: str, file: File[UploadedFile], payload: Form[NewClip]) -> Any:
    """A form with the recording as `file`. Without `start` and `length` its first 10 seconds are heard."""
    try:
        clip = rules.add_clip(
            _editable(request),
            file,
            payload.category.strip(),
            payload.licence.strip(),
            lossy_source=payload.lossy_source,
            by=request.user,
        )
    except rules.ClipError as error:
        raise Refusal(422, str(error)) from error
    given = payload.dict(include={"name", "start", "length"}, exclude_unset=True)
    if given:
        try:
            _cut(clip, {name: value for name, value in given.items() if value not in (None, "")})
        except rules.ClipError as error:
            rules.delete(clip, by=request.user, confirmed=True)  # all that was asked for, or nothing
            raise Refusal(422, str(error)) from error
    return Status(201, shown(clip))


@router.get(
    "studies/{slug:slug}/clips/{int:clip_id}",
    auth=reads,
    response=answers(200, OneClip),
    url_name="api_clip",
    summary="A clip",
)
def read_clip(request: HttpRequest, slug: str, clip_id: int) -> Any:
    return shown(_clip(request, clip_id))


@router.patch(
    "studies/{slug:slug}/clips/{int:clip_id}",
    auth=changes,
    response=answers(200, OneClip),
    url_name="api_clip",
    summary="Change its name, category or excerpt",
)
def change_clip(request: HttpRequest, slug: str, clip_id: int, payload: ClipChange) -> Any:
    _editable(request)
    clip = _clip(request, clip_id)
    try:
        _cut(clip, payload.dict(exclude_unset=True), by=request.user)
    except rules.ClipError as error:
        raise Refusal(422, str(error)) from error
    return shown(clip)


@router.delete(
    "studies/{slug:slug}/clips/{int:clip_id}",
    auth=changes,
    response=answers(204, None),
    url_name="api_clip",
    summary="Delete it",
)
def delete_clip(request: HttpRequest, slug: str, clip_id: int, confirm: Confirm = False) -> Any:
    """With its recording and the files that were supplied for it."""
    _editable(request)
    clip = _clip(request, clip_id)
    try:
        rules.delete(clip, by=request.user, confirmed=confirm)
    except rules.ClipError as error:
        raise Refusal(409, str(error)) from error
    return Status(204, None)


@router.get(
    "studies/{slug:slug}/clips/{int:clip_id}/suggestion",
    auth=reads,
    response=answers(200, Suggestion),
    url_name="api_suggestion",
    summary="Where its most critical excerpt begins",
)
def suggest_excerpt(
    request: HttpRequest, slug: str, clip_id: int, length: Annotated[float, Query(gt=0, le=MAX_EXCERPT)] | None = None
) -> Any:
    """`length` in seconds; left out, that of the clip's excerpt."""
    clip = _clip(request, clip_id)
    wanted = min(length or clip.length, clip.original_seconds)
    try:
        return Suggestion(start=excerpts.suggest(rules.overview_of(clip), wanted), length=wanted)
    except rules.ClipError as error:
        raise Refusal(409, str(error)) from error


def _cut(clip: Clip, given: dict[str, Any], by: Any = None) -> None:
    values = {name: getattr(clip, name) for name in ("name", "category", "licence", "start", "length")}
    if "start" in given and "length" not in given:  # as much of what is left as was to be heard
        given = {**given, "length": min(clip.length, max(clip.original_seconds - given["start"], 0.0))}
    rules.set_excerpt(clip, **values | {name: value for name, value in given.items() if value is not None}, by=by)


def _editable(request: HttpRequest) -> Study:
    study: Study = request.study  # type: ignore[attr-defined]
    if not study.editable:
        raise Refusal(409, f"The study is {study.get_state_display().lower()}: its clips are fixed.")
    return study


def _clip(request: HttpRequest, clip_id: int) -> Clip:
    found = request.study.clips.select_related("study").filter(pk=clip_id).first()  # type: ignore[attr-defined]
    if found is None:
        raise Refusal(404, f"This study has no clip {clip_id}.")
    return found


def shown(clip: Clip) -> OneClip:
    """A clip as answers have it."""
    return OneClip(**{name: getattr(clip, name) for name in OneClip.model_fields})
