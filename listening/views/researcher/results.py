"""What came out of a study, once it is closed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from analysis.frame import RatingsError
from listening import recruiting
from listening.export import TABLES
from listening.models import Session, Study
from listening.permissions import Right
from listening.report_files import CONTENT_TYPES, HIDDEN, kept
from listening.reporting import quality_of
from listening.studies import audit
from listening.table_files import csv_lines
from listening.views.researcher.access import of_study, study_page


@of_study(Right.READ)
@require_GET
def results(request: HttpRequest, study: Study) -> HttpResponse:
    """Statistics and downloads of a closed study; of an open one, progress and the quality of the data."""
    context: dict[str, object] = {
        "started": study.sessions.count(),
        "finished": study.sessions.filter(state=Session.State.FINISHED).count(),
        "withdrawn": recruiting.of(study).withdrawn,
    }
    if study.state == Study.State.OPEN:
        context["quality"] = quality_of(study)
    if study.state == Study.State.CLOSED:
        from analysis.report import css  # matplotlib and scipy take seconds to load

        context["style"] = css()
        try:
            context["report"] = kept(study, "fragment")
        except RatingsError as error:
            context["nothing"] = str(error)
    return study_page(request, study, "results", **context)


@of_study(Right.READ)
@require_GET
def report_file(request: HttpRequest, study: Study, ending: str) -> HttpResponse:
    """The report as one file that needs no other: a page, a PDF, or a ZIP with its tables and figures as well."""
    if ending not in CONTENT_TYPES:
        raise Http404(f"There is no report.{ending}.")
    if study.state != Study.State.CLOSED:
        return _not_yet(request, study)
    try:
        file = kept(study, ending)
    except RatingsError as error:
        messages.error(request, str(error))
        return redirect("results", study.slug)
    audit(study, request.user, f"report.{ending} downloaded")
    headers = _attachment(f"{study.slug}-report.{ending}")
    return HttpResponse(file, content_type=CONTENT_TYPES[ending], headers=headers)


@of_study(Right.READ)
@require_GET
def download(request: HttpRequest, study: Study, table: str) -> HttpResponse:
    """A table as CSV, row by row."""
    if table not in TABLES:
        raise Http404(f"There is no table {table}.")
    if study.state != Study.State.CLOSED:
        return _not_yet(request, study)
    audit(study, request.user, f"{table} exported as CSV")
    lines = csv_lines(TABLES[table].columns, TABLES[table].rows(study))
    headers = _attachment(f"{study.slug}-{table}.csv")
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _not_yet(request: HttpRequest, study: Study) -> HttpResponse:
    messages.error(request, HIDDEN)
    return redirect("results", study.slug)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
