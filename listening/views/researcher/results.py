"""What came out of a study, once it is closed."""

from __future__ import annotations

from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from analysis.frame import RatingsError
from analysis.report import Report, build_report, css
from listening.export import TABLES, ratings_frame
from listening.models import Session, Study
from listening.table_files import csv_lines
from listening.views.researcher.access import of_study, study_page

KEPT_SECONDS = 24 * 3600
HIDDEN = "Results stay hidden until the study is closed: who sees scores while raters are at work may be led by them."


@of_study
@require_GET
def results(request: HttpRequest, study: Study) -> HttpResponse:
    """Statistics and downloads of a closed study; of an open one, how many raters there are and nothing else."""
    context: dict[str, object] = {
        "started": study.sessions.count(),
        "finished": study.sessions.filter(state=Session.State.FINISHED).count(),
    }
    if study.state == Study.State.CLOSED:
        context["style"] = css()
        try:
            context["report"] = _kept(study, "fragment")
        except RatingsError as error:
            context["nothing"] = str(error)
    return study_page(request, study, "results", **context)


@of_study
@require_GET
def report_file(request: HttpRequest, study: Study) -> HttpResponse:
    """The report as one file that needs no other."""
    if study.state != Study.State.CLOSED:
        return _not_yet(request, study)
    try:
        page = _kept(study, "page")
    except RatingsError as error:
        messages.error(request, str(error))
        return redirect("results", study.slug)
    return HttpResponse(page, headers=_attachment(f"{study.slug}-report.html"))


@of_study
@require_GET
def download(request: HttpRequest, study: Study, table: str) -> HttpResponse:
    """A table as CSV, row by row."""
    if table not in TABLES:
        raise Http404(f"There is no table {table}.")
    if study.state != Study.State.CLOSED:
        return _not_yet(request, study)
    lines = csv_lines(TABLES[table].columns, TABLES[table].rows(study))
    headers = _attachment(f"{study.slug}-{table}.csv")
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def report(study: Study) -> Report:
    """Report of a study's ratings after its own screening rules; RatingsError if there is nothing to report on."""
    return build_report(
        ratings_frame(study),
        title=study.title,
        screening=study.screening or ["none"],
        made_on=f"{study.closed_at:%Y-%m-%d}" if study.closed_at else "",
    )


def _kept(study: Study, form: str) -> str:
    """The report as HTML. The ratings of a closed study don't change, so it is made once."""
    key = f"report-{study.pk}-{study.closed_at:%Y%m%dT%H%M%S.%f}-{form}"
    made: str | None = cache.get(key)
    if made is None:
        found = report(study)
        made = found.fragment_html if form == "fragment" else found.html
        cache.set(key, made, KEPT_SECONDS)
    return made


def _not_yet(request: HttpRequest, study: Study) -> HttpResponse:
    messages.error(request, HIDDEN)
    return redirect("results", study.slug)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
