"""When a study's invite lets raters in, how many of each panel, and what it tells them meanwhile.

Unlike the protocol this may change while the study is open: nothing of it changes what a rater hears or is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper
from django.utils import timezone

from listening import allocation
from listening.invites import PANEL_NAME
from listening.models import Panel, Recruiting, Session, Study
from listening.protocol import Identity
from listening.studies import StudyError, audit

MOST_PANELS = 100


@dataclass(frozen=True)
class Shut:
    """The invite lets nobody new in, though the study is open.

    Attributes
    ----------
    opens_at : datetime or None
        None where it is over.
    zone : str
        Time zone of the study.
    """

    opens_at: datetime | None
    zone: str


@dataclass(frozen=True)
class PanelCount:
    """A panel and how many raters it has.

    Attributes
    ----------
    panel : Panel
        Not stored yet where nothing was set and nobody came.
    finished, at_work : int
        Raters who finished, and who agreed to take part and may yet finish.
    """

    panel: Panel
    finished: int
    at_work: int

    @property
    def full(self) -> bool:
        """Whether the quota is reached."""
        return self.panel.quota is not None and self.finished + self.at_work >= self.panel.quota


def of(study: Study) -> Recruiting:
    """What a study says of its recruiting; the defaults where it said nothing."""
    try:
        return study.recruiting
    except Recruiting.DoesNotExist:
        return Recruiting(study=study)


def shut(study: Study, panel: str) -> Shut | None:
    """Why an open study lets nobody new in by a panel's link at this moment; None where it does."""
    now, own = timezone.now(), of(study)
    windows = [own, *Panel.objects.filter(study=study, name=panel)]
    if any(each.closes_at and each.closes_at <= now for each in windows):
        return Shut(None, own.time_zone)
    later = [each.opens_at for each in windows if each.opens_at and each.opens_at > now]
    return Shut(max(later), own.time_zone) if later else None


def forgets_at(study: Study) -> datetime | None:
    """When raters' identities are deleted: None where they are not, were already, or the study is not closed."""
    own = of(study)
    if own.forget_after_days is None or own.forgotten_at or not study.closed_at:
        return None
    return study.closed_at + timedelta(days=own.forget_after_days)


def panels(study: Study) -> list[PanelCount]:
    """Each panel that the study names, that something was set for or that raters came by; "" is who came by none."""
    lost = ExpressionWrapper(allocation.given_up(study.protocol.design, timezone.now()), output_field=BooleanField())
    finished: Counter[str] = Counter()
    at_work: Counter[str] = Counter()
    came = study.sessions.annotate(lost=lost).values_list("panel", "state", "consented_at", "lost")
    for name, state, consented_at, is_lost in came:
        finished[name] += state == Session.State.FINISHED and not is_lost
        at_work[name] += bool(consented_at and state not in Session.ENDS and not is_lost)
    stored = {panel.name: panel for panel in study.panels.all()}
    named = study.protocol.design.panels or ("",)
    names = dict.fromkeys([*named, *sorted({*stored, *finished} - set(named))])
    return [
        PanelCount(stored.get(name) or Panel(study=study, name=name), finished[name], at_work[name]) for name in names
    ]


def change(study: Study, user: AbstractBaseUser | None, **values: Any) -> Recruiting:
    """Set what is said of recruiting; what is another than before is a line in the log."""
    with transaction.atomic():
        own, _ = Recruiting.objects.select_for_update().get_or_create(study=study)
        changed = [name for name, value in values.items() if getattr(own, name) != value]
        for name in changed:
            setattr(own, name, values[name])
        if changed:
            own.save(update_fields=changed)
            audit(study, user, f"recruiting: {'; '.join(_said(own, name) for name in changed)}")
    study.recruiting = own
    return own


def change_panel(
    study: Study,
    user: AbstractBaseUser | None,
    name: str,
    *,
    quota: int | None,
    opens_at: datetime | None,
    closes_at: datetime | None,
    identity: Identity | Mapping[str, Any] | None = None,
) -> None:
    """Set a panel's quota, times and IDs in its link, and make the panel where there is none.

    Raises
    ------
    StudyError
        If the name is none, or there are too many panels.
    """
    if name and not re.fullmatch(PANEL_NAME, name):
        raise StudyError(f"“{name}” is no name of a panel: letters, digits, dots, dashes and underscores, 60 at most.")
    ids = None if identity is None else Identity.model_validate(identity)
    wanted = {"quota": quota, "opens_at": opens_at, "closes_at": closes_at}
    wanted["identity"] = ids and ids.model_dump(mode="json", exclude_defaults=True)
    known = name in (study.protocol.design.panels or ("",))
    with transaction.atomic():
        panel = Panel.objects.select_for_update().filter(study=study, name=name).first()
        if panel is None:
            if known and all(value is None for value in wanted.values()):
                return
            if study.panels.count() >= MOST_PANELS:
                raise StudyError(f"A study has at most {MOST_PANELS} panels.")
            panel = Panel.objects.create(study=study, name=name)
        elif all(getattr(panel, field) == value for field, value in wanted.items()):
            return
        for field, value in wanted.items():
            setattr(panel, field, value)
        panel.save(update_fields=list(wanted))
        zone = of(study).time_zone
        said = [f"quota {quota}" if quota else "no quota"]
        said += [f"{verb} {_moment(at, zone)}" for verb, at in (("opens", opens_at), ("closes", closes_at)) if at]
        said += [f"links that carry {', '.join(ids.names) or 'no IDs'}"] if ids else []
        audit(study, user, f"panel {name or 'without a name'}: {', '.join(said)}")


def removable(study: Study, count: PanelCount) -> bool:
    """Whether a panel can be taken away: nobody came by its link, and the raters' way doesn't name it."""
    panel = count.panel
    return bool(panel.pk and panel.name) and panel.name not in study.protocol.design.panels and not _has_raters(panel)


def remove_panel(study: Study, user: AbstractBaseUser | None, name: str) -> None:
    """Take a panel away that nobody came by. Its link goes on to work, as every link does, without quota and times.

    Raises
    ------
    StudyError
        If there is none of that name, raters came by it, or the raters' way names it.
    """
    with transaction.atomic():
        panel = Panel.objects.select_for_update().filter(study=study, name=name).exclude(name="").first()
        if panel is None:
            raise StudyError(f"There is no panel “{name}”.")
        if panel.name in study.protocol.design.panels:
            raise StudyError(f"The raters' way names the panel “{name}”. Take it away there, before the study opens.")
        if _has_raters(panel):
            raise StudyError(f"Raters came by the panel “{name}”: it stays, with what they rated.")
        said = f"quota {panel.quota}" if panel.quota else "no quota"
        panel.delete()
        audit(study, user, f"panel {name}: removed; {said}")


def carry_over(study: Study, made: Study) -> None:
    """Give a study's clone what is still right in it: panels with quotas, and how its raters' data are kept.

    Times and the message belong to the study that they were set for.
    """
    own = of(study)
    kept = ("time_zone", "raters_may_withdraw", "forget_after_days", "forget_texts")
    Recruiting.objects.create(study=made, **{name: getattr(own, name) for name in kept})
    Panel.objects.bulk_create(
        Panel(study=made, name=each.name, quota=each.quota, identity=each.identity) for each in study.panels.all()
    )


def _has_raters(panel: Panel) -> bool:
    return panel.taken > 0 or Session.objects.filter(study=panel.study_id, panel=panel.name).exists()


def _moment(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _said(own: Recruiting, name: str) -> str:
    """What was changed, for the log."""
    value = getattr(own, name)
    match name:
        case "opens_at" | "closes_at":
            verb = name.removesuffix("_at")
            return f"{verb} {_moment(value, own.time_zone)}" if value else f"no time at which it {verb}"
        case "time_zone":
            return f"time zone {value}"
        case "notices":
            return f"message to raters in {', '.join(value)}" if value else "no message to raters"
        case "raters_may_withdraw":
            return f"raters {'may' if value else 'may not'} withdraw by themselves"
        case "forget_after_days":
            return f"raters' identities deleted {value} days after closing" if value else "raters' identities kept"
        case _:
            return "their texts too" if value else "their texts kept"
