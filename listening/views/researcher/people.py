"""The people of a study: who they are, invitations, roles, leaving, handing over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from listening import people as rules
from listening.forms import InvitationForm, RoleForm
from listening.models import Invitation, Membership, Study
from listening.models.people import INVITATION_DAYS
from listening.permissions import ROLE_OF_MEMBER, Right, Role
from listening.site import link_to
from listening.views.researcher.access import of_study, researcher, study_page


@of_study(Right.READ, post=Right.MANAGE)
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest, study: Study) -> HttpResponse:
    """GET shows the people; POST makes an invitation and shows its link, this once."""
    if request.method == "GET":
        return _page(request, study)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, study, form=form, status=422)
    token = rules.invite(study, request.user, form.cleaned_data["role"])
    link = link_to(reverse("invitation", args=[token]), request)
    role = ROLE_OF_MEMBER[form.cleaned_data["role"]].words
    return _page(request, study, invitation_link=link, invited_as=role, status=201)


@of_study(Right.MANAGE)
@require_POST
def revoke_invitation(request: HttpRequest, study: Study, invitation_id: int) -> HttpResponse:
    found = get_object_or_404(Invitation.objects.select_related("study"), pk=invitation_id, study=study)
    try:
        rules.revoke(found, request.user)
    except rules.PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The invitation is taken back: its link lets nobody in.")
    return redirect("people", study.slug)


@of_study(Right.MANAGE)
@require_POST
def change_role(request: HttpRequest, study: Study, member_id: int) -> HttpResponse:
    member = _member(study, member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        rules.change_role(member, form.cleaned_data["role"], request.user)
        role = ROLE_OF_MEMBER[form.cleaned_data["role"]].words
        messages.success(request, f"{member.user.get_username()} is {role} now.")
    else:
        messages.error(request, "There is no such role.")
    return redirect("people", study.slug)


@of_study(Right.MANAGE)
@require_POST
def remove_member(request: HttpRequest, study: Study, member_id: int) -> HttpResponse:
    member = _member(study, member_id)
    rules.remove(member, request.user)
    messages.success(request, f"{member.user.get_username()} is removed from the study.")
    return redirect("people", study.slug)


@of_study(Right.READ)
@require_POST
def leave_study(request: HttpRequest, study: Study) -> HttpResponse:
    """For members. An owner has to hand the study over first, so that none is without."""
    member = study.memberships.select_related("study", "user").filter(user=request.user).first()
    if member is None:
        messages.error(request, "Only members leave. Who owns the study has to hand it over first.")
        return redirect("people", study.slug)
    rules.remove(member, request.user)
    messages.success(request, f"You have left “{study.title}”.")
    return redirect("studies")


@of_study(Right.MANAGE)
@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest, study: Study, member_id: int) -> HttpResponse:
    """GET asks, and says what it means; POST makes the member the owner."""
    member = _member(study, member_id)
    if request.method == "GET":
        return study_page(request, study, "hand_over", member=member)
    try:
        rules.hand_over(study, member, request.user)
    except rules.PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The study belongs to {member.user.get_username()} now.")
    return redirect("people", study.slug)


@researcher
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows who invites to what, POST accepts."""
    found = rules.invitation_behind(token)
    if found is None:
        raise Http404("There is no such invitation.")
    if request.method == "POST":
        try:
            rules.accept(found, request.user)
        except rules.PeopleError as error:
            messages.error(request, str(error))
            return redirect("invitation", token)
        role = ROLE_OF_MEMBER[Membership.Role(found.role)].words
        messages.success(request, f"You are {role} of this study now.")
        return redirect(found.study)
    role = ROLE_OF_MEMBER[Membership.Role(found.role)]
    why_not = found.why_not or rules.gives_nothing(found, request.user)
    inside = Study.objects.visible_to(request.user).filter(pk=found.study_id).exists()
    context = {"invitation": found, "role": role, "why_not": why_not, "inside": inside}
    return render(request, "listening/invitation.html", context, status=410 if found.why_not else 200)


def _page(
    request: HttpRequest, study: Study, *, form: InvitationForm | None = None, status: int = 200, **context: Any
) -> HttpResponse:
    waiting = study.invitations.usable().select_related("created_by") if request.may.manage else []
    return study_page(
        request,
        study,
        "people",
        status=status,
        members=study.memberships.select_related("user"),
        is_member=request.may.role in (Role.VIEWER, Role.COLLABORATOR),
        roles=Membership.Role.choices,
        invitations=waiting,
        invitation_days=INVITATION_DAYS,
        form=form or InvitationForm(),
        **context,
    )


def _member(study: Study, member_id: int) -> Membership:
    return get_object_or_404(Membership.objects.select_related("study", "user"), pk=member_id, study=study)
