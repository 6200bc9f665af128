"""What a researcher sets about a study, and when it may still change."""

from __future__ import annotations

from django.db import transaction

from listening.models import Study
from listening.studies import StudyError

SOUND = ("rate", "channels", "loudness")
"""Settings that every reference and stimulus is made from."""


def change_settings(study: Study, **settings: object) -> bool:
    """Set fields of a study that is not open yet.

    A change of the sound makes what was rendered stale: the study goes back to draft.

    Returns
    -------
    bool
        Whether the stimuli have to be rendered again.

    Raises
    ------
    StudyError
        If the study's settings are fixed, or became so meanwhile.
    """
    with transaction.atomic():
        fresh = Study.objects.select_for_update().get(pk=study.pk)
        if not fresh.editable:
            raise StudyError(f"The study is {fresh.get_state_display().lower()}: its settings are fixed.")
        stale = fresh.state == Study.State.READY and any(
            name in settings and settings[name] != getattr(fresh, name) for name in SOUND
        )
        if stale:
            settings["state"] = Study.State.DRAFT
        for name, value in settings.items():
            setattr(fresh, name, value)
        fresh.save(update_fields=list(settings))
    study.refresh_from_db()
    return stale
