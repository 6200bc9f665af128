"""The JSON API under /api/v1/: what researchers do on the pages, for scripts with a token.

Functions here read the request, call the rules that the pages call, and say what came of it. docs/api.md shows the way
from a folder of recordings to an open study; docs/openapi.json is the whole description.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from listening.api import (
    account,
    clips,
    conditions,
    files,
    raters,
    recruiting,
    rendering,
    results,
    studies,
    uploads,
    webhooks,
)
from listening.api.access import Refusal
from listening.losses import NotConfirmed
from listening.nul import holds_nul
from listening.parts import few_and_short

DESCRIPTION = """\
Everything that a researcher does on the pages of evalapp, for scripts.

**Tokens.** Make one under your name, top right, and send it with each request: `Authorization: Bearer evalapp_…`. It
acts for you: in each study with the role that you have there. A token of the scope `read` changes nothing.

**Errors** are JSON: `error` says what was wrong and what to do, `faults` names the places where there are several.

| status | means |
|---|---|
| 400 | the request could not be read |
| 401 | no token, or one that is wrong, expired or revoked |
| 403 | the token's scope, or your role in the study, does not allow it |
| 404 | there is no such thing, or it is not yours to see |
| 405 | the address has no such method |
| 409 | the study is not in the state for it |
| 422 | a value is wrong |
| 429 | too many wrong tokens: wait as many seconds as `Retry-After` says |
| 507 | the server's disk is full; what came before is kept |

**Scores stay hidden until a study is closed**, from its owner too.
"""


class Api(NinjaAPI):
    """Names of the operations as they stand in the code: programs are generated from them."""

    def get_openapi_schema(self, **prefix: Any) -> OpenAPISchema:
        """What this server offers does not change while it runs, and takes half a second to put together."""
        if self._schema is None:
            self._schema = super().get_openapi_schema(**prefix)
        return self._schema

    _schema: OpenAPISchema | None = None

    def get_openapi_operation_id(self, operation: Any) -> str:
        return str(operation.view_func.__name__)


class _Parser(Parser):
    """Reads bodies; a text with a NUL, which no database takes, is refused wherever it stands."""

    def parse_body(self, request: HttpRequest) -> Any:
        found = super().parse_body(request)
        if holds_nul(found):
            raise Refusal(422, "A text holds a NUL (\\u0000). Send it without.")
        return found

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> Any:
        found = super().parse_querydict(data, list_fields, request)
        if holds_nul(found):
            raise Refusal(422, "A field or the address holds a NUL. Send it without.")
        return found


api = Api(
    parser=_Parser(),
    title="evalapp",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_extra={"info": {"license": {"name": "MIT", "identifier": "MIT"}}},
)
api.add_decorator(never_cache, mode="view")
for router in (account, studies, clips, uploads, conditions, rendering, recruiting, raters, results, files, webhooks):
    api.add_router("", router.router)


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    said: dict[str, object] = {"error": str(refusal)}
    if refusal.faults:
        said["faults"] = refusal.faults
    return _error(said, refusal.status, refusal.headers)


@api.exception_handler(NotConfirmed)
def _not_confirmed(request: HttpRequest, asked: NotConfirmed) -> HttpResponse:
    return _error({"error": f"{asked} Send confirm=true to do so.", "would_delete": asked.lost}, 409)


@api.exception_handler(ValidationError)
def _wrong_values(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = few_and_short([_in_words(fault) for fault in error.errors])
    return _error({"error": " ".join(faults), "faults": faults}, 422)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, Refusal):  # the parser's, which the framework takes for a body that is no JSON
        return _refused(request, error.__cause__)
    text = str(error)
    if error.status_code == 400:
        text = "The body can't be read. Send JSON with Content-Type: application/json, or a form where files are sent."
    return _error({"error": text}, error.status_code)


@api.exception_handler(AuthenticationError)
def _no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    text = "Send a token: “Authorization: Bearer evalapp_…”. You make one under your name, top right, on the pages."
    return _error({"error": text}, 401, {"WWW-Authenticate": "Bearer"})


def _error(said: dict[str, object], status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    """Quotation marks stay readable in a terminal."""
    return JsonResponse(said, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


def _in_words(fault: dict[str, Any]) -> str:
    """A fault with its place in what was sent."""
    source, *loc = fault["loc"]
    place = ".".join(str(part) for part in loc if part not in ("data", "payload")) or str(source)
    if fault["type"] == "missing":
        return f"{place} is missing."
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such field."
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{place}: {message}."
