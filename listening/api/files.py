"""A study as a file, both ways; a study from a form with its recordings; a study once more."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from django.http import FileResponse, HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from listening import cloning, study_form
from listening.api.access import Body, Refusal, answers, anybody, reads
from listening.api.results import attachment, file_of
from listening.api.studies import OneStudy, shown
from listening.archive.reading import import_study
from listening.archive.tables import Fault
from listening.archive.writing import for_researchers
from listening.forms import RESERVED_SLUGS
from listening.models import Study
from listening.studies import StudyError

router = Router(tags=["files"])


class Made(Schema):
    """A study that was made of files, and what to know of it."""

    study: OneStudy
    notes: list[str]


class StudyFormText(Body):
    """A study in YAML (or JSON, which is YAML too), as docs/researchers.md says: clips and files by their names."""

    study: str


class ShortName(Body):
    """The short name to be; left out: one that is free."""

    slug: Annotated[str, Field(pattern=r"^[-a-zA-Z0-9_]{0,60}$")] = ""


@router.post(
    "study-forms",
    auth=anybody,
    response=answers(201, Made),
    url_name="api_study_forms",
    summary="Make a study of its form, as create_study does",
)
def create_from_form(request: HttpRequest, payload: Form[StudyFormText], files: File[list[UploadedFile]]) -> Any:
    """A form: `study` is the text of study.yaml, `files` are all recordings that it names, without folders."""
    with TemporaryDirectory() as folder:
        try:
            form = study_form.read(payload.study)
            study_form.keep_inside(form)
            for file in files:
                _lay(Path(folder), file)
            made = study_form.create(form, Path(folder), request.user)
        except study_form.FormError as error:
            faults = str(error).replace(f" in {folder}", " among the files that were sent").split("\n")
            raise Refusal(422, " ".join(faults), faults) from error
    return Status(201, Made(study=shown(request, made.study), notes=made.notes))


@router.post(
    "study-files",
    auth=anybody,
    response=answers(201, Made),
    url_name="api_study_files",
    summary="Make the study of a file that export wrote",
)
def create_from_file(request: HttpRequest, file: File[UploadedFile], payload: Form[ShortName]) -> Any:
    """All of it, bit for bit; or nothing, where anything is wrong with the file."""
    try:
        found = import_study(file.file, request.user, payload.slug)
    except Fault as error:
        raise Refusal(422, f"{error} Nothing was imported.") from error
    return Status(201, Made(study=shown(request, found.study), notes=found.notes))


@router.get(
    "studies/{slug:slug}/file",
    auth=reads,
    url_name="api_study_file",
    summary="The study as one file: settings, clips, stimuli, ratings, report, checksums",
    openapi_extra=file_of("application/zip"),
)
def read_file(request: HttpRequest, slug: str) -> Any:
    """Of an open study it has the material alone: results stay hidden until it is closed."""
    try:
        file = for_researchers(request.study)
    except StudyError as error:
        raise Refusal(409, str(error)) from error
    return FileResponse(file, content_type="application/zip", headers=attachment(f"{request.study.slug}.zip"))


@router.post(
    "studies/{slug:slug}/clone",
    auth=reads,
    response=answers(201, OneStudy),
    url_name="api_clone",
    summary="The same study once more, without its raters; yours",
)
def clone_study(request: HttpRequest, slug: str, payload: ShortName | None = None) -> Any:
    wanted = payload.slug if payload else ""
    if wanted in RESERVED_SLUGS:
        raise Refusal(422, f"slug: “{wanted}” is the address of another page. Choose another one.")
    try:
        made = cloning.clone_study(request.study, request.user, wanted)
    except StudyError as error:
        raise Refusal(422, str(error)) from error
    return Status(201, shown(request, Study.objects.select_related("owner").get(pk=made.pk)))


def _lay(folder: Path, file: UploadedFile) -> None:
    """Where the form finds it. A name of an upload never has a folder in it: Django takes it off."""
    with (folder / str(file.name)).open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
