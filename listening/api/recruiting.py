"""How raters come to a study: links, quotas, times, a message, and how long raters stay known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status

from listening import invites, recruiting_part
from listening import recruiting as rules
from listening.api.access import Refusal, answers, changes, reads
from listening.protocol import Identity
from listening.recruiting_part import RecruitingPart
from listening.studies import StudyError

router = Router(tags=["recruiting"])


class OnePanel(Schema):
    """Raters who come by links of one name; "" where the link names none."""

    name: str
    link: str
    identity: Identity | None
    quota: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    finished: int
    at_work: int
    full: bool


class OneRecruiting(Schema):
    """What is set; times have their offset from UTC."""

    opens_at: datetime | None
    closes_at: datetime | None
    time_zone: str
    notices: dict[str, str]
    raters_may_withdraw: bool
    withdrawn: int
    forget_after_days: int | None
    forget_texts: bool
    forgets_at: datetime | None
    panels: list[OnePanel]


@router.get(
    "studies/{slug:slug}/recruiting",
    auth=reads,
    response=answers(200, OneRecruiting),
    url_name="api_recruiting",
    summary="Links, quotas, times, message, retention",
)
def read_recruiting(request: HttpRequest, slug: str) -> Any:
    return _shown(request)


@router.patch(
    "studies/{slug:slug}/recruiting",
    auth=changes,
    response=answers(200, OneRecruiting),
    url_name="api_recruiting",
    summary="Change what is said; the rest stays",
)
def change_recruiting(request: HttpRequest, slug: str, payload: RecruitingPart) -> Any:
    """Also while the study is open. Times without an offset are in its time zone; panels that are new are made."""
    try:
        recruiting_part.keep(request.study, request.user, payload)
    except StudyError as error:
        raise Refusal(422, str(error)) from error
    return _shown(request)


@router.delete(
    "studies/{slug:slug}/recruiting/panels/{str:name}",
    auth=changes,
    response=answers(204, None),
    url_name="api_panel",
    summary="Remove a panel that nobody came by",
)
def remove_panel(request: HttpRequest, slug: str, name: str) -> Any:
    if not request.study.panels.filter(name=name).exists():
        raise Refusal(404, f"This study has no panel “{name}”.")
    try:
        rules.remove_panel(request.study, request.user, name)
    except StudyError as error:
        raise Refusal(409, str(error)) from error
    return Status(204, None)


def _shown(request: HttpRequest) -> OneRecruiting:
    study = request.study  # type: ignore[attr-defined]
    own = rules.of(study)
    set_ = {name: getattr(own, name) for name in OneRecruiting.model_fields if hasattr(own, name) and name != "panels"}
    return OneRecruiting(
        **set_,
        forgets_at=rules.forgets_at(study),
        panels=[
            OnePanel(
                **{name: getattr(each.panel, name) for name in ("name", "quota", "opens_at", "closes_at")},
                link=invites.link(request, study, each.panel.name).url,
                identity=each.panel.identity,
                finished=each.finished,
                at_work=each.at_work,
                full=each.full,
            )
            for each in rules.panels(study)
        ],
    )
