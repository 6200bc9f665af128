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
from listening.permissions import May, Right, Role, role_of
from listening.studies import neural_note

View = Callable[..., HttpResponse]
SAFE = ("GET", "HEAD", "OPTIONS")


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


def of_study(right: Right, *, post: Right | None = None) -> Callable[[View], View]:
    """Give the view the study of its address, if the user has the right to it.

    Who is neither owner nor member gets 404, as if there were no such study; a member without the right gets 403 and
    reads who can grant it. The request's `may` says what the user may do, for the view and its templates.

    Parameters
    ----------
    right : Right
        What the page asks for.
    post : Right, optional
        What a request that may change something asks for, where that is another.
    """

    def decorated(view: View) -> View:
        @researcher
        @wraps(view)
        def found(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            study = get_object_or_404(Study.objects.visible_to(request.user).select_related("owner"), slug=slug)
            request.may = May(role_of(request.user, study))
            asked = right if post is None or request.method in SAFE else post
            if request.may.role < asked:
                return not_allowed(request, study, asked)
            return view(request, study, **kwargs)

        return found

    return decorated


def not_allowed(request: HttpRequest, study: Study, right: Right) -> HttpResponse:
    """403 for a member: which role it takes, and who can give it."""
    needed = Role(right)
    if wants_json(request):
        text = f"You are {request.may.role.words} of this study; this takes {needed.words}."
        return JsonResponse({"error": f"{text} Ask {study.owner.get_username()}."}, status=403)
    return study_page(request, study, "not_allowed", status=403, needed=needed)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks rather than a person."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def study_page(request: HttpRequest, study: Study, name: str, *, status: int = 200, **context: object) -> HttpResponse:
    """Draw `listening/NAME.html` of a study, with what each of its pages says."""
    context |= {
        "study": study,
        "may": request.may,
        "editable": study.editable and request.may.change,
        "page": name,
        "neural_note": neural_note(study),
        "invite_links": invites.links(request, study),
    }
    return render(request, f"listening/{name}.html", context, status=status)
