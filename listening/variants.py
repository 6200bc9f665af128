"""What the matrix of conditions has no box for: other rates, options, lost packets, and two codecs in a row."""

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
    loses : bool
        Whether its packets can be lost.
    """

    name: str
    option: str
    words: str
    rates: str
    loses: bool

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
        for option, words in (("", ""), *OPTIONS.get(name, ())) if cls.values else ():
            spec = spec_of(f"{name}:{option}", str(cls.values[0]))
            if _runs(spec):
                title = f"{cls.title}, {words}" if words else cls.title
                found.append(Variant(name, option, title, cls.rates(parse_spec(spec)), _runs(f"{spec}:loss=1")))
    return found


def spec_of(key: str, kbps: str, loss: str = "", burst: str = "", seed: str = "") -> str:
    """Spec of a variant at a rate, as they were typed.

    >>> spec_of("opus:application=voip", "20", loss="5")
    'opus@20:application=voip:loss=5'
    """
    name, _, option = key.partition(":")
    given = {"loss": loss, "burst": burst, "seed": seed}
    lost = [f"{key}={_number(text)}" for key, text in given.items() if text.strip()]
    return ":".join([f"{name}@{_number(kbps)}", *filter(None, [option]), *lost])


def tandem_of(first: str, first_kbps: str, then: str, then_kbps: str) -> str:
    """Spec of two codecs in a row.

    >>> tandem_of("opus", "12", "amrnb", "12,2")
    'tandem:first=opus@12:then=amrnb@12.2'
    """
    return f"tandem:first={first}@{_number(first_kbps)}:then={then}@{_number(then_kbps)}"


def _number(text: str) -> str:
    """A number as a spec has it: with a decimal point."""
    return text.strip().replace(",", ".")


def _runs(spec: str) -> bool:
    try:
        get_codec(spec)
    except CodecError:
        return False
    return True
