"""Who may see a page, and how a study's pages are drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache

from listening import invites
from listening.models import Study
from listening.studies import neural_note

View = Callable[..., HttpResponse]


def researcher(view: View) -> View:
    """For who is logged in. Others go to the login page; a script gets 401 and a text that it can show."""

    @wraps(view)
    @never_cache
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            if wants_json(request):
                return JsonResponse(
                    {"error": "You are logged out. Log in again in another tab, then retry."}, status=401
                )
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return checked


def of_study(view: View) -> View:
    """Give the view the study of its address; 404 for who may not see it, as if there were none."""

    @researcher
    @wraps(view)
    def found(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
        study = get_object_or_404(Study.objects.visible_to(request.user), slug=slug)
        return view(request, study, **kwargs)

    return found


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks rather than a person."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def study_page(request: HttpRequest, study: Study, name: str, *, status: int = 200, **context: object) -> HttpResponse:
    """Draw `listening/NAME.html` of a study, with what each of its pages says."""
    context |= {
        "study": study,
        "page": name,
        "neural_note": neural_note(study),
        "invite_url": invites.link(request, study),
        "panel_links": invites.panel_links(request, study),
        "names_to_add": invites.names_to_add(study),
    }
    return render(request, f"listening/{name}.html", context, status=status)
