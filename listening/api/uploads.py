"""Recordings that come in parts, so that a broken line goes on where it stopped."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from listening import uploads as rules
from listening.api.access import Body, Refusal, answers, changes
from listening.api.clips import OneClip, shown
from listening.clips import ClipError
from listening.models import Upload

router = Router(tags=["clips"])


class NewUpload(Body):
    """A file that is to come; `start_sha256` is the hash of its first 64 KiB, or of all of a smaller one."""

    name: Annotated[str, Field(max_length=255)]
    size: Annotated[int, Field(gt=0)]
    start_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    modified: Annotated[int, Field(ge=0)] = 0
    category: Annotated[str, Field(max_length=40)] = ""
    licence: Annotated[str, Field(max_length=100)] = ""


class OneUpload(Schema):
    """How much of a file is here. Send what follows, `part_bytes` at most with each request."""

    upload: str
    size: int
    received: int
    part_bytes: int


@router.post(
    "studies/{slug:slug}/uploads",
    auth=changes,
    response=answers(200, OneUpload),
    url_name="api_uploads",
    summary="Begin to send a recording in parts, or learn where it stopped",
)
def begin_upload(request: HttpRequest, slug: str, payload: NewUpload) -> Any:
    """The same file, by name, size, time of change and the hash of its start, goes on where it stopped."""
    name = rules.own_name(payload.name)
    if not name:
        raise Refusal(422, "name: the file needs a name.")
    wanted = Upload(**{**payload.dict(), "name": name, "category": payload.category.strip()})
    try:
        return _shown(rules.begin(request.study, request.user, wanted))
    except rules.UploadError as error:
        raise _refusal(error) from error


@router.get(
    "studies/{slug:slug}/uploads/{str:upload_token}",
    auth=changes,
    response=answers(200, OneUpload),
    url_name="api_upload",
    summary="How much of it is here",
)
def read_upload(request: HttpRequest, slug: str, upload_token: str) -> Any:
    return _shown(_own(request, upload_token))


@router.put(
    "studies/{slug:slug}/uploads/{str:upload_token}",
    auth=changes,
    response=answers(200, OneUpload),
    url_name="api_upload",
    summary="Send a part: the bytes are the body",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def send_part(request: HttpRequest, slug: str, upload_token: str, offset: Annotated[int, Query(ge=0)]) -> Any:
    """`offset` is the part's first byte in the file. A part that is here already changes nothing."""
    found = _own(request, upload_token)
    try:
        rules.add_part(found, offset, request.body, request.headers.get("X-Part-SHA256", ""))
    except rules.UploadError as error:
        raise _refusal(error) from error
    return _shown(found)


@router.post(
    "studies/{slug:slug}/uploads/{str:upload_token}/finish",
    auth=changes,
    response=answers(201, OneClip),
    url_name="api_finish_upload",
    summary="Make a clip of it, once all is here",
)
def finish_upload(request: HttpRequest, slug: str, upload_token: str) -> Any:
    """Sent twice, the answer is the same clip. Its excerpt is the one that `suggestion` gives."""
    try:
        return Status(201, shown(rules.finish(_own(request, upload_token))))
    except rules.UploadError as error:
        raise _refusal(error) from error
    except ClipError as error:
        raise Refusal(422, str(error)) from error


def _own(request: HttpRequest, token: str) -> Upload:
    study = request.study  # type: ignore[attr-defined]
    found = study.uploads.select_related("study", "clip").filter(token=token, user=request.user).first()
    if found is None:
        raise Refusal(404, "There is no such upload of yours in this study. Begin it again.")
    return found


def _refusal(error: rules.UploadError) -> Refusal:
    status = 409 if isinstance(error, rules.WrongPlace) else 507 if isinstance(error, rules.NoRoom) else 422
    return Refusal(status, str(error))


def _shown(upload: Upload) -> OneUpload:
    return OneUpload(upload=upload.token, size=upload.size, received=upload.received, part_bytes=rules.PART_BYTES)
