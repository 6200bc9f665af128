"""Sets of conditions that studies of others had, by one button.

A preset names the neural codec `neural@6`; which one that is here, `registry.resolve` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audiocodecs.base import CodecUnavailable
from audiocodecs.registry import NEURAL, NEURAL_CODECS, codec_class, parse_spec, resolve, words
from listening import commands
from listening.models import Study
from listening.models.study import MAX_SIGNALS

ANCHORED = ("reference", "lowpass@7000", "lowpass@3500")


@dataclass(frozen=True)
class Preset:
    """A set of conditions.

    Attributes
    ----------
    name : str
        In forms.
    title : str
    source : str
        Whose test it follows, and where it differs.
    channels : int
        Of a study that it fits.
    specs : tuple of str
        In the order of the conditions, hidden reference and anchors included.
    differs : mapping of str to str
        Specs that are not what the source had, each with that in words.
    """

    name: str
    title: str
    source: str
    channels: int
    specs: tuple[str, ...]
    differs: Mapping[str, str] = field(default_factory=dict)


PRESETS = (
    Preset(
        "encodec-speech",
        "Speech as in the EnCodec paper",
        "The codecs of Défossez et al. 2022 (arXiv 2210.13438), table 1, with Lyra v2 at 3.2 kbps instead of 3. Where "
        "EnCodec's weights are absent, our spectral codec stands in for it. The paper had no mid anchor; BS.1534-3 "
        "asks for one, so it is added.",
        1,
        (
            *ANCHORED,
            *("neural@1.5", "neural@3", "neural@6", "neural@12"),
            *("opus@6", "opus@12", "lyra@3.2", "lyra@6", "evs@9.6"),
        ),
        {"lyra@3.2": "Lyra v2 at 3 kbps"},
    ),
    Preset(
        "music-mp3",
        "48 kHz music against MP3",
        "The codecs of Défossez et al. 2022 (arXiv 2210.13438), table 4, and the neural codec at 3 kbps. Where "
        "EnCodec's weights are absent, our spectral codec stands in for it. The mid anchor is added as BS.1534-3 asks.",
        2,
        (*ANCHORED, *("neural@3", "neural@6", "neural@12", "neural@24"), "mp3@64", "opus@6", "opus@24"),
    ),
)


@dataclass(frozen=True)
class Chosen:
    """What a preset comes to here.

    Attributes
    ----------
    specs : tuple of str
        Resolved, those that can run here.
    missing : dict of str to str
        Specs that cannot, each with the reason and what to do.
    stands_for : dict of str to str
        Of `specs`, those that are not what the preset's source had, each with that in words.
    """

    specs: tuple[str, ...]
    missing: dict[str, str]
    stands_for: dict[str, str]


def preset(name: str) -> Preset | None:
    """The preset of a name, if there is one."""
    return next((each for each in PRESETS if each.name == name), None)


def choose(found: Preset) -> Chosen:
    """Resolve a preset's conditions, and leave out what cannot run here."""
    specs: list[str] = []
    missing: dict[str, str] = {}
    stands_for: dict[str, str] = {}
    for spec in found.specs:
        try:
            specs.append(resolve(spec, found.channels))
        except CodecUnavailable as error:
            missing[spec] = f"{error.reason} {error.remedy}"
            continue
        if original := found.differs.get(spec) or _replaced(spec, specs[-1], found.channels):
            stands_for[specs[-1]] = original
    return Chosen(tuple(specs), missing, stands_for)


def note_substitutions(study: Study, chosen: Chosen) -> None:
    """Store with a study's conditions what they stand for in the preset's source."""
    for spec in chosen.specs:
        study.conditions.filter(spec=spec).update(stands_for=chosen.stands_for.get(spec, ""))


def departures(study: Study) -> list[str]:
    """Sentences on the conditions that are not what the source of the study's preset had."""
    return [f"{each.title} stands in for {each.stands_for}." for each in study.conditions.exclude(stands_for="")]


def _replaced(spec: str, resolved: str, channels: int) -> str:
    """What a preset's source had, where another codec was found for its neural one; "" otherwise."""
    asked, best = parse_spec(spec), NEURAL_CODECS[channels][0]
    if asked.name != NEURAL or parse_spec(resolved).name == best:
        return ""
    return f"{codec_class(best).title} at {asked.value:g} kbps"


@dataclass(frozen=True)
class Plan:
    """What a preset does to a study's conditions: it replaces only what can be rendered again.

    Attributes
    ----------
    specs : list of str
        The conditions to be, in their order: the preset's, then the study's own files and command lines.
    adds, keeps, removes : list of str
        Titles; `keeps` are the files and command lines.
    chosen : Chosen
        The conditions of the preset alone.
    """

    specs: list[str]
    adds: list[str]
    keeps: list[str]
    removes: list[str]
    chosen: Chosen

    @property
    def too_many(self) -> int:
        """Signals above those that a trial may have."""
        return max(0, len(self.specs) - MAX_SIGNALS)


def plan(study: Study, found: Preset) -> Plan:
    """What using a preset in a study comes to."""
    chosen = choose(found)
    there = {each.spec: each for each in study.conditions.filter(repeat=0)}
    own = [spec for spec in there if commands.is_own(spec)]
    return Plan(
        [*chosen.specs, *own],
        [words(spec) for spec in chosen.specs if spec not in there],
        [there[spec].title for spec in own],
        [each.title for spec, each in there.items() if spec not in chosen.specs and spec not in own],
        chosen,
    )


def fitting(study: Study) -> list[Preset]:
    """Presets for a study's channels."""
    return [each for each in PRESETS if each.channels == study.channels]
