"""Sets of conditions that studies of others had, by one button.

A preset names the neural codec `neural@6`; which one that is here, `registry.resolve` says.
"""

from __future__ import annotations

from dataclasses import dataclass

from audiocodecs.base import CodecUnavailable
from audiocodecs.registry import parse_spec, resolve
from listening import commands, studies
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
    """

    name: str
    title: str
    source: str
    channels: int
    specs: tuple[str, ...]


PRESETS = (
    Preset(
        "encodec-speech",
        "Speech as in the EnCodec paper",
        "The codecs of Défossez et al. 2022 (arXiv 2210.13438), table 1, Lyra v2 at the two rates nearest to its 3 "
        "and 6 kbps. They had no mid anchor; BS.1534-3 asks for one, so it is here.",
        1,
        (
            *ANCHORED,
            *("neural@1.5", "neural@3", "neural@6", "neural@12"),
            *("opus@6", "opus@12", "lyra@3.2", "lyra@6", "evs@9.6"),
        ),
    ),
    Preset(
        "music-mp3",
        "48 kHz music against MP3",
        "The codecs of Défossez et al. 2022 (arXiv 2210.13438), table 4, and the neural codec at 3 kbps. "
        "The mid anchor is added as BS.1534-3 asks.",
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
    """

    specs: tuple[str, ...]
    missing: dict[str, str]


def preset(name: str) -> Preset | None:
    """The preset of a name, if there is one."""
    return next((each for each in PRESETS if each.name == name), None)


def choose(found: Preset) -> Chosen:
    """Resolve a preset's conditions, and leave out what cannot run here."""
    specs: list[str] = []
    missing: dict[str, str] = {}
    for spec in found.specs:
        try:
            specs.append(resolve(spec, found.channels))
        except CodecUnavailable as error:
            missing[spec] = f"{error.reason} {error.remedy}"
    return Chosen(tuple(specs), missing)


@dataclass(frozen=True)
class Plan:
    """What a preset does to a study's conditions: it replaces only what can be rendered again.

    Attributes
    ----------
    specs : list of str
        The conditions to be, in their order: the preset's, then the study's own files and command lines.
    adds, keeps, removes : list of str
        Titles; `keeps` are the files and command lines.
    missing : dict of str to str
        As `Chosen.missing`.
    """

    specs: list[str]
    adds: list[str]
    keeps: list[str]
    removes: list[str]
    missing: dict[str, str]

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
        [studies.condition_title(parse_spec(spec)) for spec in chosen.specs if spec not in there],
        [there[spec].title for spec in own],
        [each.title for spec, each in there.items() if spec not in chosen.specs and spec not in own],
        chosen.missing,
    )


def fitting(study: Study) -> list[Preset]:
    """Presets for a study's channels."""
    return [each for each in PRESETS if each.channels == study.channels]
