"""What a researcher fills in about recruiting: times, panels, a message, withdrawing, how long raters are known."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from pydantic import ValidationError

from listening import invites, recruiting
from listening.languages import NAMES, offered
from listening.models import Recruiting, Study
from listening.protocol import Identity
from listening.way_words import PROLIFIC_NAMES

LONGEST_NOTICE = 1000
_LOCAL = "%Y-%m-%dT%H:%M"


@cache
def time_zones() -> frozenset[str]:
    """All that there are: finding them reads hundreds of files."""
    return frozenset(available_timezones())


def _time_field(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        required=False,
        input_formats=[_LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(format=_LOCAL, attrs={"type": "datetime-local"}),
    )


def _in_order(form: forms.Form) -> None:
    opens_at, closes_at = form.cleaned_data.get("opens_at"), form.cleaned_data.get("closes_at")
    if opens_at and closes_at and closes_at <= opens_at:
        form.add_error("closes_at", "It closes before it opens.")


class RecruitingForm(forms.Form):
    """A study's own part. Times are read and shown in the time zone that is active."""

    opens_at = _time_field("Lets raters in from")
    closes_at = _time_field("Lets nobody new in from")
    time_zone = forms.ChoiceField(label="Time zone")
    raters_may_withdraw = forms.BooleanField(
        label="Raters may withdraw by themselves",
        required=False,
        help_text="On every page of theirs, until the study is closed: all that they gave is deleted at once.",
    )
    forget_after_days = forms.IntegerField(
        label="Days after closing until raters' identities are deleted",
        required=False,
        min_value=1,
        max_value=3650,
        help_text="What panels' links said of them, such as Prolific's participant numbers. Raters read of it before "
        "they agree. Empty: they are kept.",
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    forget_texts = forms.BooleanField(
        label="Delete what they wrote then, too",
        required=False,
        help_text="Comments and written answers. Scores and everything else stay.",
    )

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        self.study, own = study, recruiting.of(study)
        initial = {
            name: getattr(own, name)
            for name in (
                "opens_at",
                "closes_at",
                "time_zone",
                "raters_may_withdraw",
                "forget_after_days",
                "forget_texts",
            )
        }
        initial |= {f"notice_{language}": own.notices.get(language, "") for language in NAMES}
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        zones = sorted(time_zones() | {own.time_zone})
        self.fields["time_zone"].choices = [(zone, zone.replace("_", " ")) for zone in zones]
        shown = [*offered(study), *(each for each in own.notices if each not in offered(study))]
        for language in shown:
            self.fields[f"notice_{language}"] = forms.CharField(
                label=NAMES[language],
                required=False,
                max_length=LONGEST_NOTICE,
                widget=forms.Textarea(attrs={"rows": 2, "lang": language, "dir": "auto"}),
            )

    @property
    def notices(self) -> list[forms.BoundField]:
        """The fields of the message that are at hand: in the study's own language, and those that hold something."""
        return [field for field in self._notices() if self._is_at_hand(field)]

    @property
    def other_notices(self) -> list[forms.BoundField]:
        """The fields of the message in all other languages."""
        return [field for field in self._notices() if not self._is_at_hand(field)]

    def _notices(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("notice_")]

    def _is_at_hand(self, field: forms.BoundField) -> bool:
        return bool(field.value() or field.errors or field.name == f"notice_{self.study.protocol.language}")

    def clean(self) -> dict[str, Any]:
        _in_order(self)
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """What `recruiting.change` takes."""
        found = {name: value for name, value in self.cleaned_data.items() if not name.startswith("notice_")}
        texts = {
            name.removeprefix("notice_"): self.cleaned_data[name].strip() for name in self.fields if "notice_" in name
        }
        return {**found, "notices": {language: text for language, text in texts.items() if text}}


class PanelForm(forms.Form):
    """One panel: named already, or a new one."""

    name = forms.CharField(required=False, max_length=60)
    known = forms.BooleanField(required=False, widget=forms.HiddenInput)
    remove = forms.BooleanField(required=False)
    quota = forms.IntegerField(label="Quota", required=False, min_value=1, max_value=100_000)
    opens_at = _time_field("Lets raters in from")
    closes_at = _time_field("Lets nobody new in from")
    ids = forms.ChoiceField(
        required=False,
        choices=[
            ("", "what raters' way says"),
            ("none", "no IDs"),
            ("prolific", "Prolific's IDs, required, one attempt"),
            ("own", "the names below"),
        ],
    )
    names = forms.CharField(required=False, max_length=700)
    required = forms.BooleanField(required=False)
    one_attempt = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        known = bool(self["known"].value())
        called = (self["name"].value() or "raters without a panel") if known else "the new panel"
        if known:
            self.fields["name"].widget = forms.HiddenInput()
        else:
            self.fields["name"].widget.attrs |= {
                "aria-label": "Name of the new panel",
                "placeholder": "new panel",
                "pattern": invites.PANEL_NAME,
                "autocomplete": "off",
                "spellcheck": "false",
                "title": "Letters, digits, dots, dashes and underscores",
            }
        for name, label in _LABELS:
            self.fields[name].widget.attrs["aria-label"] = f"{label}: {called}"

    @property
    def empty(self) -> bool:
        """Whether the row of a new panel was left alone."""
        return not self.cleaned_data.get("known") and not self.cleaned_data.get("name", "").strip()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        _in_order(self)
        if not cleaned.get("known") and not cleaned.get("name") and any(cleaned.get(each) for each in _SET):
            self.add_error("name", "Give the new panel a name.")
        try:
            self._identity = self._identity_of(cleaned)
        except ValidationError as error:
            fault = error.errors()[0]["msg"].removeprefix("Value error, ")
            self.add_error("names", f"Names of letters, digits, dots, dashes and underscores: {fault}.")
        return cleaned

    def _identity_of(self, cleaned: dict[str, Any]) -> Identity | None:
        match cleaned.get("ids"):
            case "none":
                return Identity()
            case "prolific":
                return PROLIFIC
            case "own":
                rules = {name: cleaned.get(name, False) for name in ("required", "one_attempt")}
                return Identity(names=tuple(re.split(r"[\s,]+", cleaned.get("names", "").strip(" ,"))), **rules)
        return None

    def values(self) -> dict[str, int | datetime | Identity | None]:
        """What `recruiting.change_panel` takes."""
        return {**{name: self.cleaned_data[name] for name in _SET}, "identity": self._identity}


_SET = ("quota", "opens_at", "closes_at")
_LABELS = (
    *(("quota", "Quota"), ("opens_at", "Opens"), ("closes_at", "Closes")),
    *(("ids", "Its link carries"), ("names", "Names in its link")),
)
PROLIFIC = Identity(names=PROLIFIC_NAMES, required=True, one_attempt=True)

PanelForms = forms.formset_factory(PanelForm, extra=1, max_num=recruiting.MOST_PANELS + 2)


def panel_rows(counts: list[recruiting.PanelCount]) -> list[dict[str, Any]]:
    """What the rows of the panels start from."""
    return [
        {
            "name": each.panel.name,
            "known": True,
            **{name: getattr(each.panel, name) for name in _SET},
            **_shown(each.panel.identity),
        }
        for each in counts
    ]


def _shown(identity: dict[str, Any] | None) -> dict[str, Any]:
    """A panel's IDs as the fields of its row."""
    if identity is None:
        return {"ids": ""}
    wants = Identity.model_validate(identity)
    choice = "prolific" if wants == PROLIFIC else "own" if wants.names else "none"
    return {
        "ids": choice,
        "names": ", ".join(wants.names),
        "required": wants.required,
        "one_attempt": wants.one_attempt,
    }


def zone_of(given: str, own: Recruiting) -> str:
    """The time zone in which a form's times are meant."""
    return given if given in time_zones() else own.time_zone
