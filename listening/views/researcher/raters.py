"""Who takes part in a study and how far they are. Never what they think of it."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from listening import allocation, headphone_check, losses, recruiting, texts, watching, withdrawing
from listening.models import Session, Study
from listening.permissions import Right
from listening.studies import StudyError
from listening.views.researcher.access import of_study, study_page


@of_study(Right.READ)
@require_GET
def raters(request: HttpRequest, study: Study) -> HttpResponse:
    sessions = list(sessions_of(study))
    tests = study.protocol.headphones.tests
    seen = watching.watched(study, sessions)
    for session in sessions:
        session.study = study  # one protocol for all of them
        session.headphones_outcome = headphone_check.outcome(session)
        session.headphones_right = [(test, headphone_check.last_right(session, test)) for test in tests]
        session.suspicions = seen.suspicions.get(session.rater.code, [])
    panels = recruiting.panels(study)
    return study_page(
        request,
        study,
        "raters",
        sessions=sessions,
        headphone_tests=tests,
        coverage=allocation.coverage(study),
        panels_named=bool(study.protocol.design.panels) or any(session.panel for session in sessions),
        panels=panels,
        quotas=any(each.panel.quota for each in panels),
        recruiting=recruiting.of(study),
        shut=study.state == Study.State.OPEN and _shut_everywhere(study, panels),
        notice=texts.notice(study, "en"),
        forgets_at=recruiting.forgets_at(study),
        seen=seen,
        started=len(sessions),
        finished=sum(session.state == Session.State.FINISHED for session in sessions),
    )


@of_study(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def delete_rater(request: HttpRequest, study: Study, code: str) -> HttpResponse:
    """GET asks; POST deletes all that a rater gave, at their wish."""
    session = study.sessions.filter(rater__code=code).select_related("rater").first()
    if session is None:
        raise Http404(f"{study} has no rater {code}.")
    if request.method == "POST":
        try:
            withdrawing.delete_rater(study, code, request.user, confirmed=True)
        except StudyError as error:  # somebody else did at the same moment
            messages.error(request, str(error))
        else:
            messages.success(request, f"All data of rater {code} are deleted.")
        return redirect("raters", study.slug)
    return study_page(request, study, "delete_rater", session=session, code=code, lost=losses.of_rater(session))


def sessions_of(study: Study) -> QuerySet[Session]:
    """Sessions with n_trials, n_done and the time of the last rating. No score is looked at."""
    counted = Q(trials__training=False)
    return study.sessions.select_related("rater").annotate(
        n_trials=Count("trials", filter=counted, distinct=True),
        n_done=Count("trials", filter=counted & Q(trials__finished_at__isnull=False), distinct=True),
        last_rated_at=Max("trials__ratings__rated_at"),
    )


def _shut_everywhere(study: Study, panels: list[recruiting.PanelCount]) -> recruiting.Shut | None:
    """Why no link lets anybody in at the moment; None where one does."""
    found = [recruiting.shut(study, each.panel.name) for each in panels]
    return found[0] if all(found) else None
