"""What a deletion takes that nobody can render again: recordings, files and command lines of people, ratings.

Whatever deletes such a thing asks first, naming it, and leaves a line in the study's log for each. A rule calls `ask`
with what would be lost before it deletes, and `note` in the transaction that does.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.db.models.fields.files import FieldFile

from listening.audit import audit
from listening.models import Answer, Clip, Condition, PrimaryClaim, Rating, Session, Study, SuppliedFile

_LONGEST_NAME = 120


class NotConfirmed(Exception):
    """Nothing was deleted: somebody has to confirm it first.

    Attributes
    ----------
    lost : list of str
        What would be gone.
    """

    def __init__(self, lost: list[str]) -> None:
        super().__init__(f"This deletes for good: {'; '.join(lost)}.")
        self.lost = lost


def of_clip(clip: Clip) -> list[str]:
    """What goes with a clip: its recording, and the files of each system for it."""
    recording = _file(clip.original, clip.original_sha256)
    files = clip.supplied_files.select_related("condition", "clip")
    return [f"recording {_name(clip.original_name)} of “{clip.name}”, {recording}", *map(of_file, files)]


def of_conditions(conditions: Iterable[Condition]) -> list[str]:
    """What goes with conditions: files that were supplied for them, their command lines, the claim on them."""
    lost: list[str] = []
    conditions = list(conditions)
    claims = PrimaryClaim.objects.filter(Q(system__in=conditions) | Q(against__in=conditions))
    lost += [f"primary claim: {claim}" for claim in claims.select_related("system", "against")]
    for condition in conditions:
        if condition.repeat:
            continue  # what was given belongs to the condition that it repeats
        if condition.encode_command:
            commands = filter(None, (condition.encode_command, condition.decode_command))
            lost += [f"command line of {condition.title}: {command}" for command in commands]
        lost += map(of_file, condition.supplied_files.select_related("condition", "clip"))
    return lost


def of_file(file: SuppliedFile) -> str:
    """A supplied file in words."""
    whose = f"{file.condition.title} for “{file.clip.name}”"
    return f"file {_name(file.name)} of {whose}, {_file(file.file, file.sha256)}"


def of_rater(session: Session) -> list[str]:
    """What goes with a rater, as counts: a log line must not say whose it was."""
    counts = {
        "rating": Rating.objects.filter(trial__session=session, score__isnull=False).count(),
        "answer": Answer.objects.filter(session=session).count(),
    }
    return [f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items()]


def ask(lost: list[str], *, confirmed: bool) -> None:
    """Let a deletion go on if nothing would be lost by it, or if it was confirmed.

    Raises
    ------
    NotConfirmed
    """
    if lost and not confirmed:
        raise NotConfirmed(lost)


def note(study: Study, by: AbstractBaseUser | None, lost: Iterable[str]) -> None:
    """A line of the study's log for each thing that is deleted."""
    for each in lost:
        audit(study, by, f"deleted: {each}")


def _name(name: str) -> str:
    """A name that leaves room for the rest of a line in the log."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _file(stored: FieldFile, sha256: str) -> str:
    try:
        size = f"{stored.size:,} bytes".replace(",", " ")
    except FileNotFoundError:
        size = "gone from the storage"
    return f"{size}, SHA-256 {sha256}"
