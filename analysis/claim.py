"""Does the claim hold? Every system against those of other codecs, and the rates at which codecs are equal.

What a claim such as "as good as MP3 at 64 kbit/s with a tenth of the bits" needs: that the system is no worse than the
other by more than a margin that was fixed before the data, and the rate at which its codec reaches the other's quality.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.frame import RatingsError
from analysis.inference import holm
from analysis.margins import within_margin
from analysis.mixed import Items, MixedModel, Raters, mixed_model
from analysis.rates import Curve, Fall, curves, equivalent_rate, fall, points
from analysis.wording import NOTHING, number, p_phrase


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
        p_equivalent, verdict, items ("random" or "fixed", as in the model of
        the two; "" if they are not comparable).
    rates : DataFrame
        codec, against, kbps_against, kbps, low, high, factor, factor_low,
        factor_high, status, items.
    points : DataFrame
        See `analysis.rates.points`.
    curves : tuple of Curve
    falls : tuple of Fall
        The clearest fall of each codec whose mean falls from a rate to a
        higher one.
    """

    margin: float
    level: float
    model: MixedModel
    comparisons: pd.DataFrame = field(repr=False)
    rates: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)
    curves: tuple[Curve, ...] = field(repr=False)
    falls: tuple[Fall, ...] = field(default=(), repr=False)


COMPARISONS = [
    "system", "against", "kbps", "kbps_against", "difference", "se", "df", "lower", "upper", "p_non_inferior",
    "p_equivalent", "verdict", "items",
]  # fmt: skip
RATES = [
    "codec", "against", "kbps_against", "kbps", "low", "high", "factor", "factor_low", "factor_high", "status",
    "items",
]  # fmt: skip


def claim(
    frame: pd.DataFrame,
    *,
    margin: float = float("nan"),
    items: Items = "random",
    raters: Raters = "random",
    rates: Mapping[str, float] | None = None,
    rates_from_names: bool = True,
    level: float = 0.95,
    model: MixedModel | None = None,
) -> Claim:
    """Test every system against those of other codecs at the same rate or above, or without a known rate.

    Two systems are compared over the items that both have.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    margin : float
        Points, fixed before the data; NaN for none.
    items, raters : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.
    rates_from_names : bool
        Whether names say rates, see `analysis.rates.rate_in_name`.
    level : float
    model : MixedModel, optional
        Of these ratings, if it is there already; `items` and `raters` are its own then.

    Raises
    ------
    analysis.frame.RatingsError
        If the model cannot be fitted, or the margin is not above 0.
    """
    model = model or mixed_model(frame, items=items, raters=raters)
    if margin <= 0:
        raise RatingsError(f"The margin must be above 0 points, not {margin:g}.")
    table = points(frame, rates, from_names=rates_from_names)
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
            try:
                common = model if model.same_items else model.among([*curve.conditions, condition])
                one = equivalent_rate(common, curve, condition, kbps, level=level)
            except RatingsError:
                equal.append((curve.codec, condition, kbps, *[math.nan] * 6, NOT_COMPARABLE, ""))
                continue
            equal.append(
                (one.codec, one.against, one.kbps_against, one.kbps, one.low, one.high, *one.factor, one.status)
                + (common.items,)
            )
    falls = [fall(model, curve, level=level) for curve in found]
    return Claim(
        margin, level, model, comparisons, pd.DataFrame(equal, columns=RATES), table, found, tuple(filter(None, falls))
    )


def _rows(table: pd.DataFrame) -> list[tuple[str, str, float]]:
    """condition, codec, kbps."""
    return [
        (str(condition), str(codec), float(kbps))
        for condition, codec, kbps in zip(table["condition"], table["codec"], table["kbps"], strict=True)
    ]


NOT_COMPARABLE = "not comparable"
"""Verdict and status of systems that have no item in common, or too few ratings there."""


def _compared(model: MixedModel, table: pd.DataFrame, margin: float, level: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one, codec, kbps in _rows(table):
        for other, other_codec, other_kbps in _rows(table):
            if codec == other_codec or kbps > other_kbps:
                continue
            try:
                pair = model.difference(one, other)
            except RatingsError:
                rows.append((one, other, kbps, other_kbps, *[math.nan] * 7, NOT_COMPARABLE, ""))
                continue
            found = within_margin(pair.value, pair.se, pair.df, margin, level=level)
            rows.append(
                (one, other, kbps, other_kbps, found.difference, found.se, found.df, found.lower, found.upper)
                + (found.p_non_inferior, found.p_equivalent, found.verdict, pair.items)
            )
    return rows


VERDICTS = {
    "better": "is better than",
    "equivalent": "is equivalent to",
    "no worse": "is no worse than",
    "worse": "is worse by more than the margin than",
    "not shown": "is not shown to be as good as",
    NOT_COMPARABLE: "cannot be compared with",
}
"""What a comparison within the margin can show -> the words for it between two systems."""


def sentences(found: Claim) -> list[str]:
    """What the tests show, in words: comparisons within the margin, equivalent rates, and curves that fall."""
    said = [_comparison_sentence(row, found.margin) for row in found.comparisons.to_dict("records")]
    said += [_rate_sentence(row) for row in found.rates.to_dict("records")]
    said += [fall_sentence(one) for one in found.falls]
    return said or ["There is nothing to compare: no two codecs, or neither a margin nor a curve of two rates."]


def _comparison_sentence(row: Mapping[Hashable, Any], margin: float) -> str:
    said = f"{row['system']}{_at(row['kbps'])} {VERDICTS[row['verdict']]} {row['against']}{_at(row['kbps_against'])}"
    if row["verdict"] == NOT_COMPARABLE:
        return f"{said}: they have too few items or ratings in common."
    return (
        f"{said}: {_signed(row['difference'])} points, bounds {_signed(row['lower'])} and {_signed(row['upper'])}, "
        f"margin {margin:g}."
    )


def bits(factor: float) -> str:
    """How many bits a codec takes, from how many times fewer it takes than another.

    >>> bits(8.0), bits(0.8), bits(1.02)
    ('8.0 times fewer', '1.2 times as many', 'about as many')
    """
    if math.isnan(factor):
        return NOTHING
    if 0.95 < factor < 1.05:
        return "about as many"
    return f"{number(factor)} times fewer" if factor >= 1 else f"{number(1 / factor)} times as many"


def bits_between(low: float, high: float) -> str:
    """The interval of how many times fewer bits, in words where it reaches above and below as many.

    >>> bits_between(2.0, 8.0), bits_between(0.5, 0.8), bits_between(0.0, 0.8)
    ('2.0 to 8.0 times fewer', '1.2 to 2.0 times as many', 'at best 1.2 times as many')
    >>> bits_between(0.5, 2.0)
    '2.0 times as many to 2.0 times fewer'
    """
    if math.isnan(low) or math.isnan(high):
        return NOTHING
    if not low > 0:
        return "no bounds" if math.isinf(high) else f"at best {bits(high)}"
    if math.isinf(high):
        return f"at worst {bits(low)}"
    if low >= 1:
        return f"{number(low)} to {number(high)} times fewer"
    if high <= 1:
        return f"{number(1 / high)} to {number(1 / low)} times as many"
    return f"{bits(low)} to {bits(high)}"


def _rate_sentence(row: Mapping[Hashable, Any]) -> str:
    target = f"{row['against']}{_at(row['kbps_against'])}"
    if row["status"] == NOT_COMPARABLE:
        return f"{row['codec']} cannot be compared with {target}: they have too few items or ratings in common."
    if row["status"] == "exceeded":
        return f"{row['codec']} exceeds {target} at all of its rates, from {row['kbps']:.3g} kbit/s."
    between = rates_between(row["low"], row["high"])
    if row["status"] == "not reached" and row["kbps"] > 0:
        return (
            f"{row['codec']} is not shown to reach {target} at the rates that were rated: its mean does, at "
            f"{row['kbps']:.3g} kbit/s ({between}), and may do so by chance."
        )
    if row["status"] == "not reached":
        return f"{row['codec']} does not reach {target} at the rates that were rated ({between})."
    reached = f"{row['codec']} reaches {target} at {row['kbps']:.3g} kbit/s ({between})"
    if not row["kbps_against"] > 0:
        return f"{reached}."
    return f"{reached}, with {bits(row['factor'])} bits ({bits_between(row['factor_low'], row['factor_high'])})."


def rates_between(low: float, high: float) -> str:
    """The interval of an equivalent rate in words.

    >>> rates_between(2.0, 8.0), rates_between(0.0, 8.0)
    ('2 to 8 kbit/s', 'at most 8 kbit/s')
    >>> rates_between(5.3, math.inf), rates_between(0.0, math.inf)
    ('from 5.3 kbit/s, no upper limit', 'no limits')
    """
    if low > 0:
        return f"{low:.3g} to {high:.3g} kbit/s" if math.isfinite(high) else f"from {low:.3g} kbit/s, no upper limit"
    return f"at most {high:.3g} kbit/s" if math.isfinite(high) else "no limits"


def fall_sentence(found: Fall) -> str:
    """By how much a codec's mean falls with the rate, and whether chance explains it."""
    said = (
        f"The mean of {found.codec} falls by {number(found.points)} points from {found.low:.3g} to {found.high:.3g} "
        f"kbit/s"
    )
    if found.beyond_error:
        return (
            f"{said}, more than chance explains ({p_phrase(found.p)} after Holm's correction). Its equivalent rates "
            "assume that quality does not fall with the rate: do not rely on them."
        )
    return f"{said}, which chance can explain ({p_phrase(found.p)} after Holm's correction)."


def _at(kbps: float) -> str:
    return f" ({kbps:.3g} kbit/s)" if kbps > 0 else ""


def _signed(points: float) -> str:
    return ("+" if points > 0 else "") + number(points)
