"""Who takes part and how far they are. Never what they think."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status

from listening import allocation, headphone_check, withdrawing
from listening.api.access import Confirm, Refusal, answers, changes, reads
from listening.models import Session
from listening.studies import StudyError
from listening.views.researcher.raters import sessions_of

router = Router(tags=["raters"])


class OneRater(Schema):
    """A rater's way so far, under the opaque code that exports have. `cannot_have_listened` says why, or is empty."""

    rater: str
    state: str
    panel: str
    language: str
    started_at: datetime
    finished_at: datetime | None
    last_rated_at: datetime | None
    trials_done: int
    trials: int
    headphones: str
    cannot_have_listened: str


class ClipCoverage(Schema):
    """How often a clip was given out: to raters who finished, who may yet, and waiting for the next one."""

    clip: str
    finished: int
    in_progress: int
    given_up: int


class PanelCoverage(Schema):
    """Coverage of the clips in one panel, and how many ratings of each are wanted."""

    panel: str
    wanted: int | None
    clips: list[ClipCoverage]


class Raters(Schema):
    """Counts, each rater, and coverage where the study shares out its clips."""

    started: int
    finished: int
    raters: list[OneRater]
    coverage: list[PanelCoverage]


@router.get(
    "studies/{slug:slug}/raters",
    auth=reads,
    response=answers(200, Raters),
    url_name="api_raters",
    summary="Raters' progress and coverage",
)
def read_raters(request: HttpRequest, slug: str) -> Any:
    sessions = list(sessions_of(request.study))
    return Raters(
        started=len(sessions),
        finished=sum(session.state == Session.State.FINISHED for session in sessions),
        raters=[_shown(session) for session in sessions],
        coverage=[
            PanelCoverage(
                panel=panel.panel,
                wanted=panel.wanted,
                clips=[ClipCoverage(**asdict(each)) for each in panel.clips],
            )
            for panel in allocation.coverage(request.study)
        ],
    )


@router.delete(
    "studies/{slug:slug}/raters/{str:code}",
    auth=changes,
    response=answers(204, None),
    url_name="api_rater",
    summary="Delete all that a rater gave, because they ask for it",
)
def delete_rater(request: HttpRequest, slug: str, code: str, confirm: Confirm = False) -> Any:
    """Also when the study is closed; its report is then made anew and says how many withdrew."""
    try:
        withdrawing.delete_rater(request.study, code, request.user, confirmed=confirm)
    except StudyError as error:
        raise Refusal(404, str(error)) from error
    return Status(204, None)


def _shown(session: Session) -> OneRater:
    return OneRater(
        rater=session.rater.code,
        state=session.state,
        panel=session.panel,
        language=session.language,
        started_at=session.started_at,
        finished_at=session.finished_at,
        last_rated_at=session.last_rated_at,
        trials_done=session.n_done,
        trials=session.n_trials,
        headphones=headphone_check.outcome(session),
        cannot_have_listened=session.cannot_have_listened,
    )
