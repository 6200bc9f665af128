"""Studies of webMUSHRA: its configuration in YAML, with the files that it names, as a study of ours.

Pages of MUSHRA become clips, their stimuli files of one's own, their anchors our own aligned ones. Whatever is not done
the same way here is said, each as a sentence.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.text import slugify

from audiocodecs import audio
from listening import sound_limits, study_form, webmushra_yaml, yaml_files
from listening.forms import RESERVED_SLUGS
from listening.models import Study
from listening.models.study import MAX_EXCERPT
from listening.parts import LANGUAGES
from listening.study_form import FormError, Made

ANCHORS = {"anchor35": ("low_anchor", "lowpass@3500"), "anchor70": ("mid_anchor", "lowpass@7000")}
"""Names that webMUSHRA's anchors have: their role, and our own condition in their place."""

_PAGE = {
    *("type", "id", "name", "content", "showWaveform", "enableLooping", "strict", "reference", "createAnchor35"),
    *("createAnchor70", "randomize", "showConditionNames", "stimuli", "switchBack"),
}
_TOP = {
    *("testname", "testId", "bufferSize", "stopOnErrors", "showButtonPreviousPage", "remoteService", "language"),
    "pages",
}
_SAID_ONCE = {
    "enableLooping": (False, "Looping can't be switched off here: raters may loop a passage of 0.5 s or more."),
    "strict": (False, "strict: false is not followed: at most 12 signals of at most 12 s, always."),
    "switchBack": (True, "switchBack is not followed: every switch goes on at the same instant of the clip."),
    "showConditionNames": (True, "Names of conditions are never shown here: the test is blind."),
    "randomize": (False, "randomize: false is not followed: each page has its sounds in an order drawn for the rater."),
    "showWaveform": (True, "showWaveform is not followed: the page shows a time line, without a waveform."),
}
"""Settings of a page that matter where they have this value, and what is said then."""


@dataclass
class _Found:
    """What was found in a configuration so far."""

    mushra: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    consent: str = ""
    ending: str = ""
    questions: list[dict[str, Any]] = field(default_factory=list)
    level: bool = False
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def import_config(config: Path, owner: AbstractBaseUser, root: Path | None = None) -> Made:
    """Make the study of a configuration.

    Parameters
    ----------
    config : Path
    owner : User
    root : Path, optional
        Folder that the paths in it begin in: webMUSHRA's own. Looked for, upwards from the configuration, if not given.

    Raises
    ------
    FormError
        If nothing of it can be a study here, or a file is missing. Nothing was made then.
    """
    try:
        top = webmushra_yaml.read(config.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormError(f"{config} can't be read: {error}") from error
    except yaml_files.WrongYaml as error:
        raise FormError(f"{config.name}: {error}") from error
    if not isinstance(top, Mapping) or not isinstance(top.get("pages"), list):
        raise FormError(f"{config.name} is no configuration of webMUSHRA: it has no list of pages.")
    found = _Found()
    for page, drawn in _flat(top["pages"], found):
        _take(page, drawn, found)
    for name in sorted(set(map(str, top)) - _TOP):
        found.note(f"The setting {name} is not known and not used.")
    if top.get("showButtonPreviousPage"):
        found.note("There is no way back to a page that was left: showButtonPreviousPage is not followed.")
    if top.get("remoteService"):
        found.note("Ratings are kept here, not sent to remoteService.")
    if not found.mushra:
        others = f" It has {', '.join(found.left_out)}." if found.left_out else ""
        raise FormError(
            f"{config.name} has no page of the type mushra, and there is nothing else to rate here.{others}"
        )
    root = _root(config, root, found)
    form = study_form.from_data(_form(top, found, root))
    made = study_form.create(form, root, owner)
    left_out = [f"Left out, there is nothing like it here: {', '.join(found.left_out)}."] if found.left_out else []
    return Made(made.study, [*left_out, *found.notes, *made.notes])


def _flat(pages: list[Any], found: _Found, drawn: bool = False) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Every page, and whether its place is drawn for each rater."""
    if pages and pages[0] == "random":
        pages, drawn = pages[1:], True
    for page in pages:
        if isinstance(page, list):
            yield from _flat(page, found, drawn)
        elif isinstance(page, Mapping):
            yield page, drawn
        else:
            raise FormError(f"pages: {page!r:.60} is no page.")


def _take(page: Mapping[str, Any], drawn: bool, found: _Found) -> None:
    """What a page becomes here."""
    kind, named = str(page.get("type")), str(page.get("name") or page.get("id") or page.get("type"))
    match kind:
        case "mushra":
            _take_mushra(page, drawn, named, found)
        case "generic":
            if not found.mushra and (text := _plain(page.get("content"))):
                found.texts.append(text)
                found.note("What pages of the type generic say before the first trial is in the instructions.")
            else:
                found.left_out.append(f"“{named}” ({kind})")
        case "consent":
            found.consent = _plain(page.get("content"))
        case "volume":
            found.level = True
            found.note("The volume page is our page of the level: it plays the reference of the rater's first clip.")
        case "finish":
            found.ending = _plain(page.get("content"))
            found.questions = [
                asked
                for i, each in enumerate(page.get("questionnaire") or [], 1)
                if (asked := _question(each, i, found))
            ]
            if page.get("showResults"):
                found.note("Raters see no results at the end: showResults is not followed.")
        case _:
            found.left_out.append(f"“{named}” ({kind})")


def _take_mushra(page: Mapping[str, Any], drawn: bool, named: str, found: _Found) -> None:
    stimuli = page.get("stimuli") or {}
    if not isinstance(page.get("reference"), str) or not isinstance(stimuli, Mapping):
        raise FormError(f"“{named}”: a page of MUSHRA has a reference and stimuli, names with paths.")
    if not all(isinstance(path, str) for path in stimuli.values()):
        raise FormError(f"“{named}”: each of its stimuli is a name with one path.")
    for setting, (value, text) in _SAID_ONCE.items():
        if setting in page and page[setting] is value:
            found.note(text)
    for setting in sorted(set(map(str, page)) - _PAGE):
        found.note(f"The setting {setting} of a page of MUSHRA is not known and not used.")
    if _plain(page.get("content")):
        found.note("What a page of MUSHRA says beside its sounds is left out; put it into the instructions.")
    if not drawn:
        found.note("Pages come in an order drawn for each rater, also those that had fixed places.")
    found.mushra.append({**page, "named": named, "stimuli": {str(name): path for name, path in stimuli.items()}})


def _form(top: Mapping[str, Any], found: _Found, root: Path) -> dict[str, Any]:
    """The study as a file written by hand would say it."""
    pages, repeats = _once_each(found, root)
    names, signals = _names(pages), list(pages[0]["stimuli"])
    probes = [_probe(root, page["reference"], page["named"]) for page in pages]
    conditions: list[Any] = ["reference"]
    for anchor, (_, spec) in ANCHORS.items():
        asked = [bool(page.get("createAnchor35" if anchor == "anchor35" else "createAnchor70")) for page in pages]
        if any(asked):
            conditions.append(spec)
            if not all(asked):
                found.note(f"Every clip has the anchor {spec}, also those whose pages did not ask for it.")
    for signal in signals:
        made_here = signal in ANCHORS and ANCHORS[signal][1] in conditions
        if made_here:
            found.note(f"The anchor {signal} is made here, aligned; the file of that name is not used.")
            continue
        role = ANCHORS[signal][0] if signal in ANCHORS else "system"
        files = {name: page["stimuli"][signal] for name, page in zip(names, pages, strict=True)}
        conditions.append({"title": signal, "role": role, "files": files})
    if any(probe.seconds > MAX_EXCERPT for probe in probes):
        found.note(f"Of references of more than {MAX_EXCERPT:g} s, the first {MAX_EXCERPT:g} s are heard.")
    found.note(
        "Each clip is brought to -23 LUFS as far as its peaks allow, its stimuli by the same gain; webMUSHRA plays "
        "files as they are."
    )
    found.note("A page of training comes first.")
    title = str(top.get("testname") or top.get("testId") or "webMUSHRA")
    return {
        "title": title[:120],
        "slug": _free_slug(str(top.get("testId") or title)),
        "rate": _rate(probes),
        "channels": 2 if any(probe.channels > 1 for probe in probes) else 1,
        "consent_text": found.consent,
        "instructions_text": "\n\n".join(found.texts),
        "conditions": conditions,
        "clips": [
            {"file": page["reference"], "name": name, "length": min(probe.seconds, MAX_EXCERPT)}
            for page, name, probe in zip(pages, names, probes, strict=True)
        ],
        "protocol": _protocol(top, found, repeats),
    }


def _protocol(top: Mapping[str, Any], found: _Found, repeats: int) -> dict[str, Any]:
    language = str(top.get("language") or "en")[:2].lower()
    if language not in LANGUAGES:
        found.note(
            f"The language {language} is not among those of the pages ({', '.join(LANGUAGES)}): English instead."
        )
        language = "en"
    protocol: dict[str, Any] = {"language": language}
    if found.level:
        protocol["level"] = True
    if repeats:
        protocol["repeats"] = repeats
    if found.ending:
        protocol["texts"] = {language: {"ending": found.ending}}
    if found.questions:
        protocol["questionnaires"] = [{"name": "webmushra", "at": "end", "questions": found.questions}]
    return protocol


def _once_each(found: _Found, root: Path) -> tuple[list[dict[str, Any]], int]:
    """Pages that differ and have the same stimuli by name, and how many come again."""
    sets = Counter(frozenset(page["stimuli"]) for page in found.mushra)
    signals = sets.most_common(1)[0][0]
    pages: dict[str, dict[str, Any]] = {}
    again = 0
    for page in found.mushra:
        with (root / page["reference"]).open("rb") as file:
            named, sound = f"“{page['named']}”", hashlib.file_digest(file, "sha256").hexdigest()
        twin = pages.setdefault(sound, page) if set(page["stimuli"]) == signals else None
        if twin is None:
            found.left_out.append(f"{named} (its stimuli are not {', '.join(sorted(signals))} as on most pages)")
        elif twin is not page and twin["stimuli"] == page["stimuli"]:
            again += 1
        elif twin is not page:
            found.left_out.append(f"{named} (the reference of “{twin['named']}” with other stimuli)")
    repeats = min(again, len(pages))
    if again:
        found.note(
            f"Pages with the sounds of an earlier one: {again}. So many come twice, drawn for each rater: {repeats}."
        )
    return list(pages.values()), repeats


def _question(asked: Any, number: int, found: _Found) -> dict[str, Any] | None:
    """A question of the last page in our form; None where there is none like it."""
    if not isinstance(asked, Mapping):
        raise FormError(f"questionnaire: {asked!r:.60} is no question.")
    kind, label = str(asked.get("type")), _plain(asked.get("label")) or str(asked.get("name") or f"Question {number}")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(asked.get("name") or "")).strip("-")[:60] or f"question-{number}"
    same = {"name": name, "text": label, "optional": bool(asked.get("optional"))}
    match kind:
        case "text" | "long_text":
            return {**same, "kind": "text", "longest": 4000 if kind == "long_text" else 200}
        case "number":
            limits = {"least": asked.get("min"), "most": asked.get("max")}
            return {**same, "kind": "number", **{key: value for key, value in limits.items() if value is not None}}
        case "likert":
            options = [
                {"value": re.sub(r"[^A-Za-z0-9_.-]+", "-", str(each.get("value"))), "text": _plain(each.get("label"))}
                for each in asked.get("response") or []
                if isinstance(each, Mapping)
            ]
            return {**same, "kind": "choice", "options": options}
    found.left_out.append(f"the question “{label}” ({kind})")
    return None


def _root(config: Path, root: Path | None, found: _Found) -> Path:
    """Folder that paths begin in: the first, from the configuration's own upwards, where the first reference is."""
    folder = config.resolve().parent
    tried = [root.resolve()] if root else [folder, *list(folder.parents)[:3]]
    for each in tried:
        if (each / found.mushra[0]["reference"]).is_file():
            _check_inside(each, found)
            return each
    where = " or ".join(map(str, tried))
    raise FormError(
        f"There is no {found.mushra[0]['reference']} in {where}. Name the folder that the paths begin in, that of "
        "webMUSHRA, with --root."
    )


def _check_inside(root: Path, found: _Found) -> None:
    """A configuration from elsewhere names files of its own, not any of this machine."""
    for page in found.mushra:
        for path in (page["reference"], *page["stimuli"].values()):
            if not (root / path).resolve().is_relative_to(root):
                raise FormError(
                    f"“{page['named']}”: {path} lies outside of {root}. Move it there, or name another --root."
                )
            if not (root / path).is_file():
                raise FormError(f"“{page['named']}”: there is no file {path} in {root}.")


def _names(pages: list[dict[str, Any]]) -> list[str]:
    """A name for each clip, each another."""
    found: list[str] = []
    for page in pages:
        stem = page["named"][:90]
        found.append(next(name for n in range(1, 999) if (name := stem if n == 1 else f"{stem} ({n})") not in found))
    return found


def _probe(root: Path, path: str, named: str) -> audio.Probe:
    try:
        return sound_limits.probe(root / path)
    except audio.AudioError as error:
        raise FormError(f"“{named}”, {path}: {error}") from error


def _rate(probes: list[audio.Probe]) -> int:
    """The rate that most references have, where a study can have it; of two the higher one."""
    rates = {rate for rate, _ in Study.RATES}
    counted = Counter(probe.rate for probe in probes if probe.rate in rates)
    return max(counted, key=lambda rate: (counted[rate], rate), default=48000)


def _free_slug(text: str) -> str:
    stem = slugify(text)[:50] or "webmushra"
    taken = set(Study.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | RESERVED_SLUGS
    return next(name for n in range(1, len(taken) + 2) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)


def _plain(content: Any) -> str:
    """The words of a piece of HTML."""
    text = re.sub(r"(?i)<br\s*/?>|</(p|div|h\d|li)>", "\n", str(content or ""))
    lines = (" ".join(line.split()) for line in unescape(re.sub(r"<[^>]*>", "", text)).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:20_000]
