"""Which codecs at which bitrates a study compares."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audiocodecs.registry import parse_spec, words
from listening import commands, condition_changes, estimates, presets, primary_claims, variants
from listening import studies as rules
from listening.clips import ClipError
from listening.losses import NotConfirmed
from listening.models import Condition, PrimaryClaim, Study
from listening.models.study import MAX_SIGNALS
from listening.objections import objections
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page
from listening.views.researcher.confirming import ask_first, is_confirmed

Typed = dict[str, dict[str, str]]
"""What was typed, by form (command, variant, tandem, claim) and field: it stays where it was refused."""


@dataclass(frozen=True)
class Line:
    """A codec and its bitrates.

    Attributes
    ----------
    row : MatrixRow
    notes : list of (str, str, str)
        Values that can't be had, why, and what to do about it.
    """

    row: rules.MatrixRow
    notes: list[tuple[str, str, str]]


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def conditions(request: HttpRequest, study: Study) -> HttpResponse:
    """GET shows the matrix, POST sets what is ticked in it."""
    if request.method == "POST" and "preset" in request.POST:
        return _preset(request, study)
    if request.method == "POST" and "encode_command" in request.POST:
        return _command(request, study)
    if request.method == "POST" and "twice" in request.POST:
        return _twice(request, study)
    if request.method == "POST" and "variant" in request.POST:
        return _variant(request, study)
    if request.method == "POST" and "statement" in request.POST:
        return _claim(request, study)
    if request.method == "POST" and "then" in request.POST:
        return _tandem(request, study)
    if request.method == "GET":
        return _page(request, study)
    asked = request.POST.getlist("specs")
    try:
        specs = kept_as_they_are(study, asked)
        rules.set_conditions(study, specs, by=request.user, confirmed=is_confirmed(request))
    except NotConfirmed as error:
        return ask_first(request, study, error, reverse("conditions", args=[study.slug]))
    except rules.StudyError as error:
        return _page(request, study, str(error), ticked=set(asked))
    messages.success(request, "The conditions are saved.")
    return redirect("conditions", study.slug)


def _preset(request: HttpRequest, study: Study) -> HttpResponse:
    """Bring a preset's conditions in beside files and command lines, and say what of it cannot run here."""
    found = presets.preset(request.POST["preset"])
    if found is None or found not in presets.fitting(study):
        messages.error(request, "This study has no such preset. Choose one of those on the page.")
        return redirect("conditions", study.slug)
    plan = presets.plan(study, found)
    try:
        rules.set_conditions(study, plan.specs, by=request.user, confirmed=is_confirmed(request))
    except NotConfirmed as error:
        return ask_first(request, study, error, reverse("conditions", args=[study.slug]))
    except rules.StudyError as error:
        messages.error(request, str(error))
        return redirect("conditions", study.slug)
    presets.note_substitutions(study, plan.chosen)
    substituted = presets.departures(study)
    differ = f", except {len(substituted)} that {'stands' if len(substituted) == 1 else 'stand'} in for others"
    messages.success(request, f"The conditions are those of “{found.title}”{differ if substituted else ''}.")
    if substituted:
        messages.warning(request, " ".join(substituted))
    if plan.keeps:
        messages.info(request, f"Kept beside them: {', '.join(plan.keeps)}.")
    for spec, why in plan.chosen.missing.items():
        messages.warning(request, f"Left out: {words(spec)}. {why}")
    return redirect("conditions", study.slug)


def _variant(request: HttpRequest, study: Study) -> HttpResponse:
    """Add a codec at another rate, with an option or with lost packets to the conditions that the study has."""
    given = {name: request.POST.get(name, "") for name in ("kbps", "loss", "burst", "seed")}
    key = request.POST["variant"]
    return _add(request, study, variants.spec_of(key, **given), {"variant": given | {"key": key}})


def _tandem(request: HttpRequest, study: Study) -> HttpResponse:
    """Add two codecs in a row to the conditions that the study has."""
    given = {name: request.POST.get(name, "") for name in ("first", "first_kbps", "then", "then_kbps")}
    return _add(request, study, variants.tandem_of(**given), {"tandem": given})


def _add(request: HttpRequest, study: Study, spec: str, typed: Typed) -> HttpResponse:
    try:
        rules.set_conditions(study, [*study.conditions.values_list("spec", flat=True), spec])
    except rules.StudyError as error:
        return _page(request, study, str(error), typed)
    messages.success(request, f"{words(spec)} is added.")
    return redirect("conditions", study.slug)


def _twice(request: HttpRequest, study: Study) -> HttpResponse:
    """Have a condition rated twice in each trial."""
    wanted = request.POST["twice"]
    condition = get_object_or_404(study.conditions.select_related("study"), pk=wanted if wanted.isdecimal() else 0)
    try:
        condition_changes.rate_twice(condition)
    except rules.StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{condition.title} comes twice in each trial, unnamed both times.")
    return redirect("conditions", study.slug)


def _claim(request: HttpRequest, study: Study) -> HttpResponse:
    """Declare the primary claim, or withdraw it where no statement is chosen."""
    try:
        if not request.POST["statement"]:
            primary_claims.withdraw(study, by=request.user)
            messages.success(request, "The study declares no primary claim.")
        else:
            system, against = (_of_study(study, request.POST.get(name, "")) for name in ("system", "against"))
            primary_claims.declare(study, system, request.POST["statement"], against, by=request.user)
            messages.success(request, f"The primary claim is: {primary_claims.in_words(study)}.")
    except rules.StudyError as error:
        given = {name: request.POST.get(name, "") for name in ("system", "statement", "against")}
        return _page(request, study, str(error), {"claim": given})
    return redirect(f"{reverse('conditions', args=[study.slug])}#claim")


def _of_study(study: Study, key: str) -> Condition:
    found = study.conditions.filter(pk=key if key.isdecimal() else 0).first()
    if found is None:
        raise rules.StudyError("Choose two conditions of this study for the primary claim.")
    return found


def _command(request: HttpRequest, study: Study) -> HttpResponse:
    """Add a command line to the conditions."""
    given = {name: request.POST.get(name, "") for name in ("title", "kbps", "encode_command", "decode_command")}
    try:
        kbps = float(given["kbps"].replace(",", ".")) if given["kbps"].strip() else None
    except ValueError:
        refusal = f"{given['kbps']!r} is no bitrate. Write a number, or leave it empty."
        return _page(request, study, refusal, {"command": given})
    try:
        condition_changes.check_room(study)
        made = commands.add_condition(study, given["title"], given["encode_command"], given["decode_command"], kbps)
    except (ClipError, rules.StudyError) as error:
        return _page(request, study, str(error), {"command": given})
    messages.success(request, f"{made.title} is added.")
    return redirect("conditions", study.slug)


def kept_as_they_are(study: Study, specs: list[str]) -> list[str]:
    """Replace each spec by the one of the study's own condition for that codec and value, where it has one.

    A condition's weights and options were fixed when it was created; a tick that stays must not change them.
    """
    own: dict[tuple[str, float | None], list[str]] = {}
    for text in filter(rules.has_box, study.conditions.values_list("spec", flat=True)):
        spec = parse_spec(text)
        own.setdefault((spec.name, spec.value), []).append(text)
    found = []
    for text in specs:
        try:
            spec = parse_spec(text)
        except rules.CodecError:
            found.append(text)  # set_conditions says what is wrong with it
            continue
        found += own.get((spec.name, spec.value), [text]) if not spec.options else [text]
    return found


def _claimed(study: Study) -> dict[str, str]:
    """The primary claim as its form has it."""
    found = PrimaryClaim.objects.filter(study=study).first()
    if found is None:
        return {}
    return {"system": str(found.system_id), "statement": found.statement, "against": str(found.against_id)}


def _page(
    request: HttpRequest, study: Study, error: str = "", typed: Typed | None = None, *, ticked: set[str] | None = None
) -> HttpResponse:
    rows = rules.matrix(study)
    if ticked is None:
        ticked = {cell.spec for row in rows for cell in row.offers if cell.chosen}
        ticked |= {each.spec for each in (*_own(study), *_special(study))}
    fixed = [row for row in rows if row.name in ("reference", "lowpass")]
    coded = [row for row in rows if row not in fixed]
    return study_page(
        request,
        study,
        "conditions",
        status=422 if error else 200,
        error=error,
        presets=_plans(study) if study.editable and request.may.change else [],
        variants=variants.variants(study) if study.editable and request.may.change else [],
        estimate=estimates.estimate(study) if study.editable else None,
        lines=[_line(row) for row in coded],
        signals=[(cell, _purpose(cell.spec)) for row in fixed for cell in row.offers],
        own_ones=_own(study),
        special=_special(study),
        programs=sorted(commands.programs()) if study.editable and request.may.change else [],
        typed=typed or {},
        chosen=ticked,
        own=study.conditions.all(),
        twice=set(study.conditions.filter(repeat=1).values_list("spec", flat=True)),
        cautions=objections(study),
        claim=primary_claims.in_words(study),
        claimed=(typed or {}).get("claim") or _claimed(study),
        claimable=primary_claims.candidates(study),
        statements=PrimaryClaim.Statement.choices,
        max_signals=MAX_SIGNALS,
    )


def _plans(study: Study) -> list[tuple[presets.Preset, presets.Plan]]:
    return [(each, presets.plan(study, each)) for each in presets.fitting(study)]


def _own(study: Study) -> list[Condition]:
    """Conditions of the researcher's own: files and command lines."""
    return [each for each in study.conditions.filter(repeat=0) if commands.is_own(each.spec)]


def _special(study: Study) -> list[Condition]:
    """Conditions of codecs here that the matrix has no box for."""
    every = study.conditions.filter(repeat=0)
    return [each for each in every if not commands.is_own(each.spec) and not rules.has_box(each.spec)]


def _line(row: rules.MatrixRow) -> Line:
    why: dict[tuple[str, str], list[str]] = {}
    for cell in row.offers:
        if not cell.available:
            why.setdefault((cell.reason, cell.remedy), []).append(cell.label)
    every = len(why) == 1 and len(next(iter(why.values()))) == len(row.offers)
    notes = [("" if every else ", ".join(labels), *reason) for reason, labels in why.items()]
    return Line(row, notes)


def _purpose(spec: str) -> str:
    role = Condition.ANCHORS.get(spec)
    return Condition.Role(role).label.capitalize() if role else "Anchor"
