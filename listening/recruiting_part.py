"""What a study's file, written by hand, or a script says of its recruiting: the same as the page of that name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from pydantic import Field, field_validator

from listening import recruiting
from listening.models import Panel, Recruiting, Study
from listening.parts import Language, Name, Part
from listening.protocol import Identity
from listening.recruiting_form import LONGEST_NOTICE, time_zones
from listening.studies import StudyError


class WindowPart(Part):
    """From when to when links let raters in; without an offset from UTC, in the study's time zone."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None


class PanelPart(WindowPart):
    """A panel.

    Attributes
    ----------
    quota : int or None
        The most raters of it who may finish or be at work.
    identity : Identity or None
        What its links say of raters; None: as the study's.
    """

    quota: Annotated[int, Field(ge=1, le=100_000)] | None = None
    identity: Identity | None = None


class RecruitingPart(WindowPart):
    """All that the page says.

    Attributes
    ----------
    notices : dict of str to str
        A message on raters' pages, by language.
    panels : dict of str to PanelPart
        By name.
    """

    time_zone: str = "UTC"
    notices: dict[Language, Annotated[str, Field(max_length=LONGEST_NOTICE)]] = {}
    raters_may_withdraw: bool = True
    forget_after_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    forget_texts: bool = False
    panels: Annotated[dict[Name, PanelPart], Field(max_length=recruiting.MOST_PANELS)] = {}

    @field_validator("time_zone")
    @classmethod
    def _is_one(cls, value: str) -> str:
        if value not in time_zones():
            raise ValueError(f"{value!r} is no time zone; one is Europe/Berlin")
        return value


def keep(study: Study, user: AbstractBaseUser, part: RecruitingPart) -> None:
    """Set what is said, and leave what is not.

    Raises
    ------
    StudyError
        If something would close before it opens, or a panel can't be.
    """
    own = recruiting.of(study)
    zone = ZoneInfo(part.time_zone if "time_zone" in part.model_fields_set else own.time_zone)
    with transaction.atomic():
        said = _said(part, own, zone, "its links")
        recruiting.change(study, user, **{name: said[name] for name in said if name in part.model_fields_set})
        for name, panel in part.panels.items():
            there = study.panels.filter(name=name).first() or Panel(study=study, name=name)
            recruiting.change_panel(study, user, name, **_said(panel, there, zone, f"the panel {name}"))


def _said(part: WindowPart, there: Recruiting | Panel, zone: ZoneInfo, what: str) -> dict[str, Any]:
    """Values of a part, those that it does not say as they are; times with their zone."""
    names = [name for name in type(part).model_fields if name != "panels"]
    said = {name: getattr(part if name in part.model_fields_set else there, name) for name in names}
    for name in ("opens_at", "closes_at"):
        if said[name] and said[name].tzinfo is None:
            said[name] = said[name].replace(tzinfo=zone)
    if said["opens_at"] and said["closes_at"] and said["closes_at"] <= said["opens_at"]:
        raise StudyError(f"recruiting: {what} would close before opening.")
    return said
