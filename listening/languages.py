"""Which language a rater's pages are in."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation.trans_real import parse_accept_lang_header

from listening.models import Session, Study
from listening.models.study import CONSENT, INSTRUCTIONS
from listening.parts import LANGUAGES

NAMES = dict(settings.LANGUAGES)
"""Languages in their own words."""


def offered(study: Study) -> list[str]:
    """Languages that a study's raters may have: those set, else those in which all of its texts are there."""
    protocol = study.protocol
    if protocol.languages:
        return list(protocol.languages)
    ours = study.consent_text == CONSENT, study.instructions_text == INSTRUCTIONS

    def whole(language: str) -> bool:
        own = protocol.texts.get(language)
        consent, instructions = (bool(own and own.consent), bool(own and own.instructions))
        return language == protocol.language or ((consent or ours[0]) and (instructions or ours[1]))

    return [language for language in LANGUAGES if whole(language)]


def choose(study: Study, accept: str) -> str:
    """The offered language that a browser asks for first, else the study's own, else the first offered.

    Parameters
    ----------
    study : Study
    accept : str
        The header Accept-Language.
    """
    there = offered(study)
    for tag, _ in parse_accept_lang_header(accept.lower()):
        if (language := tag.split("-")[0]) in there:
            return language
    own = study.protocol.language
    return own if own in there else there[0]


def language_of(session: Session) -> str:
    """Language of a session's pages."""
    return session.language or "en"


def asked_for(accept: str) -> str:
    """The language of ours that a browser asks for first, else English: for pages that belong to no session.

    Parameters
    ----------
    accept : str
        The header Accept-Language.
    """
    for tag, _ in parse_accept_lang_header(accept.lower()):
        if (language := tag.split("-")[0]) in LANGUAGES:
            return language
    return "en"
