"""A study as a file: down, up, and once more."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from listening import cloning
from listening import studies as rules
from listening.archive.reading import import_study
from listening.archive.tables import Fault
from listening.archive.writing import for_researchers
from listening.models import Study
from listening.permissions import Right
from listening.views.researcher.access import of_study, researcher


@of_study(Right.READ)
@require_POST
def export_file(request: HttpRequest, study: Study) -> HttpResponse:
    """The file of a study. Of an open one it has the material alone: results stay hidden until it is closed."""
    try:
        file = for_researchers(study)
    except rules.StudyError as error:
        messages.error(request, str(error))
    except OSError as error:
        messages.error(request, f"The file could not be made: {error.strerror}. Tell the operator, then try again.")
    else:
        name = f"{study.slug}.zip"
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    return redirect(study)


@researcher
@require_POST
def import_file(request: HttpRequest) -> HttpResponse:
    upload = request.FILES.get("file")
    if upload is None:
        messages.error(request, "No file was chosen.")
        return redirect("studies")
    try:
        found = import_study(upload.file, request.user, request.POST.get("slug", "").strip())
    except Fault as error:
        messages.error(request, f"{error} Nothing was imported.")
        return redirect("studies")
    for note in found.notes:
        messages.info(request, note)
    messages.success(request, f"“{found.study.title}” is imported.")
    return redirect(found.study)


@of_study(Right.READ)
@require_POST
def clone(request: HttpRequest, study: Study) -> HttpResponse:
    made = cloning.clone_study(study, request.user)
    messages.success(request, f"This is a clone of {study.slug}, without its raters. Change what is to differ.")
    return redirect(made)
