"""The character NUL, which Postgres takes in no text: nobody means it, and whoever sends it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import Http404, HttpRequest, HttpResponse


def holds_nul(found: object) -> bool:
    """Whether there is one in a text or a name, at any depth of lists and mappings."""
    if isinstance(found, Mapping):
        return any(holds_nul(each) for pair in found.items() for each in pair)
    if isinstance(found, list | tuple):
        return any(map(holds_nul, found))
    return isinstance(found, str) and "\x00" in found


def no_such_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: nothing has an address with a NUL in it, and the database can't even be asked for it."""

    def answer(request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info:
            raise Http404("No address holds a NUL.")
        return get_response(request)

    return answer
