"""From an uploaded file to the reference that every condition is made from."""

from __future__ import annotations

import functools
import hashlib
import io
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max

from audiocodecs import audio
from audiocodecs.base import Samples
from listening import aligning, excerpts, flaws, losses, overviews, sound_limits
from listening.audit import audit
from listening.flaws import Flaw
from listening.models import Clip, Study
from listening.models.study import DEFAULT_EXCERPT, MAX_EXCERPT
from listening.storage import store_once

SHORTEST = 0.5
PEAK_LIMIT = -1.0
"""dBTP that the loudness gain may reach, so that no codec is fed clipped audio."""
FADE_SECONDS = 0.005
PREPARATION = 2
"""Raised when `prepare` changes what it makes."""


class ClipError(Exception):
    """A clip that can't be used; the text says why and what to do."""


class NotStored(ClipError):
    """A clip that is good, and that the storage does not take at present."""


@dataclass(frozen=True)
class Inspection:
    """What was found in an excerpt.

    Attributes
    ----------
    flaws : list of Flaw
    silent : bool
    loudness, true_peak : float or None
        As uploaded, LUFS and dBTP; None where there is nothing to measure.
    """

    flaws: list[Flaw]
    silent: bool
    loudness: float | None
    true_peak: float | None


def add_clip(
    study: Study,
    upload: UploadedFile,
    category: str = "",
    licence: str = "",
    *,
    lossy_source: bool = False,
    suggest: bool = False,
    by: AbstractBaseUser | None = None,
) -> Clip:
    """Check an uploaded file and add it to the study; with `by` noted in its log.

    The same file is refused a second time; nothing is stored of a file that is refused.

    Parameters
    ----------
    study : Study
    upload : UploadedFile
    category, licence : str, optional
    lossy_source : bool, optional
        Whether it is known to come from a lossy recording.
    suggest : bool, optional
        Whether a file longer than the longest excerpt begins where it is most critical, instead of at 0.

    Raises
    ------
    NotStored
        If the storage fails.
    ClipError
        If the file is too large, empty, no audio, too short or long, of too low a
        rate, of more than two channels, silent throughout, or already there.
    """
    if not study.editable:
        raise ClipError(f"The study is {study.get_state_display().lower()}: its clips are fixed.")
    check_size(upload.size)
    sha256 = sha256_of(upload)
    if twin := study.clips.filter(original_sha256=sha256).first():
        raise ClipError(f"This file is already in the study, as “{twin.name}”.")
    try:
        found = sound_limits.read(upload)
    except audio.AudioError as error:
        raise ClipError(str(error)) from error
    check_usable(found)
    try:
        stored = store_once("clips", sha256, suffix_of(upload.name), upload)
    except OSError as error:
        raise NotStored(
            f"The file could not be stored: {error.strerror}. Tell the operator, then try again."
        ) from error
    overview = overviews.keep(sha256, found)
    length = min(DEFAULT_EXCERPT, found.seconds)
    with transaction.atomic():
        last = study.clips.aggregate(last=Max("position"))["last"]
        clip = Clip(
            study=study,
            name=_free_name(study, upload.name),
            category=category[:40],
            licence=licence[:100],
            position=0 if last is None else last + 1,
            original=stored,
            original_name=PurePosixPath(upload.name).name[-255:],
            original_sha256=sha256,
            original_rate=found.rate,
            original_channels=found.samples.shape[0],
            original_seconds=found.seconds,
            start=excerpts.suggest(overview, length) if suggest and found.seconds > MAX_EXCERPT else 0.0,
            length=length,
            lossy_source=lossy_source or found.lossy,
        )
        _note(clip, inspect(clip, found))
        clip.save()
        back_to_draft(study)
        if by is not None:
            audit(study, by, f"clip “{clip.name}” added, {sha256[:12]}")
    return clip


def check_size(size: int) -> None:
    """Refuse a file by its size alone.

    Raises
    ------
    ClipError
        If it is empty or larger than `MAX_UPLOAD_MB`.
    """
    if size > settings.MAX_UPLOAD_MB * 1_000_000:
        raise ClipError(
            f"The file has {size / 1e6:.0f} MB, more than the {settings.MAX_UPLOAD_MB} MB allowed. "
            "Cut out the passage to be heard."
        )
    if size == 0:
        raise ClipError("The file is empty (0 bytes). Export it again.")


def set_excerpt(
    clip: Clip,
    *,
    start: float,
    length: float,
    name: str,
    category: str,
    licence: str | None = None,
    by: AbstractBaseUser | None = None,
) -> None:
    """Change which part of the file is heard, and what the clip is called; with `by` noted in the study's log.

    None leaves the licence as it is.

    Raises
    ------
    ClipError
        If the excerpt is not inside the file, too long or short, or the name is taken.
    """
    if not clip.study.editable:
        raise ClipError(f"The study is {clip.study.get_state_display().lower()}: its clips are fixed.")
    name = name.strip()
    if not name:
        raise ClipError("Give the clip a name.")
    if clip.study.clips.exclude(pk=clip.pk).filter(name=name).exists():
        raise ClipError(f"Another clip is called “{name}”. Choose another name.")
    if not SHORTEST <= length <= MAX_EXCERPT:
        raise ClipError(f"An excerpt has {SHORTEST:g} to {MAX_EXCERPT:g} seconds, not {length:g}.")
    if start < 0 or start + length > clip.original_seconds + 0.01:
        raise ClipError(
            f"{start:g} s to {start + length:g} s is not inside the file, which has {clip.original_seconds:.2f} s."
        )
    before = f"“{clip.name}” ({clip.category or 'no category'}, {clip.start:g} s + {clip.length:g} s)"
    clip.name, clip.category, clip.start, clip.length = name[:100], category.strip()[:40], start, length
    if licence is not None:
        clip.licence = licence.strip()[:100]
    after = f"“{clip.name}” ({clip.category or 'no category'}, {clip.start:g} s + {clip.length:g} s)"
    _note(clip, inspect(clip, original(clip)))
    with transaction.atomic():
        clip.save(update_fields=["name", "category", "licence", "start", "length", *_NOTED])
        if clip.state == Clip.State.PREPARED and clip.prepared_for != preparation_key(clip):
            back_to_draft(clip.study)
        if by is not None and after != before:
            audit(clip.study, by, f"clip {before} is {after}")


def delete(clip: Clip, by: AbstractBaseUser | None = None, *, confirmed: bool = False) -> None:
    """Remove a clip, its files and its renderings from a study that is not open yet; the study's log lists them.

    Raises
    ------
    NotConfirmed
        Unless `confirmed`: a recording is always lost.
    ClipError
        If the study is not editable.
    """
    if not clip.study.editable:
        raise ClipError(f"The study is {clip.study.get_state_display().lower()}: its clips are fixed.")
    lost = losses.of_clip(clip)
    losses.ask(lost, confirmed=confirmed)
    with transaction.atomic():
        renderings = clip.renderings.count()
        clip.delete()
        back_to_draft(clip.study)
        losses.note(clip.study, by, lost)
        audit(clip.study, by, f"clip “{clip.name}” deleted, with {renderings} renderings")


def inspect(clip: Clip, found: audio.Audio, measured: tuple[float | None, float | None] = (None, None)) -> Inspection:
    """Look for what would spoil the excerpt as a reference.

    Parameters
    ----------
    clip : Clip
        With start and length set; need not be saved.
    found : Audio
        The decoded file.
    measured : tuple of float or None
        Loudness and true peak of this excerpt where they are known already; they are the longest part of it.
    """
    samples = _excerpt(clip, found)
    if flaws.is_silent(samples):
        silent = Flaw("warning", "The excerpt is silent. Move its start to where there is sound.")
        return Inspection([silent], True, None, None)
    loudness, peak = measured
    if peak is None:
        loudness, peak = audio.loudness(samples, found.rate), audio.true_peak(samples, found.rate)
    if loudness is not None and not np.isfinite(loudness):
        loudness = None
    gain = None if loudness is None else _gain(clip.study, loudness, peak)
    return Inspection(flaws.flaws(clip, samples, found.rate, gain, found.length_note), False, loudness, peak)


def _gain(study: Study, loudness: float, peak: float) -> float:
    """dB that bring an excerpt to the study's loudness, as far as its true peak allows."""
    return min(study.loudness - loudness, PEAK_LIMIT - peak)


def prepare(clip: Clip) -> None:
    """Make the reference: excerpt, channels, rate, loudness, 16 bits. Run twice, it changes nothing.

    The gain brings the excerpt to the study's loudness (ITU-R BS.1770) or as near
    as a true peak of -1 dBTP allows. Cut edges get a raised-cosine fade of 5 ms.

    Raises
    ------
    ClipError
        If the original is gone or the excerpt is silent.
    """
    if is_prepared(clip):
        return
    found, study = original(clip), clip.study
    inspection = inspect(clip, found, measured=(clip.source_loudness, clip.source_true_peak))
    if inspection.silent:
        raise ClipError(f"“{clip.name}”: {inspection.flaws[0].text}")
    samples = excerpt_of(clip, found)
    loudness, peak = inspection.loudness, inspection.true_peak
    if loudness is None or peak is None or not np.array_equal(samples, _excerpt(clip, found)):
        loudness, peak = audio.loudness(samples, study.rate), audio.true_peak(samples, study.rate)
    gain = _gain(study, loudness, peak)
    if not np.isfinite(gain):
        raise ClipError(f"“{clip.name}”: the excerpt is too quiet to measure its loudness. Choose another passage.")
    buffer = io.BytesIO()
    audio.write_wav(buffer, (samples * 10 ** (gain / 20)).astype(np.float32), study.rate)
    content = buffer.getvalue()
    found_flaws = list(inspection.flaws)
    if (missing := study.loudness - (loudness + gain)) > 0.5:
        found_flaws.append(Flaw("warning", f"{missing:.1f} LU quieter than the target: its peaks allow no more."))
    sha256 = hashlib.sha256(content).hexdigest()
    clip.reference = store_once("references", sha256, ".wav", content)
    clip.reference_sha256, clip.frames, clip.gain_db = sha256, samples.shape[1], float(gain)
    clip.loudness, clip.true_peak = loudness + float(gain), peak + float(gain)  # 16 bits change less than is shown
    _note(clip, replace(inspection, flaws=found_flaws))
    clip.state, clip.prepared_for = Clip.State.PREPARED, preparation_key(clip)
    clip.save()


def excerpt_of(clip: Clip, found: audio.Audio) -> Samples:
    """The excerpt of a clip, cut out of its file or of one made from that, at the study's channels and rate.

    Parameters
    ----------
    clip : Clip
    found : Audio
        Decoded; where it ends before the excerpt does, silence follows.
    """
    study = clip.study
    return audio.resample(audio.to_channels(_faded(clip, found), study.channels), found.rate, study.rate)


def excerpt_as_wav(clip: Clip) -> bytes:
    """The excerpt of a clip as it was uploaded, at its own rate and channels: a WAV file of 16 bits.

    Its level is its own, unless it exceeds full scale: then it is lowered to fit, not clipped.

    Raises
    ------
    ClipError
        If the original is gone.
    """
    found = original(clip)
    buffer, samples = io.BytesIO(), _faded(clip, found)
    audio.write_wav(buffer, samples / max(np.float32(1), np.abs(samples).max(initial=0)), found.rate)
    return buffer.getvalue()


def original(clip: Clip) -> audio.Audio:
    """A clip's file, decoded.

    Raises
    ------
    ClipError
        If it is gone from the storage, or beyond the limits of today.
    """
    try:
        with clip.original.open("rb") as file:
            return sound_limits.read(file)
    except FileNotFoundError as error:
        raise ClipError(f"The file of “{clip.name}” is gone from the storage. Upload it again.") from error
    except audio.AudioError as error:
        raise ClipError(f"“{clip.name}”: {error}") from error


def overview_of(clip: Clip) -> overviews.Overview:
    """Waveform and levels of a clip's file: the stored ones, or made of it.

    Raises
    ------
    ClipError
        If the file is gone from the storage.
    """
    return overviews.stored(clip.original_sha256) or overviews.keep(clip.original_sha256, original(clip))


def reference_samples(clip: Clip) -> Samples:
    """Samples of the prepared reference, float32 (channels, frames), read-only."""
    return reference_of(clip).samples


def reference_of(clip: Clip) -> aligning.Reference:
    """The prepared reference, for stimuli to be brought in line with."""
    return _reference_named(clip.reference.name)


@functools.lru_cache(maxsize=4)  # a worker renders one clip through many conditions
def _reference_named(name: str) -> aligning.Reference:
    """The reference in a file whose name is made of its content's hash."""
    with default_storage.open(name, "rb") as file:
        found = sound_limits.read(file)
    found.samples.flags.writeable = False
    return aligning.Reference(found.samples, found.rate)


def is_prepared(clip: Clip) -> bool:
    """Whether the reference is there and still what the study wants."""
    return clip.state == Clip.State.PREPARED and clip.prepared_for == preparation_key(clip)


def preparation_key(clip: Clip) -> str:
    """Hash of all that the reference depends on."""
    study = clip.study
    numbers = tuple(map(float, (clip.start, clip.length, study.rate, study.channels, study.loudness)))
    parts = (PREPARATION, clip.original_sha256, *numbers)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def check_usable(found: audio.Audio) -> None:
    """Refuse what is too short or silent for a trial. `sound_limits` has refused all else.

    Raises
    ------
    ClipError
    """
    if found.seconds < SHORTEST:
        raise ClipError(f"The file has {found.seconds:.3f} s of sound; a clip needs at least {SHORTEST:g} s.")
    if np.abs(found.samples).max(initial=0) < 1e-3:
        raise ClipError("The file is silent throughout. Check the recording.")


def _excerpt(clip: Clip, found: audio.Audio) -> Samples:
    first = round(clip.start * found.rate)
    return found.samples[:, first : first + round(clip.length * found.rate)]


def _faded(clip: Clip, found: audio.Audio) -> Samples:
    samples = _excerpt(clip, found).copy()
    n = min(round(FADE_SECONDS * found.rate), samples.shape[1] // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    first = round(clip.start * found.rate)
    if first > 0:
        samples[:, :n] *= ramp
    if first + samples.shape[1] < found.samples.shape[1]:
        samples[:, -n:] *= ramp[::-1]
    return samples


_NOTED = ("warnings", "notes", "silent", "source_loudness", "source_true_peak")


def _note(clip: Clip, found: Inspection) -> None:
    clip.warnings = [flaw.text for flaw in found.flaws if flaw.grade == "warning"]
    clip.notes = [flaw.text for flaw in found.flaws if flaw.grade == "note"]
    clip.silent = found.silent
    clip.source_loudness, clip.source_true_peak = found.loudness, found.true_peak


def sha256_of(upload: UploadedFile) -> str:
    """Hex digest of an uploaded file, which is left at its start."""
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def suffix_of(name: str) -> str:
    """What a file's name ends with, with the dot, where that is harmless in a name of ours; else ""."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""


def _free_name(study: Study, filename: str) -> str:
    stem = "".join(letter for letter in PurePosixPath(filename).stem if letter.isprintable()).strip(" .")[:90] or "clip"
    taken = set(study.clips.values_list("name", flat=True))
    name, n = stem, 1
    while name in taken:
        n += 1
        name = f"{stem} ({n})"
    return name


def back_to_draft(study: Study) -> None:
    """After a change of the material: what was ready must be rendered again."""
    Study.objects.filter(pk=study.pk, state=Study.State.READY).update(state=Study.State.DRAFT)
    study.refresh_from_db(fields=["state"])
