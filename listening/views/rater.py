"""What raters see. A rater is known by the token in their link, and by nothing else.

Nothing that these views send, decoded samples apart, tells one slot of a trial from another.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from listening import (
    allocation,
    answers,
    endings,
    events,
    invites,
    languages,
    masking,
    planning,
    ratings,
    recruiting,
    sessions,
    stimuli,
    texts,
    way_words,
    withdrawing,
)
from listening.models import Rating, Session, Study, Trial
from listening.translating import for_raters, speak_to
from listening.views import sound_check

log = logging.getLogger(__name__)

_PAGES = {
    Session.State.CONSENT: "listening/rater/consent.html",
    Session.State.LEVEL: "listening/rater/level.html",
    Session.State.HEADPHONES: "listening/rater/headphones.html",
    Session.State.QUESTIONS: "listening/rater/questions.html",
    Session.State.INSTRUCTIONS: "listening/rater/instructions.html",
    Session.State.TRAINING: "listening/rater/trial.html",
    Session.State.TRIALS: "listening/rater/trial.html",
    Session.State.BREAK: "listening/rater/break.html",
    Session.State.COMMENTS: "listening/rater/comments.html",
    Session.State.FINISHED: "listening/rater/finished.html",
    Session.State.SCREENED_OUT: "listening/rater/screened_out.html",
    Session.State.TIMED_OUT: "listening/rater/timed_out.html",
    Session.State.CLOSED: "listening/rater/closed.html",
}


@require_safe
@never_cache
@for_raters
def rate(request: HttpRequest, token: str) -> HttpResponse:
    """The one page of a rater: it shows the step where they are."""
    session = _session(token)
    if session is None:
        return render(request, "listening/rater/unknown.html", status=404)
    sessions.look_at_the_clock(session)
    return _page(request, session)


@require_POST
@never_cache
@for_raters
def step(request: HttpRequest, token: str) -> HttpResponse:
    """Leave the page named in `from`; from anywhere else, only show where the rater is."""
    session = _session(token)
    if session is None:
        return render(request, "listening/rater/unknown.html", status=404)
    given = {name: _typed(value) for name, value in request.POST.items()}
    try:
        sessions.advance(session, given.get("from", ""), given)
    except sessions.StudyNotOpen:
        return not_open(request, session.study, session)
    except allocation.StudyFull:
        return full(request, session.study, session.rater.outside_ids)
    except sessions.Refused as refused:
        return _page(request, session, problem=str(refused), faults=refused.faults, given=given, status=409)
    return redirect(session.rater)


@require_POST
@never_cache
@for_raters
def language(request: HttpRequest, token: str) -> HttpResponse:
    """Show the pages in another of the study's languages."""
    session = _session(token)
    if session is None:
        return render(request, "listening/rater/unknown.html", status=404)
    wanted = request.POST.get("language", "")
    if wanted in languages.offered(session.study):
        Session.objects.filter(pk=session.pk).update(language=wanted)
    return redirect(session.rater)


@never_cache
@for_raters
def save_rating(request: HttpRequest, token: str) -> HttpResponse:
    """Keep one write and answer what is stored now."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    session = _session(token)
    if session is None:
        return JsonResponse({"error": gettext("This link is not known.")}, status=404)
    try:
        kept = ratings.save(session, ratings.parse(request.body))
    except ratings.Refused as refused:
        return JsonResponse({"error": refused.text}, status=refused.status)
    return JsonResponse(_saved(kept))


@never_cache
@for_raters
def save_events(request: HttpRequest, token: str) -> HttpResponse:
    """Keep a block of events, and answer how many of them were new."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    session = _session(token)
    if session is None:
        return JsonResponse({"error": gettext("This link is not known.")}, status=404)
    try:
        new = events.keep(session, events.parse(request.body))
    except ratings.Refused as refused:
        return JsonResponse({"error": refused.text}, status=refused.status)
    return JsonResponse({"new": new})


@require_safe
@for_raters
def audio(request: HttpRequest, token: str, audio_token: str) -> HttpResponse:
    """A stimulus under its mask. Headers are the same for all of a trial's stimuli, and none comes from its file."""
    session = _session(token)
    if session is None:
        return _no_sound(gettext("This link is not known."), 404)
    if not session.may_go_on:
        return _no_sound(gettext("This study has ended."), 410)
    try:
        sound = stimuli.read(session, audio_token, serve=request.method == "GET")
        content = masking.mask(sound, masking.key_of(audio_token))
    except stimuli.NoSuchSound:
        return _no_sound(gettext("This sound does not belong to the page where you are. Reload the page."), 404)
    except (OSError, ValueError):  # ValueError: a rendering without a file
        log.exception("a stimulus of session %s can't be read", session.pk)
        return _no_sound(gettext("This sound can't be read on the server."), 503)
    response = HttpResponse(b"" if request.method == "HEAD" else content, content_type="application/octet-stream")
    response["Content-Length"] = len(content)
    response["Accept-Ranges"] = "none"
    # no-transform: a proxy that compresses would give each sound a length of its own.
    patch_cache_control(response, private=True, max_age=3600, no_transform=True)
    return response


def _typed(text: str) -> str:
    """As it was typed: browsers send line ends as CR LF, and a database takes no NUL."""
    return text.replace("\r\n", "\n").replace("\x00", "")


def _session(token: str) -> Session | None:
    session = sessions.behind_link(token)
    if session:
        speak_to(session)
    return session


def remembered(request: HttpRequest, study: Study) -> Session | None:
    """The session in a study whose cookie a browser has."""
    session = _session(request.COOKIES.get(cookie_of(study), ""))
    return session if session and session.study_id == study.pk else None


def cookie_of(study: Study) -> str:
    """Name of the cookie by which a browser finds its rater's place in a study again."""
    return f"rater-{study.slug}"


def _page(
    request: HttpRequest,
    session: Session,
    *,
    problem: str = "",
    faults: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    study = session.study
    if not session.ended and not session.may_go_on:
        return not_open(request, study, session)
    if allocation.turns_away(session):
        return full(request, study, session.rater.outside_ids)
    trial = sessions.current_trial(session)
    context = consent_context(session) | {
        "events": _events(session, trial),
        "step_url": reverse("step", args=[session.rater.token]),
        "language_url": reverse("rater_language", args=[session.rater.token]),
        "problem": problem,
        "given": given or {},
        "questions": answers.page(session, given or {}, faults or {}),
        "another": invites.another(session),
    }
    if session.ended:
        context["code"], context["onward"] = endings.ending(session)
        context["goes_back"] = endings.goes_back(session)
    if session.state in (Session.State.QUESTIONS, Session.State.INSTRUCTIONS, Session.State.BREAK):
        context["sounds_ahead"] = [url for each in sessions.trials_ahead(session) for url in _addresses(session, each)]
    if session.state in sound_check.SETUPS:
        context["setup"] = sound_check.SETUPS[session.state](session)
    if trial:
        if request.method == "GET":
            sessions.show(trial)
        context |= {"trial": trial, "setup": _setup(session, trial)}
        context["slots"] = [each["slot"] for each in context["setup"]["slots"]]
        context["longest_comment"] = ratings.LONGEST_COMMENT
    page = "listening/rater/not_listened.html" if session.cannot_have_listened else _PAGES[Session.State(session.state)]
    response = render(request, page, context, status=status)
    if session.ended:
        forget_browser(response, session)
    return response


def consent_context(session: Session) -> dict[str, object]:
    """What each page of a rater says of their study; all that the consent page needs of a session not yet begun."""
    study = session.study
    return {
        "session": session,
        "study": study,
        "step": sessions.step_of(session),
        "protocol": study.protocol,
        "texts": {each: getattr(texts, each)(session) for each in ("consent", "instructions", "ending")},
        "languages": [(code, languages.NAMES[code]) for code in languages.offered(study)],
        "clips": study.protocol.design.clips_each(study.clips.count()),
        "pages": planning.pages_of(study.protocol, study.clips.count()),
        "minutes": way_words.minutes_of_study(study),
        "rules": texts.rules(study),
        "signals": study.conditions.count(),
        "notice": notice(study),
        "may_withdraw": withdrawing.may_withdraw(session),
        "one_attempt": invites.identity(study, session.panel).one_attempt,
    }


def forget_browser(response: HttpResponse, session: Session) -> None:
    """Remove the cookie of a rater who is done; the page's script removes what the browser stores.

    Where the study allows one attempt, the browser stays known.
    """
    if not invites.identity(session.study, session.panel).one_attempt:
        response.delete_cookie(cookie_of(session.study), path=session.study.invite_path, samesite="Lax")


def _setup(session: Session, trial: Trial) -> dict[str, object]:
    """What the trial's scripts start from."""

    def sound(audio_token: str) -> dict[str, str]:
        address = reverse("audio", args=[session.rater.token, audio_token])
        return {"url": address, "key": masking.key_of(audio_token)}

    slots = [{**_saved(rating), **sound(rating.token)} for rating in trial.ratings.all()]
    following = [each for each in sessions.trials_ahead(session) if each != trial]
    return {
        "rater": session.rater.token,
        "trial": trial.token,
        "page_url": reverse("rate", args=[session.rater.token]),
        "save_url": reverse("save_rating", args=[session.rater.token]),
        "level": sound_check.level_of(session),
        "heard_seconds": session.study.heard_seconds,
        "rules": {
            **session.study.protocol.rules.model_dump(),
            "one_at_100": sessions.one_at_100(trial),
            "seconds_left": sessions.seconds_left(trial),
        },
        "reference": sound(trial.reference_token),
        "slots": slots,
        "next": [url for each in following for url in _addresses(session, each)],
    }


def _addresses(session: Session, trial: Trial) -> list[str]:
    """Addresses of a trial's sounds: the reference, then the slots in their order."""
    tokens = [trial.reference_token, *(rating.token for rating in trial.ratings.all())]
    return [reverse("audio", args=[session.rater.token, token]) for token in tokens]


def _saved(rating: Rating) -> dict[str, object]:
    """What a page learns of a slot; what no rule asked for and nobody wrote is left out."""
    more = {"parts_heard": rating.parts_heard, "comment": rating.comment, "writer": rating.writer}
    return {
        "slot": rating.slot,
        "score": rating.score,
        "plays": rating.plays,
        "seconds_heard": rating.seconds_heard,
        "revision": rating.revision,
        **{name: value for name, value in more.items() if value},
    }


def not_open(
    request: HttpRequest, study: Study, session: Session | None = None, *, shut: recruiting.Shut | None = None
) -> HttpResponse:
    """The study takes no ratings, or its invite lets nobody in at this moment."""
    ended = study.state == Study.State.CLOSED
    context = {"ended": ended, "shut": shut, "notice": notice(study)}
    context["events"] = _events(session, None) if session else None
    over = ended or (shut is not None and shut.opens_at is None)
    return render(request, "listening/rater/not_open.html", context, status=410 if over else 403)


def notice(study: Study) -> str:
    """The study's message to raters, in the language of the page."""
    return texts.notice(study, get_language() or "en")


def full(request: HttpRequest, study: Study, ids: Mapping[str, str]) -> HttpResponse:
    """Every place is held. Nobody is made a rater; who comes again later may find one that was given up."""
    end = study.protocol.ends.full
    context = {
        "code": end.code,
        "onward": endings.onward(end, ids, end.code),
        "goes_back": True,
        "notice": notice(study),
    }
    return render(request, "listening/rater/full.html", context)


def _events(session: Session, trial: Trial | None) -> dict[str, str]:
    """What the log of a page's events starts from."""
    return {
        "rater": session.rater.token,
        "url": reverse("save_events", args=[session.rater.token]),
        "page": session.state,
        "trial": trial.token if trial else "",
    }


def _no_sound(text: str, status: int) -> JsonResponse:
    response = JsonResponse({"error": text}, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response
