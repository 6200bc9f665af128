"""How many raters a study needs: by drawing studies and analysing each as the real one will be.

>>> plan = Plan(n_raters=12, n_items=8, means={"A": 60.0, "B": 75.0})
>>> found = power(plan, "difference", n_studies=40, seed=1)
>>> 0.0 <= found.low <= found.share <= found.high <= 1.0
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from analysis import crossed
from analysis.frame import RatingsError
from analysis.margins import within_margin
from analysis.mixed import Items, cells_of, items_used, model_of
from analysis.rates import Curve, equivalent_rate
from analysis.simulation import Plan, draw_scores

Question = Literal["difference", "non_inferiority", "equivalence", "equivalent_rate"]

QUESTIONS = {
    "difference": "the first system differs from the second at the 5% level, two-sided",
    "non_inferiority": "the first system is no worse than the second by more than the margin",
    "equivalence": "neither system is better than the other by more than the margin",
    "equivalent_rate": "the codec of the curve reaches the last system's quality at one of its rates",
}
MOST_RATERS = 1000


@dataclass(frozen=True)
class Power:
    """Share of drawn studies that showed it.

    Attributes
    ----------
    n_raters, n_items, n_studies : int
    share, low, high : float
        With its 95% interval (Clopper and Pearson, Biometrika 26 (1934) 404-413):
        more studies, narrower.
    """

    n_raters: int
    n_items: int
    n_studies: int
    share: float
    low: float
    high: float


def power(
    plan: Plan,
    question: Question = "difference",
    *,
    margin: float = 0.0,
    curve: Curve | None = None,
    items: Items = "random",
    n_studies: int = 500,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Power:
    """Share of studies of a plan in which a comparison of the first two systems shows what is asked.

    Parameters
    ----------
    plan : Plan
        Its first two systems are compared.
    question : {"difference", "non_inferiority", "equivalence", "equivalent_rate"}
    margin : float
        Points, for non-inferiority and equivalence.
    curve : Curve, optional
        For the equivalent rate: of systems of the plan, whose last system is
        what the curve is to reach. See `analysis.rates.equivalent_rate`.
    items : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    n_studies, seed : int
    progress : callable
        Told how many studies are done.

    Raises
    ------
    RatingsError
        For an unknown question, or a margin that is missing.
    """
    if question not in QUESTIONS:
        raise RatingsError(f"There is no question {question!r}. There are: {', '.join(QUESTIONS)}.")
    if question in ("non_inferiority", "equivalence") and not margin > 0:
        raise RatingsError("A margin above 0 is needed (--margin).")
    if question == "equivalent_rate" and curve is None:
        raise RatingsError("The rates and true means of the codec are needed (--curve KBPS=MEAN, two or more).")
    items = items_used(items, plan.n_items)
    if items == "fixed":  # what items do is the same in every study then, and goes into their own means
        plan = replace(plan, components=replace(plan.components, item=0.0, item_condition=0.0))
    draw = np.random.default_rng(seed)
    hits = 0
    for done in range(n_studies):
        scores = draw_scores(plan, draw)
        progress(done + 1)
        if curve is not None and question == "equivalent_rate":
            model = model_of(cells_of(scores, fixed_items=items == "fixed"), list(plan.means))
            found_rate = equivalent_rate(model, curve, list(plan.means)[-1], 0.0)
            hits += found_rate.status != "not reached"
            continue
        pair = model_of(cells_of(scores[:, :, :2], fixed_items=items == "fixed"), ["a", "b"], crossed.TERMS)
        difference, se, df = pair.estimate(np.array([1.0, -1.0]))
        if question == "difference":
            hits += 2 * stats.t.sf(abs(difference) / se, df) < 0.05
        else:
            found = within_margin(difference, se, df, margin)
            hits += found.non_inferior if question == "non_inferiority" else found.equivalent
    low, high = stats.binomtest(int(hits), n_studies).proportion_ci(0.95, "exact")
    return Power(plan.n_raters, plan.n_items, n_studies, int(hits) / n_studies, float(low), float(high))


def raters_for(
    plan: Plan,
    question: Question = "difference",
    *,
    wanted: float = 0.8,
    margin: float = 0.0,
    curve: Curve | None = None,
    items: Items = "random",
    n_studies: int = 500,
    seed: int = 0,
) -> list[Power]:
    """Smallest number of raters that shows it in a wanted share of studies, by bisection.

    Parameters
    ----------
    plan : Plan
        Its number of raters is where the search begins.
    wanted : float
        0.8 for 80%.
    margin, curve, items, n_studies, seed
        See `power`.

    Returns
    -------
    list of Power
        What was tried, by number of raters. The first with `share >= wanted`
        is the answer; there is none if even 1000 raters do not reach it,
        which happens where the items set the limit.
    """
    tried: dict[int, Power] = {}

    def enough(n_raters: int) -> bool:
        if n_raters not in tried:
            tried[n_raters] = power(
                replace(plan, n_raters=n_raters),
                question,
                margin=margin,
                curve=curve,
                items=items,
                n_studies=n_studies,
                seed=seed,
            )
        return tried[n_raters].share >= wanted

    low, high = 2, max(3, plan.n_raters)
    while not enough(high) and high < MOST_RATERS:
        low, high = high, min(2 * high, MOST_RATERS)
        if high >= 8 * plan.n_raters and tried[low].share <= tried[min(tried)].share + 0.02:
            break  # more raters bring nothing more
    if enough(high):
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
    return [tried[n] for n in sorted(tried)]
