"""From the words of a spec to a codec, and what can run here and why not.

>>> parse_spec("opus@12:application=voip")
Spec(name='opus', value=12.0, options=(('application', 'voip'),))
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from audiocodecs.base import Codec, CodecUnavailable, Spec, UnknownCodec

CLASSES = {
    "reference": "audiocodecs.lowpass:Reference",
    "lowpass": "audiocodecs.lowpass:Lowpass",
    "opus": "audiocodecs.opus:Opus",
    "mp3": "audiocodecs.mp3:Mp3",
    "aac": "audiocodecs.aac:Aac",
    "vorbis": "audiocodecs.vorbis:Vorbis",
    "g722": "audiocodecs.g722:G722",
    "amrnb": "audiocodecs.amrnb:AmrNb",
    "lyra": "audiocodecs.lyra:Lyra",
    "lc3": "audiocodecs.lc3:Lc3",
    "codec2": "audiocodecs.codec2:Codec2",
    "speex": "audiocodecs.speex:Speex",
    "amrwb": "audiocodecs.amrwb:AmrWb",
    "evs": "audiocodecs.evs:Evs",
    "encodec_24khz": "audiocodecs.encodec.codec:Encodec24",
    "encodec_48khz": "audiocodecs.encodec.codec:Encodec48",
    "spectral_24khz": "audiocodecs.spectral.codec:Spectral24",
    "spectral_48khz": "audiocodecs.spectral.codec:Spectral48",
}
"""Codec name -> where its class is. Imported when first asked for: torch takes seconds."""

_COMBINED = {"tandem": "audiocodecs.tandem:Tandem"}
"""The same for what has no row of bitrates."""

NEURAL = "neural"
"""Stands for the best neural codec present; `resolve` turns it into that codec's own name."""

NEURAL_CODECS = {1: ("encodec_24khz", "spectral_24khz"), 2: ("encodec_48khz", "spectral_48khz")}
"""Which those are for mono and for stereo, the best first."""

_SPEC = re.compile(r"(?P<name>[a-z0-9_]+)(?:@(?P<value>\d+(?:\.\d+)?))?(?P<options>(?::[a-z_]+=[^:=]+)*)", re.ASCII)


@dataclass(frozen=True)
class Offer:
    """A codec at one value, as a study is offered it.

    Attributes
    ----------
    spec : str
    title : str
    channels : frozenset of int
    neural : bool
    reason, remedy : str
        Why it cannot run here and what to do; both empty where it can.
    """

    spec: str
    name: str
    title: str
    value: float | None
    channels: frozenset[int]
    neural: bool
    reason: str = ""
    remedy: str = ""

    @property
    def available(self) -> bool:
        """Whether it can run here."""
        return not self.reason


def parse_spec(text: str) -> Spec:
    """Read a spec.

    Raises
    ------
    UnknownCodec
        If the text is not `NAME[@VALUE][:OPTION=VALUE...]`.
    """
    match = _SPEC.fullmatch(text.strip())
    if not match:
        raise UnknownCodec(f"{text!r} is not a codec spec. Write for example opus@12 or opus@12:application=voip.")
    pairs = [part.split("=", 1) for part in match["options"].split(":") if part]
    if len({key for key, _ in pairs}) != len(pairs):
        raise UnknownCodec(f"{text!r} gives an option twice.")
    value = float(match["value"]) if match["value"] else None
    return Spec(match["name"], value, tuple(sorted((key, val) for key, val in pairs)))


def codec_class(name: str) -> type[Codec]:
    """Class of the codec called `name`; raises UnknownCodec."""
    known = CLASSES | _COMBINED
    if name not in known:
        raise UnknownCodec(f"There is no codec {name!r}. There are: {', '.join(known)}.")
    module, _, attribute = known[name].partition(":")
    found: type[Codec] = getattr(importlib.import_module(module), attribute)
    return found


def words(text: str) -> str:
    """A spec for people: "Opus 12 kbps"."""
    spec = parse_spec(text)
    return codec_class(spec.name).words(spec)


def nominal_kbps(text: str) -> float | None:
    """Rate in a spec, kbit/s, if it states one; a spec of no codec here states its value."""
    spec = parse_spec(text)
    return codec_class(spec.name).nominal_kbps(spec) if spec.name in CLASSES | _COMBINED else spec.value


def resolve(text: str, channels: int = 1) -> str:
    """Canonical spec of `text`, with the neural codec and the weights named.

    `neural@6` becomes EnCodec with the published weights where they are present,
    and our spectral model otherwise: the 24 kHz model for mono, that of 48 kHz for stereo.

    Raises
    ------
    UnknownCodec, CodecUnavailable
    """
    spec = parse_spec(text)
    if spec.name == NEURAL:
        for name in NEURAL_CODECS[channels]:
            try:
                return resolve(str(Spec(name, spec.value, spec.options)))
            except CodecUnavailable as error:
                last = error
        raise last
    return str(get_codec(str(spec)).spec)


def get_codec(text: str) -> Codec:
    """Make the codec of a spec.

    Raises
    ------
    UnknownCodec
        If there is no such codec, value or option.
    CodecUnavailable
        If it cannot run here; has `reason` and `remedy`.
    """
    if parse_spec(text).name == NEURAL:
        text = resolve(text)
    spec = parse_spec(text)
    return codec_class(spec.name).parse(spec)


def offers(also: Iterable[Spec] = ()) -> list[Offer]:
    """Every codec at every value offered, the unavailable ones with the reason.

    Parameters
    ----------
    also : iterable of Spec
        Codecs at other values, which come in their places.
    """
    other: dict[str, set[float]] = {}
    for spec in also:
        if spec.value is not None:
            other.setdefault(spec.name, set()).add(spec.value)
    found = []
    for name in CLASSES:
        cls = codec_class(name)
        more = other.get(name, set()) - set(cls.values)
        for value in sorted({*cls.values, *more}) if more else cls.values or (None,):
            spec = Spec(name, value)
            reason = remedy = ""
            try:
                cls.check(spec)
            except CodecUnavailable as error:
                reason, remedy = error.reason, error.remedy
            carried = cls.channels_of(spec)
            found.append(Offer(str(spec), name, cls.title, value, carried, cls.neural, reason, remedy))
    return found
