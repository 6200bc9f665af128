"""What raters see. A rater is known by the token in their link, and by nothing else.

Nothing that these views send, decoded samples apart, tells one slot of a trial from another.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
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
    withdrawing,
)
from listening.models import Rating, Session, Study, Trial
from listening.translating import for_raters, speak_to
from listening.views import sound_check

log = logging.getLogger(__name__)

COOKIE_SECONDS = 90 * 24 * 3600
MOST_OUTSIDE_IDS, LONGEST_ID_NAME, LONGEST_ID = 10, 40, 200
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
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
}


@require_safe
@never_cache
@for_raters
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a rater and send them to their own link; who was here before in this browser goes on where they were."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        return render(request, "listening/rater/unknown.html", status=404)
    ids = outside_ids(request.GET)
    wants = study.protocol.identity
    identity = ids.get(wants.names[0], "") if wants.names and wants.one_attempt else ""
    known = _remembered(request, study)
    again = "new" not in request.GET and (not ids or (known is not None and ids == known.rater.outside_ids))
    if known and (again or (identity and known.identity == identity)):
        return redirect(known.rater)
    if study.state != Study.State.OPEN:
        return _not_open(request, study)
    if wants.required and (absent := [name for name in wants.names if name not in ids]):
        return render(request, "listening/rater/no_identity.html", {"absent": absent}, status=400)
    panel = invites.panel(study, ids)
    if panel is None:
        return render(request, "listening/rater/unknown_panel.html", status=400)
    returns = bool(identity) and study.sessions.filter(identity=identity).exists()
    if not returns and (shut := recruiting.shut(study, panel)):
        return _not_open(request, study, shut=shut)
    if request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=204)  # what only looks ahead makes no rater
    if not returns and allocation.is_full(study, panel):
        return _full(request, study, ids)
    session = sessions.start(
        study,
        outside_ids=ids,
        locale=re.split(r"[,;]", request.headers.get("Accept-Language", ""))[0].strip()[:20],
        browser=request.headers.get("User-Agent", "")[:300],
        language=languages.choose(study, request.headers.get("Accept-Language", "")),
        identity=identity,
        panel=panel,
    )
    response = redirect(session.rater)
    response.set_cookie(
        cookie_of(study),
        session.rater.token,
        max_age=COOKIE_SECONDS,
        path=study.invite_path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


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
        return _not_open(request, session.study, session)
    except allocation.StudyFull:
        return _full(request, session.study, session.rater.outside_ids)
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


@csrf_exempt  # the token in the address is the key; a write that waited for days must not fail on a cookie
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


@csrf_exempt  # as with ratings
@never_cache
def save_events(request: HttpRequest, token: str) -> HttpResponse:
    """Keep a block of events, and answer how many of them were new."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    session = _session(token)
    if session is None:
        return JsonResponse({"error": "This link is not known."}, status=404)
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
    if session.study.state != Study.State.OPEN:
        return _no_sound(gettext("This study has ended."), 410)
    try:
        content = masking.mask(stimuli.read(session, audio_token), masking.key_of(audio_token))
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


def outside_ids(query: QueryDict) -> dict[str, str]:
    """Names that others know the rater by, such as Prolific's, from the address; bounded in number and size."""
    pairs = [(_clean(name)[:LONGEST_ID_NAME], _clean(value)[:LONGEST_ID]) for name, value in query.items()]
    # A panel's placeholder that nobody filled in would make one rater of all who come with it.
    named = [pair for pair in pairs if pair[0] and pair[0] != "new" and not pair[1].startswith("{{%")]
    return dict(named[:MOST_OUTSIDE_IDS])


def _typed(text: str) -> str:
    """As it was typed: browsers send line ends as CR LF, and a database takes no NUL."""
    return text.replace("\r\n", "\n").replace("\x00", "")


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("", text).strip()


def _session(token: str) -> Session | None:
    session = sessions.behind_link(token)
    if session:
        speak_to(session)
    return session


def _remembered(request: HttpRequest, study: Study) -> Session | None:
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
    if study.state != Study.State.OPEN and not session.ended:
        return _not_open(request, study, session)
    if allocation.turns_away(session):
        return _full(request, study, session.rater.outside_ids)
    trial = sessions.current_trial(session)
    context = {
        "events": _events(session, trial),
        "session": session,
        "study": study,
        "step": sessions.step_of(session),
        "step_url": reverse("step", args=[session.rater.token]),
        "problem": problem,
        "given": given or {},
        "questions": answers.page(session, given or {}, faults or {}),
        "protocol": study.protocol,
        "texts": {each: getattr(texts, each)(session) for each in ("consent", "instructions", "ending")},
        "languages": [(code, languages.NAMES[code]) for code in languages.offered(study)],
        "pages": planning.pages_of(study.protocol, study.clips.count()),
        "signals": study.conditions.count(),
        "notice": _notice(study),
        "may_withdraw": withdrawing.may_withdraw(session),
    }
    if session.ended:
        context["code"], context["onward"] = endings.ending(session)
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
    response = render(request, _PAGES[Session.State(session.state)], context, status=status)
    if session.ended:
        forget_browser(request, response, study)
    return response


def forget_browser(request: HttpRequest, response: HttpResponse, study: Study) -> None:
    """Take away the cookies of a rater who is done; the page's script takes what the browser stores.

    Where a study allows one attempt, the browser stays known. A researcher's forms keep their cookie.
    """
    if not study.protocol.identity.one_attempt:
        response.delete_cookie(cookie_of(study), path=study.invite_path, samesite="Lax")
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        response.delete_cookie(settings.CSRF_COOKIE_NAME, samesite="Lax")


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


def _not_open(
    request: HttpRequest, study: Study, session: Session | None = None, *, shut: recruiting.Shut | None = None
) -> HttpResponse:
    ended = study.state == Study.State.CLOSED
    context = {"ended": ended, "shut": shut, "notice": _notice(study)}
    context["events"] = _events(session, None) if session else None
    over = ended or (shut is not None and shut.opens_at is None)
    return render(request, "listening/rater/not_open.html", context, status=410 if over else 403)


def _notice(study: Study) -> str:
    return texts.notice(study, get_language() or "en")


def _full(request: HttpRequest, study: Study, ids: Mapping[str, str]) -> HttpResponse:
    """Every place is held. Nobody is made a rater; who comes again later may find one that was given up."""
    end = study.protocol.ends.full
    context = {"code": end.code, "onward": endings.onward(end, ids, end.code), "notice": _notice(study)}
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
