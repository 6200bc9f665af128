"""What someone is to a study, and what that lets them do. docs/permissions.md has the same as a table of addresses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from listening.models import Membership, Study


class Role(IntEnum):
    """What someone is to a study; each may do all that those before may."""

    NOBODY = 0
    VIEWER = 1
    COLLABORATOR = 2
    OWNER = 3

    @property
    def words(self) -> str:
        """In a sentence: "a viewer"."""
        return {0: "nobody", 1: "a viewer", 2: "a collaborator", 3: "the owner"}[self]


class Right(IntEnum):
    """What a page asks for: the value is that of the least role that has it."""

    READ = Role.VIEWER
    """See what a researcher sees: clips, conditions, progress, results of a closed study, people, log."""
    CHANGE = Role.COLLABORATOR
    """Change material, conditions, settings and raters' way; render, open and close."""
    MANAGE = Role.OWNER
    """Invite, change and remove members; hand the study over."""


ROLE_OF_MEMBER = {Membership.Role.VIEWER: Role.VIEWER, Membership.Role.COLLABORATOR: Role.COLLABORATOR}


def role_of(user, study: Study) -> Role:  # noqa: ANN001
    """What a user is to a study.

    Staff count as owners of every study: who runs the server can do all of it on the command line anyway, and a study
    whose owner is gone must have somebody who hands it over.
    """
    if not user.is_authenticated or not user.is_active:
        return Role.NOBODY
    if user.is_staff or study.owner_id == user.pk:
        return Role.OWNER
    member = study.memberships.filter(user=user).first()
    return ROLE_OF_MEMBER[Membership.Role(member.role)] if member else Role.NOBODY


@dataclass(frozen=True)
class May:
    """What templates ask: `may.change`, `may.manage`."""

    role: Role

    @property
    def change(self) -> bool:
        """Whether to show what changes the study."""
        return self.role >= Right.CHANGE

    @property
    def manage(self) -> bool:
        """Whether to show what is the owner's."""
        return self.role >= Right.MANAGE
