"""What a study wants of its raters: the page that it is filled in on, and the same as YAML."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_http_methods

from listening import answers, languages, way_words
from listening import protocol as protocols
from listening.models import Session, Study
from listening.permissions import Right
from listening.questionnaire_form import KIND_CHOICES, WHEN
from listening.studies import StudyError
from listening.study_settings import change_settings
from listening.views.researcher.access import of_study, study_page
from listening.way_form import WayForm


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def raters_way(request: HttpRequest, study: Study) -> HttpResponse:
    """The form. A button named `do` changes what is filled in and stores nothing."""
    form = _form(study, request)
    if request.method == "GET":
        return _page(request, study, form, open_section=request.GET.get("open", ""))
    if not study.editable:
        return _page(request, study, _form(study), status=409)
    if action := request.POST.get("do", ""):
        if action == "prolific":
            form.fill_in_for_prolific()
            return _page(request, study, form, unsaved=True, open_section="identity")
        form.questionnaires.do(action)
        return _page(request, study, form, unsaved=True, open_section="questionnaires")
    try:
        _keep(study, form.protocol(), request.user)
    except protocols.ProtocolError:
        return _page(request, study, form, status=422, faults=form.faults)
    except StudyError as error:
        return _page(request, study, form, status=409, faults=[("", "", str(error))])
    messages.success(request, "Raters' way is saved.")
    return redirect("raters_way", study.slug)


@of_study(Right.READ, post=Right.CHANGE)
@require_http_methods(["GET", "POST"])
def raters_way_yaml(request: HttpRequest, study: Study) -> HttpResponse:
    """GET downloads; POST takes a file or pasted text, and changes nothing where something is wrong in it."""
    if request.method == "GET":
        name = f"{study.slug}-raters-way.yaml"
        text = protocols.to_yaml(study.protocol)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    faults: list[str] = []
    try:
        if file := request.FILES.get("file"):
            text = _text(file.read(protocols.LONGEST_YAML * 4 + 1))
        if not text.strip():
            raise protocols.ProtocolError(["There is nothing in it. Choose a file, or paste its text."])
        _keep(study, protocols.read_yaml(text), request.user)
    except protocols.ProtocolError as error:
        faults = error.faults
    except StudyError as error:
        faults = [str(error)]
    if not faults:
        messages.success(request, "Raters' way is saved, as the file says.")
        return redirect("raters_way", study.slug)
    status = 422 if study.editable else 409
    return _page(request, study, _form(study), status=status, yaml_text=text, yaml_faults=faults)


@of_study(Right.READ)
@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest, study: Study, name: str) -> HttpResponse:
    """A questionnaire as raters see it; what is filled in is checked as theirs is, and kept nowhere."""
    if name not in [each.name for each in study.protocol.questionnaires]:
        raise Http404(f"There is no questionnaire {name}.")
    offered = languages.offered(study)
    language = request.GET.get("language", "")
    if language not in offered:
        language = languages.choose(study, "")
    state = Session.State.QUESTIONS
    session = Session(study=study, state=state, way=[(state, f"{name}/1")], language=language)
    given = {key: str(value).replace("\r\n", "\n") for key, value in request.POST.items()}
    faults: dict[str, str] = {}
    with translation.override(language):
        if request.method == "POST":
            try:
                answers.checked(answers.at_hand(session)[0], given)
            except answers.Unanswered as wrong:
                faults = wrong.faults
        context = {
            "study": study,
            "protocol": study.protocol,
            "questions": answers.page(session, given, faults),
            "step": f"preview-{name}",
            "step_url": f"?language={language}",
            "sounds_ahead": [],
            "languages": [(each, languages.NAMES[each]) for each in offered],
            "language_shown": language,
            "would_be_kept": request.method == "POST" and not faults,
        }
        return render(request, "listening/way/preview.html", context, status=409 if faults else 200)


def _form(study: Study, request: HttpRequest | None = None) -> WayForm:
    clips = list(study.clips.order_by("position", "id").values_list("name", flat=True))
    posted = request.POST if request is not None and request.method == "POST" else None
    return WayForm(clips, study.protocol, posted)


def _keep(study: Study, protocol: protocols.Protocol, by: AbstractBaseUser) -> None:
    change_settings(study, by=by, raters_way=protocols.stored(protocol))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise protocols.ProtocolError(["The file is not text in UTF-8. Save it as such."]) from error


def _page(request: HttpRequest, study: Study, form: WayForm, *, status: int = 200, **context: object) -> HttpResponse:
    return study_page(
        request,
        study,
        "raters_way",
        status=status,
        form=form,
        builder=form.questionnaires,
        kinds=KIND_CHOICES,
        when=WHEN,
        sentences=way_words.in_sentences(study),
        way_cautions=way_words.cautions(study),
        **context,
    )
