"""Pages of the raters that carry a study's own texts, as they look now or with what is being typed."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_http_methods

from listening import languages
from listening import protocol as protocols
from listening.models import Rater, Session, Study
from listening.models.study import CONSENT, INSTRUCTIONS
from listening.permissions import Right
from listening.views.rater import consent_context
from listening.views.researcher.access import of_study, study_page
from listening.way_form import WayForm

PAGES = {
    "consent": (Session.State.CONSENT, "listening/rater/consent.html"),
    "instructions": (Session.State.INSTRUCTIONS, "listening/rater/instructions.html"),
    "end": (Session.State.FINISHED, "listening/rater/finished.html"),
}


@of_study(Right.READ)
@require_http_methods(["GET", "POST"])
def preview_page(request: HttpRequest, study: Study, page: str) -> HttpResponse:
    """GET shows what is saved; POST what a form of settings or of raters' way has in it, and keeps nothing."""
    if page not in PAGES:
        raise Http404(f"There is no page {page} to be seen before.")
    if faults := _take_over(request, study):
        return study_page(request, study, "way/no_preview", status=422, faults=faults)
    offered = languages.offered(study)
    language = request.GET.get("language", "")
    if language not in offered:
        language = study.protocol.language if study.protocol.language in offered else offered[0]
    state, template = PAGES[page]
    session = Session(study=study, rater=Rater(token="preview"), state=state, language=language)
    with translation.override(language):
        context = consent_context(session) | {
            "rater_page": template,
            "languages": [],
            "code": study.protocol.ends.completed.code or study.completion_code or "each rater's own",
            "languages_of_preview": [(each, languages.NAMES[each]) for each in offered],
            "language_shown": language,
            "typed": [(name, value) for name, values in request.POST.lists() for value in values],
            "back": "study_settings" if "consent_text" in request.POST else "raters_way",
            "sounds_ahead": [],
        }
        return render(request, "listening/way/preview_page.html", context)


def _take_over(request: HttpRequest, study: Study) -> list[tuple[str, str, str]]:
    """Put what a form holds into the study, which is not stored. Faults as `WayForm.faults`."""
    if "consent_text" in request.POST:
        study.consent_text = request.POST["consent_text"].strip() or CONSENT
        study.instructions_text = request.POST.get("instructions_text", "").strip() or INSTRUCTIONS
        study.completion_code = request.POST.get("completion_code", "").strip()
    elif request.method == "POST":
        clips = list(study.clips.order_by("position", "id").values_list("name", flat=True))
        form = WayForm(clips, study.protocol, request.POST)
        try:
            study.protocol = form.protocol()
        except protocols.ProtocolError:
            return form.faults
    return []
