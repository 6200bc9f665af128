"""The primary claim of a study: the statement on two of its conditions that its report answers first."""

from __future__ import annotations

import math

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from analysis import primary
from analysis.codec_names import codec_of, rate_in_spec
from analysis.frame import RatingsError
from analysis.primary import WITHIN_MARGIN
from listening import commands
from listening.audit import audit
from listening.models import Condition, PrimaryClaim, Study
from listening.studies import StudyError

ROLES = (Condition.Role.SYSTEM, Condition.Role.HIDDEN_REFERENCE)
"""What a system may be compared with."""


def declare(
    study: Study, system: Condition, statement: str, against: Condition, by: AbstractBaseUser | None = None
) -> PrimaryClaim:
    """Declare the primary claim of a study, in place of an earlier one; with `by` noted in its log.

    Raises
    ------
    StudyError
        If the study is not editable, or the claim could not be tested.
    """
    _must_be_editable(study)
    if found := _fault(study, system, statement, against):
        raise StudyError(found)
    with transaction.atomic():
        made, _ = PrimaryClaim.objects.update_or_create(
            study=study, defaults={"system": system, "statement": statement, "against": against}
        )
        if by is not None:
            audit(study, by, f"primary claim: {made}")
    return made


def fault(study: Study) -> str:
    """Why the primary claim of a study could not be tested as the study is now; "" where it could, or there is none."""
    found = PrimaryClaim.objects.filter(study=study).select_related("system", "against").first()
    if found is None or not (why := _fault(study, found.system, found.statement, found.against)):
        return ""
    return f"The primary claim cannot be tested. {why}"


def _fault(study: Study, system: Condition, statement: str, against: Condition) -> str:
    if system.role != Condition.Role.SYSTEM or against.role not in ROLES:
        return "A primary claim compares a system with another system or with the hidden reference."
    if system.repeat or against.repeat:
        return "A primary claim names a condition, not its repeat: the two scores are averaged."
    if statement in WITHIN_MARGIN and study.margin is None:
        return f"“{statement}” needs a margin. Set the margin of the claim in Settings first."
    if statement == "reaches":
        same = _same_codec(study, system)
        if len({rate_in_spec(each.spec) for each in same}) < 2:
            return f"“reaches” needs two rates of the codec; the study has only {system.title}. Add another rate."
        if against in same:
            return f"{system.title} and {against.title} are rates of one codec. Choose another codec."
    try:
        primary.PrimaryClaim(system.title, statement, against.title, _margin(study))  # type: ignore[arg-type]
    except RatingsError as error:
        return str(error)
    return ""


def withdraw(study: Study, by: AbstractBaseUser | None = None) -> None:
    """Declare no primary claim.

    Raises
    ------
    StudyError
        If the study is not editable.
    """
    _must_be_editable(study)
    with transaction.atomic():
        gone, _ = PrimaryClaim.objects.filter(study=study).delete()
        if by is not None and gone:
            audit(study, by, "primary claim withdrawn")


def of(study: Study) -> primary.PrimaryClaim | None:
    """The primary claim of a study as the analysis takes it; None if it declared none that can be tested."""
    found = PrimaryClaim.objects.filter(study=study).select_related("system", "against").first()
    if found is None or fault(study):
        return None
    return primary.PrimaryClaim(
        found.system.title,
        found.statement,  # type: ignore[arg-type]
        found.against.title,
        _margin(study),
    )


def needs_margin(study: Study) -> bool:
    """Whether the study declares a claim within its margin."""
    return PrimaryClaim.objects.filter(study=study, statement__in=WITHIN_MARGIN).exists()


def in_words(study: Study) -> str:
    """The claim as a sentence without its stop; "" if there is none."""
    found = of(study)
    return found.words if found else ""


def candidates(study: Study) -> dict[str, list[Condition]]:
    """Conditions that a claim may be about ("system"), and that they may be compared with ("against")."""
    conditions = study.conditions.filter(repeat=0)
    return {
        "system": list(conditions.filter(role=Condition.Role.SYSTEM)),
        "against": list(conditions.filter(role__in=ROLES)),
    }


def named(study: Study, name: str) -> Condition:
    """The condition of a spec, with or without its weights, or of a title.

    Raises
    ------
    StudyError
        If the study has none.
    """
    conditions = list(study.conditions.filter(repeat=0))
    for found in conditions:
        if name in (found.spec, found.title, found.spec.split(":weights=")[0]):
            return found
    known = ", ".join(each.spec for each in conditions)
    raise StudyError(f"The primary claim names {name}, which is not a condition of the study. There are: {known}.")


def _must_be_editable(study: Study) -> None:
    if not study.editable:
        raise StudyError(f"The study is {study.get_state_display().lower()}: its primary claim is fixed.")


def _margin(study: Study) -> float:
    return math.nan if study.margin is None else study.margin


def _same_codec(study: Study, system: Condition) -> list[Condition]:
    """Systems of the same codec whose specs say their rates, as the report's curves have them."""

    def codec(each: Condition) -> str:
        return codec_of(each.title, "" if commands.is_command(each.spec) else each.spec, rate_in_spec(each.spec))

    systems = candidates(study)["system"]
    return [each for each in systems if rate_in_spec(each.spec) > 0 and codec(each) == codec(system)]
