"""Studies: the list, making one, settings, protocol, checks, opening and closing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from ninja import Body as JsonBody
from ninja import Router, Schema, Status

from analysis.screening import DEFAULT_RULES
from listening import invites, material, protocol, registration, studies, way_words
from listening.api.access import Body, Refusal, answers, anybody, changes, file_of, reads
from listening.forms import StudyForm
from listening.models import Session, Study
from listening.objections import objections
from listening.site import link_to
from listening.study_settings import change_settings

router = Router(tags=["studies"])

Rate = Literal[16000, 24000, 32000, 44100, 48000]


class Settings(Body):
    """What may be set of a study; what is left out keeps its value, or gets the one that the page suggests."""

    title: str | None = None
    slug: str | None = None
    rate: Rate | None = None
    channels: Literal[1, 2] | None = None
    loudness: float | None = None
    screening: list[str] | None = None
    margin: float | None = None
    heard_seconds: float | None = None
    consent_text: str | None = None
    instructions_text: str | None = None
    completion_code: str | None = None


class NewStudy(Settings):
    """A study to be made."""

    title: str
    protocol: dict[str, Any] | None = None
    conditions: list[str] | None = None


class Line(Schema):
    """A study in the list."""

    slug: str
    title: str
    state: str
    owner: str
    created_at: datetime


class OneStudy(Line):
    """A study with its settings."""

    rate: int
    channels: int
    loudness: float
    screening: list[str]
    margin: float | None
    heard_seconds: float
    consent_text: str
    instructions_text: str
    completion_code: str
    opened_at: datetime | None
    closed_at: datetime | None
    clips: int
    conditions: int
    raters_started: int
    raters_finished: int
    invite_link: str
    panel_links: dict[str, str]
    page: str


class Finding(Schema):
    """A sentence about a clip or a supplied file; a warning can spoil a result, a note is only worth knowing."""

    grade: Literal["warning", "note"]
    about: str
    text: str


class Checks(Schema):
    """What stands in the way, and what a reviewer would object to."""

    ready_to_render: bool
    ready_to_open: bool
    problems: list[str]
    cautions: list[str]
    material: list[Finding]
    what_raters_get: list[str]


class LogLine(Schema):
    """A deed."""

    at: datetime
    who: str
    what: str


@router.get("studies", auth=anybody, response=answers(200, list[Line]), url_name="api_studies", summary="Your studies")
def list_studies(request: HttpRequest) -> Any:
    found = Study.objects.visible_to(request.user).select_related("owner")
    return [_line(study) for study in found]


@router.post(
    "studies", auth=anybody, response=answers(201, OneStudy), url_name="api_studies", summary="Make an empty study"
)
def create_study(request: HttpRequest, payload: NewStudy) -> Any:
    """The title alone is enough. Conditions are specs as `GET …/codecs` lists them; clips are sent afterwards."""
    given = payload.dict(exclude_unset=True)
    way, specs = given.pop("protocol", None), given.pop("conditions", None)
    form = StudyForm({"screening": list(DEFAULT_RULES), **given})
    settings = _checked(form)
    if way is not None:
        settings["raters_way"] = _way(way)
    try:
        with transaction.atomic():
            study = studies.create_study(request.user, **settings)
            if specs is not None:
                studies.set_conditions(study, specs)
    except studies.StudyError as error:
        raise Refusal(422, str(error)) from error
    return Status(201, shown(request, study))


@router.get("studies/{slug:slug}", auth=reads, response=answers(200, OneStudy), url_name="api_study", summary="A study")
def read_study(request: HttpRequest, slug: str) -> Any:
    return shown(request, request.study)


@router.patch(
    "studies/{slug:slug}",
    auth=changes,
    response=answers(200, OneStudy),
    url_name="api_study",
    summary="Change its settings",
)
def change_study(request: HttpRequest, slug: str, payload: Settings) -> Any:
    """While it is a draft or ready. A change of rate, channels or loudness makes its stimuli stale: render again."""
    study: Study = request.study
    there = model_to_dict(study, fields=StudyForm.Meta.fields)
    form = StudyForm({**there, **payload.dict(exclude_unset=True)}, instance=Study.objects.get(pk=study.pk))
    try:
        change_settings(study, by=request.user, **_checked(form))
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return shown(request, study)


@router.get(
    "studies/{slug:slug}/protocol",
    auth=reads,
    response=answers(200, dict[str, Any]),
    url_name="api_protocol",
    summary="What it wants of its raters",
)
def read_protocol(request: HttpRequest, slug: str) -> Any:
    return protocol.stored(request.study.protocol)


@router.put(
    "studies/{slug:slug}/protocol",
    auth=changes,
    response=answers(200, dict[str, Any]),
    url_name="api_protocol",
    summary="Set what it wants of its raters",
)
def set_protocol(request: HttpRequest, slug: str, payload: JsonBody[dict[str, Any]]) -> Any:
    """All of it: what is left out gets its default. docs/raters-way.md has every name."""
    way = _way(payload)
    try:
        change_settings(request.study, by=request.user, raters_way=way)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return protocol.stored(request.study.protocol)


@router.get(
    "studies/{slug:slug}/checks",
    auth=reads,
    response=answers(200, Checks),
    url_name="api_checks",
    summary="What stands in the way of rendering and opening, and what BS.1534-3 would object to",
)
def read_checks(request: HttpRequest, slug: str) -> Any:
    study: Study = request.study
    problems = studies.problems(study) if study.editable else []
    fault = studies.design_fault(study)
    return Checks(
        ready_to_render=study.editable and not problems,
        ready_to_open=study.state == Study.State.READY and not fault,
        problems=[*problems, *([fault] if fault else [])],
        cautions=[*objections(study), *way_words.cautions(study)],
        material=[Finding(**vars(each)) for each in material.findings(study)],
        what_raters_get=way_words.in_sentences(study),
    )


@router.post(
    "studies/{slug:slug}/open",
    auth=changes,
    response=answers(200, OneStudy),
    url_name="api_open",
    summary="Let raters in",
)
def open_study(request: HttpRequest, slug: str) -> Any:
    """From now on material, conditions, screening and margin are fixed. Ask `checks` before."""
    try:
        studies.open_study(request.study, request.user)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return shown(request, request.study)


@router.post(
    "studies/{slug:slug}/close",
    auth=changes,
    response=answers(200, OneStudy),
    url_name="api_close",
    summary="End the rating; results can be read from now on",
)
def close_study(request: HttpRequest, slug: str) -> Any:
    try:
        studies.close_study(request.study, request.user)
    except studies.StudyError as error:
        raise Refusal(409, str(error)) from error
    return shown(request, request.study)


@router.get(
    "studies/{slug:slug}/preregistration.yaml",
    auth=reads,
    url_name="api_registration",
    summary="What was fixed before the first rater came; a draft of it before the study opens",
    openapi_extra=file_of("application/yaml"),
)
def read_registration(request: HttpRequest, slug: str) -> Any:
    """The same bytes ever after; their SHA-256 is in the log. Of a study whose stimuli are there, a draft."""
    study = request.study
    made = registration.of(study)
    if made is None and study.state != Study.State.READY:
        raise Refusal(409, "There is nothing to register yet: render the stimuli first.")
    text = made.text if made else registration.text_of(study, None)
    return HttpResponse(text.encode(), content_type="application/yaml")


@router.get(
    "studies/{slug:slug}/log",
    auth=reads,
    response=answers(200, list[LogLine]),
    url_name="api_log",
    summary="Who did what, the latest first",
)
def read_log(request: HttpRequest, slug: str) -> Any:
    return [LogLine(at=line.at, who=line.who, what=line.what) for line in request.study.audit_lines.reverse()]


def shown(request: HttpRequest, study: Study) -> OneStudy:
    """A study as it is sent."""
    settings = {name: getattr(study, name) for name in StudyForm.Meta.fields}
    links = invites.links(request, study)
    return OneStudy(
        **_line(study).dict() | settings,
        opened_at=study.opened_at,
        closed_at=study.closed_at,
        clips=study.clips.count(),
        conditions=study.conditions.count(),
        raters_started=study.sessions.count(),
        raters_finished=study.sessions.filter(state=Session.State.FINISHED).count(),
        invite_link=next((each.url for each in links if not each.panel), ""),
        panel_links={each.panel: each.url for each in links if each.panel},
        page=link_to(study.get_absolute_url(), request),
    )


def _line(study: Study) -> Line:
    return Line(
        slug=study.slug,
        title=study.title,
        state=study.state,
        owner=study.owner.get_username(),
        created_at=study.created_at,
    )


def _checked(form: StudyForm) -> dict[str, Any]:
    """What the page's own form makes of the settings."""
    if form.is_valid():
        return form.cleaned_data
    faults = [f"{name}: {' '.join(said)}" for name, said in form.errors.items()]
    raise Refusal(422, " ".join(faults), faults)


def _way(given: dict[str, Any]) -> dict[str, Any]:
    try:
        return protocol.stored(protocol.read(given))
    except protocol.ProtocolError as error:
        raise Refusal(422, " ".join(error.faults), error.faults) from error
