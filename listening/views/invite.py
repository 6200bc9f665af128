"""The page behind an invite link, where a rater agrees and a session begins; and the page for the code to continue.

GET creates nothing. POST needs no cookie: there is no authority yet that another site could borrow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from listening import allocation, arrivals, failed_tries, languages, recruiting, session_limit, sessions
from listening.arrivals import Arrival
from listening.models import Rater, Session, Study
from listening.models.rating import new_token
from listening.translating import for_raters, speak_to
from listening.views.rater import consent_context, cookie_of, full, not_open, notice, remembered

COOKIE_SECONDS = 90 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_raters
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a rater agrees to; POST makes the rater. A browser with a rater's cookie goes on where they were."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        return render(request, "listening/rater/unknown.html", status=404)
    arrival = arrivals.read(study, request.GET)
    known = remembered(request, study)
    if known and _is_the_same(known, arrival, request):
        return redirect(known.rater)
    begun = arrival.begun(study)
    if begun and arrival.signed:
        return _to(begun, request)
    if study.state != Study.State.OPEN:
        may_continue = begun and begun.may_go_on and not begun.ended
        return _already_started(request, study) if may_continue else not_open(request, study)
    if arrival.signed is None:
        return render(request, "listening/rater/wrong_signature.html", status=400)
    if arrival.panel is None:
        return render(request, "listening/rater/unknown_panel.html", status=400)
    if arrival.absent:
        return render(request, "listening/rater/no_identity.html", {"absent": arrival.absent}, status=400)
    if begun:
        return _already_started(request, study)
    if shut := recruiting.shut(study, arrival.panel):
        return not_open(request, study, shut=shut)
    if allocation.is_full(study, arrival.panel):
        return full(request, study, arrival.ids)
    if request.POST.get("from") == Session.State.CONSENT:
        return _begin(request, study, arrival)
    return _consent(request, study, arrival)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_raters
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead a rater to their own link by the code that each of their pages shows; wrong codes are throttled."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        return render(request, "listening/rater/unknown.html", status=404)
    if request.method != "POST":
        return render(request, "listening/rater/resume.html", {"resume_url": _resume_url(study)})
    doors = failed_tries.doors_of_resume_codes(request)
    if seconds := failed_tries.seconds_to_wait(doors):
        text = ngettext(
            "Too many wrong codes. Please wait %(minutes)s minute.",
            "Too many wrong codes. Please wait %(minutes)s minutes.",
            minutes := -(-seconds // 60),
        )
        return _code_refused(request, study, text % {"minutes": minutes}, 429, seconds)
    code = re.sub(r"[\s-]", "", request.POST.get("code", "")).upper()
    session = study.sessions.select_related("rater", "study").filter(resume_code=code).first() if code else None
    if session is None:
        failed_tries.note_failure(doors)
        return _code_refused(request, study, _("No rater of this test has this code. Check it and try again."), 422)
    return _to(session, request)


def _is_the_same(known: Session, arrival: Arrival, request: HttpRequest) -> bool:
    """Whether who opens a link is the rater whose cookie the browser has."""
    if arrival.identity:
        return arrival.identity == known.identity
    return "new" not in request.GET and (not arrival.ids or arrival.ids == known.rater.outside_ids)


def _begin(request: HttpRequest, study: Study, arrival: Arrival) -> HttpResponse:
    """Make a rater who has agreed. The page carries their token already, so that sending it twice makes one."""
    token = _token(request.POST.get("ticket", ""), study)
    if sent_before := study.sessions.select_related("rater", "study").filter(rater__token=token).first():
        return _to(sent_before, request)
    if not arrival.signed and (minutes := session_limit.count(request)):
        text = ngettext(
            "Too many people have started from your network within an hour. Please try again in %(minutes)s minute.",
            "Too many people have started from your network within an hour. Please try again in %(minutes)s minutes.",
            minutes,
        )
        response = _consent(request, study, arrival, problem=text % {"minutes": minutes}, status=429)
        response["Retry-After"] = str(60 * minutes)
        return response
    try:
        session = sessions.begin(
            study,
            token=token,
            outside_ids=arrival.ids,
            locale=re.split(r"[,;]", request.headers.get("Accept-Language", ""))[0].strip()[:20],
            browser=request.headers.get("User-Agent", "")[:300],
            language=_language(request, study),
            identity=arrival.identity,
            panel=arrival.panel or "",
        )
    except sessions.AlreadyStarted:
        begun = arrival.begun(study)
        return _to(begun, request) if begun and arrival.signed else _already_started(request, study)
    except sessions.StudyNotOpen:
        study.refresh_from_db()
        return not_open(request, study)
    except allocation.StudyFull:
        return full(request, study, arrival.ids)
    return _to(session, request)


def _consent(
    request: HttpRequest, study: Study, arrival: Arrival, *, problem: str = "", status: int = 200
) -> HttpResponse:
    rater = Rater(outside_ids=arrival.ids)
    session = Session(study=study, rater=rater, language=_language(request, study), panel=arrival.panel or "")
    speak_to(session)
    here = request.get_full_path()
    context = consent_context(session) | {
        "problem": problem,
        "step_url": here,
        "language_url": here,
        "ticket": request.POST.get("ticket") or _signer(study).sign(new_token()),
        "resume_url": _resume_url(study),
    }
    return render(request, "listening/rater/consent.html", context, status=status)


def _already_started(request: HttpRequest, study: Study) -> HttpResponse:
    """Somebody has a session under this ID. The ID alone opens nothing: panels' IDs are known to others."""
    context = {"resume_url": _resume_url(study), "notice": notice(study), "study": study}
    return render(request, "listening/rater/already_started.html", context)


def _code_refused(request: HttpRequest, study: Study, problem: str, status: int, seconds: int = 0) -> HttpResponse:
    context: Mapping[str, object] = {
        "resume_url": _resume_url(study),
        "problem": problem,
        "given": request.POST.get("code", "")[:40],
    }
    response = render(request, "listening/rater/resume.html", context, status=status)
    if seconds:
        response["Retry-After"] = str(seconds)
    return response


def _to(session: Session, request: HttpRequest) -> HttpResponse:
    """To a rater's own link; where the browser keeps cookies, it finds it again by the invite link."""
    response = redirect(session.rater)
    response.set_cookie(
        cookie_of(session.study),
        session.rater.token,
        max_age=COOKIE_SECONDS,
        path=session.study.invite_path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _language(request: HttpRequest, study: Study) -> str:
    wanted = request.POST.get("language", "")
    accepted = request.headers.get("Accept-Language", "")
    return wanted if wanted in languages.offered(study) else languages.choose(study, accepted)


def _token(ticket: str, study: Study) -> str:
    try:
        return _signer(study).unsign(ticket)
    except signing.BadSignature:
        return new_token()


def _signer(study: Study) -> signing.Signer:
    return signing.Signer(salt=f"listening.invite {study.pk}")


def _resume_url(study: Study) -> str:
    return reverse("resume", args=[study.slug])
