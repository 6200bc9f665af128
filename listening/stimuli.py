"""Which sound lies behind a token. Nothing else in the raters' pages knows."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.fields.files import FieldFile

from listening import headphone_check, hearing
from listening.models import Rendering, Session, Trial
from listening.sessions import trials_ahead


class NoSuchSound(Exception):
    """A token that stands for nothing on the page where this rater is."""


@dataclass(frozen=True)
class Sound:
    """A sound of a trial: its file, and its slot (0: the reference)."""

    file: FieldFile
    trial: Trial
    slot: int


def read(session: Session, token: str, *, serve: bool = True) -> bytes:
    """Content of the file behind an audio token, that of a headphone test's sound included.

    Parameters
    ----------
    session : Session
    token : str
    serve : bool
        Whether the rater gets it, which is then recorded.

    Raises
    ------
    NoSuchSound
    OSError, ValueError
        The file can't be read, or there is none.
    """
    made = headphone_check.sound(session, token)
    if made is not None:
        return made
    sound = behind(session, token)
    with sound.file.open("rb") as file:
        content: bytes = file.read()
    if serve:
        hearing.note_served(sound.trial, sound.slot)
    return content


def behind(session: Session, token: str) -> Sound:
    """Sound behind an audio token of the trial that the rater is at, or of the one that follows.

    Raises
    ------
    NoSuchSound
        For a token of another session, of a trial that was left or is not yet due, or of none.
    """
    for trial in trials_ahead(session):
        if token == trial.reference_token:
            return Sound(trial.clip.packed or trial.clip.reference, trial, 0)
        rating = trial.ratings.filter(token=token).first()
        if rating is not None:
            rendering = Rendering.objects.get(clip_id=trial.clip_id, condition_id=rating.condition_id)
            # Of a study that was opened before sounds were packed, neither is: never one without the other.
            file = rendering.packed if trial.clip.packed else rendering.stimulus
            return Sound(file, trial, rating.slot)
    raise NoSuchSound
