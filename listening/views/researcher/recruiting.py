"""How raters come to a study: links, quotas, times, a message, and what becomes of their data."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from listening import invites
from listening import recruiting as rules
from listening.models import Study
from listening.permissions import Right
from listening.recruiting_form import PanelForms, RecruitingForm, panel_rows, zone_of
from listening.studies import StudyError
from listening.views.researcher.access import of_study, study_page


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def recruiting(request: HttpRequest, study: Study) -> HttpResponse:
    """One form for all of it; times are in the study's time zone, or the one that is sent."""
    own = rules.of(study)
    with timezone.override(ZoneInfo(zone_of(request.POST.get("time_zone", ""), own))):
        counts = rules.panels(study)
        form = RecruitingForm(study, request.POST or None)
        panels = PanelForms(request.POST or None, initial=panel_rows(counts), prefix="panel")
        if form.is_bound and form.is_valid() and panels.is_valid():
            try:
                with transaction.atomic():
                    rules.change(study, request.user, **form.values())
                    for row in panels:
                        if row.cleaned_data.get("remove"):
                            rules.remove_panel(study, request.user, row.cleaned_data["name"].strip())
                        elif not row.empty:
                            rules.change_panel(study, request.user, row.cleaned_data["name"].strip(), **row.values())
            except StudyError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "Saved.")
                return redirect("recruiting", study.slug)
        if not request.may.change:
            for each in (form, *panels):
                for field in each.fields.values():
                    field.disabled = True
        by_name = {each.panel.name: each for each in counts}
        removable = {each.panel.name for each in counts if rules.removable(study, each)}
        rows = [
            (row, by_name.get(name), invites.link(request, study, name), name in removable)
            if row["known"].value()
            else (row, None, None, False)
            for row in panels
            for name in [row["name"].value() or ""]
        ]
        return study_page(
            request,
            study,
            "recruiting",
            status=422 if form.is_bound else 200,
            form=form,
            panels=panels,
            rows=rows,
            recruiting=own,
            now=timezone.now(),
            forgets_at=rules.forgets_at(study),
            faulty=form.is_bound and not (form.is_valid() and panels.is_valid()),
        )
