"""Changes of a single condition: away, or once more in each trial. `studies.set_conditions` sets them all."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max

from listening import clips, losses
from listening.audit import audit
from listening.models import Condition, Rendering, Study
from listening.models.study import MAX_SIGNALS
from listening.studies import StudyError


def remove_condition(condition: Condition, by: AbstractBaseUser | None = None, *, confirmed: bool = False) -> None:
    """Take a condition out of its study, with its repeat and what was rendered or supplied for it; the log lists it.

    Raises
    ------
    NotConfirmed
        Unless `confirmed`, if that can't be rendered again.
    StudyError
        If the study is not editable, or the condition is the hidden reference.
    """
    study = condition.study
    if not study.editable:
        raise StudyError(f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    if condition.role == Condition.Role.HIDDEN_REFERENCE:
        raise StudyError("A MUSHRA trial needs the hidden reference.")
    same = study.conditions.filter(spec=condition.spec)
    going = same.filter(repeat=1) if condition.repeat else same
    lost = losses.of_conditions(going)
    losses.ask(lost, confirmed=confirmed)
    with transaction.atomic():
        renderings = Rendering.objects.filter(condition__in=going).count()
        going.delete()
        losses.note(study, by, lost)
        audit(study, by, f"condition {condition.label} removed, with {renderings} renderings")
        if not condition.repeat:
            clips.back_to_draft(study)


def rate_twice(condition: Condition) -> Condition:
    """Add a condition once more: raters get its sound twice in each trial, unnamed, and rate it twice.

    How far a rater's two scores lie apart says how reliable the rater is. The repeat has the same title and spec;
    exports tell it by the column `repeat`.

    Raises
    ------
    StudyError
        If the study is not editable or has no room, the condition is no system, or it is there twice already.
    """
    study = condition.study
    if not study.editable:
        raise StudyError(f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    if condition.role != Condition.Role.SYSTEM:
        raise StudyError("Only systems are repeated: reference and anchors are there for other reasons.")
    if study.conditions.filter(spec=condition.spec, repeat=1).exists():
        raise StudyError(f"{condition.title} is rated twice already.")
    check_room(study)
    with transaction.atomic():
        again = Condition.objects.get(pk=condition.pk)
        again.pk, again.repeat, again.position = None, 1, study.conditions.aggregate(last=Max("position"))["last"] + 1
        again.save()
        clips.back_to_draft(study)
    return again


def check_room(study: Study) -> None:
    """Raise StudyError if a trial of the study can hold no more signals."""
    if study.conditions.count() >= MAX_SIGNALS:
        raise StudyError(f"A trial has at most {MAX_SIGNALS} signals (after BS.1534-3). Take one away first.")
