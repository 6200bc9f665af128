"""Rate and quality: one curve for each codec, and the rate at which it reaches another's quality.

The mean quality of a codec is taken to be linear in the logarithm of the rate between the rates that were rated, and
not to fall with the rate. Where two curves meet is read from the means; how sure that is, from a test at every rate:
the interval holds all rates at which the two qualities cannot be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from analysis.frame import SYSTEM, RatingsError, rated, unified
from analysis.mixed import MixedModel
from analysis.order import family
from analysis.wording import listed

Floats = NDArray[np.float64]

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

STEPS = 400
"""Rates that are tried between the lowest and the highest, evenly on the logarithmic axis, before refining."""


@dataclass(frozen=True)
class Curve:
    """The rated points of one codec, rates rising.

    Attributes
    ----------
    codec : str
    conditions : tuple of str
    kbps : tuple of float
    """

    codec: str
    conditions: tuple[str, ...]
    kbps: tuple[float, ...]

    def shares(self, kbps: float) -> dict[str, float]:
        """Weights of the two rated points around a rate; log-linear between them.

        >>> Curve("opus", ("a", "b"), (6.0, 24.0)).shares(12.0)
        {'a': 0.5, 'b': 0.5}
        """
        place = np.interp(np.log2(kbps), np.log2(self.kbps), np.arange(len(self.kbps)))
        low = min(int(place), len(self.kbps) - 2) if len(self.kbps) > 1 else 0
        share = float(place - low)
        found = {self.conditions[low]: 1 - share}
        if share > 0:
            found[self.conditions[low + 1]] = share
        return found


@dataclass(frozen=True)
class EquivalentRate:
    """At which rate one codec has the quality that another has at its rate.

    Attributes
    ----------
    codec, against : str
        The curve, and the condition whose quality is looked for.
    kbps_against : float
        Its rate; NaN where it has none.
    kbps : float
        Where the monotone curve meets that quality; NaN if it does not.
    low, high : float
        Interval of the rate. `low` is 0 where even the lowest rated rate may be
        enough, `high` infinite where the highest may not be.
    status : str
        "reached": even the lower bound of the quality at the highest rate is
        above the other's. "exceeded": so is the quality at the lowest rate, and
        the interval says "at most". "not reached": the highest rate is not shown
        to be better; `kbps` then says whether the means meet all the same.
    level : float
    """

    codec: str
    against: str
    kbps_against: float
    kbps: float
    low: float
    high: float
    status: str
    level: float

    @property
    def factor(self) -> tuple[float, float, float]:
        """How many times fewer bits: estimate, lowest, highest. NaN where there is none."""
        low = self.kbps_against / self.high if self.high > 0 else float("nan")
        high = self.kbps_against / self.low if self.low > 0 else float("inf")
        return self.kbps_against / self.kbps, low, high


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
        it, by 10% at most, is no part of the codec's name.

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


def points(frame: pd.DataFrame, rates: Mapping[str, float] | None = None, *, from_names: bool = True) -> pd.DataFrame:
    """Codec and rate of every system.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.
    from_names : bool
        Whether names say rates, see `rate_in_name`.

    Returns
    -------
    DataFrame
        condition, codec, kbps, source. Source is "given" (in `rates`), "data"
        (the mean of the column kbps), "spec" or "name", in that order; "" if
        the rate is not known and NaN.

    Raises
    ------
    RatingsError
        If a rate is given for a condition that is not there.
    """
    systems = rated(frame[frame["role"] == SYSTEM])
    table = systems.groupby("condition", sort=False).agg(spec=("spec", "first"), kbps=("kbps", "mean")).reset_index()
    given = {unified(name): kbps for name, kbps in (rates or {}).items()}
    absent = sorted(set(given) - set(frame["condition"]))
    if absent:
        raise RatingsError(f"A rate is given for {listed(absent)}, which the ratings do not have.")
    # A condition with a spec is ours: where its rate was not measured (supplied files), its name is no measurement.
    without_spec = table["condition"].where(table["spec"].fillna("") == "", "")
    table["source"] = ""
    for source, found in {
        "given": table["condition"].map(given).astype(float),
        "data": table["kbps"],
        "spec": table["spec"].map(rate_in_spec).astype(float),
        "name": without_spec.map(rate_in_name).astype(float) if from_names else table["kbps"],
    }.items():
        new = (table["source"] == "") & (found > 0)
        table.loc[new, "kbps"] = found[new]
        table.loc[new, "source"] = source
    table["codec"] = [
        codec_of(name, spec, kbps) if source or "@" in spec else name
        for name, spec, kbps, source in zip(
            *(table[name] for name in ("condition", "spec", "kbps", "source")), strict=True
        )
    ]
    return table[["condition", "codec", "kbps", "source"]]


def said_by_names(table: pd.DataFrame) -> list[str]:
    """What was read from the names in `points`, in a sentence; nothing if no rate was."""
    rows = table[table["source"] == "name"]
    if rows.empty:
        return []
    pairs = [f"{name}: {kbps:g}" for name, kbps in zip(rows["condition"], rows["kbps"], strict=True)]
    return [
        f"Bitrates taken from names, in kbit/s: {listed(pairs)}. Correct one with --rate, or switch this off with "
        "--no-rates-from-names."
    ]


def curves(table: pd.DataFrame) -> list[Curve]:
    """Curves of the codecs in `points` that have a rate, those of one point too."""
    found = []
    for codec, rows in table[table["kbps"] > 0].groupby("codec", sort=False):
        rows = rows.sort_values("kbps").drop_duplicates("kbps")
        found.append(Curve(str(codec), tuple(rows["condition"]), tuple(map(float, rows["kbps"]))))
    return found


def monotone(values: Sequence[float], weights: Sequence[float]) -> Floats:
    """Closest values that do not fall, by least squares.

    Pool-adjacent-violators: Barlow et al., Statistical Inference under Order
    Restrictions, 1972, section 1.2.

    >>> monotone([10, 30, 20, 40], [1, 1, 1, 1]).tolist()
    [10.0, 25.0, 25.0, 40.0]
    """
    return np.asarray(optimize.isotonic_regression(np.asarray(values, float), weights=np.asarray(weights, float)).x)


def equivalent_rate(
    model: MixedModel, curve: Curve, against: str, kbps_against: float, *, level: float = 0.95
) -> EquivalentRate:
    """The rate at which a codec has the quality of a condition.

    Parameters
    ----------
    model : MixedModel
        Fitted to ratings that hold the curve's conditions and `against`.
    curve : Curve
        At least two points.
    against : str
        A condition.
    kbps_against : float
        Its rate, for the factor.
    level : float
        Confidence of the interval.

    Raises
    ------
    RatingsError
        If the curve has fewer than two points.

    Notes
    -----
    At each rate the difference of the two qualities is a weighted sum of
    conditions' means, with its standard error from the model. The rates at
    which |difference| / se stays below Student's quantile form the interval:
    Fieller's construction (J. R. Stat. Soc. B 16 (1954) 175-185), which keeps
    its coverage however flat the curve is. Gaps are filled.
    """
    if len(curve.kbps) < 2:
        raise RatingsError(f"A curve needs at least two rates; {curve.codec} has {len(curve.kbps)}.")

    def apart(kbps: float) -> tuple[float, float, float]:
        """Difference, standard error, degrees of freedom at a rate."""
        weights = model.weights(curve.shares(kbps)) - model.weights({against: 1.0})
        return model.estimate(weights) if weights.any() else (0.0, 0.0, 1.0)

    first, last = curve.kbps[0], curve.kbps[-1]
    grid = np.unique(np.concatenate([np.geomspace(first, last, STEPS), curve.kbps]))
    lines = np.array([apart(float(kbps)) for kbps in grid])
    allowed = lines[:, 1] * stats.t.ppf(0.5 + level / 2, lines[:, 2])
    near = np.abs(lines[:, 0]) <= allowed
    kbps = _meeting(model, curve, against)
    above_at_the_top = lines[-1, 0] > lines[-1, 1] * stats.t.ppf(level, lines[-1, 2])
    if near.any():
        inside = np.flatnonzero(near)
        low = 0.0 if inside[0] == 0 else float(grid[inside[0]])
        high = float("inf") if inside[-1] == len(grid) - 1 else float(grid[inside[-1]])
    elif lines[0, 0] > 0:
        low, high = 0.0, first
    elif lines[-1, 0] < 0:
        low, high = last, float("inf")
    else:  # between two steps of the grid
        at = int(np.flatnonzero(lines[:, 0] > 0)[0])
        low, high = float(grid[at - 1]), float(grid[at])
    if lines[0, 0] > allowed[0]:
        status = "exceeded"
    elif above_at_the_top:
        status = "reached"
    else:
        status = "not reached"
    return EquivalentRate(curve.codec, against, kbps_against, kbps, low, high, status, level)


def _meeting(model: MixedModel, curve: Curve, against: str) -> float:
    """Where the monotone curve of the means reaches the mean of the other; the lowest rate if it begins above."""
    means = {name: model.estimate(model.weights({name: 1.0}))[0] for name in (*curve.conditions, against)}
    rising = monotone([means[name] for name in curve.conditions], [1.0] * len(curve.kbps))
    wanted = means[against]
    if wanted > rising[-1]:
        return float("nan")
    if wanted <= rising[0]:
        return curve.kbps[0]
    at = int(np.flatnonzero(rising >= wanted)[0])
    share = (wanted - rising[at - 1]) / (rising[at] - rising[at - 1])
    low, high = np.log2(curve.kbps[at - 1]), np.log2(curve.kbps[at])
    return float(2 ** (low + share * (high - low)))
