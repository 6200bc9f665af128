"""An ordinal alternative to the mixed model, for scores that crowd at the ends of the scale.

Scores are cut into ordered categories (by default the five bands of the scale), and the odds of a higher category are
modelled: a cumulative link mixed model with the logit link and crossed effects of raters and items. It asks nothing of
the distances between scores and gives no difference in points.

    logit P(category <= k) = threshold_k - (system + rater + item)

Estimated by maximum likelihood with the Laplace approximation, as `clmm` of R's package ordinal does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, special, stats

from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import holm
from analysis.order import condition_order

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BANDS = (20.0, 40.0, 60.0, 80.0)
"""Borders of the five bands Bad to Excellent (ITU-R BS.1534-3); a border belongs to the band above."""

NEWTON_STEPS = 50


@dataclass(frozen=True, eq=False)
class OrdinalModel:
    """A fitted cumulative link mixed model.

    Attributes
    ----------
    conditions : tuple of str
        The first is the one that effects are relative to.
    borders : tuple of float
        Scores at which the categories that occur meet.
    thresholds : ndarray, shape (categories - 1,)
    effects : ndarray, shape (conditions,)
        Log odds of a higher category, relative to the first condition.
    sd_rater, sd_item : float
        On the scale of the log odds.
    log_likelihood : float
    notes : tuple of str
    cov : ndarray, shape (conditions, conditions)
        Of the effects.
    """

    conditions: tuple[str, ...]
    borders: tuple[float, ...]
    thresholds: Floats
    effects: Floats
    sd_rater: float
    sd_item: float
    log_likelihood: float
    notes: tuple[str, ...]
    cov: Floats = field(repr=False)

    def contrasts(self, level: float = 0.95) -> pd.DataFrame:
        """All pairs of conditions.

        Returns
        -------
        DataFrame
            a, b, log_odds (of a over b), se, z, p, p_holm, odds_ratio, ci_low,
            ci_high (of the odds ratio).
        """
        rows = []
        for i, j in combinations(range(len(self.conditions)), 2):
            value = float(self.effects[i] - self.effects[j])
            error = float(np.sqrt(self.cov[i, i] + self.cov[j, j] - 2 * self.cov[i, j]))
            half = float(stats.norm.ppf(0.5 + level / 2)) * error
            p = 2 * float(stats.norm.sf(abs(value) / error))
            ratio, low, high = np.exp([value, value - half, value + half])
            rows.append((self.conditions[i], self.conditions[j], value, error, value / error, p, ratio, low, high))
        columns = ["a", "b", "log_odds", "se", "z", "p", "odds_ratio", "ci_low", "ci_high"]
        table = pd.DataFrame(rows, columns=columns)
        table.insert(6, "p_holm", holm(table["p"].to_numpy(float)))
        return table


@dataclass(frozen=True, eq=False)
class _Data:
    """Ratings as whole numbers: category, condition, rater, item."""

    category: Ints
    condition: Ints
    rater: Ints
    item: Ints
    n_categories: int
    n_conditions: int
    n_raters: int
    n_items: int


def ordinal_model(
    frame: pd.DataFrame, *, borders: Sequence[float] = BANDS, roles: Sequence[str] = (SYSTEM,)
) -> OrdinalModel:
    """Fit the model.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened; repeats are averaged.
    borders : sequence of float
        Scores at which categories begin, rising. Categories in which no score
        lies are joined with the next.
    roles : sequence of str
        Conditions of these roles are in the model.

    Raises
    ------
    RatingsError
        If there are fewer than two conditions, raters or categories, or a
        condition has all of its scores in one end category, so that its odds
        have no finite estimate.

    Notes
    -----
    Agresti, Analysis of Ordinal Categorical Data, 2nd ed., 10.1; Laplace
    approximation after Christensen, "Cumulative link models for ordinal
    regression", section on mixed models. Standard errors from the curvature of
    the log likelihood.
    """
    chosen = frame[frame["role"].isin(list(roles))]
    conditions = condition_order(chosen[chosen["score"].notna()])
    if len(conditions) < 2:
        raise RatingsError(f"The ordinal model compares at least 2 conditions; the ratings have {len(conditions)}.")
    ratings = average_repeats(chosen)
    category = np.searchsorted(np.asarray(borders, float), ratings["score"].to_numpy(float), side="right")
    found = np.unique(category)
    if len(found) < 2:
        raise RatingsError("All scores lie in one category: there are no odds to compare.")
    met = tuple(float(borders[low]) for low in found[1:] - 1)
    rater, raters = pd.factorize(ratings["rater"])
    item, items = pd.factorize(ratings["item"])
    if len(raters) < 2:
        raise RatingsError("The ordinal model needs at least 2 raters; the ratings are of one.")
    data = _Data(
        category=np.searchsorted(found, category),
        condition=np.asarray(pd.Categorical(ratings["condition"], conditions).codes, np.int64),
        rater=rater,
        item=item,
        n_categories=len(found),
        n_conditions=len(conditions),
        n_raters=len(raters),
        n_items=len(items),
    )
    _check_separation(data, conditions)
    return _fit(data, tuple(conditions), met)


def _check_separation(data: _Data, conditions: Sequence[str]) -> None:
    counts = np.zeros((data.n_conditions, data.n_categories))
    np.add.at(counts, (data.condition, data.category), 1)
    for name, row in zip(conditions, counts, strict=True):
        if (row[1:].sum() == 0) or (row[:-1].sum() == 0):
            end = "lowest" if row[0] else "highest"
            raise RatingsError(
                f"All scores of {name} lie in the {end} category, so that its odds have no finite estimate. Leave it "
                "out of this model, or choose other borders."
            )


def _fit(data: _Data, conditions: tuple[str, ...], borders: tuple[float, ...]) -> OrdinalModel:
    n_thresholds, n_effects = data.n_categories - 1, data.n_conditions - 1
    share = np.cumsum(np.bincount(data.category, minlength=data.n_categories))[:-1] / len(data.category)
    first = special.logit(share)
    start = np.concatenate([[first[0]], np.log(np.diff(first)), np.zeros(n_effects), [0.5], [0.5]])
    modes = np.zeros(data.n_raters + data.n_items)

    def unpack(values: Floats) -> tuple[Floats, Floats, Floats]:
        thresholds = values[0] + np.concatenate([[0.0], np.cumsum(np.exp(values[1:n_thresholds]))])
        effects = np.concatenate([[0.0], values[n_thresholds : n_thresholds + n_effects]])
        return thresholds, effects, values[-2:]

    def criterion(values: Floats) -> float:
        nonlocal modes
        loss, modes = _laplace(data, *unpack(values), modes)
        return loss

    found = optimize.minimize(criterion, start, method="BFGS", options={"gtol": 1e-4, "maxiter": 300})
    values = np.asarray(found.x, float)
    thresholds, effects, sds = unpack(values)
    if not np.isfinite(found.fun) or np.abs(effects).max() > 30:
        raise RatingsError("The conditions are separated: the odds between some of them have no finite estimate.")
    cov = _covariance(criterion, values)[
        n_thresholds : n_thresholds + n_effects, n_thresholds : n_thresholds + n_effects
    ]
    whole = np.zeros((n_effects + 1, n_effects + 1))
    whole[1:, 1:] = cov
    none = [name for name, sd in zip(("raters", "items"), np.abs(sds), strict=True) if sd < 1e-3]
    notes = tuple(f"No variance between {name} was found." for name in none)
    return OrdinalModel(
        conditions,
        borders,
        thresholds,
        effects,
        float(abs(sds[0])),
        float(abs(sds[1])),
        -float(found.fun),
        notes,
        whole,
    )


def _laplace(data: _Data, thresholds: Floats, effects: Floats, sds: Floats, modes: Floats) -> tuple[float, Floats]:
    """Negative log likelihood by Laplace's approximation, and the modes of the random effects."""
    ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
    upper, lower = ends[data.category + 1] - effects[data.condition], ends[data.category] - effects[data.condition]
    n_raters, n_items = data.n_raters, data.n_items
    loss = np.inf
    step = np.zeros_like(modes)
    scale = 1.0
    base = modes
    for _ in range(NEWTON_STEPS):
        tried = base + scale * step
        shift = sds[0] * tried[data.rater] + sds[1] * tried[n_raters + data.item]
        above, below = special.expit(upper - shift), special.expit(lower - shift)
        chance = np.maximum(above - below, 1e-300)
        value = float(-np.log(chance).sum() + 0.5 * tried @ tried)
        if value > loss + 1e-10 and scale > 1e-6:
            scale /= 2
            continue
        base, loss, scale = tried, value, 1.0
        above_slope, below_slope = above * (1 - above), below * (1 - below)
        first = (above_slope - below_slope) / chance  # of -log chance by the shift
        bend = above_slope * (1 - 2 * above) - below_slope * (1 - 2 * below)
        second = first**2 - bend / chance
        gradient = base + np.concatenate(
            [
                sds[0] * np.bincount(data.rater, first, n_raters),
                sds[1] * np.bincount(data.item, first, n_items),
            ]
        )
        curve = np.zeros((len(base), len(base)))
        diagonal = np.concatenate(
            [
                sds[0] ** 2 * np.bincount(data.rater, second, n_raters),
                sds[1] ** 2 * np.bincount(data.item, second, n_items),
            ]
        )
        curve[np.diag_indices(len(base))] = 1 + diagonal
        mixed = np.bincount(data.rater * n_items + data.item, second, n_raters * n_items).reshape(n_raters, n_items)
        curve[:n_raters, n_raters:] = sds[0] * sds[1] * mixed
        curve[n_raters:, :n_raters] = curve[:n_raters, n_raters:].T
        root = linalg.cholesky(curve, lower=True, check_finite=False)
        step = -linalg.cho_solve((root, True), gradient, check_finite=False)
        if np.abs(gradient).max() < 1e-8:
            break
    return loss + float(np.log(np.diag(root)).sum()), base


def _covariance(criterion: Callable[[Floats], float], values: Floats) -> Floats:
    """Inverse of the curvature of the negative log likelihood, by central differences."""
    k = len(values)
    steps = 1e-3 * np.maximum(1.0, np.abs(values))
    curve = np.empty((k, k))
    middle = criterion(values)

    def at(*moves: tuple[int, int]) -> float:
        moved = values.copy()
        for place, sign in moves:
            moved[place] += sign * steps[place]
        return criterion(moved)

    for i in range(k):
        curve[i, i] = (at((i, 1)) - 2 * middle + at((i, -1))) / steps[i] ** 2
        for j in range(i):
            corners = [a * b * at((i, a), (j, b)) for a in (1, -1) for b in (1, -1)]
            curve[i, j] = curve[j, i] = sum(corners) / (4 * steps[i] * steps[j])
    return np.asarray(np.linalg.inv(curve), np.float64)
