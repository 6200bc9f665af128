"""Does the claim hold? Every system against those of other codecs, and the rates at which codecs are equal.

What a claim such as "as good as MP3 at 64 kbit/s with a tenth of the bits" needs: that the system is no worse than the
other by more than a margin that was fixed before the data, and the rate at which its codec reaches the other's quality.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.comparisons import COLUMNS, NOT_COMPARABLE, compare, pairs_by_rate, sentence, signed
from analysis.frame import HIDDEN_REFERENCE, SYSTEM, RatingsError
from analysis.inference import ALPHA
from analysis.mixed import Items, MixedModel, Raters, mixed_model
from analysis.population import population
from analysis.primary import PrimaryClaim
from analysis.primary_answer import PrimaryAnswer, answer, secondary
from analysis.rates import Curve, Fall, curves, equivalent_rate, fall, points, rates_between
from analysis.scales import check_margin
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
    primary : PrimaryAnswer or None
        None where the study declared no primary claim.
    contrasts : DataFrame
        Differences of all pairs of systems, see
        `analysis.mixed.MixedModel.contrasts`, corrected without the primary
        claim (`analysis.primary_answer.secondary`).
    comparisons : DataFrame
        The columns of `analysis.comparisons.compare` and kbps, kbps_against;
        without the pair of the primary claim, unless that is of a rate.
    transparency : DataFrame
        The same of every system against the hidden reference.
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
    primary: PrimaryAnswer | None
    contrasts: pd.DataFrame = field(repr=False)
    comparisons: pd.DataFrame = field(repr=False)
    transparency: pd.DataFrame = field(repr=False)
    rates: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)
    curves: tuple[Curve, ...] = field(repr=False)
    falls: tuple[Fall, ...] = field(default=(), repr=False)


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
    primary: PrimaryClaim | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Claim:
    """Answer the primary claim, and test every system against others and against the hidden reference.

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
        Whether names say rates, see `analysis.codec_names.rate_in_name`.
    level : float
    model : MixedModel, optional
        Of these ratings, if it is there already; `items` and `raters` are its own then.
    primary : PrimaryClaim, optional
        What the study declared before it opened.
    pairs : sequence of tuple of str, optional
        (system, against): what is compared within the margin, instead of
        `analysis.comparisons.pairs_by_rate`.

    Raises
    ------
    analysis.frame.RatingsError
        If the model cannot be fitted, or the margin is not above 0.
    """
    model = model or mixed_model(frame, items=items, raters=raters)
    check_margin(margin)
    table = points(frame, rates, from_names=rates_from_names)
    found = tuple(curves(table))
    contrasts = secondary(model.contrasts(level), primary)
    alone = primary.pair if primary and primary.statement != "reaches" else frozenset()
    secondary_pairs = [pair for pair in pairs or pairs_by_rate(table, contrasts) if set(pair) != alone]
    comparisons = compare([] if math.isnan(margin) else secondary_pairs, contrasts, margin, level)
    rate_of = table.set_index("condition")["kbps"]
    comparisons.insert(2, "kbps", comparisons["system"].map(rate_of))
    comparisons.insert(3, "kbps_against", comparisons["against"].map(rate_of))
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
        margin=margin,
        level=level,
        model=model,
        primary=answer(primary, frame, items=items, raters=raters, rates=rates, rates_from_names=rates_from_names)
        if primary
        else None,
        contrasts=contrasts,
        comparisons=comparisons,
        transparency=_transparency(frame, items, raters, margin, level, alone),
        rates=pd.DataFrame(equal, columns=RATES),
        points=table,
        curves=found,
        falls=tuple(filter(None, falls)),
    )


def _transparency(
    frame: pd.DataFrame, items: Items, raters: Raters, margin: float, level: float, alone: frozenset[str]
) -> pd.DataFrame:
    """Every system against every hidden reference, within the margin; no row without either."""
    roles = (SYSTEM, HIDDEN_REFERENCE)
    systems, references = (frame.loc[frame["role"] == role, "condition"].unique() for role in roles)
    pairs = [(str(system), str(reference)) for reference in references for system in systems]
    pairs = [pair for pair in pairs if set(pair) != alone]
    if math.isnan(margin) or not pairs:
        return pd.DataFrame(columns=COLUMNS)
    try:
        contrasts = mixed_model(frame, items=items, raters=raters, roles=roles).contrasts(level, pairs=pairs)
    except RatingsError:  # such as an item without a rating of the reference
        contrasts = pd.DataFrame(columns=["a", "b"])
    return compare(pairs, contrasts, margin, level)


def _rows(table: pd.DataFrame) -> list[tuple[str, str, float]]:
    """condition, codec, kbps."""
    return [
        (str(condition), str(codec), float(kbps))
        for condition, codec, kbps in zip(table["condition"], table["codec"], table["kbps"], strict=True)
    ]


def sentences(found: Claim) -> list[str]:
    """What is secondary, in words: comparisons within the margin, equivalent rates, and curves that fall."""

    def where(row: Mapping[Hashable, Any]) -> str:
        return population(row["items"], found.model.raters)

    said = [
        sentence(row, found.margin, where(row), (_at(row["kbps"]), _at(row["kbps_against"])))
        for row in found.comparisons.to_dict("records")
    ]
    said += [_transparency_sentence(row, found.margin, where(row)) for row in found.transparency.to_dict("records")]
    said += [_rate_sentence(row, where(row)) for row in found.rates.to_dict("records")]
    said += [fall_sentence(one, population(found.model.items, found.model.raters)) for one in found.falls]
    return said or ["Nothing else was compared: that takes two codecs, and a margin or a codec with two rates."]


def _transparency_sentence(row: Mapping[Hashable, Any], margin: float, where: str) -> str:
    if row["verdict"] == NOT_COMPARABLE:
        return sentence(row, margin, where)
    shown = "is" if row["p_non_inferior_holm"] < ALPHA else "is not shown to be"
    return (
        f"{row['system']} {shown} transparent within {margin:g} points: {signed(row['difference'])} points from "
        f"{row['against']}, {p_phrase(row['p_non_inferior_holm'])} after Holm's correction, {where}."
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


def _rate_sentence(row: Mapping[Hashable, Any], where: str) -> str:
    target = f"{row['against']}{_at(row['kbps_against'])}"
    if row["status"] == NOT_COMPARABLE:
        return f"{row['codec']} cannot be compared with {target}: they have too few items or ratings in common."
    if row["status"] == "exceeded":
        return (
            f"Tested by itself, {row['codec']} exceeds {target} at every rate tested, from {row['kbps']:.3g} kbit/s, "
            f"{where}."
        )
    between = rates_between(row["low"], row["high"])
    if row["status"] == "not reached" and row["kbps"] > 0:
        return (
            f"{row['codec']} is not shown to reach {target} at the rates that were rated, {where}: its mean "
            f"curve does, at {row['kbps']:.3g} kbit/s ({between}), which may be chance."
        )
    if row["status"] == "not reached":
        return f"{row['codec']} does not reach {target} at the rates that were rated ({between}), {where}."
    reached = f"Tested by itself, {row['codec']} reaches {target} at {row['kbps']:.3g} kbit/s ({between})"
    if not row["kbps_against"] > 0:
        return f"{reached}, {where}."
    factors = bits_between(row["factor_low"], row["factor_high"])
    return f"{reached}, with {bits(row['factor'])} bits ({factors}), {where}."


def fall_sentence(found: Fall, where: str) -> str:
    """By how much a codec's mean falls with the rate, whether chance explains it, and where that holds."""
    said = (
        f"The mean of {found.codec} falls by {number(found.points)} points from {found.low:.3g} to {found.high:.3g} "
        f"kbit/s"
    )
    p = f"({p_phrase(found.p)} after Holm's correction), {where}."
    if found.beyond_error:
        return (
            f"{said}, more than chance explains {p} Its equivalent rates assume that quality does not fall with the "
            "rate: do not rely on them."
        )
    return f"{said}, which chance can explain {p}"


def _at(kbps: float) -> str:
    return f" ({kbps:.3g} kbit/s)" if kbps > 0 else ""
