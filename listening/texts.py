"""The texts of a study in the language of a rater's pages: its own where it has them, else ours, translated."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext

from listening import recruiting
from listening.models import Session, Study
from listening.models.study import CONSENT, INSTRUCTIONS
from listening.protocol import Texts


def consent(session: Session) -> str:
    """What the rater is asked to agree to."""
    return _own(session).consent or _settings(session, session.study.consent_text, CONSENT)


def instructions(session: Session) -> str:
    """How the test works."""
    return _own(session).instructions or _settings(session, session.study.instructions_text, INSTRUCTIONS)


def ending(session: Session) -> str:
    """What the study says at the end, beside our thanks; "" for nothing."""
    return _own(session).ending


def notice(study: Study, language: str) -> str:
    """The study's message to raters at the moment, in their language or else its own; "" for none."""
    notices = recruiting.of(study).notices
    return notices.get(language) or notices.get(study.protocol.language) or next(iter(notices.values()), "")


def _own(session: Session) -> Texts:
    return session.study.protocol.texts.get(session.language, Texts())


def _settings(session: Session, text: str, ours: str) -> str:
    """The text of the study's settings; where that is ours, its translation."""
    if text != ours:
        return text
    with translation.override(session.language or "en"):
        return gettext(ours)
