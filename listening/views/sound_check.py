"""What the pages of the level and of the headphone tests start from, and what they send back."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from listening import headphone_check, headphones, masking, sessions
from listening import level as levels
from listening.models import Session
from listening.translating import for_raters, speak_to

LONGEST_BODY = 1000  # bytes


@never_cache
@for_raters
def save_level(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the level that the rater set on the page where they are."""
    return _kept(request, token, lambda session, found: {"db": levels.keep(session, found.get("db"))})


@never_cache
@for_raters
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Take an answer in a headphone test; the reply is what the page shows next."""

    def take(session: Session, found: dict) -> dict:
        numbers = [found.get(name) for name in ("attempt", "trial", "answer")]
        if not all(type(number) is int for number in numbers):
            raise headphone_check.WrongAnswer("An answer has the numbers attempt, trial and answer.")
        sessions.answer_headphones(session, *numbers)
        return headphones_setup(session)

    return _kept(request, token, take)


def masked(session: Session, audio_token: str) -> dict[str, str]:
    """Address of a sound, and the key of its mask."""
    return {"url": reverse("audio", args=[session.rater.token, audio_token]), "key": masking.key_of(audio_token)}


def level_of(session: Session) -> dict[str, object] | None:
    """The level that a page plays at, and by how much it may be changed there; None where none was set."""
    if session.level_db is None:
        return None
    return {
        "db": session.level_db,
        "change": session.level_change_db,
        "most_change": levels.CHANGE,
        "url": reverse("save_level", args=[session.rater.token]),
    }


def level_setup(session: Session) -> dict[str, object]:
    """What the page of the level starts from: the reference of the first trial, and the slider."""
    trial = sessions.trials_ahead(session)[0]
    return {
        "page_url": reverse("rate", args=[session.rater.token]),
        "sound": masked(session, trial.reference_token),
        "save_url": reverse("save_level", args=[session.rater.token]),
        "level": levels.START if session.level_db is None else session.level_db,
        "lowest": levels.LOWEST,
        "highest": levels.HIGHEST,
    }


def headphones_setup(session: Session) -> dict[str, object]:
    """What the page of a headphone test starts from, and shows after an answer. It says nothing of what is right."""
    page_url = reverse("rate", args=[session.rater.token])
    attempt = headphone_check.current(session)
    if attempt is None:
        return {"gone": True, "page_url": page_url}

    at, tests = len(attempt.answers), session.study.protocol.headphones.tests
    return {
        "gone": False,
        "page_url": page_url,
        "answer_url": reverse("answer_headphones", args=[session.rater.token]),
        "test": attempt.test,
        "part": tests.index(attempt.test) + 1,
        "parts": len(tests),
        "attempt": attempt.number,
        "trial": at,
        "trials": len(attempt.trials),
        "plays": headphone_check.PLAYS,
        "starts": headphones.starts(attempt.test),
        "seconds": headphones.SECONDS,
        "sounds": [masked(session, each) for each in attempt.tokens[at : at + 2]],
        "example": masked(session, attempt.example) if attempt.example else None,
        "level": session.level_db,
    }


SETUPS = {Session.State.LEVEL: level_setup, Session.State.HEADPHONES: headphones_setup}


def _kept(request: HttpRequest, token: str, keep) -> HttpResponse:  # noqa: ANN001
    """Read a JSON object, do what it asks for, answer with JSON."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    session = sessions.behind_link(token)
    if session is None:
        return JsonResponse({"error": _("This link is not known.")}, status=404)
    speak_to(session)
    if not session.may_go_on:
        return JsonResponse({"error": _("This study has ended.")}, status=410)
    if len(request.body) > LONGEST_BODY:
        return JsonResponse({"error": f"The body has at most {LONGEST_BODY} bytes."}, status=400)
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return JsonResponse({"error": "The body is not a JSON object."}, status=400)
    try:
        return JsonResponse(keep(session, found))
    except sessions.StudyNotOpen:
        return JsonResponse({"error": _("This study has ended.")}, status=410)
    except (levels.WrongLevel, headphone_check.WrongAnswer) as wrong:
        return JsonResponse({"error": str(wrong)}, status=409)
