"""An ordinal alternative to the mixed model, for scores that crowd at the ends of the scale.

Scores are cut into ordered categories (by default the five bands of the scale), and the odds of a higher category are
modelled: a cumulative link mixed model with the logit link and crossed effects of raters and items. It asks nothing of
the distances between scores and gives no difference in points.

    logit P(category <= k) = threshold_k - (system + rater + item)

Estimated by maximum likelihood with the Laplace approximation, as `clmm` of R's package ordinal does. Tests and
intervals do not take maximum likelihood's standard errors, which are too small with few raters or items: theirs come
from the restricted likelihood, with degrees of freedom.

>>> from analysis.simulation import Components, Plan, as_frame, draw_scores
>>> plan = Plan(12, 6, {"A": 40.0, "B": 60.0}, Components(80, 60, 0, 0, 200))
>>> frame = as_frame(draw_scores(plan, np.random.default_rng(1)), plan)
>>> found = ordinal_model(frame).contrasts().iloc[0]
>>> bool(found["odds_ratio"] < 0.2), bool(found["p"] < 0.001)  # A against B
(True, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components

from analysis import laplace
from analysis.common_items import different_items
from analysis.cumulative_logits import CumulativeLogits, bounds_of, first_parameters, thresholds_of
from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import holm
from analysis.mixed import Items, items_used
from analysis.order import condition_order
from analysis.restricted import Errors, Restricted
from analysis.threads import blas_threads

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BANDS = (20.0, 40.0, 60.0, 80.0)
"""Borders of the five bands Bad to Excellent (ITU-R BS.1534-3); a border belongs to the band above."""


@dataclass(frozen=True, eq=False)
class OrdinalModel:
    """A fitted cumulative link mixed model.

    Attributes
    ----------
    conditions : tuple of str
        The first is the one that effects are relative to.
    borders : tuple of float
        Scores at which the categories that occur meet.
    items : {"random", "fixed"}
        Whether the odds hold for other items too.
    thresholds : ndarray, shape (categories - 1,)
    effects : ndarray, shape (conditions,)
        Log odds of a higher category, relative to the first condition.
    components : DataFrame
        term (rater, item, rater:condition, item:condition), n_levels, sd (log
        odds).
    log_likelihood : float
    notes : tuple of str
    cov : ndarray, shape (conditions, conditions)
        Of the effects, by maximum likelihood; that of `clmm`.
    se : ndarray, shape (conditions, conditions)
        Restricted standard error of the difference of each two effects.
    df : ndarray, shape (conditions, conditions)
        Its degrees of freedom, infinite where no spread takes part in it.
    """

    conditions: tuple[str, ...]
    borders: tuple[float, ...]
    items: Items
    thresholds: Floats
    effects: Floats
    components: pd.DataFrame
    log_likelihood: float
    notes: tuple[str, ...]
    cov: Floats = field(repr=False)
    se: Floats = field(repr=False)
    df: Floats = field(repr=False)

    def contrasts(self, level: float = 0.95) -> pd.DataFrame:
        """All pairs of conditions.

        Returns
        -------
        DataFrame
            a, b, log_odds (of a over b), se (restricted), df (Satterthwaite), t,
            p, p_holm, odds_ratio, ci_low, ci_high (of the odds ratio).
        """
        rows = []
        for i, j in combinations(range(len(self.conditions)), 2):
            value, error, df = float(self.effects[i] - self.effects[j]), float(self.se[i, j]), float(self.df[i, j])
            half = float(stats.t.ppf(0.5 + level / 2, df)) * error
            p = 2 * float(stats.t.sf(abs(value) / error, df))
            ratio, low, high = np.exp([value, value - half, value + half])
            rows.append((self.conditions[i], self.conditions[j], value, error, df, value / error, p, ratio, low, high))
        columns = ["a", "b", "log_odds", "se", "df", "t", "p", "odds_ratio", "ci_low", "ci_high"]
        table = pd.DataFrame(rows, columns=columns)
        table.insert(7, "p_holm", holm(table["p"].to_numpy(float)))
        return table


@dataclass(frozen=True, eq=False)
class _Data:
    """Ratings as whole numbers, and the random effects in them."""

    category: Ints
    condition: Ints
    n_categories: int
    n_conditions: int
    terms: tuple[laplace.Term, ...]


def ordinal_model(
    frame: pd.DataFrame,
    *,
    borders: Sequence[float] = BANDS,
    roles: Sequence[str] = (SYSTEM,),
    interactions: bool = False,
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
    interactions : bool
        Raters and items have their own odds of each condition as well
        (rater:condition, item:condition). Without them the odds hold for these
        items only, and their standard errors are too small if raters differ in
        what they prefer. Items that are too few to stand for others
        (`analysis.mixed.items_used`) have no item:condition.

    Raises
    ------
    RatingsError
        If there are fewer than two conditions, raters or categories, systems
        were rated on different items, or the conditions are so separated by
        categories that the odds between some of them have no finite estimate.

    Notes
    -----
    Agresti, Analysis of Ordinal Categorical Data, 2nd ed., 2010, 10.1; Laplace
    approximation after Christensen, "Cumulative link models for ordinal
    regression", section on mixed models.

    Tests and intervals take the standard deviations of the restricted
    likelihood, which integrates the conditions' effects out with a flat prior
    (Harville, Biometrika 61 (1974) 383-385; by Laplace's approximation as in
    Brooks et al., The R Journal 9 (2017) 378-400, glmmTMB). The variance of a
    difference has the uncertainty of the other parameters added (Kass and
    Steffey, JASA 84 (1989) 717-726). Degrees of freedom are 2 V^2 / var(V), with
    var(V) by the delta method (Satterthwaite, Biometrics Bulletin 2 (1946)
    110-114). False positives of simulated studies: docs/validation.md.
    """
    if any(low >= high for low, high in pairwise(borders)):
        raise RatingsError(f"Borders must rise, not {', '.join(f'{border:g}' for border in borders)}.")
    chosen = frame[frame["role"].isin(list(roles))]
    conditions = condition_order(chosen[chosen["score"].notna()])
    if len(conditions) < 2:
        raise RatingsError(f"The ordinal model compares at least 2 conditions; the ratings have {len(conditions)}.")
    ratings = average_repeats(chosen)
    if ratings["rater"].nunique() < 2:
        raise RatingsError("The ordinal model needs at least 2 raters; the ratings are of one.")
    category = np.searchsorted(np.asarray(borders, float), ratings["score"].to_numpy(float), side="right")
    found, category = np.unique(category, return_inverse=True)
    if len(found) < 2:
        raise RatingsError("All scores lie in one category: there are no odds to compare.")
    condition = np.asarray(pd.Categorical(ratings["condition"], conditions).codes, np.int64)
    if different_items(chosen):
        raise RatingsError("Systems were rated on different items, and this model compares them all at once.")
    items: Items = items_used("random", ratings["item"].nunique()) if interactions else "fixed"
    terms, notes = laplace.terms_of(ratings, rater_condition=interactions, item_condition=items == "random")
    data = _Data(category, condition, len(found), len(conditions), tuple(terms))
    _check_separation(data, conditions)
    met = tuple(float(borders[low]) for low in found[1:] - 1)
    with blas_threads(1):
        return _fit(data, tuple(conditions), met, items, notes)


def _check_separation(data: _Data, conditions: Sequence[str]) -> None:
    """Refuse ratings whose likelihood rises without end as some odds go to infinity.

    A rating in category k of a condition holds the condition's odds between two
    thresholds. Odds can run away from the others if and only if those bonds,
    as arrows from the lower to the higher, do not lead from everywhere to
    everywhere.
    """
    counts = np.zeros((data.n_conditions, data.n_categories), np.int64)
    np.add.at(counts, (data.condition, data.category), 1)
    for name, row in zip(conditions, counts, strict=True):
        if row[1:].sum() == 0 or row[:-1].sum() == 0:
            end = "lowest" if row[0] else "highest"
            raise RatingsError(
                f"All scores of {name} lie in the {end} category, so that its odds have no finite estimate. Leave it "
                "out of this model, or choose other borders."
            )
    n = data.n_categories - 1  # thresholds come first, then conditions
    arrows = np.zeros((n + data.n_conditions, n + data.n_conditions), bool)
    for c, k in np.argwhere(counts):
        if k > 0:
            arrows[k - 1, n + c] = True
        if k < n:
            arrows[n + c, k] = True
    n_parts, part = connected_components(sparse.csr_array(arrows), connection="strong")
    if n_parts > 1:
        apart = [name for name, own in zip(conditions, part[n:], strict=True) if own == part[n]]
        others = [name for name in conditions if name not in apart]
        what = f"{', '.join(apart)} on one side and {', '.join(others)}" if others else "the conditions"
        raise RatingsError(
            f"The categories separate {what}: the odds between them have no finite estimate. Choose other borders."
        )


class _Likelihood:
    """Negative log likelihood by Laplace's approximation, with its slopes.

    Parameters are those of the thresholds, the effects of all conditions but
    the first, and the standard deviations of the terms.
    """

    def __init__(self, data: _Data) -> None:
        self.data = data
        self.n_thresholds = data.n_categories - 1
        self.n_effects = data.n_conditions - 1
        self.random = laplace.Effects(data.terms, len(data.category))

    def unpack(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Thresholds, effects and standard deviations."""
        parameters, rest = np.split(values, [self.n_thresholds])
        effects, sds = np.split(rest, [self.n_effects])
        return thresholds_of(parameters), np.concatenate([[0.0], effects]), sds

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        """Value and slopes at the parameters."""
        thresholds, effects, sds = self.unpack(values)
        category, condition = self.data.category, self.data.condition
        mode = self.random.at(sds, lambda shift: CumulativeLogits.of(category, thresholds, effects[condition] + shift))
        by_threshold = mode.ratings.by_parameters(mode, values[: self.n_thresholds])
        by_effect = np.bincount(condition, mode.by_shift, self.data.n_conditions)[1:]
        return mode.loss, np.concatenate([by_threshold, by_effect, mode.by_sd])


class _RestrictedLikelihood(Restricted[CumulativeLogits]):
    """Negative restricted log likelihood.

    Parameters are the logarithms of the steps between thresholds and the
    standard deviations of the terms. The first threshold is 0, because it and
    the mean of the conditions are the same.
    """

    def __init__(self, data: _Data, start: Floats) -> None:
        super().__init__(data.terms, data.condition, start)
        self.category = data.category

    def density(self, parameters: Floats, eta: Floats) -> CumulativeLogits:
        """Thresholds of the parameters."""
        return CumulativeLogits.of(self.category, thresholds_of(_from_zero(parameters)), eta)

    def by_parameters(self, mode: laplace.Mode[CumulativeLogits], parameters: Floats) -> Floats:
        """By the steps."""
        return mode.ratings.by_parameters(mode, _from_zero(parameters))[1:]

    def slopes_by_parameters(self, ratings: CumulativeLogits, parameters: Floats) -> list[Floats]:
        """With the steps."""
        return ratings.slopes_by_parameters(_from_zero(parameters))[1:]


def _from_zero(steps: Floats) -> Floats:
    return np.concatenate([[0.0], steps])


def _fit(
    data: _Data, conditions: tuple[str, ...], borders: tuple[float, ...], items: Items, notes: list[str]
) -> OrdinalModel:
    likelihood = _Likelihood(data)
    n_terms, n_effects, n_thresholds = len(data.terms), likelihood.n_effects, likelihood.n_thresholds
    first = first_parameters(data.category, data.n_categories)
    start = np.concatenate([first, np.zeros(n_effects), np.full(n_terms, laplace.START_SD)])
    bounds = [*bounds_of(data.n_categories), *[(-100.0, 100.0)] * n_effects]
    values, loss = laplace.search(likelihood, start, bounds, n_terms)
    thresholds, effects, sds = likelihood.unpack(values)
    notes += laplace.check_spreads(data.terms, sds, "Choose other borders.")
    table = [(term.name, term.n_levels, float(sd)) for term, sd in zip(data.terms, sds, strict=True)]
    cov = np.zeros((n_effects + 1, n_effects + 1))
    place = slice(n_thresholds, n_thresholds + n_effects)
    cov[1:, 1:] = laplace.covariance(likelihood, values, n_terms)[place, place]
    se, df = _errors(data, values[1:n_thresholds], effects - thresholds[0], sds, cov)
    return OrdinalModel(
        conditions=conditions,
        borders=borders,
        items=items,
        thresholds=thresholds,
        effects=effects,
        components=pd.DataFrame(table, columns=["term", "n_levels", "sd"]),
        log_likelihood=-loss,
        notes=tuple(notes),
        cov=cov,
        se=se,
        df=df,
    )


def _errors(data: _Data, steps: Floats, effects: Floats, sds: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Restricted standard error and degrees of freedom of each difference, shape (conditions, conditions).

    The search starts at the estimates of maximum likelihood. Without random
    effects these are taken as they are.
    """
    n = data.n_conditions
    errors = Errors(cov, np.zeros((0, n, n)))
    if len(sds):
        likelihood = _RestrictedLikelihood(data, effects)
        start = np.concatenate([steps, sds])
        values, _ = laplace.search(likelihood, start, bounds_of(data.n_categories)[1:], len(sds))
        errors = likelihood.errors(values)[1]
    se, df = np.zeros((n, n)), np.full((n, n), np.inf)
    for i, j in combinations(range(n), 2):
        se[i, j], df[i, j] = se[j, i], df[j, i] = errors.of_difference(i, j)
    return se, df
