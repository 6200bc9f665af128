"""Sound that a browser can seek in: one byte range of a stored file (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse

BLOCK = 1 << 16


def audio_response(request: HttpRequest, stored: FieldFile) -> HttpResponse:
    """A WAV file, or the part of it that the header `Range` asks for.

    Safari plays no sound from a server without ranges, and no browser seeks without them.
    """
    try:
        file = stored.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file is gone from the storage. Render the study again.") from error
    size = stored.size
    wanted = _range(request.headers.get("Range", ""), size)
    if wanted is None:
        response: HttpResponse = FileResponse(file, content_type="audio/wav")
    elif wanted[0] > wanted[1]:
        file.close()
        response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        first, last = wanted
        response = StreamingHttpResponse(_part(file, first, last - first + 1), status=206, content_type="audio/wav")
        response["Content-Length"] = str(last - first + 1)
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    response["Accept-Ranges"] = "bytes"
    return response


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; first > last if it can't be had; None if all of the file is to be sent."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or match[0] == "bytes=-":
        return None  # several ranges or another unit: to be ignored, as the RFC allows
    if not match[1]:
        tail = int(match[2])
        return (max(0, size - tail), size - 1) if tail else (1, 0)
    first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    return (first, last) if first < size and first <= last else (1, 0)


def _part(file: BinaryIO, first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (block := file.read(min(BLOCK, length))):
            length -= len(block)
            yield block
