"""Whose token it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from listening.api.access import answers, anybody

router = Router(tags=["account"])


class Me(Schema):
    """The token and its person."""

    user: str
    token: str
    scope: str
    expires_at: datetime | None


@router.get("me", auth=anybody, response=answers(200, Me), url_name="api_me", summary="Whose token it is")
def read_me(request: HttpRequest) -> Any:
    token = request.auth  # type: ignore[attr-defined]
    return Me(user=token.user.get_username(), token=token.name, scope=token.scope, expires_at=token.expires_at)
