"""The report of a closed study in its forms: made once, then kept."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.core.cache import cache

from listening.models import Study
from listening.reporting import REPORT_FORMS, kept_keys, report_of

if TYPE_CHECKING:
    from analysis.report import Report

KEPT_SECONDS = 24 * 3600
TESTS = "tests"
"""Every test, as in the report's tests.json."""
HIDDEN = "Results stay hidden until the study is closed: who sees scores while raters are at work may be led by them."


def kept(study: Study, form: str) -> Any:
    """The report in one of `FORMS`. A closed study changes only where a rater withdraws, so all are made at once.

    But for `TESTS`, which need no figure: they are there in a fraction of the time.

    Raises
    ------
    RatingsError
        If there is nothing to report on.
    """
    keys = dict(zip(REPORT_FORMS, kept_keys(study), strict=True))
    made = cache.get(keys[form])
    if made is None:
        found = report_of(study)
        makers = {TESTS: lambda found: found.tests()} if form == TESTS else FORMS
        all_forms = {name: make(found) for name, make in makers.items()}
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


FORMS: dict[str, Callable[..., Any]] = {
    "fragment": lambda found: found.fragment_html,
    "html": lambda found: found.html,
    "pdf": lambda found: found.pdf,
    "zip": _zipped,
}
CONTENT_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "zip": "application/zip"}
