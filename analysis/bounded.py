"""A model that knows the ends of the scale: ordered beta regression with crossed raters and items.

The linear model takes a score of 100 for a score like any other. This one knows that a rater who gives 100 may have had
more to give. A score is at an end of the scale with some probability, or between the ends with a beta
distribution; both depend on one place on the scale of the log odds (`analysis.ordered_beta`):

    place = condition + rater + item + rater:condition + item:condition

Estimated by restricted maximum likelihood with the Laplace approximation, as glmmTMB of R does it with
`family = ordbeta(), REML = TRUE`. docs/validation.md says when to report which model.

>>> from analysis.simulation import Components, Plan, as_frame, draw_scores
>>> plan = Plan(12, 6, {"A": 85.0, "B": 97.0}, Components(20, 10, 5, 5, 40), clipped=True)
>>> model = bounded_model(as_frame(draw_scores(plan, np.random.default_rng(1)), plan))
>>> row = model.contrasts().iloc[0]
>>> bool(row["log_odds"] < 0), bool(row["p"] < 0.01)  # A against B
(True, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from analysis import laplace
from analysis.common_items import different_items
from analysis.cumulative_logits import bounds_of, first_parameters, thresholds_of
from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import holm
from analysis.mixed import SAME, Items, items_used
from analysis.order import condition_order
from analysis.ordered_beta import OrderedBeta, Scores
from analysis.restricted import Errors, Restricted
from analysis.threads import blas_threads

Floats = NDArray[np.float64]

NODES = 31
"""Points of the Gauss-Hermite rule by which expected scores are averaged over raters and items."""

LOG_PRECISION = (-np.inf, 12.0)
"""Limits of the logarithm of the precision; at the upper one it has no finite estimate. The search takes its first step
at full length where all parameters have two limits, which leads far away."""


@dataclass(frozen=True, eq=False)
class BoundedModel:
    """A fitted ordered beta regression.

    Attributes
    ----------
    conditions : tuple of str
    items : {"random", "fixed"}
        Whether the result holds for other items too.
    effects : ndarray, shape (conditions,)
        Place of each condition, log odds.
    cutpoints : ndarray, shape (0 to 2,)
        Of the ends at which scores lie, log odds, rising.
    precision : float
        Of the beta distribution: the larger, the less scores vary.
    components : DataFrame
        term (rater, item, rater:condition, item:condition), n_levels, sd (log
        odds).
    log_likelihood : float
        Restricted.
    notes : tuple of str
    cov : ndarray, shape (conditions, conditions)
        Of the effects.
    """

    conditions: tuple[str, ...]
    items: Items
    effects: Floats
    cutpoints: Floats
    precision: float
    components: pd.DataFrame
    log_likelihood: float
    notes: tuple[str, ...]
    cov: Floats = field(repr=False)
    errors: Errors = field(repr=False)
    expected: Expected = field(repr=False)

    def contrasts(self, level: float = 0.95) -> pd.DataFrame:
        """All pairs of conditions.

        Returns
        -------
        DataFrame
            a, b, log_odds (a - b), se, df (Satterthwaite), t, p, p_holm,
            ci_low, ci_high (of the log odds), difference (of the expected
            scores, points), difference_low, difference_high (by the delta
            method, with the same degrees of freedom).
        """
        rows = []
        means, slopes = self.expected.means()
        for i, j in combinations(range(len(self.conditions)), 2):
            value = float(self.effects[i] - self.effects[j])
            se, df = self.errors.of_difference(i, j)
            half = float(stats.t.ppf(0.5 + level / 2, df))
            p = 2 * float(stats.t.sf(abs(value) / se, df))
            points, slope = float(means[i] - means[j]), slopes[i] - slopes[j]
            by = half * float(np.sqrt(slope @ self.errors.joint @ slope))
            ends = (value - half * se, value + half * se, points, points - by, points + by)
            rows.append((self.conditions[i], self.conditions[j], value, se, df, value / se, p, *ends))
        columns = ["a", "b", "log_odds", "se", "df", "t", "p", "ci_low", "ci_high"]
        table = pd.DataFrame(rows, columns=[*columns, "difference", "difference_low", "difference_high"])
        table.insert(7, "p_holm", holm(table["p"].to_numpy(float)))
        return table

    def means(self, level: float = 0.95) -> pd.DataFrame:
        """Expected scores of the conditions over the populations of raters and items.

        The expected score of a place is averaged over the normal distribution
        of all random effects, by Gauss and Hermite's rule.

        Returns
        -------
        DataFrame
            condition, log_odds, mean (points), se (delta method), df, ci_low,
            ci_high (computed on the log odds of the mean, so that they lie on
            the scale).
        """
        rows = []
        means, slopes = self.expected.means()
        for at, (name, mean) in enumerate(zip(self.conditions, means, strict=True)):
            weights = np.zeros(len(means))
            weights[at] = 1
            df = self.errors.of(weights)[1]
            se = float(np.sqrt(slopes[at] @ self.errors.joint @ slopes[at]))
            share = float(mean) / 100
            half = float(stats.t.ppf(0.5 + level / 2, df)) * se / (100 * share * (1 - share))
            low, high = 100 * special.expit(special.logit(share) + np.array([-half, half]))
            rows.append((name, float(self.effects[at]), float(mean), se, df, float(low), float(high)))
        return pd.DataFrame(rows, columns=["condition", "log_odds", "mean", "se", "df", "ci_low", "ci_high"])


@dataclass(frozen=True, eq=False)
class Expected:
    """What the expected scores of the conditions rest on.

    Attributes
    ----------
    scores : Scores
    n_conditions, n_cutpoints : int
    values : ndarray
        Effects, then parameters: cutpoints, log precision, standard deviations.
    """

    scores: Scores
    n_conditions: int
    n_cutpoints: int
    values: Floats

    def means(self) -> tuple[Floats, Floats]:
        """Expected scores in points, and their slopes by effects and parameters (conditions, values)."""
        slopes = np.empty((self.n_conditions, len(self.values)))
        for at in range(len(self.values)):
            step = laplace.step_of(self.values, at)
            slopes[:, at] = (self._at(self.values + step) - self._at(self.values - step)) / (2 * step[at])
        return self._at(self.values), slopes

    def _at(self, values: Floats) -> Floats:
        n = self.n_conditions
        effects, cuts, rest = np.split(values, [n, n + self.n_cutpoints])
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        places = effects[:, None] + nodes * np.sqrt((rest[1:] ** 2).sum())
        return np.asarray(100 * self.scores.expected(places, cuts) @ (weights / weights.sum()), np.float64)


def bounded_model(frame: pd.DataFrame, *, roles: Sequence[str] = (SYSTEM,)) -> BoundedModel:
    """Fit the model.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened; scores in points from 0 to 100,
        repeats are averaged.
    roles : sequence of str
        Conditions of these roles are in the model.

    Raises
    ------
    RatingsError
        If there are fewer than two conditions or raters, systems were rated on
        different items, scores lie outside the scale, all scores of a condition
        lie at one end, or those between the ends do not vary.

    Notes
    -----
    Kubinec, Political Analysis 31 (2023) 519-536; restricted likelihood after
    Brooks et al., R Journal 9 (2017) 378-400 (glmmTMB). Degrees of freedom by
    Satterthwaite's method: Kuznetsova et al., J. Stat. Softw. 82 (2017). Items
    that are too few to stand for others (`analysis.mixed.items_used`) have no
    item:condition.
    """
    chosen = frame[frame["role"].isin(list(roles))]
    conditions = condition_order(chosen[chosen["score"].notna()])
    if len(conditions) < 2:
        raise RatingsError(f"The bounded model compares at least 2 conditions; the ratings have {len(conditions)}.")
    ratings = average_repeats(chosen)
    if ratings["rater"].nunique() < 2:
        raise RatingsError("The bounded model needs at least 2 raters; the ratings are of one.")
    if different_items(chosen):
        raise RatingsError("Systems were rated on different items, and this model compares them all at once.")
    points = ratings["score"].to_numpy(float)
    if points.min() < -SAME or points.max() > 100 + SAME:
        raise RatingsError(
            f"Scores lie from {points.min():g} to {points.max():g}, and this model's scale ends at 0 and 100. "
            "Convert them to points first (analysis.scales)."
        )
    y = np.where(points < SAME, 0.0, np.where(points > 100 - SAME, 1.0, points / 100))
    condition = np.asarray(pd.Categorical(ratings["condition"], conditions).codes, np.int64)
    _check(y, condition, conditions)
    items = items_used("random", ratings["item"].nunique())
    terms, notes = laplace.terms_of(ratings, rater_condition=True, item_condition=items == "random")
    with blas_threads(1):
        return _fit(y, condition, tuple(conditions), terms, items, notes)


def _check(y: Floats, condition: NDArray[np.int64], conditions: Sequence[str]) -> None:
    for at, name in enumerate(conditions):
        own = y[condition == at]
        for end in (0.0, 1.0):
            if (own == end).all():
                raise RatingsError(
                    f"All scores of {name} are {100 * end:g}, so that its log odds have no finite estimate. Leave it "
                    "out of this model; the linear model and Wilcoxon's test compare it."
                )
    between = y[(y > 0) & (y < 1)]
    if len(np.unique(between)) < 2:
        raise RatingsError(
            "The scores between the ends of the scale are all equal, or there are none: their spread cannot be "
            "estimated. Use the ordinal model."
        )


class _Likelihood(Restricted[OrderedBeta]):
    """Negative restricted log likelihood.

    Parameters are those of the cutpoints, the logarithm of the precision and
    the standard deviations of the terms.
    """

    def __init__(self, y: Floats, condition: NDArray[np.int64], terms: Sequence[laplace.Term]) -> None:
        means = np.bincount(condition, y) / np.bincount(condition)
        super().__init__(terms, condition, special.logit(np.clip(means, 0.01, 0.99)))
        self.scores = Scores.of(y)
        self.n_cutpoints = self.scores.n_categories - 1

    def density(self, parameters: Floats, eta: Floats) -> OrderedBeta:
        """Cutpoints and precision of the parameters."""
        cutpoints, precision = thresholds_of(parameters[:-1]), float(np.exp(parameters[-1]))
        return OrderedBeta.of(self.scores, cutpoints, precision, eta)

    def by_parameters(self, mode: laplace.Mode[OrderedBeta], parameters: Floats) -> Floats:
        """By cutpoints and precision."""
        by_cuts = mode.ratings.logits.by_parameters(mode, parameters[:-1])
        return np.append(by_cuts, mode.ratings.by_log_precision(mode))

    def slopes_by_parameters(self, ratings: OrderedBeta, parameters: Floats) -> list[Floats]:
        """With cutpoints and precision."""
        return [*ratings.logits.slopes_by_parameters(parameters[:-1]), ratings.slope_by_log_precision()]


def _fit(
    y: Floats,
    condition: NDArray[np.int64],
    conditions: tuple[str, ...],
    terms: Sequence[laplace.Term],
    items: Items,
    notes: list[str],
) -> BoundedModel:
    likelihood = _Likelihood(y, condition, terms)
    n_cuts = likelihood.n_cutpoints
    values, loss = laplace.search(likelihood, *_start(likelihood, y, len(terms)), len(terms))
    if values[n_cuts] > LOG_PRECISION[1] - 0.1:
        raise RatingsError(
            "The scores between the ends of the scale hardly vary beyond what raters and items explain: their spread "
            "cannot be estimated. Use the ordinal model."
        )
    sds = values[n_cuts + 1 :]
    notes = [*notes, *laplace.check_spreads(terms, sds, "Use the linear model.")]
    effects, errors = likelihood.errors(values)
    table = [(term.name, term.n_levels, float(sd)) for term, sd in zip(terms, sds, strict=True)]
    return BoundedModel(
        conditions=conditions,
        items=items,
        effects=effects,
        cutpoints=thresholds_of(values[:n_cuts]),
        precision=float(np.exp(values[n_cuts])),
        components=pd.DataFrame(table, columns=["term", "n_levels", "sd"]),
        log_likelihood=-loss,
        notes=tuple(notes),
        cov=errors.cov,
        errors=errors,
        expected=Expected(likelihood.scores, len(conditions), n_cuts, np.concatenate([effects, values])),
    )


def _start(likelihood: _Likelihood, y: Floats, n_terms: int) -> tuple[Floats, list[tuple[float, float]]]:
    """Where the search begins, and the limits of the parameters but the standard deviations."""
    scores = likelihood.scores
    first = first_parameters(scores.category, scores.n_categories) if likelihood.n_cutpoints else np.zeros(0)
    first[:1] += special.logit(np.clip(y.mean(), 0.01, 0.99))
    start = np.concatenate([first, [np.log(10.0)], np.full(n_terms, laplace.START_SD)])
    return start, [*bounds_of(scores.n_categories), LOG_PRECISION]
