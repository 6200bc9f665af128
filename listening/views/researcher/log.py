"""Who did what to a study, the latest first."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from listening.models import Study
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page

LINES = 50


@of_study(Right.READ)
@require_GET
def log(request: HttpRequest, study: Study) -> HttpResponse:
    shown = Paginator(study.audit_lines.reverse(), LINES).get_page(request.GET.get("page"))
    return study_page(request, study, "log", lines=shown)
