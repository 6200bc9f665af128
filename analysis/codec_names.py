"""What the name or the spec of a condition says: its codec, and its rate in kbit/s."""

from __future__ import annotations

import re

from analysis.order import family

NEAR = 0.1
"""Share by which a measured rate may differ from the rate in a name."""

_FREE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])(?!\s*k?hz)", re.IGNORECASE)
_HERTZ = re.compile(r"\d+(?:\.\d+)?[\s_]*k?hz", re.IGNORECASE)
_KILOBITS = {"b": 0.001, "k": 1.0, "m": 1000.0}
_UNIT = re.compile(
    r"(?<![A-Za-z\d.])(?P<number>\d+(?:[.,]\d+)?)[\s_]*"
    r"(?P<unit>[km]?bps|[km]?bits?/s(?:ec)?|[km]b/s|kbits?)(?![\w/])",
    re.IGNORECASE,
)
CODECS = (
    "opus", "celt", "silk", "mp3", "lame", "aac", "aac-lc", "he-aac", "xhe-aac", "usac", "vorbis", "ogg vorbis", "wma",
    "ac-3", "e-ac-3", "atrac", "musepack", "speex", "evs", "amr", "amr-nb", "amr-wb", r"amr-wb\+", "lc3", "lc3plus",
    "amrnb", "amrwb", "g722", "codec2", "sbc", "lyra", "soundstream", "encodec", "encodec_24khz", "encodec_48khz",
    "spectral", "rvqf",
)  # fmt: skip
"""Codecs whose names are followed by their rate."""

_AFTER_CODEC = re.compile(
    rf"(?<![\w.])(?:{'|'.join(sorted(CODECS, key=len, reverse=True)).replace(' ', '[ ]')})"
    r"(?:[\s_@:,(\-]|\bat\b)+(?P<number>\d+(?:\.\d+)?)(?P<k>\s?k)?(?=\s*(?:[,;(\[)\]]|$))",
    re.IGNORECASE,
)


def rate_in_spec(spec: str) -> float:
    """Nominal rate in the spec of a condition, in kbit/s; NaN if there is none. The number of a low-pass is in Hz.

    A tandem has the rate of its first codec, or with `rate=then` that of the second.

    >>> rate_in_spec("opus@12:application=voip"), rate_in_spec("lowpass@7000"), rate_in_spec("")
    (12.0, nan, nan)
    >>> rate_in_spec("tandem:first=opus@12:rate=then:then=amrnb@5.9")
    5.9
    """
    found = re.findall(r"@(\d+(?:\.\d+)?)(?![\w.])", spec)
    return float(found[-1 if ":rate=then" in spec else 0]) if found and family(spec) != "lowpass" else float("nan")


def rate_in_name(condition: str) -> float:
    """Rate that the name of a condition says, in kbit/s; NaN if it says none.

    A number is a rate if it has a unit, or follows the name of a known codec
    and nothing but a "k" or brackets follow. Other numbers say nothing.

    >>> [rate_in_name(name) for name in ("Ours, 1.5 kbit/s", "Lyra 3.2", "EnCodec 24 kHz 6", "x 800 bps")]
    [1.5, 3.2, 6.0, 0.8]
    >>> [rate_in_name(name) for name in ("System 1", "Ours (2024)", "AudioDec", "Opus 1.3.1", "@48k", "Opus v2")]
    [nan, nan, nan, nan, nan, nan]
    """
    found = _rate_in_name(condition)
    return found[0] if found else float("nan")


def codec_of(condition: str, spec: str = "", kbps: float = float("nan")) -> str:
    """Codec of a condition with all that its rates share: options of the spec, other words of the name.

    Parameters
    ----------
    condition, spec : str
    kbps : float
        The rate, where it is known. The number in the name that is closest to
        it, by 10% at most, does not belong to the codec's name.

    >>> codec_of("", "opus@12:application=voip"), codec_of("Proposed 1.38 16kHz", kbps=1.38), codec_of("Lyra 3")
    ('opus:application=voip', 'Proposed 16kHz', 'Lyra')
    >>> codec_of("System 1"), codec_of("System 1", kbps=6.0)
    ('System 1', 'System 1')
    """
    if spec.startswith("tandem:"):
        return spec
    if "@" in spec:
        options = ":".join(part for part in spec.split(":")[1:] if not part.startswith("weights="))
        return family(spec) + (f":{options}" if options else "")
    said = _rate_in_name(condition)
    if said:
        start, end = said[1]
    else:
        numbers = [(abs(float(at[0]) / kbps - 1), at) for at in _FREE.finditer(condition)] if kbps > 0 else []
        distance, at = min(numbers, key=lambda each: each[0], default=(1.0, None))
        if at is None or distance > NEAR:
            return " ".join(condition.split())
        start, end = at.span()
    rest = re.sub(r"\(\s*\)|\[\s*\]", " ", f"{condition[:start]} {condition[end:]}")
    return " ".join(rest.split()).strip(" ,;:@-_") or condition


def _rate_in_name(condition: str) -> tuple[float, tuple[int, int]] | None:
    """Rate in kbit/s, and where it stands."""
    if unit := _UNIT.search(condition):
        return float(unit["number"].replace(",", ".")) * _KILOBITS[unit["unit"][0].lower()], unit.span()
    # Of one length with the name, so that places hold.
    without_hertz = _HERTZ.sub(lambda found: " " * len(found[0]), condition)
    if codec := _AFTER_CODEC.search(without_hertz):
        number = float(codec["number"])
        if not (number.is_integer() and 1900 < number < 2100):  # a year
            return number, (codec.start("number"), codec.end("number") + len(codec["k"] or ""))
    return None
