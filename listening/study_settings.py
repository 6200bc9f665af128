"""What a researcher sets about a study, and when it may still change."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from listening import primary_claims, protocol
from listening.audit import audit
from listening.models import Study
from listening.studies import StudyError

SOUND = ("rate", "channels", "loudness")
"""Settings that every reference and stimulus is made from."""


def change_settings(study: Study, *, by: AbstractBaseUser | None = None, **settings: object) -> bool:
    """Set fields of a study that is not open yet; with `by` what changes is noted in its log.

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
        if settings.get("margin", fresh.margin) is None and primary_claims.needs_margin(fresh):
            raise StudyError(
                f"The primary claim needs the margin: {primary_claims.in_words(fresh)}. Change the claim under "
                "Conditions first."
            )
        stale = fresh.state == Study.State.READY and any(
            name in settings and settings[name] != getattr(fresh, name) for name in SOUND
        )
        changed = [_in_words(name, fresh, value) for name, value in settings.items() if value != getattr(fresh, name)]
        if stale:
            settings["state"] = Study.State.DRAFT
        for name, value in settings.items():
            setattr(fresh, name, value)
        fresh.save(update_fields=list(settings))
        if by is not None and changed:
            audit(fresh, by, f"settings changed: {'; '.join(changed)}")
    study.refresh_from_db()
    return stale


def _questionnaires(raters_way: object) -> set[str]:
    return {each.name for each in protocol.read(raters_way).questionnaires}


def _in_words(name: str, study: Study, value: object) -> str:
    """A change for the log: short values with what was before, long ones by name."""
    if name == "raters_way":
        gone = sorted(_questionnaires(study.raters_way) - _questionnaires(value))
        return f"raters' way, without the questionnaires {', '.join(gone)}" if gone else "raters' way"
    before, after = getattr(study, name), value
    both = f"{before!s} → {after!s}"
    return f"{name} {both}" if len(both) <= 100 and name != "completion_code" else name
