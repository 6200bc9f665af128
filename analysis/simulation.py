"""Studies drawn from variance components: what power and the proofs of the methods are computed on.

>>> study = Plan(n_raters=3, n_items=2, means={"A": 40.0, "B": 60.0})
>>> draw_scores(study, np.random.default_rng(1)).shape
(3, 2, 2)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import RatingsError, tidy
from analysis.order import condition_order

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Variances in points squared.

    Attributes
    ----------
    rater, item, rater_condition, item_condition, residual : float
        The defaults lie in the ranges that real studies gave: rater 14 to 160,
        item 25 to 125, item:condition 72, rater:condition 7.5, residual 83 to
        410.
    """

    rater: float = 80.0
    item: float = 60.0
    rater_condition: float = 7.5
    item_condition: float = 72.0
    residual: float = 200.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise RatingsError(f"The variance {name} must be 0 or more, not {value:g}.")

    @classmethod
    def of(cls, table: pd.DataFrame) -> Components:
        """Those of a fitted model, for the power of the next study: a pilot's `MixedModel.components`."""
        found = dict(zip(table["term"].str.replace(":", "_"), table["variance"].astype(float), strict=True))
        return cls(**{name: found.get(name, 0.0) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Plan:
    """A study to be drawn.

    Attributes
    ----------
    n_raters, n_items : int
    means : mapping
        System -> true mean.
    components : Components
    items_per_rater : int, optional
        Each rater rates so many items, drawn so that all items come equally
        often; all of them without it.
    missing : float
        Share of single ratings that are lost at random.
    clipped : bool
        Whether scores end at 0 and 100, as on the scale; else they are normal.
    """

    n_raters: int
    n_items: int
    means: Mapping[str, float]
    components: Components = field(default_factory=Components)
    items_per_rater: int | None = None
    missing: float = 0.0
    clipped: bool = False

    def __post_init__(self) -> None:
        if self.n_raters < 2 or self.n_items < 1 or len(self.means) < 2:
            raise RatingsError("A study to be simulated has at least 2 raters, 1 item and 2 systems.")
        if self.items_per_rater is not None and not 1 <= self.items_per_rater <= self.n_items:
            raise RatingsError(f"Items per rater must lie between 1 and {self.n_items}, not {self.items_per_rater}.")
        if not 0 <= self.missing < 1:
            raise RatingsError(f"The share of missing ratings must lie from 0 to below 1, not {self.missing:g}.")


def draw_scores(plan: Plan, draw: np.random.Generator) -> Floats:
    """Scores of one study, shape (raters, items, systems); NaN where none was given."""
    r, i, c = plan.n_raters, plan.n_items, len(plan.means)
    sd = {name: np.sqrt(value) for name, value in vars(plan.components).items()}
    scores = (
        np.array(list(plan.means.values()), float)
        + draw.normal(0, sd["rater"], (r, 1, 1))
        + draw.normal(0, sd["item"], (1, i, 1))
        + draw.normal(0, sd["rater_condition"], (r, 1, c))
        + draw.normal(0, sd["item_condition"], (1, i, c))
        + draw.normal(0, sd["residual"], (r, i, c))
    )
    if plan.clipped:
        scores = np.clip(scores, 0, 100)
    if plan.items_per_rater is not None and plan.items_per_rater < i:
        order = draw.permutation(i)
        for rater in range(r):  # blocks that follow each other around the circle of items
            own = order[(rater * plan.items_per_rater + np.arange(plan.items_per_rater)) % i]
            scores[rater, np.setdiff1d(np.arange(i), own), :] = np.nan
    if plan.missing:
        scores[draw.random(scores.shape) < plan.missing] = np.nan
    return scores


def as_frame(scores: Floats, plan: Plan) -> pd.DataFrame:
    """Tidy frame of drawn scores; those outside 0 to 100 of an unclipped study are kept as they are."""
    r, i, c = np.nonzero(~np.isnan(scores))
    names = np.array(list(plan.means))
    table = pd.DataFrame(
        {
            "rater": [f"R{at + 1:03}" for at in r],
            "item": [f"item {at + 1:02}" for at in i],
            "condition": names[c],
            "role": "system",
            "score": np.clip(scores[r, i, c], 0, 100),
        }
    )
    frame = tidy(table)
    frame["score"] = scores[r, i, c]
    assert set(condition_order(frame)) <= set(names)
    return frame
