"""Tokens for scripts, of one's own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from listening import tokens as rules
from listening.forms import TokenForm
from listening.models import ApiToken
from listening.site import link_to
from listening.views.researcher.access import researcher


@researcher
@require_http_methods(["GET", "POST"])
def api_tokens(request: HttpRequest) -> HttpResponse:
    """GET shows the tokens; POST makes one, after the password, and shows it this once."""
    if request.method == "GET":
        return _page(request, TokenForm(request.user))
    form = TokenForm(request.user, request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made, token = rules.create(request.user, given["name"], given["scope"], given["days"], by=request.user)
        except rules.TokenError as error:
            form.add_error("name", str(error))
        else:
            return _page(request, TokenForm(request.user), status=201, made=made, token=token)
    return _page(request, form, status=422)


@researcher
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    found = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    if rules.revoke(found, by=request.user):
        messages.success(request, f"The token “{found.name}” is revoked: it opens nothing any more.")
    return redirect("api_tokens")


def _page(request: HttpRequest, form: TokenForm, *, status: int = 200, **context: object) -> HttpResponse:
    context |= {
        "page": "account",
        "form": form,
        "tokens": ApiToken.objects.filter(user=request.user),
        "api_url": link_to(reverse("api:api-root"), request),
    }
    return render(request, "listening/account/tokens.html", context, status=status)
