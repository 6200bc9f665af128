"""Which signals a study compares, and which it could."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import model_validator

from listening import presets, primary_claims, studies
from listening.api.access import Body, Confirm, Refusal, answers, changes, reads
from listening.models import Condition, PrimaryClaim, Study
from listening.views.researcher.conditions import kept_as_they_are

router = Router(tags=["conditions"])


class OneCondition(Schema):
    """A signal of every trial."""

    spec: str
    title: str
    role: str
    weights: str
    stands_for: str


class Conditions(Schema):
    """The conditions, and what of a preset was left out because it cannot run here.

    `stands_for` of a condition names what the preset's source has in its place; empty where it is the same.
    """

    conditions: list[OneCondition]
    left_out: dict[str, str] = {}


class Choice(Body):
    """Specs, hidden reference and anchors included; or the name of a preset."""

    specs: list[str] | None = None
    preset: str | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Choice:
        if (self.specs is None) == (self.preset is None):
            raise ValueError("specs or preset: one of them")
        return self


class Claim(Body):
    """The primary claim: specs of two conditions, and the statement on them."""

    system: str
    statement: Literal["better", "no worse", "equivalent", "reaches"]
    against: str


class DeclaredClaim(Schema):
    """The primary claim with the study's margin, in words; all empty where none is declared."""

    system: str = ""
    statement: str = ""
    against: str = ""
    in_words: str = ""


class Offer(Schema):
    """A codec at one value; `reason` and `remedy` say why it can't be had, where it can't."""

    spec: str
    codec: str
    available: bool
    chosen: bool
    reason: str
    remedy: str


class OnePreset(Schema):
    """A set of conditions of a known test."""

    name: str
    title: str
    source: str
    specs: list[str]


class Codecs(Schema):
    """What this study could compare."""

    codecs: list[Offer]
    presets: list[OnePreset]


@router.get(
    "studies/{slug:slug}/conditions",
    auth=reads,
    response=answers(200, Conditions),
    url_name="api_conditions",
    summary="Conditions",
)
def read_conditions(request: HttpRequest, slug: str) -> Any:
    return _shown(request.study)


@router.put(
    "studies/{slug:slug}/conditions",
    auth=changes,
    response=answers(200, Conditions),
    url_name="api_conditions",
    summary="Set the conditions, by specs or a preset",
)
def set_conditions(request: HttpRequest, slug: str, payload: Choice, confirm: Confirm = False) -> Any:
    """Renderings of conditions that stay are kept. A preset keeps your files and command lines."""
    study: Study = request.study
    if not study.editable:
        raise Refusal(409, f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    left_out: dict[str, str] = {}
    chosen: presets.Chosen | None = None
    if payload.preset is not None:
        found = presets.preset(payload.preset)
        if found is None or found not in presets.fitting(study):
            names = ", ".join(each.name for each in presets.fitting(study))
            raise Refusal(422, f"preset: this study has {names or 'none'}, no {payload.preset}.")
        plan = presets.plan(study, found)
        specs, chosen = plan.specs, plan.chosen
        left_out = chosen.missing
    else:
        specs = kept_as_they_are(study, payload.specs or [])
    try:
        studies.set_conditions(study, specs, by=request.user, confirmed=confirm)
    except studies.StudyError as error:
        raise Refusal(422, str(error)) from error
    if chosen is not None:
        presets.note_substitutions(study, chosen)
    return _shown(study, left_out)


@router.get(
    "studies/{slug:slug}/primary-claim",
    auth=reads,
    response=answers(200, DeclaredClaim),
    url_name="api_primary_claim",
    summary="The primary claim",
)
def read_claim(request: HttpRequest, slug: str) -> Any:
    return _claim(request.study)


@router.put(
    "studies/{slug:slug}/primary-claim",
    auth=changes,
    response=answers(200, DeclaredClaim),
    url_name="api_primary_claim",
    summary="Declare the primary claim",
)
def declare_claim(request: HttpRequest, slug: str, payload: Claim) -> Any:
    """Until the study opens. “no worse” and “equivalent” need the study's margin."""
    study: Study = request.study
    try:
        system, against = (primary_claims.named(study, name) for name in (payload.system, payload.against))
        primary_claims.declare(study, system, payload.statement, against, by=request.user)
    except studies.StudyError as error:
        raise Refusal(422 if study.editable else 409, str(error)) from error
    return _claim(study)


@router.delete(
    "studies/{slug:slug}/primary-claim",
    auth=changes,
    response=answers(200, DeclaredClaim),
    url_name="api_primary_claim",
    summary="Withdraw the primary claim",
)
def withdraw_claim(request: HttpRequest, slug: str) -> Any:
    """Until the study opens."""
    try:
        primary_claims.withdraw(request.study, by=request.user)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return _claim(request.study)


def _claim(study: Study) -> DeclaredClaim:
    found = PrimaryClaim.objects.filter(study=study).select_related("system", "against").first()
    if found is None:
        return DeclaredClaim()
    return DeclaredClaim(
        system=found.system.spec,
        statement=found.statement,
        against=found.against.spec,
        in_words=primary_claims.in_words(study),
    )


@router.get(
    "studies/{slug:slug}/codecs",
    auth=reads,
    response=answers(200, Codecs),
    url_name="api_codecs",
    summary="What it could compare: codecs at each bitrate, and presets",
)
def list_codecs(request: HttpRequest, slug: str) -> Any:
    study: Study = request.study
    offers = [
        Offer(
            spec=cell.spec,
            codec=row.title,
            available=cell.available,
            chosen=cell.chosen,
            reason=cell.reason,
            remedy=cell.remedy,
        )
        for row in studies.matrix(study)
        for cell in row.offers
    ]
    fitting = [
        OnePreset(name=each.name, title=each.title, source=each.source, specs=list(each.specs))
        for each in presets.fitting(study)
    ]
    return Codecs(codecs=offers, presets=fitting)


def _shown(study: Study, left_out: dict[str, str] | None = None) -> Conditions:
    rows = Condition.objects.filter(study=study)
    shown = [OneCondition(**{name: getattr(row, name) for name in OneCondition.model_fields}) for row in rows]
    return Conditions(conditions=shown, left_out=left_out or {})
