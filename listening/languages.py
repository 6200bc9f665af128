"""Which language a rater's pages are in."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation.trans_real import parse_accept_lang_header

from listening.models import Session, Study
from listening.models.study import CONSENT, INSTRUCTIONS
from listening.parts import LANGUAGES
from listening.protocol import Texts
from listening.questionnaires import is_said_in

NAMES = dict(settings.LANGUAGES)
"""Languages in their own words."""


def offered(study: Study) -> list[str]:
    """Languages that a study's raters may have: those set, else those in which all of its texts are there."""
    protocol = study.protocol
    if protocol.languages:
        return list(protocol.languages)
    return [language for language in LANGUAGES if not missing_texts(study, language)]


def missing_texts(study: Study, language: str) -> list[str]:
    """Texts of a study that raters who read a language would get in another one; ours are there in each."""
    protocol = study.protocol
    if language == protocol.language:
        return []
    own = protocol.texts.get(language, Texts())
    found = []
    if not own.consent and study.consent_text != CONSENT:
        found.append("the consent text")
    if not own.instructions and study.instructions_text != INSTRUCTIONS:
        found.append("the instructions")
    found += [f"the questionnaire “{each.name}”" for each in protocol.questionnaires if not is_said_in(each, language)]
    return found


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
