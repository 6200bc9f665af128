"""What is shown where something failed: to raters in their language, to researchers in English, to scripts as JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults

from listening.translating import for_raters

RATERS = ("/r/", "/t/")
SCRIPTS = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if request.path_info.startswith(RATERS):
        return _to_rater(request, "listening/rater/unknown.html", 404)
    if request.path_info.startswith(SCRIPTS):
        return JsonResponse({"error": "There is no such address. /api/v1/openapi.json has them all."}, status=404)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """500. The page asks nothing of the database, which may be what failed."""
    if request.path_info.startswith(RATERS):
        return _to_rater(request, "listening/rater/failed.html", 500)
    if request.path_info.startswith(SCRIPTS):
        said = (
            "Something failed here, and nothing was changed. Try again; if it stays so, tell whoever runs this server."
        )
        return JsonResponse({"error": said}, status=500)
    return defaults.server_error(request)


@for_raters
def _to_rater(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)
