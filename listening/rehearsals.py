"""A researcher goes through the test as a rater does, before it opens or beside its raters.

A rehearsal is a copy of the study that only its one rater's link leads to: every page and rule is the real one, and
nothing that is given can get into the study's data. It is deleted a day later.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from listening import allocation, cloning, packing, sessions
from listening.models import Rater, Session, Study
from listening.studies import StudyError, design_fault

KEPT = timedelta(days=1)


def begin(study: Study, user: AbstractBaseUser, language: str) -> Session:
    """Make a rehearsal and its rater; the person's earlier ones of the study are deleted.

    Parameters
    ----------
    study : Study
        Ready or open.
    user : User
    language : str
        Of the pages; one that the study offers.

    Raises
    ------
    StudyError
        If stimuli are missing, or the design does not fit the clips.
    """
    if study.state not in (Study.State.READY, Study.State.OPEN):
        raise StudyError("The test can be tried once every stimulus is rendered, until the study is closed.")
    if found := design_fault(study):
        raise StudyError(found)
    with transaction.atomic():
        _delete(Study.with_rehearsals.filter(rehearsal_of=study, owner=user))
        slug = f"rehearsal-{secrets.token_hex(8)}"
        copy = cloning.copy_of(study, user, slug, rehearsal_of=study, opened_at=timezone.now())
        for clip in copy.clips.filter(packed=""):
            packing.pack(clip)
        copy.state = Study.State.OPEN
        copy.save(update_fields=["state"])
        copy.panels.update(quota=None)
        allocation.lay_all(copy)
        return sessions.start(copy, outside_ids={}, locale="", browser="", language=language)


def sweep(now: datetime) -> int:
    """Delete rehearsals that are a day old; how many they were."""
    return _delete(Study.with_rehearsals.exclude(rehearsal_of=None).filter(created_at__lt=now - KEPT))


def _delete(rehearsals: QuerySet[Study]) -> int:
    keys = list(rehearsals.values_list("pk", flat=True))
    Rater.objects.filter(session__study__in=keys).delete()
    Study.with_rehearsals.filter(pk__in=keys).delete()
    return len(keys)
