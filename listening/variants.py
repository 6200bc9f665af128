"""Codecs with an option, beside their plain form in the matrix of conditions."""

from __future__ import annotations

from dataclasses import dataclass

from audiocodecs.base import CodecError
from audiocodecs.registry import codec_class, get_codec
from listening.models import Study

OPTIONS = {
    "opus": (("application=voip", "tuned for speech (VoIP)"),),
    "spectral_24khz": (("entropy=none", "constant rate, without entropy coding"),),
    "spectral_48khz": (("entropy=none", "constant rate, without entropy coding"),),
    "encodec_24khz": (
        ("entropy=lm", "entropy coded: fewer bits, the same sound"),
        ("weights=small", "our own small weights, a first version"),
    ),
    "encodec_48khz": (("entropy=lm", "entropy coded: fewer bits, the same sound"),),
}
"""By codec: what follows the colon in the spec, and what it does."""


@dataclass(frozen=True)
class Variant:
    """A codec with an option, at those of its rates that a study can have.

    Attributes
    ----------
    words : str
        "Opus, tuned for speech (VoIP)".
    specs : tuple of (str, float)
        Each with its kbps.
    """

    words: str
    specs: tuple[tuple[str, float], ...]


def variants(study: Study) -> list[Variant]:
    """What a study can have and has not yet, codec by codec."""
    there = set(study.conditions.values_list("spec", flat=True))
    found = []
    for name, options in OPTIONS.items():
        cls = codec_class(name)
        if study.channels not in cls.channels:
            continue
        for option, words in options:
            specs = tuple(
                (spec, value)
                for value in cls.values
                if (spec := f"{name}@{value:g}:{option}") not in there and _runs(spec)
            )
            if specs:
                found.append(Variant(f"{cls.title}, {words}", specs))
    return found


def _runs(spec: str) -> bool:
    try:
        get_codec(spec)
    except CodecError:
        return False
    return True
