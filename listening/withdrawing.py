"""A rater takes part no more: everything that they gave is deleted, and a line without a name stays in the log."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db import transaction

from listening import losses, recruiting, reporting
from listening.models import AuditLine, Rater, Recruiting, Session, Study
from listening.studies import StudyError, audit

DELETED = "ratings, answers, comments, events and identity deleted"


def may_withdraw(session: Session) -> bool:
    """Whether a rater can withdraw by themselves now."""
    study = session.study
    in_time = study.state == Study.State.OPEN or (session.may_go_on and not session.ended)
    return in_time and recruiting.of(study).raters_may_withdraw


def withdraw(session: Session) -> None:
    """Delete a rater's data because they ask for it on their own page.

    Raises
    ------
    StudyError
        If the study wants to be asked instead, or is closed.
    """
    if not may_withdraw(session):
        raise StudyError("Raters do not withdraw by themselves from this study now.")
    study, lost = session.study, losses.of_rater(session)
    with transaction.atomic():
        if _delete(session):
            what = f"withdrew; {DELETED}: {', '.join(lost)}"
            AuditLine.objects.create(study=study, who="a rater", what=what)


def delete_rater(study: Study, code: str, user: AbstractBaseUser | None, *, confirmed: bool = False) -> None:
    """Delete a rater's data because they asked the researcher, also of a closed study.

    Parameters
    ----------
    study : Study
    code : str
        The rater's, as the page of the raters and the exports have it.
    user : User or None
        None: on the command line.

    Raises
    ------
    NotConfirmed
        Unless `confirmed`.
    StudyError
        If the study has no such rater.
    """
    session = study.sessions.filter(rater__code=code.strip()).select_related("rater", "study").first()
    if session is None:
        raise StudyError(f"{study.slug} has no rater {code}. The page of its raters and its exports have their codes.")
    lost = losses.of_rater(session)
    losses.ask(lost, confirmed=confirmed)
    with transaction.atomic():
        if _delete(session):
            audit(study, user, f"a rater deleted on request; {DELETED}: {', '.join(lost)}")


def _delete(session: Session) -> bool:
    """Delete a rater with all that hangs on them; False where another request did so already.

    Their place stays held, as one that was given up, until the next rater takes it.
    """
    study = session.study
    # Pages of the rater that are still writing come before this, or find nothing.
    if Session.objects.select_for_update().filter(pk=session.pk).first() is None:
        return False
    Rater.objects.filter(pk=session.rater_id).delete()
    own, _ = Recruiting.objects.select_for_update().get_or_create(study=study)
    study.recruiting = own
    cache.delete_many(reporting.kept_keys(study))
    own.withdrawn += 1  # reports are kept under this number: one that is being made now is not shown any more
    own.save(update_fields=["withdrawn"])
    return True
