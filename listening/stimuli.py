"""Which sound lies behind a token. Nothing else in the raters' pages knows."""

from __future__ import annotations

from django.db.models.fields.files import FieldFile

from listening.models import Rendering, Session
from listening.sessions import current_trial


class NoSuchSound(Exception):
    """A token that stands for nothing on the page where this rater is."""


def behind(session: Session, token: str) -> FieldFile:
    """File behind an audio token of the trial that the rater is at.

    Raises
    ------
    NoSuchSound
        For a token of another trial or session, or of none.
    """
    trial = current_trial(session)
    if trial is None:
        raise NoSuchSound
    if token == trial.reference_token:
        return trial.clip.reference
    rating = trial.ratings.filter(token=token).first()
    if rating is None:
        raise NoSuchSound
    return Rendering.objects.get(clip_id=trial.clip_id, condition_id=rating.condition_id).stimulus
