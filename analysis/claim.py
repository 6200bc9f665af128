"""Does the claim hold? Every system against those of other codecs, and the rates at which codecs are equal.

What a claim such as "as good as MP3 at 64 kbit/s with a tenth of the bits" needs: that the system is no worse than the
other by more than a margin that was fixed before the data, and the rate at which its codec reaches the other's quality.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from analysis.inference import holm
from analysis.margins import within_margin
from analysis.mixed import Items, MixedModel, mixed_model
from analysis.rates import Curve, curves, equivalent_rate, points


@dataclass(frozen=True, eq=False)
class Claim:
    """Comparisons within a margin, and equivalent rates.

    Attributes
    ----------
    margin : float
        Points; NaN where the study fixed none, and nothing was compared.
    level : float
        Of one-sided bounds and of the intervals of rates.
    model : MixedModel
    comparisons : DataFrame
        system, against, kbps, kbps_against, difference, se, df, lower, upper
        (one-sided bounds), p_non_inferior, p_holm (of that, over all rows),
        p_equivalent, verdict.
    rates : DataFrame
        codec, against, kbps_against, kbps, low, high, factor, factor_low,
        factor_high, status.
    points : DataFrame
        See `analysis.rates.points`.
    curves : tuple of Curve
    """

    margin: float
    level: float
    model: MixedModel
    comparisons: pd.DataFrame = field(repr=False)
    rates: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)
    curves: tuple[Curve, ...] = field(repr=False)


COMPARISONS = [
    "system", "against", "kbps", "kbps_against", "difference", "se", "df", "lower", "upper", "p_non_inferior",
    "p_equivalent", "verdict",
]  # fmt: skip
RATES = [
    "codec", "against", "kbps_against", "kbps", "low", "high", "factor", "factor_low", "factor_high", "status",
]  # fmt: skip


def claim(
    frame: pd.DataFrame,
    *,
    margin: float = float("nan"),
    items: Items = "random",
    rates: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> Claim:
    """Test every system against the systems of other codecs at the same rate or above.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    margin : float
        Points, fixed before the data; NaN for none.
    items : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.
    level : float

    Raises
    ------
    analysis.frame.RatingsError
        If the model cannot be fitted, or the margin is not above 0.
    """
    model = mixed_model(frame, items=items)
    table = points(frame, rates)
    found = tuple(curves(table))
    compared = _compared(model, table, margin, level) if not math.isnan(margin) else []
    comparisons = pd.DataFrame(compared, columns=COMPARISONS)
    comparisons.insert(10, "p_holm", holm(comparisons["p_non_inferior"].to_numpy(float)))
    equal = []
    for curve in found:
        if len(curve.kbps) < 2:
            continue
        for condition, codec, kbps in _rows(table):
            if codec == curve.codec:
                continue
            one = equivalent_rate(model, curve, condition, kbps, level=level)
            equal.append(
                (one.codec, one.against, one.kbps_against, one.kbps, one.low, one.high, *one.factor, one.status)
            )
    return Claim(margin, level, model, comparisons, pd.DataFrame(equal, columns=RATES), table, found)


def _rows(table: pd.DataFrame) -> list[tuple[str, str, float]]:
    """condition, codec, kbps."""
    return [
        (str(condition), str(codec), float(kbps))
        for condition, codec, kbps in zip(table["condition"], table["codec"], table["kbps"], strict=True)
    ]


def _compared(model: MixedModel, table: pd.DataFrame, margin: float, level: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one, codec, kbps in _rows(table):
        for other, other_codec, other_kbps in _rows(table):
            if codec == other_codec or kbps > other_kbps:
                continue
            found = within_margin(*model.estimate(model.weights({one: 1.0, other: -1.0})), margin, level=level)
            rows.append(
                (one, other, kbps, other_kbps, found.difference, found.se, found.df, found.lower, found.upper)
                + (found.p_non_inferior, found.p_equivalent, found.verdict)
            )
    return rows
