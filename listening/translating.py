"""What raters read in their language: the language of each request, and the catalogue of their scripts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation.trans_real import DjangoTranslation
from django.views.decorators.csrf import csrf_exempt

from listening.languages import asked_for, language_of
from listening.models import Session

View = Callable[..., HttpResponse]

FORMS = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}
"""Plural categories of `Intl.PluralRules`, each with a number that falls into it in every language that has it."""


def each_request_in_english(get_response: View) -> View:
    """Middleware: every request begins in English, and no view can leave another language in its thread."""

    def respond(request: HttpRequest) -> HttpResponse:
        with translation.override(settings.LANGUAGE_CODE):
            return get_response(request)

    return respond


def for_raters(view: View) -> View:
    """Decorator of a rater's view: it speaks the browser's language until `speak_to` names the session's.

    No cookie and nothing in the address decides.
    Forms of raters need no cookie either: the token in the address is the key, and no other site knows it.
    """

    @csrf_exempt
    @wraps(view)
    def spoken(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        translation.activate(asked_for(request.headers.get("Accept-Language", "")))
        return view(request, *args, **kwargs)

    return spoken


def speak_to(session: Session) -> None:
    """Go on in the language of a session, to the end of the request."""
    translation.activate(language_of(session))


@cache
def catalogue(language: str) -> dict[str, str | dict[str, str]]:
    """What the scripts' messages are in a language; empty for English.

    Returns
    -------
    dict
        A text for each message, or for one with a number the texts by plural category, those alone that differ
        from the last, "other".
    """
    words = DjangoTranslation(language, domain="djangojs")
    found: dict[str, str | dict[str, str]] = {}
    for key, text in words._catalog.items():  # what overrules comes first
        if isinstance(key, tuple):
            message = key[0]
            forms = {form: words.ngettext(message, message, number) for form, number in FORMS.items()}
            found[message] = {form: text for form, text in forms.items() if form == "other" or text != forms["other"]}
        elif key:
            found.setdefault(key, text)
    return found
