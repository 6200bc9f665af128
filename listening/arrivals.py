"""What an invite link says of the person who opens it, and whether that suffices to take part."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import QueryDict

from listening import invites, outside_ids, sessions, signed_links
from listening.models import Session, Study


@dataclass(frozen=True)
class Arrival:
    """A person at an invite link.

    Attributes
    ----------
    ids : dict of str to str
        What the link says of them.
    panel : str or None
        None: the study has no such panel.
    identity : str
        By which the study knows them again, as `Session.identity`; "" where it knows nobody again.
    absent : tuple of str
        Names that the link must carry and does not, or with a value that identifies nobody.
    signed : bool or None
        None: the link has a signature, and a wrong one.
    """

    ids: dict[str, str] = field(default_factory=dict)
    panel: str | None = ""
    identity: str = ""
    absent: tuple[str, ...] = ()
    signed: bool | None = False

    def begun(self, study: Study) -> Session | None:
        """The session that was started under the same identity."""
        return sessions.started_as(study, self.identity)


def read(study: Study, query: QueryDict) -> Arrival:
    """What a link says.

    Parameters
    ----------
    study : Study
    query : QueryDict
        The parameters of its address.
    """
    panel = invites.panel(study, query.get("panel", "").strip())
    if panel is None:
        return Arrival(outside_ids.read(query), panel=None)
    wants = invites.identity(study, panel)
    ids = outside_ids.read(query, wants.names)
    if "signed" in query:
        name = signed_links.name_of(study, panel)
        if not signed_links.is_right(study, name, ids.get(name, ""), query["signed"]):
            return Arrival(ids, panel, signed=None)
        return Arrival(ids, panel, _identity(name, ids), signed=True)
    absent = tuple(name for name in wants.names if name not in ids) if wants.required else ()
    first = next(iter(wants.names), "")
    return Arrival(ids, panel, _identity(first, ids) if wants.one_attempt else "", absent)


def _identity(name: str, ids: dict[str, str]) -> str:
    """With the name of the ID: two panels with IDs of different names share none."""
    return f"{name}={ids[name]}" if name in ids else ""
