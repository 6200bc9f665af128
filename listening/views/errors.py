"""What is shown where something failed: to raters in their language, to researchers in English."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults
from django.views.csrf import csrf_failure

from listening.translating import for_raters

RATERS = ("/r/", "/t/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if request.path_info.startswith(RATERS):
        return _to_rater(request, "listening/rater/unknown.html", 404)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """500. The page asks nothing of the database, which may be what failed."""
    if request.path_info.startswith(RATERS):
        return _to_rater(request, "listening/rater/failed.html", 500)
    return defaults.server_error(request)


def too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403, for a form without the token of this browser."""
    if request.path_info.startswith(RATERS):
        return _to_rater(request, "listening/rater/too_old.html", 403)
    return csrf_failure(request, reason)


@for_raters
def _to_rater(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)
