"""The page between a button that deletes and the deletion: it names what would be lost, and works without scripts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from listening.losses import NotConfirmed
from listening.models import Study
from listening.views.researcher.access import study_page, wants_json

CONFIRM = "confirm"


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the request comes from the page that asks."""
    return CONFIRM in request.POST


def ask_first(request: HttpRequest, study: Study, asked: NotConfirmed, back: str) -> HttpResponse:
    """Show what a request would delete; its button sends the same request again, confirmed.

    Parameters
    ----------
    request : HttpRequest
        A POST without files.
    study : Study
    asked : NotConfirmed
    back : str
        Address for those who keep it.
    """
    if wants_json(request):
        return JsonResponse({"error": str(asked), "would_delete": asked.lost}, status=409)
    skipped = ("csrfmiddlewaretoken", CONFIRM)
    fields = [(name, value) for name, values in request.POST.lists() if name not in skipped for value in values]
    return study_page(request, study, "confirm_loss", status=409, lost=asked.lost, fields=fields, back=back)
