"""Where a rater withdraws: a page that asks, and one that says that all is deleted. Both work without scripts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from listening import sessions, withdrawing
from listening.studies import StudyError
from listening.translating import for_raters, speak_to
from listening.views.rater import cookie_of, forget_browser


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_raters
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST deletes everything, and the link leads nowhere from then on."""
    session = sessions.behind_link(token)
    if session is None:
        return render(request, "listening/rater/unknown.html", status=404)
    speak_to(session)
    study = session.study
    context = {"session": session, "study": study, "protocol": study.protocol}
    if request.method == "POST":
        try:
            withdrawing.withdraw(session)
        except StudyError:
            return render(request, "listening/rater/withdraw.html", context, status=409)
        response = render(request, "listening/rater/withdrawn.html", {"rater": token})
        response.delete_cookie(cookie_of(study), path=study.invite_path, samesite="Lax")
        forget_browser(request, response, study)
        return response
    context["allowed"] = withdrawing.may_withdraw(session)
    return render(request, "listening/rater/withdraw.html", context)
