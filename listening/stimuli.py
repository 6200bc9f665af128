"""Which sound lies behind a token. Nothing else in the raters' pages knows."""

from __future__ import annotations

from django.db.models.fields.files import FieldFile

from listening import headphone_check
from listening.models import Rendering, Session
from listening.sessions import trials_ahead


class NoSuchSound(Exception):
    """A token that stands for nothing on the page where this rater is."""


def read(session: Session, token: str) -> bytes:
    """Content of the file behind an audio token, that of a headphone test's sound included.

    Raises
    ------
    NoSuchSound
    OSError, ValueError
        The file can't be read, or there is none.
    """
    made = headphone_check.sound(session, token)
    if made is not None:
        return made
    with behind(session, token).open("rb") as file:
        return file.read()


def behind(session: Session, token: str) -> FieldFile:
    """File behind an audio token of the trial that the rater is at, or of the one that follows.

    Raises
    ------
    NoSuchSound
        For a token of another session, of a trial that was left or is not yet due, or of none.
    """
    for trial in trials_ahead(session):
        if token == trial.reference_token:
            return trial.clip.packed or trial.clip.reference
        rating = trial.ratings.filter(token=token).first()
        if rating is not None:
            rendering = Rendering.objects.get(clip_id=trial.clip_id, condition_id=rating.condition_id)
            # Of a study that was opened before sounds were packed, neither is: never one without the other.
            return rendering.packed if trial.clip.packed else rendering.stimulus
    raise NoSuchSound
