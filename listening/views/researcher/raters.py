"""Who takes part in a study and how far they are. Never what they think of it."""

from __future__ import annotations

from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from listening import allocation, headphone_check
from listening.models import Session, Study
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page


@of_study(Right.READ)
@require_GET
def raters(request: HttpRequest, study: Study) -> HttpResponse:
    sessions = list(watched(study))
    tests = study.protocol.headphones.tests
    for session in sessions:
        session.headphones_outcome = headphone_check.outcome(session)
        session.headphones_right = [(test, headphone_check.last_right(session, test)) for test in tests]
    return study_page(
        request,
        study,
        "raters",
        sessions=sessions,
        headphone_tests=tests,
        coverage=allocation.coverage(study),
        panels_named=bool(study.protocol.design.panels) or any(session.panel for session in sessions),
        started=len(sessions),
        finished=sum(session.state == Session.State.FINISHED for session in sessions),
    )


def watched(study: Study) -> QuerySet[Session]:
    """Sessions with n_trials, n_done and the time of the last rating. No score is looked at."""
    counted = Q(trials__training=False)
    return study.sessions.select_related("rater").annotate(
        n_trials=Count("trials", filter=counted, distinct=True),
        n_done=Count("trials", filter=counted & Q(trials__finished_at__isnull=False), distinct=True),
        last_rated_at=Max("trials__ratings__rated_at"),
    )
