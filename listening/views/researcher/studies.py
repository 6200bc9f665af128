"""The list of studies, a study's own page, its settings, and its opening and closing."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from listening import (
    invites,
    languages,
    material,
    planned_power,
    presets,
    primary_claims,
    registration,
    rehearsals,
    way_words,
)
from listening import studies as rules
from listening.forms import StudyForm
from listening.models import Clip, Condition, Rendering, Session, Study
from listening.models.study import MAX_SIGNALS
from listening.objections import objections
from listening.permissions import Right
from listening.study_settings import change_settings
from listening.views.researcher.access import of_study, researcher, study_page

LINES_ON_OVERVIEW = 5


@dataclass(frozen=True)
class Step:
    """One step on a study's way.

    Attributes
    ----------
    state : str
        done, now, later or bad.
    """

    title: str
    state: str
    text: str
    url: str


@researcher
@require_GET
def studies(request: HttpRequest) -> HttpResponse:
    found = counted(Study.objects.visible_to(request.user).select_related("owner").prefetch_related("panels"))
    roles = dict(request.user.memberships.values_list("study", "role"))
    rows = [(study, invites.links(request, study), roles.get(study.pk, "")) for study in found]
    return render(request, "listening/studies.html", {"rows": rows, "max_signals": MAX_SIGNALS})


@researcher
@require_http_methods(["GET", "POST"])
def create_study(request: HttpRequest) -> HttpResponse:
    form = StudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            study = rules.create_study(request.user, **form.cleaned_data)
        except rules.StudyError as error:
            form.add_error("slug", str(error))
        else:
            messages.success(request, f"“{study.title}” is made. Upload its clips next.")
            return redirect("upload_clip", study.slug)
    status = 422 if form.is_bound else 200
    return render(request, "listening/create_study.html", {"form": form}, status=status)


@of_study(Right.READ)
@require_GET
def study(request: HttpRequest, study: Study) -> HttpResponse:
    return study_page(
        request,
        study,
        "study",
        steps=steps(study),
        conditions=study.conditions.all(),
        problems=rules.problems(study) if study.editable else [],
        cautions=objections(study),
        material=material.findings(study),
        started=study.sessions.count(),
        finished=study.sessions.filter(state=Session.State.FINISHED).count(),
        audit_lines=study.audit_lines.reverse()[:LINES_ON_OVERVIEW],
        power=planned_power.of(study) if study.editable else None,
        registration=registration.of(study),
        max_signals=MAX_SIGNALS,
    )


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, study: Study) -> HttpResponse:
    form = StudyForm(request.POST or None, instance=Study.objects.get(pk=study.pk))
    status = 422 if form.is_bound else 200
    if not (study.editable and request.may.change):
        status = 409 if form.is_bound else 200
        for field in form.fields.values():
            field.disabled = True
    elif form.is_bound and form.is_valid():
        try:
            stale = change_settings(study, by=request.user, **form.cleaned_data)
        except rules.StudyError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The settings are saved." + (" The stimuli must be rendered again." * stale))
            return redirect("study_settings", study.slug)
    return study_page(request, study, "settings", status=status, form=form)


@of_study(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def open_study(request: HttpRequest, study: Study) -> HttpResponse:
    """GET asks, and says what is fixed from then on; POST opens."""
    if request.method == "POST":
        try:
            rules.open_study(study, request.user)
        except rules.StudyError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The study is open. Send its link to the raters.")
        return redirect(study)
    return study_page(
        request,
        study,
        "open_study",
        cautions=objections(study),
        claim=primary_claims.in_words(study),
        material=material.findings(study),
        departures=presets.departures(study),
        sentences=way_words.in_sentences(study),
        way_cautions=way_words.cautions(study),
        signals=study.conditions.count(),
        clips=study.clips.count(),
        power=planned_power.of(study),
        screening=[text for name, text in StudyForm.base_fields["screening"].choices if name in study.screening],
    )


@of_study(Right.CHANGE)
@require_POST
def rehearse(request: HttpRequest, study: Study) -> HttpResponse:
    """Lead the researcher through the test as its raters go."""
    language = languages.choose(study, request.headers.get("Accept-Language", ""))
    try:
        session = rehearsals.begin(study, request.user, language)
    except rules.StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    return redirect(session.rater)


@of_study(Right.READ)
@require_GET
def registration_file(request: HttpRequest, study: Study) -> HttpResponse:
    """The pre-registration file of a study that was opened, byte for byte as it was made then; a draft before."""
    if made := registration.of(study):
        text, name = made.text, f"{study.slug}-preregistration.yaml"
    elif study.state == Study.State.READY:
        text, name = registration.text_of(study, None), f"{study.slug}-preregistration-draft.yaml"
    else:
        messages.error(request, "There is no pre-registration file yet: it is made when the study opens.")
        return redirect(study)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text.encode(), content_type="application/yaml", headers=headers)


@of_study(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def close_study(request: HttpRequest, study: Study) -> HttpResponse:
    """GET asks, and says how many raters have not finished; POST closes."""
    if request.method == "POST":
        try:
            rules.close_study(study, request.user)
        except rules.StudyError as error:
            messages.error(request, str(error))
            return redirect(study)
        messages.success(request, "The study is closed.")
        return redirect("results", study.slug)
    started = study.sessions.exclude(consented_at=None)
    return study_page(
        request,
        study,
        "close_study",
        unfinished=started.exclude(state__in=Session.ENDS).count(),
        started=started.count(),
        may_finish=study.protocol.finish_after_closing,
    )


def counted(queryset: QuerySet[Study]) -> QuerySet[Study]:
    """Studies with n_clips, n_conditions, n_started and n_finished."""

    def count(model: type, **where: object) -> Coalesce:
        rows = model.objects.filter(study=OuterRef("pk"), **where).order_by().values("study")
        return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)

    return queryset.annotate(
        n_clips=count(Clip),
        n_conditions=count(Condition),
        n_started=count(Session),
        n_finished=count(Session, state=Session.State.FINISHED),
    )


def steps(study: Study) -> list[Step]:
    """A study's way from the first clip to the results, and where on it the study is."""
    state = Study.State(study.state)
    n_clips, n_signals = study.clips.count(), study.conditions.count()
    n_systems = study.conditions.filter(role=Condition.Role.SYSTEM, repeat=0).count()
    made = Rendering.objects.filter(clip__study=study).aggregate(
        done=Count("pk", filter=Q(state=Rendering.State.DONE)),
        failed=Count("pk", filter=Q(state=Rendering.State.FAILED)),
    )
    wanted = n_clips * n_signals
    rendered = state in (Study.State.READY, Study.State.OPEN, Study.State.CLOSED)
    opened = state in (Study.State.OPEN, Study.State.CLOSED)
    started, finished = study.sessions.count(), study.sessions.filter(state=Session.State.FINISHED).count()

    rendering_text = f"{made['done']} of {wanted} stimuli rendered"
    if made["failed"]:
        rendering_text += f", {made['failed']} failed"
    done = {
        "Clips": n_clips > 0,
        "Conditions": n_systems > 0,
        "Rendering": rendered,
        "Raters": state == Study.State.CLOSED,
        "Results": False,
    }
    texts = {
        "Clips": f"{n_clips} clip{'' if n_clips == 1 else 's'}" if n_clips else "Upload recordings",
        "Conditions": f"{n_signals} of at most {MAX_SIGNALS} signals" if n_systems else "Choose codecs and bitrates",
        "Rendering": rendering_text if wanted else "Made after clips and conditions",
        "Raters": f"{finished} finished of {started} started" if opened else "Open the study to let raters in",
        "Results": "Statistics and downloads" if state == Study.State.CLOSED else "Shown when the study is closed",
    }
    names = {
        "Clips": "upload_clip",
        "Conditions": "conditions",
        "Rendering": "rendering",
        "Raters": "raters",
        "Results": "results",
    }
    current = next(title for title, ended in done.items() if not ended)
    found = []
    for title, ended in done.items():
        mark = "done" if ended else "now" if title == current else "later"
        if title == "Rendering" and made["failed"]:
            mark = "bad"
        found.append(Step(title, mark, texts[title], reverse(names[title], args=[study.slug])))
    return found
