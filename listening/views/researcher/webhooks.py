"""Addresses that are told what happens in a study."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from listening import webhooks as rules
from listening.forms import WebhookForm
from listening.models import Study, Webhook
from listening.permissions import Right
from listening.views.researcher.access import of_study, study_page


@of_study(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest, study: Study) -> HttpResponse:
    """GET shows the addresses and what they were told; POST adds one and shows its secret, this once."""
    if request.method == "GET":
        return _page(request, study, WebhookForm())
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            made = rules.add(study, form.cleaned_data["url"], form.cleaned_data["events"], request.user)
        except rules.WebhookError as error:
            form.add_error("url", str(error))
        else:
            return _page(request, study, WebhookForm(), status=201, made=made)
    return _page(request, study, form, status=422)


@of_study(Right.CHANGE)
@require_POST
def remove(request: HttpRequest, study: Study, webhook_id: int) -> HttpResponse:
    rules.remove(_webhook(study, webhook_id), request.user)
    messages.success(request, "The webhook is removed: its address is told nothing any more.")
    return redirect("webhooks", study.slug)


@of_study(Right.CHANGE)
@require_POST
def test(request: HttpRequest, study: Study, webhook_id: int) -> HttpResponse:
    """Queue a message. A worker sends it; the page shows what came back."""
    rules.send_test(_webhook(study, webhook_id))
    messages.success(request, "A test is on its way. Load the page again in a moment: the answer is in the list.")
    return redirect("webhooks", study.slug)


@of_study(Right.CHANGE)
@require_POST
def enable(request: HttpRequest, study: Study, webhook_id: int) -> HttpResponse:
    rules.enable(_webhook(study, webhook_id), request.user)
    messages.success(request, "The webhook is on again.")
    return redirect("webhooks", study.slug)


def _webhook(study: Study, webhook_id: int) -> Webhook:
    return get_object_or_404(Webhook.objects.select_related("study"), pk=webhook_id, study=study)


def _page(
    request: HttpRequest, study: Study, form: WebhookForm, *, status: int = 200, **context: object
) -> HttpResponse:
    labels = dict(Webhook.Event.choices)
    found = [
        (each, [labels.get(name, name) for name in each.events], each.deliveries.all()[: rules.KEPT])
        for each in study.webhooks.all()
    ]
    return study_page(request, study, "webhooks", status=status, form=form, webhooks=found, **context)
