"""The primary claim: one statement, fixed before the data, answered by one test without a correction.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> rows = [(rater, item, name, score + (3 * rater + 5 * item + len(name) * rater * item) % 7)
...         for rater in range(12) for item in range(8) for name, score in (("Opus 12", 70), ("MP3 16", 50))]
>>> frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))
>>> sentence(answer(PrimaryClaim("Opus 12", "better", "MP3 16"), frame)).split(":")[0]
'Shown'
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.comparisons import signed
from analysis.frame import RatingsError, rated
from analysis.inference import ALPHA, holm
from analysis.margins import within_margin
from analysis.mixed import Items, Raters, mixed_model
from analysis.population import population
from analysis.primary import PrimaryClaim
from analysis.rates import curves, equivalent_rate, points, rates_between
from analysis.wording import p_phrase

CANNOT_BE_TESTED = "cannot be tested"


@dataclass(frozen=True)
class PrimaryAnswer:
    """What the ratings say of a primary claim.

    Attributes
    ----------
    claim : PrimaryClaim
    shown : bool or None
        None if it could not be tested.
    estimate : float
        Difference in points; for "reaches" the equivalent rate in kbit/s.
    se, df : float
        Of the difference; NaN for "reaches".
    low, high : float
        For "better" the two-sided interval at 1 - `ALPHA`, for "no worse" and
        "equivalent" the one-sided bounds at 1 - `ALPHA` each, for "reaches" the
        interval of the rate.
    p : float
        Two-sided for "better"; NaN for "reaches".
    items : {"random", "fixed", ""}
    raters : {"random", "fixed"}
    status : str
        Of "reaches", see `analysis.rates.EquivalentRate`.
    reason : str
        Why it could not be tested.
    """

    claim: PrimaryClaim
    shown: bool | None
    estimate: float = math.nan
    se: float = math.nan
    df: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    items: Items | Literal[""] = ""
    raters: Raters = "random"
    status: str = ""
    reason: str = ""

    @property
    def verdict(self) -> str:
        """One of: shown, not shown, cannot be tested."""
        return CANNOT_BE_TESTED if self.shown is None else "shown" if self.shown else "not shown"


def answer(
    claim: PrimaryClaim,
    frame: pd.DataFrame,
    *,
    items: Items = "random",
    raters: Raters = "random",
    rates: Mapping[str, float] | None = None,
    rates_from_names: bool = True,
) -> PrimaryAnswer:
    """Test a primary claim at the level `ALPHA`.

    Parameters
    ----------
    claim : PrimaryClaim
    frame : DataFrame
        Tidy frame of one study, screened.
    items, raters : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    rates : mapping, optional
        Condition -> kbit/s, over what the data say.
    rates_from_names : bool
        Whether names say rates, see `analysis.codec_names.rate_in_name`.

    Notes
    -----
    A single hypothesis that is fixed in advance needs no correction for the
    others, which are secondary: ICH E9 (1998), 2.2.2. "better" is two-sided,
    "no worse" one-sided, "equivalent" two one-sided tests (Schuirmann 1987);
    "reaches" has the upper limit of a two-sided interval.
    """
    try:
        if claim.statement == "reaches":
            return _reaches(claim, frame, items, raters, points(frame, rates, from_names=rates_from_names))
        return _compared(claim, frame, items, raters)
    except RatingsError as error:
        return PrimaryAnswer(claim, None, reason=str(error))


def _compared(claim: PrimaryClaim, frame: pd.DataFrame, items: Items, raters: Raters) -> PrimaryAnswer:
    pair = frame[frame["condition"].isin([claim.system, claim.against])]
    _must_have(claim.system, pair)
    _must_have(claim.against, pair)
    model = mixed_model(pair, items=items, raters=raters, roles=tuple(pair["role"].unique()))
    found = model.difference(claim.system, claim.against)
    of_pair = (found.value, found.se, found.df)
    if claim.statement == "better":
        shown = found.p < ALPHA and found.value > 0
        return PrimaryAnswer(claim, shown, *of_pair, *found.interval(1 - ALPHA), found.p, found.items, model.raters)
    test = within_margin(*of_pair, claim.margin, level=1 - ALPHA)
    p = test.p_equivalent if claim.statement == "equivalent" else test.p_non_inferior
    return PrimaryAnswer(claim, p < ALPHA, *of_pair, test.lower, test.upper, p, found.items, model.raters)


def _must_have(condition: str, frame: pd.DataFrame) -> None:
    if condition not in set(rated(frame)["condition"]):
        raise RatingsError(f"No rating of {condition} is left after screening.")


def _reaches(
    claim: PrimaryClaim, frame: pd.DataFrame, items: Items, raters: Raters, table: pd.DataFrame
) -> PrimaryAnswer:
    known = table[table["kbps"] > 0]
    codecs = dict(zip(known["condition"], known["codec"], strict=True))
    kbps = dict(zip(known["condition"], known["kbps"].astype(float), strict=True))
    curve = next((each for each in curves(table) if each.codec == codecs.get(claim.system)), None)
    if curve is None or len(curve.kbps) < 2:
        raise RatingsError(f"{claim.system} has no rate-quality curve: rate its codec at two or more known rates.")
    if codecs.get(claim.against) == curve.codec:
        raise RatingsError(f"{claim.system} and {claim.against} are rates of one codec. Name another codec.")
    _must_have(claim.against, frame)
    chosen = frame[frame["condition"].isin([*curve.conditions, claim.against])]
    model = mixed_model(chosen, items=items, raters=raters, roles=tuple(chosen["role"].unique()))
    common = model if model.same_items else model.among(model.conditions)
    found = equivalent_rate(common, curve, claim.against, math.nan)
    shown = found.status in ("reached", "exceeded") and found.high <= kbps[claim.system]
    taken: dict[str, Any] = {"items": common.items, "raters": common.raters, "status": found.status}
    return PrimaryAnswer(claim, shown, found.kbps, low=found.low, high=found.high, **taken)


def sentence(found: PrimaryAnswer) -> str:
    """The answer in words, with its figures and where it holds."""
    if found.shown is None:
        return f"The primary claim cannot be tested: {found.claim.words}. {found.reason}"
    verdict = "Shown" if found.shown else "Not shown"
    return f"{verdict}: {found.claim.words} ({_figures(found)}), {population(found.items, found.raters)}."


def _figures(found: PrimaryAnswer) -> str:
    if found.claim.statement == "reaches":
        return _rate_figures(found)
    if found.se == 0:
        return "their ratings are identical, so that the error of the difference cannot be estimated"
    ends = f"{signed(found.low)} to {signed(found.high)}"
    interval = "95% confidence interval" if found.claim.statement == "better" else "one-sided 95% bounds"
    opposite = found.claim.statement == "better" and found.high < 0
    return (
        f"{signed(found.estimate)} points, {interval} {ends}, {p_phrase(found.p)}"
        f"{'; the difference is significant in the opposite direction' if opposite else ''}"
    )


def _rate_figures(found: PrimaryAnswer) -> str:
    if found.status == "exceeded":
        return f"it exceeds it at every rate tested, from {found.estimate:.3g} kbit/s"
    if math.isnan(found.estimate):
        return "its mean curve does not meet it"
    return f"equivalent at {found.estimate:.3g} kbit/s, {rates_between(found.low, found.high)}"


def secondary(contrasts: pd.DataFrame, claim: PrimaryClaim | None) -> pd.DataFrame:
    """The differences of all pairs, with Holm's correction over those that are secondary.

    The pair of a primary claim "better" is tested alone: its p_holm is its p.
    """
    if claim is None or claim.statement != "better":
        return contrasts
    alone = np.array([{a, b} == claim.pair for a, b in zip(contrasts["a"], contrasts["b"], strict=True)])
    p = contrasts["p"].to_numpy(float)
    return contrasts.assign(p_holm=np.where(alone, p, holm(np.where(alone, np.nan, p))))
