"""Invite links: what each panel's link carries, and what a link says of the rater who opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.http import HttpRequest

from listening.models import Session, Study
from listening.protocol import Identity
from listening.site import link_to

PANEL_NAME = r"[A-Za-z0-9_.-]{1,60}"

PLACEHOLDERS = {
    "PROLIFIC_PID": "{{%PROLIFIC_PID%}}",
    "STUDY_ID": "{{%STUDY_ID%}}",
    "SESSION_ID": "{{%SESSION_ID%}}",
    "survey_code": "%SURVEY_CODE%",
    "RID": "[%RID%]",
}
"""What panels replace in a link, by the parameter's name: Prolific's three, SONA's and Cint's."""


@dataclass(frozen=True)
class Link:
    """The invite link of a panel.

    Attributes
    ----------
    panel : str
        "" for raters without a panel.
    url : str
        To paste as it is into the panel's own pages.
    to_add : tuple of str
        Names that the link must carry and that no panel fills in.
    """

    panel: str
    url: str
    to_add: tuple[str, ...]


def identity(study: Study, panel: str) -> Identity:
    """What the links of a panel say of their raters: as set for the panel, or else for the study."""
    set_ = next((each.identity for each in study.panels.all() if each.name == panel), None)
    return study.protocol.identity if set_ is None else Identity.model_validate(set_)


def link(request: HttpRequest, study: Study, panel: str) -> Link:
    """The invite link of a panel."""
    names = identity(study, panel).names
    filled = [f"{name}={PLACEHOLDERS[name]}" for name in names if name in PLACEHOLDERS]
    said = "&".join([*filled, *([f"panel={panel}"] if panel else [])])
    url = link_to(study.invite_path, request) + (f"?{said}" if said else "")
    return Link(panel, url, tuple(name for name in names if name not in PLACEHOLDERS))


def links(request: HttpRequest, study: Study) -> list[Link]:
    """Each link that lets raters in: one without a panel, unless the study lists its panels, and one of each panel."""
    listed = study.protocol.design.panels or ("",)
    added = [each.name for each in study.panels.all() if each.name and each.name not in listed]
    return [link(request, study, name) for name in (*listed, *added)]


def panel(study: Study, name: str) -> str | None:
    """The panel that a link names; "" where it names none, None where the study has no such panel.

    A study that lists its panels has no others but those added to it later, and wants one named; any other takes
    each name that is one.
    """
    known = study.protocol.design.panels
    if known:
        fits = name in known or (name and study.panels.filter(name=name).exists())
    else:
        fits = not name or re.fullmatch(PANEL_NAME, name)
    return name if fits else None


def another(session: Session) -> str:
    """Where the next person at the same device starts; "" where raters need links of their own, or nobody can start."""
    study = session.study
    if session.pk is None or study.rehearsal_of_id or study.state != Study.State.OPEN:
        return ""
    if identity(study, session.panel).required or set(session.rater.outside_ids) - {"panel"}:
        return ""
    return f"{study.invite_path}?new=1{f'&panel={session.panel}' if session.panel else ''}"
