"""What the matrix of conditions has no box for: a codec at another rate, or with an option."""

from __future__ import annotations

from dataclasses import dataclass

from audiocodecs.base import CodecError
from audiocodecs.registry import CLASSES, codec_class, get_codec, parse_spec
from listening.models import Study

OPTIONS = {
    "opus": (("application=voip", "tuned for speech (VoIP)"), ("decoder=nolace", "decoded with NoLACE")),
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
    """A codec with an option or without, whose rate is typed.

    Attributes
    ----------
    name, option : str
        Of the spec; no option is "".
    words : str
        "Opus, tuned for speech (VoIP)".
    rates : str
        "any rate from 6 to 256 kbps", or those that there are.
    """

    name: str
    option: str
    words: str
    rates: str

    @property
    def key(self) -> str:
        """Value in a form."""
        return f"{self.name}:{self.option}" if self.option else self.name


def variants(study: Study) -> list[Variant]:
    """What runs here and fits the study's channels, codec by codec."""
    found = []
    for name in CLASSES:
        cls = codec_class(name)
        if study.channels not in cls.channels:
            continue
        options = ((("", ""),) if cls.any_from_to else ()) + OPTIONS.get(name, ())
        for option, words in options:
            spec = spec_of(f"{name}:{option}", cls.values[0])
            if _runs(spec):
                title = f"{cls.title}, {words}" if words else cls.title
                found.append(Variant(name, option, title, cls.rates(parse_spec(spec))))
    return found


def spec_of(key: str, kbps: float) -> str:
    """Spec of a variant at a rate: `opus:application=voip` at 20 is `opus@20:application=voip`."""
    name, _, option = key.partition(":")
    return f"{name}@{kbps:g}" + (f":{option}" if option else "")


def _runs(spec: str) -> bool:
    try:
        get_codec(spec)
    except CodecError:
        return False
    return True
