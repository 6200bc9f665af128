"""Members of a study: invited, changed, removed, and the study handed over. Each leaves a line in its log."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from listening.models import Invitation, Membership, Study
from listening.models.people import INVITATION_DAYS, hash_of
from listening.permissions import ROLE_OF_MEMBER
from listening.studies import audit


class PeopleError(Exception):
    """What can't be done with the people of a study; the text says why and what to do."""


def invite(study: Study, by: AbstractBaseUser, role: str) -> str:
    """Make an invitation that one person can accept within 14 days.

    Returns
    -------
    str
        Its token. It is stored as a hash only: what is lost now is lost.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = Invitation.objects.create(study=study, role=role, token_hash=hash_of(token), created_by=by)
        audit(study, by, f"invitation {made.pk} made: {role}, {INVITATION_DAYS} days")
    return token


def invitation_behind(token: str) -> Invitation | None:
    """The invitation of a link, whether it can still be accepted or not."""
    return Invitation.objects.select_related("study__owner", "created_by").filter(token_hash=hash_of(token)).first()


def accept(invitation: Invitation, user: AbstractBaseUser) -> Membership:
    """Make a user a member. Who is one already gets the role of the invitation where it is the higher one.

    Raises
    ------
    PeopleError
        If it can't be accepted any more, or would give the user nothing.
    """
    study = invitation.study
    if reason := invitation.why_not:
        raise PeopleError(f"{reason} Ask {study.owner.get_username()} for another.")
    if reason := gives_nothing(invitation, user):
        raise PeopleError(reason)
    with transaction.atomic():
        # Of two who accept at once the first one wins.
        used = Invitation.objects.usable().filter(pk=invitation.pk).update(used_at=timezone.now(), used_by=user)
        if not used:
            raise PeopleError(f"Someone else was faster. Ask {study.owner.get_username()} for another invitation.")
        member, _ = Membership.objects.update_or_create(study=study, user=user, defaults={"role": invitation.role})
        audit(study, user, f"invitation {invitation.pk} accepted: {user.get_username()} is {member.role}")
    return member


def gives_nothing(invitation: Invitation, user: AbstractBaseUser) -> str:
    """Why an invitation is of no use to a user, as a sentence; "" where it is."""
    study = invitation.study
    if study.owner_id == user.pk:
        return "The study is yours: this invitation is for somebody else."
    member = study.memberships.filter(user=user).first()
    if member and ROLE_OF_MEMBER[member.role] >= ROLE_OF_MEMBER[invitation.role]:
        return f"You are {ROLE_OF_MEMBER[member.role].words} of this study already."
    return ""


def revoke(invitation: Invitation, by: AbstractBaseUser) -> None:
    """Take an invitation back."""
    with transaction.atomic():
        if not Invitation.objects.usable().filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            raise PeopleError("This invitation is used or over already: there is nothing to take back.")
        audit(invitation.study, by, f"invitation {invitation.pk} taken back")


def change_role(member: Membership, role: str, by: AbstractBaseUser) -> None:
    """Give a member another role."""
    with transaction.atomic():
        if Membership.objects.filter(pk=member.pk).exclude(role=role).update(role=role):
            audit(member.study, by, f"{member.user.get_username()} is {role} (was {member.role})")


def remove(member: Membership, by: AbstractBaseUser) -> None:
    """End a membership; `by` may be the member."""
    name = member.user.get_username()
    with transaction.atomic():
        member.delete()
        audit(member.study, by, f"{name} left" if member.user == by else f"{name} removed (was {member.role})")


def hand_over(study: Study, member: Membership, by: AbstractBaseUser) -> None:
    """Make a member the owner; who owned the study becomes a collaborator.

    Raises
    ------
    PeopleError
        If the study got another owner meanwhile.
    """
    former = study.owner
    with transaction.atomic():
        if not Study.objects.filter(pk=study.pk, owner=former).update(owner=member.user):
            raise PeopleError("The study got another owner meanwhile. Look at the page again.")
        member.delete()
        Membership.objects.update_or_create(study=study, user=former, defaults={"role": Membership.Role.COLLABORATOR})
        audit(study, by, f"handed over from {former.get_username()} to {member.user.get_username()}")
    study.refresh_from_db()
