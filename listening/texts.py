"""The texts of a study in the language of a rater's pages: its own where it has them, else ours, translated."""

from __future__ import annotations

import math

from django.template.defaultfilters import floatformat
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from listening import recruiting
from listening.models import Session, Study
from listening.models.study import CONSENT, INSTRUCTIONS, INSTRUCTIONS_FOR_NUMBERS
from listening.protocol import Texts


def consent(session: Session) -> str:
    """What the rater is asked to agree to."""
    return _own(session).consent or _settings(session, session.study.consent_text)


def instructions(session: Session) -> str:
    """How the test works."""
    text = session.study.instructions_text
    if text == INSTRUCTIONS and session.study.protocol.rating.input == "numbers":
        text = INSTRUCTIONS_FOR_NUMBERS
    return _own(session).instructions or _settings(session, text)


def rules(study: Study) -> list[str]:
    """What a page asks of its rater before they may go on, a sentence each."""
    asked = study.protocol.rules
    sentences = []
    if study.heard_seconds:
        play = ngettext(
            "Play each sound for at least %(seconds)s second.",
            "Play each sound for at least %(seconds)s seconds.",
            math.ceil(study.heard_seconds),
        )
        sentences.append(play % {"seconds": floatformat(study.heard_seconds)})
    if asked.share_heard:
        sentences.append(_("Play at least %(percent)s %% of each sound.") % {"percent": round(100 * asked.share_heard)})
    if asked.only_playing:
        sentences.append(_("You can score only the sound that you played last."))
    if asked.all_rated:
        sentences.append(_("Score every sound before you go on."))
    else:
        sentences.append(_("You may leave sounds without a score."))
    if asked.one_at_100:
        sentences.append(_("Give 100 to at least one sound of each page."))
    if asked.least_seconds:
        stay = ngettext(
            "Each page stays for at least %(seconds)s second.",
            "Each page stays for at least %(seconds)s seconds.",
            math.ceil(asked.least_seconds),
        )
        sentences.append(stay % {"seconds": floatformat(asked.least_seconds)})
    return sentences


def ending(session: Session) -> str:
    """What the study says at the end, beside our thanks; "" for nothing."""
    return _own(session).ending


def notice(study: Study, language: str) -> str:
    """The study's message to raters at the moment, in their language or else its own; "" for none."""
    notices = recruiting.of(study).notices
    return notices.get(language) or notices.get(study.protocol.language) or next(iter(notices.values()), "")


def _own(session: Session) -> Texts:
    return session.study.protocol.texts.get(session.language, Texts())


def _settings(session: Session, text: str) -> str:
    """The text of the study's settings; where that is ours, its translation."""
    if text not in (CONSENT, INSTRUCTIONS, INSTRUCTIONS_FOR_NUMBERS):
        return text
    with translation.override(session.language or "en"):
        return _(text)
