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

from analysis.frame import SYSTEM, RatingsError, rated
from analysis.mixed import MixedModel
from analysis.order import family

Floats = NDArray[np.float64]

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


def rate_of(condition: str, spec: str = "") -> float:
    """Nominal rate of a condition, from its spec, or from its name if it has no spec, in kbit/s; NaN if that says none.

    >>> rate_of("Opus at 12", "opus@12:application=voip"), rate_of("Proposed 1.38 16kHz"), rate_of("AudioDec")
    (12.0, 1.38, nan)
    >>> rate_of("Ours 6", "supplied:name=ours-6")  # files of a system whose rate nobody measured
    nan
    """
    if found := re.search(r"@(\d+(?:\.\d+)?)", spec or condition):
        return float(found[1])
    if spec:
        return float("nan")
    named = re.sub(r"\d+(?:\.\d+)?\s*k?hz", "", condition, flags=re.IGNORECASE)
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])", named)
    return float(found[1]) if found else float("nan")


def codec_of(condition: str, spec: str = "") -> str:
    """Codec of a condition with all that its rates share: options of the spec, other words of the name.

    >>> codec_of("", "opus@12:application=voip"), codec_of("Proposed 1.38 16kHz"), codec_of("Lyra 3")
    ('opus:application=voip', 'Proposed 16kHz', 'Lyra')
    """
    if "@" in spec:
        options = ":".join(part for part in spec.split(":")[1:] if not part.startswith("weights="))
        return family(spec) + (f":{options}" if options else "")
    named = re.sub(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])(?!\s*k?hz)", "", condition, count=1, flags=re.IGNORECASE)
    return " ".join(named.split())


def points(frame: pd.DataFrame, rates: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Codec and rate of every system.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.

    Returns
    -------
    DataFrame
        condition, codec, kbps: the mean measured rate where there is one, else
        the nominal one; NaN where nothing says it.
    """
    systems = rated(frame[frame["role"] == SYSTEM])
    table = systems.groupby("condition", sort=False).agg(spec=("spec", "first"), kbps=("kbps", "mean")).reset_index()
    nominal = [rate_of(name, spec) for name, spec in zip(table["condition"], table["spec"], strict=True)]
    table["kbps"] = table["kbps"].where(table["kbps"].notna(), nominal)
    if rates:
        table["kbps"] = table["condition"].map(dict(rates)).fillna(table["kbps"])
    table["codec"] = [codec_of(name, spec) for name, spec in zip(table["condition"], table["spec"], strict=True)]
    return table[["condition", "codec", "kbps"]]


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
