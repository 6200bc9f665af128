"""What a number of raters can find, in closed form: for a page that must not wait for a simulation.

For balanced studies, by the variance of the difference of two systems in the mixed model and Satterthwaite's degrees of
freedom; `analysis.power` draws studies instead, and says the same of them within its own error.

>>> plan = Sizes(n_raters=24, n_items=9, n_systems=4)
>>> round(smallest_difference(plan, items="fixed"), 1), round(smallest_difference(plan), 1)
(4.5, 12.5)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import optimize, stats

from analysis.frame import RatingsError
from analysis.mixed import Items
from analysis.simulation import Components

ALPHA = 0.05
POWER = 0.8
MOST_RATERS = 1000


@dataclass(frozen=True)
class Sizes:
    """How large a study is.

    Attributes
    ----------
    n_raters, n_items : int
    n_systems : int
        Reference and anchors left out, as in the mixed model.
    items_per_rater : int, optional
        All of them without it.
    components : Components
    """

    n_raters: int
    n_items: int
    n_systems: int = 2
    items_per_rater: int | None = None
    components: Components = field(default_factory=Components)

    def __post_init__(self) -> None:
        if self.n_raters < 2 or self.n_items < 1:
            raise RatingsError("Power is of studies with at least 2 raters and 1 item.")
        if self.items_per_rater is not None and not 1 <= self.items_per_rater <= self.n_items:
            raise RatingsError(f"Items per rater must lie between 1 and {self.n_items}, not {self.items_per_rater}.")


def standard_error(plan: Sizes, items: Items = "random") -> tuple[float, float]:
    """Standard error of the difference of two systems in a balanced study, with its degrees of freedom.

    Parameters
    ----------
    plan : Sizes
    items : {"random", "fixed"}
        Whether the difference is to hold for other items as well, or on these.

    Returns
    -------
    se, df : float
        In points; Satterthwaite, Biometrics Bulletin 2 (1946) 110-114.

    Raises
    ------
    RatingsError
        For one random item: nothing then tells the item from the systems.
    """
    if items == "random" and plan.n_items < 2:
        raise RatingsError("One item does not tell how far others differ.")
    found, each = plan.components, plan.items_per_rater or plan.n_items
    times = max(plan.n_systems - 1, 1)
    n, ratings = plan.n_raters, plan.n_raters * each
    squares = [(found.residual + each * found.rater_condition, (n - 1) * times)]
    if items == "random":
        per_item = ratings / plan.n_items
        squares.append((found.residual + per_item * found.item_condition, (plan.n_items - 1) * times))
        squares.append((-found.residual, max(ratings - n - plan.n_items + 1, 1) * times))
    variance = sum(square for square, _ in squares)
    df = variance**2 / sum(square**2 / of for square, of in squares)
    return float(np.sqrt(2 * variance / ratings)), float(df)


def power_of_difference(plan: Sizes, difference: float, items: Items = "random") -> float:
    """Share of studies that find a true difference of two systems at the 5% level, two-sided."""
    se, df = standard_error(plan, items)
    limit, shift = stats.t.ppf(1 - ALPHA / 2, df), difference / se
    other_side = np.nan_to_num(stats.nct.cdf(-limit, df, shift))  # scipy has no number where it is next to nothing
    return float(stats.nct.sf(limit, df, shift) + other_side)


def power_of_margin(plan: Sizes, margin: float, items: Items = "random") -> float:
    """Share of studies that show one of two equally good systems to be no worse than the other, within a margin."""
    se, df = standard_error(plan, items)
    return float(stats.nct.sf(stats.t.ppf(1 - ALPHA, df), df, margin / se))


def smallest_difference(plan: Sizes, items: Items = "random", wanted: float = POWER) -> float:
    """The difference, in points, that a wanted share of studies finds."""
    se, df = standard_error(plan, items)
    enough = 2 * se * (stats.t.ppf(1 - ALPHA / 2, df) + stats.t.ppf(wanted, df))
    return float(optimize.brentq(lambda points: power_of_difference(plan, points, items) - wanted, 0.0, enough))


def raters_for_margin(plan: Sizes, margin: float, items: Items = "random", wanted: float = POWER) -> int | None:
    """Fewest raters of whom a wanted share of studies shows a margin (`power_of_margin`); None if not even 1000 do."""
    low, high = 1, MOST_RATERS
    if power_of_margin(replace(plan, n_raters=high), margin, items) < wanted:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = middle >= 2 and power_of_margin(replace(plan, n_raters=middle), margin, items) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return high
