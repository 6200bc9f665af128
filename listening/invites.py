"""The link that raters get, as it is given to a panel."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.http import HttpRequest

from listening.models import Study
from listening.site import link_to
from listening.way_words import PROLIFIC_NAMES

PANEL_NAME = r"[A-Za-z0-9_.-]{1,60}"


def link(request: HttpRequest, study: Study) -> str:
    """The whole invite link of a study."""
    return link_to(study.invite_path, request) + placeholders(study)


def placeholders(study: Study) -> str:
    """What follows the invite link: Prolific replaces its own names by those of each participant. "" for nothing."""
    names = [name for name in study.protocol.identity.names if name in PROLIFIC_NAMES]
    return "?" + "&".join(f"{name}={{{{%{name}%}}}}" for name in names) if names else ""


def names_to_add(study: Study) -> list[str]:
    """Names that the link must carry and that whoever sends it has to fill in."""
    return [name for name in study.protocol.identity.names if name not in PROLIFIC_NAMES]


def panel(study: Study, named: Mapping[str, str]) -> str | None:
    """The panel that a link names as `panel`; "" where it names none, None where the study has no such panel.

    A study that lists its panels has no others but those added to it later, and wants one named; any other takes
    each name that is one.

    Parameters
    ----------
    study : Study
    named : mapping of str to str
        What the link says.
    """
    name = named.get("panel", "")
    known = study.protocol.design.panels
    if known:
        fits = name in known or (name and study.panels.filter(name=name).exists())
    else:
        fits = not name or re.fullmatch(PANEL_NAME, name)
    return name if fits else None


def panel_links(request: HttpRequest, study: Study) -> list[tuple[str, str]]:
    """Each panel that the study names, with its link."""
    return [(name, panel_link(request, study, name)) for name in study.protocol.design.panels]


def panel_link(request: HttpRequest, study: Study, name: str) -> str:
    """The invite link of a panel; of who comes by none where the name is empty."""
    whole = link(request, study)
    return f"{whole}{'&' if '?' in whole else '?'}panel={name}" if name else whole
