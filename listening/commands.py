"""Conditions that are a program of this machine: a researcher's command line, the operator's list of programs.

Such a condition has the spec `command:name=…`, or `command@KBPS:name=…`, and its command lines beside it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from audiocodecs import confined
from audiocodecs.base import CodecError
from audiocodecs.command import Command, Template
from audiocodecs.registry import parse_spec
from listening import clips, supplied
from listening.models import Condition, Study

_LONGEST_NAME = 60
_MOST_KBPS = 10_000


def is_command(spec: str) -> bool:
    """Whether a condition is a command line."""
    return spec.startswith(("command:", "command@"))


def is_own(spec: str) -> bool:
    """Whether a condition is the researcher's own, files or a command line, and no codec of the registry."""
    return is_command(spec) or supplied.is_supplied(spec)


def programs() -> dict[str, str]:
    """Programs that the operator allows, by the names that command lines call them; empty: the feature is off."""
    found = {}
    for named in settings.CODEC_PROGRAMS:
        path = shutil.which(named) or named
        found[Path(named).name] = str(Path(path).absolute())
    return found


def add_condition(
    study: Study,
    title: str,
    encode: str,
    decode: str = "",
    kbps: float | None = None,
    role: str = Condition.Role.SYSTEM,
) -> Condition:
    """Add a condition that is a command line; its spec has a short name made from the title.

    Raises
    ------
    ClipError
        If the study is not editable, has a condition of that title, or the command line can't be run.
    """
    if not study.editable:
        raise clips.ClipError(f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    title, encode, decode = title.strip()[:80], encode.strip(), decode.strip()
    if not title:
        raise clips.ClipError("Give the codec a name, as the results are to call it.")
    if study.conditions.filter(title=title).exists():
        raise clips.ClipError(f"Two conditions can't be called “{title}”. Give each a different title.")
    if kbps is not None and not 0 < kbps <= _MOST_KBPS:
        raise clips.ClipError(f"{kbps:g} kbps is no bitrate. Give one above 0, or none.")
    try:
        Template(encode, decode).check(programs(), kbps)
    except CodecError as error:
        raise clips.ClipError(str(error)) from error
    at = "" if kbps is None else f"@{kbps:g}"
    stem = slugify(title)[:_LONGEST_NAME] or "codec"
    there = set(study.conditions.values_list("spec", flat=True))
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 99))
    spec = next(each for name in names if (each := f"command{at}:name={name}") not in there)
    last = study.conditions.aggregate(last=Max("position"))["last"]
    with transaction.atomic():
        condition = Condition.objects.create(
            study=study,
            spec=spec,
            title=title,
            role=role,
            encode_command=encode,
            decode_command=decode,
            position=0 if last is None else last + 1,
        )
        clips.back_to_draft(study)
    return condition


def codec_of(condition: Condition) -> Command:
    """The codec of such a condition.

    Raises
    ------
    CodecError
        If its program is not allowed here any more, or its command line can't be run.
    """
    template = Template(condition.encode_command, condition.decode_command)
    limits = confined.Limits(seconds=max(5.0, settings.RENDER_TIME_LIMIT * 0.4))
    codec = Command(parse_spec(condition.spec), template, programs(), limits)
    codec.title = condition.title  # type: ignore[misc]  # a message names the condition
    return codec
