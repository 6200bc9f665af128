"""What came out of a study, once it is closed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from analysis.frame import RatingsError
from listening import recruiting
from listening.export import TABLES
from listening.models import Session, Study
from listening.permissions import Right
from listening.reporting import REPORT_FORMS, kept_keys, quality_of, report_of
from listening.studies import audit
from listening.table_files import csv_lines
from listening.views.researcher.access import of_study, study_page

if TYPE_CHECKING:
    from analysis.report import Report

KEPT_SECONDS = 24 * 3600
HIDDEN = "Results stay hidden until the study is closed: who sees scores while raters are at work may be led by them."


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
            context["report"] = _kept(study, "fragment")
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
        file = _kept(study, ending)
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


def _kept(study: Study, form: str) -> Any:
    """The report in one of `FORMS`. A closed study changes only where a rater withdraws: all are made at once."""
    keys = dict(zip(REPORT_FORMS, kept_keys(study), strict=True))
    made = cache.get(keys[form])
    if made is None:
        found = report_of(study)
        all_forms = {name: make(found) for name, make in FORMS.items()}
        for name, made_form in all_forms.items():
            cache.set(keys[name], made_form, KEPT_SECONDS)
        made = all_forms[form]
    return made


def _zipped(report: Report) -> bytes:
    """Everything that a report writes, in one file."""
    packed = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        report.save(folder)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed.getvalue()


FORMS: dict[str, Callable[..., str | bytes]] = {
    "fragment": lambda found: found.fragment_html,
    "html": lambda found: found.html,
    "pdf": lambda found: found.pdf,
    "zip": _zipped,
}
CONTENT_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "zip": "application/zip"}


def _not_yet(request: HttpRequest, study: Study) -> HttpResponse:
    messages.error(request, HIDDEN)
    return redirect("results", study.slug)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
