"""Who the raters were is deleted so many days after a study was closed, where the study says so."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from listening.models import Answer, AuditLine, Rater, Rating, Recruiting, Session, Study

log = logging.getLogger(__name__)

_EMPTY = ""


def forget_all() -> int:
    """Forget the raters of every study whose time has come; how many studies those were. Run by the sweep."""
    waiting = Recruiting.objects.filter(
        forgotten_at=None, forget_after_days__isnull=False, study__state=Study.State.CLOSED
    ).select_related("study")
    due = [each for each in waiting if _is_due(each)]
    return sum(forget(each.study) for each in due)


def forget(study: Study) -> bool:
    """Delete what names the raters of a study and, where it says so, all that they wrote; False if that was done."""
    with transaction.atomic():
        own = Recruiting.objects.select_for_update().filter(study=study, forgotten_at=None).first()
        if own is None or not _is_due(own):
            return False
        Rater.objects.filter(session__study=study).update(outside_ids={})
        Session.objects.filter(study=study).update(identity=None)
        what = "raters' identities deleted"
        if own.forget_texts:
            Session.objects.filter(study=study).update(comment=_EMPTY)
            Answer.objects.filter(session__study=study, kind="text").update(value=_EMPTY)
            Rating.objects.filter(trial__session__study=study).exclude(comment=_EMPTY).update(comment=_EMPTY)
            what += ", and all that they wrote"
        own.forgotten_at = timezone.now()
        own.save(update_fields=["forgotten_at"])
        AuditLine.objects.create(study=study, who="evalapp", what=f"{what}, {own.forget_after_days} days after closing")
    log.info("%s of study %s", what, study.slug)
    return True


def _is_due(own: Recruiting) -> bool:
    closed_at, days = own.study.closed_at, own.forget_after_days
    return closed_at is not None and days is not None and closed_at + timedelta(days=days) <= timezone.now()
