"""What came out of a study, once it is closed."""

from __future__ import annotations

import io
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Router

from analysis.frame import RatingsError
from listening.api.access import Refusal, answers, file_of, reads
from listening.audit import audit
from listening.export import TABLES
from listening.models import Study
from listening.report_files import CONTENT_TYPES, HIDDEN, TESTS, kept
from listening.table_files import TEXT_FORMATS, write_parquet

router = Router(tags=["results"])

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


@router.get(
    "studies/{slug:slug}/results",
    auth=reads,
    response=answers(200, dict[str, Any]),
    url_name="api_results",
    summary="Every test of the report, as its tests.json",
)
def read_results(request: HttpRequest, slug: str) -> Any:
    return _report(_closed(request), TESTS)


@router.get(
    "studies/{slug:slug}/report.{ending}",
    auth=reads,
    url_name="api_report",
    summary="The report: a page, a PDF, or a ZIP with all tables and figures",
    openapi_extra=file_of(*CONTENT_TYPES.values()),
)
def read_report(request: HttpRequest, slug: str, ending: Literal["html", "pdf", "zip"]) -> Any:
    study = _closed(request)
    file = _report(study, ending)
    audit(study, request.user, f"report.{ending} downloaded")
    return HttpResponse(file, content_type=CONTENT_TYPES[ending], headers=attachment(f"{study.slug}-report.{ending}"))


@router.get(
    "studies/{slug:slug}/tables/{table}.{ending}",
    auth=reads,
    url_name="api_table",
    summary="A table as `export_results` writes it: ratings, sessions, events, answers, comments",
    openapi_extra=file_of(*TYPES.values()),
)
def read_table(request: HttpRequest, slug: str, table: str, ending: Literal["csv", "json", "parquet"]) -> Any:
    if table not in TABLES:
        raise Refusal(404, f"There is no table {table}. There are {', '.join(TABLES)}.")
    study = _closed(request)
    audit(study, request.user, f"{table} exported as {ending if ending == 'parquet' else ending.upper()}")
    columns, rows = TABLES[table].columns, TABLES[table].rows(study)
    headers = attachment(f"{study.slug}-{table}.{ending}")
    if ending == "parquet":
        file = io.BytesIO()
        write_parquet(columns, rows, file)
        return HttpResponse(file.getvalue(), content_type=TYPES[ending], headers=headers)
    return StreamingHttpResponse(TEXT_FORMATS[ending](columns, rows), content_type=TYPES[ending], headers=headers)


def attachment(name: str) -> dict[str, str]:
    """Headers of a file that is kept under a name."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _closed(request: HttpRequest) -> Study:
    study: Study = request.study  # type: ignore[attr-defined]
    if study.state != Study.State.CLOSED:
        raise Refusal(409, HIDDEN)
    return study


def _report(study: Study, form: str) -> Any:
    try:
        return kept(study, form)
    except RatingsError as error:
        raise Refusal(409, str(error)) from error
