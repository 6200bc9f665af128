"""A study from a file that was written by hand: study.yaml, with clips and files of one's own beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from pydantic import Field, field_validator, model_validator
from pydantic import ValidationError as Invalid

from analysis.screening import DEFAULT_RULES, MARKED, NONE, RULES
from audiocodecs.base import CodecError
from audiocodecs.registry import parse_spec, resolve
from listening import (
    clips,
    commands,
    condition_changes,
    material,
    primary_claims,
    protocol,
    recruiting_part,
    studies,
    supplied,
    yaml_files,
)
from listening.forms import RESERVED_SLUGS
from listening.models import Clip, Condition, Study
from listening.objections import objections
from listening.parts import Part, few_and_short
from listening.recruiting_part import PanelPart, RecruitingPart

_ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".wma", ".caf", ".w64", ".au")


class FormError(Exception):
    """What is wrong with the file: one line for each fault, with the place and what is expected there."""


class OwnFile(Part):
    """A file made elsewhere of one clip."""

    file: str
    name: str = ""
    sha256: str = ""


class ConditionPart(Part):
    """A condition: a codec that runs here, or files of one's own.

    Attributes
    ----------
    spec : str
        Left out for files.
    files : str or mapping
        A path with `{clip}` for the clip's name, or a path for each clip by its name.
    title, role : str
        A codec's title says codec and rate unless another is given; its role is its own.
    weights : str
        As an export says them. The spec names them.
    encode_command, decode_command : str
        Command lines of a program that the operator allows; the spec's value, if any, is `{kbps}`.
    repeat : int
        1 for the condition of this title once more in each trial.
    """

    spec: str = ""
    files: str | dict[str, str | OwnFile] = ""
    title: Annotated[str, Field(max_length=80)] = ""
    role: Literal["", "system", "low_anchor", "mid_anchor", "hidden_reference"] = ""
    weights: str = ""
    stands_for: Annotated[str, Field(max_length=200)] = ""
    encode_command: str = ""
    decode_command: str = ""
    repeat: Literal[0, 1] = 0

    @model_validator(mode="after")
    def _is_one_of_both(self) -> ConditionPart:
        if self.repeat and not self.title:
            raise ValueError("repeat: with the title of the condition that is rated twice")
        if not self.spec and not self.files and not self.encode_command and not self.repeat:
            raise ValueError("spec (opus@12) or files (out/{clip}.wav)")
        if self.encode_command and (not self.title or self.role == "hidden_reference"):
            raise ValueError("encode_command: with a title, and not as hidden reference")
        if self.encode_command and self.spec and not commands.is_command(self.spec):
            raise ValueError("spec: command@6 for a command line at 6 kbps, or none")
        if self.files and not self.title:
            raise ValueError("title: what the files are called")
        if self.files and self.role == "hidden_reference":
            raise ValueError("role: the hidden reference is made here, write reference")
        if self.files and self.spec and not supplied.is_supplied(self.spec):
            raise ValueError("spec or files, not both")
        if isinstance(self.files, str) and self.files and "{clip}" not in self.files:
            raise ValueError("files: a path with {clip} in it for the clip's name")
        return self


class ClipPart(Part):
    """A recording, or all that a pattern finds (clips/*.wav).

    Attributes
    ----------
    length : float or None
        Seconds of the excerpt; None for 10 or all that there is.
    """

    file: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(max_length=100)] = ""
    category: Annotated[str, Field(max_length=40)] = ""
    licence: Annotated[str, Field(max_length=100)] = ""
    start: Annotated[float, Field(ge=0)] = 0.0
    length: Annotated[float, Field(gt=0)] | None = None
    lossy_source: bool = False
    made: dict[str, Any] = {}


class ClaimPart(Part):
    """The primary claim, with the margin of the study.

    Attributes
    ----------
    system, against : str
        Spec or title of a condition.
    """

    system: Annotated[str, Field(min_length=1)]
    statement: Literal["better", "no worse", "equivalent", "reaches"]
    against: Annotated[str, Field(min_length=1)]


class StudyPart(Part):
    """Everything that a study sets. What was found and when (`made`, in files of export_study) is not used."""

    format: Literal[1] = 1
    title: Annotated[str, Field(max_length=120)] = ""
    slug: Annotated[str, Field(max_length=60)] = ""
    rate: Literal[16000, 24000, 32000, 44100, 48000] = 48000
    channels: Literal[1, 2] = 1
    loudness: Annotated[float, Field(ge=-40, le=-14)] = -23.0
    screening: tuple[str, ...] = DEFAULT_RULES
    margin: Annotated[float, Field(ge=0.1, le=50)] | None = None
    heard_seconds: Annotated[float, Field(ge=0, le=600)] = 1.0
    consent_text: str = ""
    instructions_text: str = ""
    completion_code: Annotated[str, Field(max_length=60)] = ""
    protocol: dict[str, Any] = {}
    recruiting: RecruitingPart | None = None
    made: dict[str, Any] = {}
    conditions: Annotated[tuple[ConditionPart, ...], Field(min_length=1)]
    primary_claim: ClaimPart | None = None
    clips: Annotated[tuple[ClipPart, ...], Field(min_length=1)]

    @field_validator("conditions", mode="before")
    @classmethod
    def _specs_alone(cls, value: Any) -> Any:
        return [{"spec": each} if isinstance(each, str) else each for each in value] if _is_list(value) else value

    @field_validator("clips", mode="before")
    @classmethod
    def _paths_alone(cls, value: Any) -> Any:
        value = [value] if isinstance(value, str) else value
        return [{"file": each} if isinstance(each, str) else each for each in value] if _is_list(value) else value

    @field_validator("screening")
    @classmethod
    def _are_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [name for name in RULES if name not in (MARKED, NONE)]
        if unknown := [name for name in value if name not in known]:
            raise ValueError(f"rules are {', '.join(known)}, not {', '.join(unknown)}")
        return value


@dataclass(frozen=True)
class Made:
    """A study from a file.

    Attributes
    ----------
    study : Study
    notes : list of str
        What to know of it, each as a sentence.
    """

    study: Study
    notes: list[str] = field(default_factory=list)


def read(text: str) -> StudyPart:
    """The form from YAML.

    Raises
    ------
    FormError
    """
    try:
        found = yaml_files.read(text)
    except yaml_files.WrongYaml as error:
        raise FormError(str(error)) from error
    return from_data(found)


def from_data(found: Any) -> StudyPart:
    """The form from plain values.

    Raises
    ------
    FormError
    """
    if not isinstance(found, Mapping):
        raise FormError("A study is a list of names with values: title, clips, conditions and others.")
    try:
        return StudyPart.model_validate(found)
    except Invalid as error:
        raise FormError("\n".join(few_and_short([_in_words(fault) for fault in error.errors()]))) from error


def keep_inside(form: StudyPart) -> None:
    """Refuse paths that lead out of the form's folder: it came from elsewhere, with its files.

    Raises
    ------
    FormError
    """
    for path in _paths(form):
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
            raise FormError(f"{path}: name a file that is sent along; paths that lead elsewhere are not followed.")


def _paths(form: StudyPart) -> Iterator[str]:
    yield from (part.file for part in form.clips)
    for part in form.conditions:
        files = [part.files] if isinstance(part.files, str) else part.files.values()
        yield from (each if isinstance(each, str) else each.file for each in files)
        names = [clip.name for clip in form.clips] if isinstance(part.files, str) else []
        yield from (part.files.replace("{clip}", name) for name in names if isinstance(part.files, str))


def create(form: StudyPart, folder: Path, owner: AbstractBaseUser) -> Made:
    """Make the study of a form: all of it, or nothing.

    Parameters
    ----------
    form : StudyPart
    folder : Path
        That paths begin in.
    owner : User

    Raises
    ------
    FormError
    """
    try:
        way = protocol.stored(protocol.read(form.protocol))
    except protocol.ProtocolError as error:
        raise FormError("\n".join(f"protocol.{fault}" for fault in error.faults)) from error
    try:
        with transaction.atomic():
            study = _study(form, way, owner)
            made = _clips(study, form, folder)
            _conditions(study, form, made, folder)
            if claim := form.primary_claim:
                system, against = (primary_claims.named(study, name) for name in (claim.system, claim.against))
                primary_claims.declare(study, system, claim.statement, against)
            if form.recruiting:
                recruiting_part.keep(study, owner, form.recruiting)
            if unknown := sorted(set(study.protocol.training.clips) - {clip.name for clip in made.values()}):
                raise FormError(f"protocol.training.clips: there is no clip {', '.join(unknown)}.")
    except (studies.StudyError, CodecError) as error:
        raise FormError(str(error)) from error
    study.refresh_from_db()
    return Made(study, [*map(str, material.findings(study)), *studies.problems(study), *objections(study)])


def _study(form: StudyPart, way: dict[str, Any], owner: AbstractBaseUser) -> Study:
    names = ("rate", "channels", "loudness", "margin", "heard_seconds", "completion_code")
    settings = {name: getattr(form, name) for name in names}
    texts = {name: getattr(form, name) for name in ("consent_text", "instructions_text") if getattr(form, name)}
    settings |= {**texts, "screening": list(form.screening), "raters_way": way}
    if form.slug:
        try:
            Study._meta.get_field("slug").clean(form.slug, None)
        except ValidationError as error:
            raise FormError(f"slug: {' '.join(error.messages)}") from error
        if form.slug in RESERVED_SLUGS:
            raise FormError(f"slug: “{form.slug}” is the address of another page. Choose another one.")
    title = form.title or form.slug or "Study"
    return studies.create_study(owner, title, slug=form.slug, **settings)


def _clips(study: Study, form: StudyPart, folder: Path) -> dict[str, Clip]:
    """Add the clips; each by the name that `{clip}` stands for: its own, where it was given one, else its file's."""
    made: dict[str, Clip] = {}
    for part in form.clips:
        paths = _found(folder, part.file)
        if len(paths) > 1 and part.name:
            raise FormError(f"clips: {part.file} finds {len(paths)} files; they can't all be called {part.name}.")
        for path in paths:
            try:
                clip = clips.add_clip(study, _upload(path), part.category, part.licence, lossy_source=part.lossy_source)
                length = clip.length if part.length is None else part.length
                if part.length is None:
                    length = min(length, max(clip.original_seconds - part.start, 0.0))
                if part.name or part.start or length != clip.length:
                    clips.set_excerpt(
                        clip, start=part.start, length=length, name=part.name or clip.name, category=part.category
                    )
            except clips.ClipError as error:
                raise FormError(f"{path.name}: {error}") from error
            name = part.name or path.stem
            made[name if name not in made else clip.name] = clip
    return made


def _conditions(study: Study, form: StudyPart, made: Mapping[str, Clip], folder: Path) -> None:
    wanted: list[str] = []
    set_after: dict[str, dict[str, str]] = {}
    for part in form.conditions:
        if part.repeat:
            continue
        if part.encode_command:
            wanted.append(_command(study, part).spec)
            continue
        if not part.files:
            wanted.append(resolve(part.spec, form.channels))
            given = {"title": part.title, "stands_for": part.stands_for}
            set_after[wanted[-1]] = {name: value for name, value in given.items() if value}
            continue
        try:
            condition = supplied.add_condition(study, part.title, part.role or Condition.Role.SYSTEM)
            for name, clip in made.items():
                path, called = _own_file(part, name)
                supplied.add_file(condition, clip, _upload(_one(folder, path), called))
        except clips.ClipError as error:
            raise FormError(f"{part.title}: {error}") from error
        wanted.append(condition.spec)
    if "reference" not in wanted:
        raise FormError("conditions: a MUSHRA trial needs the hidden reference. Write reference as well.")
    studies.set_conditions(study, wanted)
    for spec, values in set_after.items():
        if values:
            study.conditions.filter(spec=spec).update(**values)
    called = list(study.conditions.values_list("title", flat=True))
    if twice := sorted({title for title in called if called.count(title) > 1}):
        raise FormError(f"conditions: two of them are called {', '.join(twice)}.")
    for part in form.conditions:
        if part.repeat:
            found = study.conditions.filter(title=part.title).first()
            if found is None:
                raise FormError(f"{part.title}: there is no condition of that title to be rated twice.")
            condition_changes.rate_twice(found)


def _command(study: Study, part: ConditionPart) -> Condition:
    role = part.role or Condition.Role.SYSTEM
    try:
        kbps = parse_spec(part.spec).value if part.spec else None
        return commands.add_condition(study, part.title, part.encode_command, part.decode_command, kbps, role)
    except (clips.ClipError, CodecError) as error:
        raise FormError(f"{part.title}: {error}") from error


def _own_file(part: ConditionPart, clip: str) -> tuple[str, str]:
    """Path of a clip's file, and its own name where that is another."""
    if isinstance(part.files, str):
        return part.files.replace("{clip}", clip), ""
    found = part.files.get(clip)
    if found is None:
        raise FormError(f"{part.title}: there is no file for the clip {clip}. Name it under files.")
    return (found.file, found.name) if isinstance(found, OwnFile) else (found, "")


def _found(folder: Path, pattern: str) -> list[Path]:
    """Files of a path or pattern, in the order of their names."""
    whole = folder / pattern
    if whole.is_file():
        return [whole]
    try:
        there = sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else []
    except (ValueError, NotImplementedError) as error:
        raise FormError(f"clips: {pattern!r} is no pattern ({error}).") from error
    files = [path for path in there if path.is_file() and path.suffix.lower() in _ENDINGS]
    if not files:
        raise FormError(f"clips: there is no sound {pattern} in {folder}. Paths begin where the file lies.")
    return files


def _one(folder: Path, path: str) -> Path:
    if not (folder / path).is_file():
        raise FormError(f"There is no file {path} in {folder}. Paths begin where the file lies.")
    return folder / path


def _upload(path: Path, name: str = "") -> SimpleUploadedFile:
    try:
        clips.check_size(path.stat().st_size)  # before all of it is in memory
        return SimpleUploadedFile(name or path.name, path.read_bytes())
    except OSError as error:
        raise FormError(f"{path} can't be read: {error.strerror}.") from error


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


_KNOWN: dict[str, type[Part]] = {
    "": StudyPart,
    "conditions": ConditionPart,
    "clips": ClipPart,
    "files": OwnFile,
    "recruiting": RecruitingPart,
    "panels": PanelPart,
}


def _in_words(fault: Any) -> str:
    """A fault with its place, counted from 1 as people do."""
    loc = [part for part in fault["loc"] if part not in ("str", "dict[str,union[str,OwnFile]]", "OwnFile")]
    place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in loc)
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if fault["type"] == "extra_forbidden":
        inner = next((name for name in ("files", "panels") if name in loc[:-1]), None)
        part = _KNOWN[inner or (str(loc[0]) if len(loc) > 1 else "")]
        return f"{place}: there is no such setting. There are: {', '.join(part.model_fields)}."
    if fault["type"] == "missing":
        return f"{place} is missing."
    return f"{place}: {message}." if place else f"{message}."
