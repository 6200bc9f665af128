"""Conditions whose stimuli were made elsewhere: a file for each clip, instead of a codec that runs here.

A supplied file belongs to the whole clip as it was uploaded. It gets what the reference gets (the same excerpt, fades
and gain, the study's rate and channels), so that a file equal to the clip becomes the reference, to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.text import slugify

from audiocodecs import audio
from audiocodecs.base import Samples
from listening import aligning, clips, losses, sound_limits
from listening.models import Clip, Condition, Rendering, Study, SuppliedFile
from listening.storage import store_once

PREFIX = "supplied:name="
"""What the spec of such a condition begins with; a short name follows."""
LEVEL_NOTICED = 1.0
"""LU between a file and its clip from which on it is said."""
LIKENESS_NOTICED = 0.4
"""Correlation of level courses below which a file seems to be of another clip."""
_LONGEST_NAME = 60
_AROUND_SECONDS = 30.0
"""Of a long file, what is compared on each side of the excerpt."""


@dataclass(frozen=True)
class Compared:
    """A supplied file beside its clip.

    Attributes
    ----------
    excerpt : ndarray, shape (channels, n)
        Of the file, its delay removed, at the study's rate and channels; without the clip's gain.
    delay : int
        Samples at the file's own rate that were removed at its start.
    level : float or None
        Loudness of the excerpt against the reference, LU; None for what has none.
    likeness : float
        As `aligning.likeness`.
    """

    excerpt: Samples
    delay: int
    level: float | None
    likeness: float


def is_supplied(spec: str) -> bool:
    """Whether a condition's stimuli are files of the researcher's own."""
    return spec.startswith(PREFIX)


def add_condition(study: Study, title: str, role: str = Condition.Role.SYSTEM) -> Condition:
    """Add a condition whose stimuli are supplied; its spec has a short name made from the title.

    Raises
    ------
    ClipError
        If the study is not editable or has a condition of that title.
    """
    if not study.editable:
        raise clips.ClipError(f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    title = title.strip()[:80]
    stem = slugify(title)[:_LONGEST_NAME] or "system"
    there = set(study.conditions.values_list("spec", flat=True))
    name = next(each for n in range(1, 99) if PREFIX + (each := stem if n == 1 else f"{stem}-{n}") not in there)
    if not title:
        raise clips.ClipError("Give the system a name, as the results are to call it.")
    if study.conditions.filter(title=title).exists():
        raise clips.ClipError(f"Two conditions can't be called “{title}”. Give each a different title.")
    last = study.conditions.aggregate(last=Max("position"))["last"]
    with transaction.atomic():
        condition = Condition.objects.create(
            study=study, spec=PREFIX + name, title=title, role=role, position=0 if last is None else last + 1
        )
        clips.back_to_draft(study)
    return condition


def add_file(
    condition: Condition,
    clip: Clip,
    upload: UploadedFile,
    *,
    by: AbstractBaseUser | None = None,
    replace_other: bool = False,
) -> SuppliedFile:
    """Take the file of a clip through a condition; in place of another one only with `replace_other`.

    Raises
    ------
    NotConfirmed
        If another file is there.
    ClipError
        If it can't be the sound of a trial, or the study is not editable.
    """
    if not condition.study.editable:
        raise clips.ClipError(f"The study is {condition.study.get_state_display().lower()}: its stimuli are fixed.")
    clips.check_size(upload.size)
    try:
        found = sound_limits.read(upload)
        clips.check_usable(found)
    except audio.AudioError as error:
        raise clips.ClipError(str(error)) from error
    sha256 = clips.sha256_of(upload)
    other = condition.supplied_files.filter(clip=clip).exclude(sha256=sha256).first()
    lost = [losses.of_file(other)] if other else []
    losses.ask(lost, confirmed=replace_other)
    try:
        stored = store_once("supplied", sha256, clips.suffix_of(upload.name), upload)
    except OSError as error:
        raise clips.ClipError(
            f"The file could not be stored: {error.strerror}. Tell the operator, then try again."
        ) from error
    values = {"file": stored, "name": PurePosixPath(upload.name).name[-255:], "sha256": sha256}
    values |= _checked(clip, found)
    with transaction.atomic():
        made, _ = SuppliedFile.objects.update_or_create(clip=clip, condition=condition, defaults=values)
        _renderings(condition, clip).delete()
        clips.back_to_draft(condition.study)
        losses.note(condition.study, by, lost)
    return made


def move_file(file: SuppliedFile, clip: Clip) -> None:
    """Say that a file belongs to another clip; the file that was there takes its place.

    Raises
    ------
    ClipError
        If the study is not editable.
    """
    condition, before = file.condition, file.clip
    if not condition.study.editable:
        raise clips.ClipError(f"The study is {condition.study.get_state_display().lower()}: its stimuli are fixed.")
    if clip == before:
        return
    other = condition.supplied_files.filter(clip=clip).first()
    found = [(file, clip), *([(other, before)] if other else [])]
    checked = [(each, {"clip": whose, **_checked(whose, read(each))}) for each, whose in found]
    with transaction.atomic():
        condition.supplied_files.filter(pk__in=[each.pk for each, _ in found]).delete()
        for each, values in checked:
            SuppliedFile.objects.create(
                condition=condition, file=each.file.name, name=each.name, sha256=each.sha256, **values
            )
        _renderings(condition, clip, before).delete()
        clips.back_to_draft(condition.study)


def delete_file(file: SuppliedFile, by: AbstractBaseUser | None = None, *, confirmed: bool = False) -> None:
    """Take a file out of its study; the study's log says which.

    Raises
    ------
    NotConfirmed
        Unless `confirmed`.
    ClipError
        If the study is not editable.
    """
    study = file.condition.study
    if not study.editable:
        raise clips.ClipError(f"The study is {study.get_state_display().lower()}: its stimuli are fixed.")
    lost = [losses.of_file(file)]
    losses.ask(lost, confirmed=confirmed)
    with transaction.atomic():
        _renderings(file.condition, file.clip).delete()
        file.delete()
        losses.note(study, by, lost)
        clips.back_to_draft(study)


def _renderings(condition: Condition, *of: Clip) -> QuerySet[Rendering]:
    """What was rendered of clips for a condition and its repeat."""
    return Rendering.objects.filter(clip__in=of, condition__spec=condition.spec)


def _checked(clip: Clip, found: audio.Audio) -> dict[str, object]:
    """What the page of the files says of one, by the columns of its row."""
    original = clips.original(clip)
    compared = compare(clip, original, found)
    return {
        "seconds": found.seconds,
        "delay": compared.delay / found.rate,
        "level": compared.level,
        "warnings": warnings(clip, original, found, compared),
    }


def problems(study: Study) -> list[str]:
    """Which files are missing, each as a sentence."""
    there = set(SuppliedFile.objects.filter(clip__study=study).values_list("clip_id", "condition_id"))
    wanted = [each for each in study.conditions.filter(repeat=0) if is_supplied(each.spec)]
    return [
        f"“{clip.name}” has no file of {condition.title}. Supply it, or remove the condition."
        for condition in wanted
        for clip in study.clips.all()
        if (clip.pk, condition.pk) not in there
    ]


def file_of(rendering: Rendering) -> SuppliedFile:
    """The file behind a rendering.

    Raises
    ------
    ClipError
        If there is none.
    """
    spec = rendering.condition.spec  # of a repeat too, which has no files of its own
    found = SuppliedFile.objects.filter(clip=rendering.clip, condition__spec=spec).first()
    if found is None:
        raise clips.ClipError(
            f"“{rendering.clip.name}” has no file of {rendering.condition.title}. Supply it, then retry."
        )
    return found


def version_of(file: SuppliedFile) -> str:
    """All that a stimulus made of a file depends on, beside its reference: stands where a codec has its version."""
    clip = file.clip
    return f"file {file.sha256} of {clip.original_sha256[:16]}, {float(clip.start)!r} s + {float(clip.length)!r} s"


def read(file: SuppliedFile) -> audio.Audio:
    """The file, decoded.

    Raises
    ------
    ClipError
        If it is gone from the storage.
    """
    try:
        with file.file.open("rb") as stored:
            return sound_limits.read(stored)
    except FileNotFoundError as error:
        raise clips.ClipError(f"The file {file.name} is gone from the storage. Supply it again.") from error
    except audio.AudioError as error:
        raise clips.ClipError(f"{file.name}: {error}") from error


def compare(clip: Clip, original: audio.Audio, found: audio.Audio) -> Compared:
    """Bring a supplied file in line with its clip, and measure it against it.

    Parameters
    ----------
    clip : Clip
    original, found : Audio
        The clip's file and the supplied one, decoded. They are compared at the rate of the latter, so that what it has
        above the clip's own band is kept.
    """
    study = clip.study
    first = max(0.0, clip.start - _AROUND_SECONDS)
    last = clip.start + clip.length + _AROUND_SECONDS
    before = audio.to_channels(original.samples, study.channels)
    before = audio.resample(_part(before, original.rate, first, last), original.rate, found.rate)
    after = _part(audio.to_channels(found.samples, study.channels), found.rate, first, last)
    delay = aligning.Reference(before, found.rate).delay_of(after)
    n = round(original.seconds * found.rate)
    excerpt = clips.excerpt_of(clip, replace(found, samples=aligning.moved(found.samples, delay, n)))
    reference = clips.excerpt_of(clip, original)
    level = audio.loudness(excerpt, study.rate) - audio.loudness(reference, study.rate)
    likeness = aligning.likeness(reference, excerpt, study.rate)
    return Compared(excerpt, delay, level if np.isfinite(level) else None, likeness)


def _part(samples: Samples, rate: int, first: float, last: float) -> Samples:
    return samples[:, round(first * rate) : round(last * rate)]


def warnings(clip: Clip, original: audio.Audio, found: audio.Audio, compared: Compared) -> list[str]:
    """What a supplied file has against it as a stimulus after BS.1534-3, each as a sentence.

    Parameters
    ----------
    clip : Clip
    original, found : Audio
        The clip's file and the supplied one.
    compared : Compared
    """
    study, delay, level = clip.study, compared.delay, compared.level
    said = [found.length_note] if found.length_note else []
    if compared.likeness < LIKENESS_NOTICED:
        said.append("It has little in common with its clip: is it that of another one, or more than 0.1 s late?")
    longer = found.samples.shape[1] - original.seconds * found.rate
    if abs(longer) > 1:
        how, then = ("longer", "Its end is cut off") if longer > 0 else ("shorter", "It is filled up with silence")
        said.append(f"{abs(longer) / found.rate:.3f} s {how} than its clip. {then}.")
    if delay:
        said.append(f"{abs(delay) / found.rate * 1000:.1f} ms {'late' if delay > 0 else 'early'}: brought in line.")
    if found.rate < min(study.rate, original.rate):
        said.append(f"At {found.rate / 1000:g} kHz, below the study's {study.rate / 1000:g} kHz.")
    if found.samples.shape[0] < min(original.samples.shape[0], study.channels):
        said.append("Mono, while its clip is stereo.")
    if level is not None and abs(level) > LEVEL_NOTICED:
        said.append(f"{abs(level):.1f} LU {'louder' if level > 0 else 'quieter'} than its reference: raters hear that.")
    return said
