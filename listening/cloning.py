"""A study once more, without its raters."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction

from listening import recruiting
from listening.archive.tables import BY_NAME, ORDERS
from listening.models import Rendering, Study
from listening.studies import StudyError, audit

_TABLES = ("conditions", "primary_claim", "clips", "supplied", "renderings")


def clone_study(study: Study, owner: AbstractBaseUser, slug: str = "") -> Study:
    """Make a study of the same clips, conditions, settings and panels, to be changed or opened anew.

    What is rendered stays rendered: its rows name the same files under the same keys.

    Parameters
    ----------
    study : Study
        In whatever state.
    owner : User
    slug : str, optional
        Made from the study's own otherwise.

    Raises
    ------
    StudyError
        If the short name is taken.
    """
    if slug and Study.objects.filter(slug=slug).exists():
        raise StudyError(f"There is a study “{slug}” already. Choose another short name.")
    with transaction.atomic():
        made = copy_of(study, owner, slug or _free_slug(study.slug))
        audit(made, owner, f"cloned from {study.slug}")
    return made


def copy_of(study: Study, owner: AbstractBaseUser, slug: str, **more: Any) -> Study:
    """The rows of a study once more, without its raters and its log; `more` are values of its own."""
    with transaction.atomic():
        kept = {name: getattr(study, name) for name in BY_NAME["study"].fields if name not in BY_NAME["study"].made}
        made = Study.objects.create(**{**kept, "owner": owner, "slug": slug, **more})
        keys: dict[str, dict[int, int]] = {}
        for name in _TABLES:
            keys[name] = _copied(name, study, made, keys)
        recruiting.carry_over(study, made)
        wanted = len(keys["clips"]) * len(keys["conditions"])
        if wanted and len(keys["renderings"]) == wanted and study.state not in (Study.State.DRAFT, _RENDERING):
            made.state = Study.State.READY
            made.save(update_fields=["state"])
    return made


_RENDERING = Study.State.RENDERING


def _copied(name: str, study: Study, made: Study, keys: dict[str, dict[int, int]]) -> dict[int, int]:
    """Copy a table's rows; the new key of each old one."""
    table = BY_NAME[name]
    rows = table.model._default_manager.filter(**{table.of: study.pk}).order_by(*ORDERS.get(name, ("pk",)))
    if table.model is Rendering:
        rows = rows.filter(state=Rendering.State.DONE)
    old = list(rows)
    new: list[models.Model] = []
    for row in old:
        values = {field: getattr(row, field) for field in table.fields if field not in table.refers}
        values |= {f"{field}_id": keys[other][getattr(row, f"{field}_id")] for field, other in table.refers.items()}
        if "study" in table.left_out:
            values["study"] = made
        if "position" in table.left_out:
            values["position"] = len(new)
        if isinstance(row, Rendering):
            values["imported"] = row.imported
        new.append(table.model(**values))
    return {row.pk: copy.pk for row, copy in zip(old, table.model._default_manager.bulk_create(new), strict=True)}


def _free_slug(slug: str) -> str:
    taken = set(Study.objects.filter(slug__startswith=slug[:50]).values_list("slug", flat=True))
    return next(name for n in range(2, len(taken) + 3) if (name := f"{slug[:50]}-{n}") not in taken)
