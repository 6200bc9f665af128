"""The link that raters get, as it is given to a panel."""

from __future__ import annotations

from django.http import HttpRequest

from listening.models import Study
from listening.way_words import PROLIFIC_NAMES


def link(request: HttpRequest, study: Study) -> str:
    """The whole invite link of a study."""
    return request.build_absolute_uri(study.invite_path) + placeholders(study)


def placeholders(study: Study) -> str:
    """What follows the invite link: Prolific replaces its own names by those of each participant. "" for nothing."""
    names = [name for name in study.protocol.identity.names if name in PROLIFIC_NAMES]
    return "?" + "&".join(f"{name}={{{{%{name}%}}}}" for name in names) if names else ""


def names_to_add(study: Study) -> list[str]:
    """Names that the link must carry and that whoever sends it has to fill in."""
    return [name for name in study.protocol.identity.names if name not in PROLIFIC_NAMES]
