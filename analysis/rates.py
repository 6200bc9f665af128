"""Rate and quality: one curve for each codec, and the rate at which it reaches another's quality.

The mean quality of a codec is taken to be linear in the logarithm of the rate between the rates that were rated, and
not to fall with the rate, which `fall` tests. Where two curves meet is read from the means; how sure that is, from a
test at every rate: the interval holds all rates at which the two qualities cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from analysis.codec_names import codec_of, rate_in_name, rate_in_spec
from analysis.frame import SYSTEM, RatingsError, rated, unified
from analysis.inference import holm
from analysis.mixed import MixedModel
from analysis.rate_contrasts import RateContrasts, rate_contrasts
from analysis.wording import listed

Floats = NDArray[np.float64]

STEPS = 400
"""Rates that are tried between the lowest and the highest, evenly on the logarithmic axis."""


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
        Where the monotone curve meets that quality; NaN if it does not. In
        studies that reach it, less what the selection adds to the means.
    low, high : float
        Interval of the rate. `low` is 0 where even the lowest rated rate may be
        enough, `high` infinite where the highest may not be: exactly where it
        is not reached.
    status : str
        "reached": the codec is shown to be better at its highest rate, by a
        one-sided test. "exceeded": at all of its rates, and the interval says
        "at most". "not reached": the highest rate is not shown to be better;
        `kbps` then says whether the means meet all the same.
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


def points(frame: pd.DataFrame, rates: Mapping[str, float] | None = None, *, from_names: bool = True) -> pd.DataFrame:
    """Codec and rate of every system.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.
    from_names : bool
        Whether names say rates, see `analysis.codec_names.rate_in_name`.

    Returns
    -------
    DataFrame
        condition, codec (as the conditions' names have it, such as Opus for
        Opus 12 kbps), kbps, source. Source is "given" (in `rates`), "data"
        (the mean of the column kbps), "spec" or "name", in that order; "" if
        the rate is not known and NaN.
    """
    systems = rated(frame[frame["role"] == SYSTEM])
    table = systems.groupby("condition", sort=False).agg(spec=("spec", "first"), kbps=("kbps", "mean")).reset_index()
    given = {unified(name): kbps for name, kbps in (rates or {}).items()}
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
        codec_of(name, "" if spec.startswith("command") else spec, kbps) if source or "@" in spec else name
        for name, spec, kbps, source in zip(
            *(table[name] for name in ("condition", "spec", "kbps", "source")), strict=True
        )
    ]
    table["codec"] = _titles(table)
    return table[["condition", "codec", "kbps", "source"]]


def known_rates(frame: pd.DataFrame, rates: Mapping[str, float] | None) -> Mapping[str, float]:
    """The rates that were given, each for a condition of the ratings before screening.

    Raises
    ------
    RatingsError
        If a rate is given for a condition that is not there.
    """
    found = {unified(name): kbps for name, kbps in (rates or {}).items()}
    if absent := sorted(set(found) - set(frame["condition"].unique())):
        raise RatingsError(f"A rate is given for {listed(absent)}, which the ratings do not have.")
    return found


def _titles(table: pd.DataFrame) -> pd.Series:
    """Codecs by what the names of their conditions share, where that tells them apart; by their spec elsewhere."""
    shared = {}
    for codec, rows in table.groupby("codec", sort=False):
        titles = {codec_of(name, kbps=kbps) for name, kbps in zip(rows["condition"], rows["kbps"], strict=True)}
        shared[codec] = titles.pop() if len(titles) == 1 else codec
    names = list(shared.values())
    return table["codec"].map({codec: name if names.count(name) == 1 else codec for codec, name in shared.items()})


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


def monotone(values: Sequence[float] | Floats, weights: Sequence[float] | Floats) -> Floats:
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
        If the curve has fewer than two points, or its conditions have too few
        ratings in common with the other.

    Notes
    -----
    At each rate the difference of the two qualities is tested with the error
    of the conditions that it is made of. The rates at which it is not
    significant form the interval: Fieller's construction (J. R. Stat. Soc. B
    16 (1954) 175-185), which keeps its coverage however flat the curve is.
    Gaps are filled. In studies that reach the other's quality, the tests allow
    for that selection, and the highest rate is the upper limit at most, since
    a separate test has shown it to be better: see `analysis.rate_contrasts`.
    """
    names, weights = contrast_weights(curve, against)
    return located(rate_contrasts(model, names, weights, level), curve, against, kbps_against)


def rates_tried(curve: Curve) -> Floats:
    """The rated points of a curve and `STEPS` rates between the lowest and the highest, in kbit/s, rising.

    Raises
    ------
    RatingsError
        If the curve has fewer than two points.
    """
    if len(curve.kbps) < 2:
        raise RatingsError(f"A curve needs at least two rates; {curve.codec} has {len(curve.kbps)}.")
    between = np.geomspace(curve.kbps[0], curve.kbps[-1], STEPS)
    apart = ~np.isclose(between[:, None], curve.kbps, rtol=1e-9, atol=0).any(axis=1)
    return np.sort(np.concatenate([between[apart], curve.kbps]))


def contrast_weights(curve: Curve, against: str) -> tuple[tuple[str, ...], Floats]:
    """The conditions of the contrast at each of `rates_tried`, and their weights, shape (rates, conditions)."""
    names = tuple(dict.fromkeys([*curve.conditions, against]))
    rates = rates_tried(curve)
    weights = np.zeros((len(rates), len(names)))
    for row, kbps in zip(weights, rates, strict=True):
        for name, share in curve.shares(float(kbps)).items():
            row[names.index(name)] += share
        row[names.index(against)] -= 1
    return names, weights


def located(contrasts: RateContrasts, curve: Curve, against: str, kbps_against: float) -> EquivalentRate:
    """The equivalent rate that the contrasts of one study show, which are those at `rates_tried`."""
    rates = rates_tried(curve)
    reached = bool(contrasts.selected)
    tail = (1 - contrasts.level) / 2
    below, above = (chance < tail for chance in contrasts.tails())
    low = _lower_limit(rates, below, above)
    high = _upper_limit(rates, below, above) if reached else float("inf")
    kbps = _meeting(rates, contrasts.value - contrasts.selection_bias())
    if reached:
        kbps = min(max(curve.kbps[-1] if np.isnan(kbps) else kbps, low), high)
    status = "not reached" if not reached else "exceeded" if above.all() else "reached"
    return EquivalentRate(curve.codec, against, kbps_against, kbps, low, high, status, contrasts.level)


def _lower_limit(rates: Floats, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> float:
    """First rate at which the quality is not significantly below, or the one before if it is above there; 0 for all."""
    if below.all():
        return float(rates[-1])
    at = int(np.argmin(below))
    if at == 0:
        return 0.0
    return float(rates[at - 1] if above[at] else rates[at])


def _upper_limit(rates: Floats, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> float:
    """Last rate at which the quality is not significantly above, or the one after if it is below there."""
    if above.all():
        return float(rates[0])
    at = int(np.flatnonzero(~above)[-1])
    return float(rates[min(at + 1, len(rates) - 1)] if below[at] else rates[at])


def _meeting(rates: Floats, differences: Floats) -> float:
    """Where the differences, made monotone, rise to 0; the lowest rate if they begin above, NaN if they end below."""
    rising = monotone(differences, np.ones(len(differences)))
    if rising[-1] < 0:
        return float("nan")
    if rising[0] >= 0:
        return float(rates[0])
    at = int(np.argmax(rising >= 0))
    share = -rising[at - 1] / (rising[at] - rising[at - 1])
    low, high = np.log2(rates[at - 1]), np.log2(rates[at])
    return float(2 ** (low + share * (high - low)))


def rates_between(low: float, high: float) -> str:
    """The interval of an equivalent rate in words.

    >>> rates_between(2.0, 8.0), rates_between(0.0, 8.0)
    ('2 to 8 kbit/s', 'at most 8 kbit/s')
    >>> rates_between(5.3, np.inf), rates_between(0.0, np.inf)
    ('from 5.3 kbit/s, no upper limit', 'no limits')
    """
    if low > 0:
        return f"{low:.3g} to {high:.3g} kbit/s" if np.isfinite(high) else f"from {low:.3g} kbit/s, no upper limit"
    return f"at most {high:.3g} kbit/s" if np.isfinite(high) else "no limits"


@dataclass(frozen=True)
class Fall:
    """A codec whose mean falls from a lower to a higher rate.

    Attributes
    ----------
    codec : str
    low, high : float
        The two rates in kbit/s.
    points : float
        By how much the mean falls, above 0.
    p : float
        One-sided, with Holm's correction over all pairs of the curve's rates.
    beyond_error : bool
        Whether that is significant: the curve is not monotone.
    """

    codec: str
    low: float
    high: float
    points: float
    p: float
    beyond_error: bool


def fall(model: MixedModel, curve: Curve, *, level: float = 0.95) -> Fall | None:
    """The clearest fall between two rates of a codec, each pair tested with its own error; None if no mean falls.

    Parameters
    ----------
    model : MixedModel
    curve : Curve
    level : float
        One minus the level of the test.
    """
    rows: list[tuple[float, float, float, float]] = []
    for (lower, low), (higher, high) in combinations(zip(curve.conditions, curve.kbps, strict=True), 2):
        try:
            found = model.difference(lower, higher)
        except RatingsError:
            continue
        rows.append((low, high, found.value, found.p / 2 if found.value > 0 else 1 - found.p / 2))
    corrected = holm(np.array([p for *_, p in rows]))
    falls = [(float(p), *row[:3]) for p, row in zip(corrected, rows, strict=True) if row[2] > 0]
    if not falls:
        return None
    p, low, high, points = min(falls, key=lambda each: (each[0], -each[3]))
    return Fall(curve.codec, low, high, points, p, p < 1 - level)
