"""Who asks, and for which study: the token, its scope, and the person's role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema
from ninja.security import HttpBearer
from pydantic import ConfigDict

from listening import failed_tries, tokens
from listening.models import ApiToken, Study
from listening.permissions import May, Right, Role, role_of

SAFE = ("GET", "HEAD")


class Refusal(Exception):
    """An answer that is an error; the text says what was wrong and what to do.

    Attributes
    ----------
    status : int
    faults : list of str
        Where there are several, each with its place.
    headers : mapping of str to str
    """

    def __init__(
        self, status: int, text: str, faults: list[str] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status, self.faults, self.headers = status, faults or [], dict(headers or {})


class Error(Schema):
    """What was wrong and what to do."""

    error: str
    faults: list[str] = []
    would_delete: list[str] = []


class Body(Schema):
    """What is sent: a name that is not known is an error, not overlooked."""

    model_config = ConfigDict(extra="forbid")


class Token(HttpBearer):
    """A person's token; and, where the address names a study, the person's right in it.

    After it the request has `user`, and `study` where there is one.

    Parameters
    ----------
    right : Right, optional
        What the operation asks of the person in the study of its address.
    """

    def __init__(self, right: Right | None = None) -> None:
        super().__init__()
        self._right = right

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        found = _token_of(request, token)
        request.user = found.user
        if self._right is not None:
            _find_study(request, str(request.resolver_match.kwargs["slug"]), self._right)  # type: ignore[union-attr]
        if request.method not in SAFE and found.scope != ApiToken.Scope.WRITE:
            raise Refusal(403, "This token only reads. Make one of the scope “read and change” for this.")
        return found


anybody = Token()
reads, changes = Token(Right.READ), Token(Right.CHANGE)


def answers(status: int, schema: Any) -> dict[int, Any]:
    """Answers of an operation for its description: the good one, and what all errors look like."""
    return {status: schema, 401: Error, 403: Error, 404: Error, 409: Error, 422: Error, 429: Error}


Confirm = Annotated[bool, Query(description="true to delete what the answer 409 lists as `would_delete`")]
"""Of an operation that deletes what nobody can render again."""


def file_of(*types: str) -> dict[str, Any]:
    """For the description of an operation: its answer is a file."""
    schema = {"type": "string", "format": "binary"}
    return {"responses": {200: {"description": "The file", "content": {kind: {"schema": schema} for kind in types}}}}


def _token_of(request: HttpRequest, text: str) -> ApiToken:
    doors = failed_tries.doors_of_tokens(request)
    if wait := failed_tries.seconds_to_wait(doors):
        said = f"There were too many wrong tokens from your address. Wait {failed_tries.in_words(wait)}."
        raise Refusal(429, said, headers={"Retry-After": str(wait)})
    found = tokens.person_behind(text)
    if found is None:
        failed_tries.note_failure(doors)
        said = "This token is wrong, expired or revoked. Look under your name, top right, and make another there."
        raise Refusal(401, said, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return found


def _find_study(request: HttpRequest, slug: str, right: Right) -> None:
    study = Study.objects.visible_to(request.user).select_related("owner").filter(slug=slug).first()
    if study is None:
        raise Refusal(404, f"There is no study “{slug}”, or you are none of its people.")
    may = May(role_of(request.user, study))
    if may.role < right:
        said = f"You are {may.role.words} of this study; this takes {Role(right).words}. Ask {study.owner}."
        raise Refusal(403, said)
    request.study = study  # type: ignore[attr-defined]
