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
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, sparse, special, stats
from scipy.sparse.csgraph import connected_components

from analysis.common_items import different_items
from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import holm
from analysis.mixed import Items, items_used
from analysis.order import condition_order
from analysis.threads import blas_threads

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BANDS = (20.0, 40.0, 60.0, 80.0)
"""Borders of the five bands Bad to Excellent (ITU-R BS.1534-3); a border belongs to the band above."""

NEWTON_STEPS = 100
MOST_SD = 20.0
"""Log odds; a spread that grows to it has no finite estimate."""

NO_SD = 1e-3
"""Log odds; a smaller standard deviation counts as none."""

START_SD = 0.5
"""Log odds; where the search for a standard deviation begins, as in the linear mixed model."""

AWAY = (0.1, 0.5)
"""Log odds; steps away from a standard deviation of none, to see whether the likelihood rises there."""

FLAT_SD = 100.0
"""Log odds; the standard deviation of conditions that are integrated out, so large that it says nothing of them."""


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
class _Term:
    """A random effect: its name, the level of each rating, how many levels there are."""

    name: str
    level: Ints
    n_levels: int


@dataclass(frozen=True, eq=False)
class _Data:
    """Ratings as whole numbers, and the random effects in them."""

    category: Ints
    condition: Ints
    n_categories: int
    n_conditions: int
    terms: tuple[_Term, ...]


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
    terms, notes = _terms(ratings, interactions, items)
    data = _Data(category, condition, len(found), len(conditions), terms)
    _check_separation(data, conditions)
    met = tuple(float(borders[low]) for low in found[1:] - 1)
    with blas_threads(1):
        return _fit(data, tuple(conditions), met, items, notes)


def _terms(ratings: pd.DataFrame, interactions: bool, items: Items) -> tuple[tuple[_Term, ...], list[str]]:
    """Random effects that the ratings can tell, and a note for each that they cannot."""
    columns = [["rater"], ["item"], *([["rater", "condition"]] if interactions else [])]
    columns += [["item", "condition"]] if items == "random" else []
    terms, notes = [], []
    for names in columns:
        level = np.asarray(ratings.groupby(names, sort=False).ngroup(), np.int64)
        n_levels, name = int(level.max()) + 1, ":".join(names)
        if n_levels == ratings["condition"].nunique() and "condition" in names:
            continue  # one item: its effects are the conditions'
        if n_levels < 2:
            notes.append(f"One {name}: the odds are those of this {name}.")
        elif n_levels == len(ratings):
            notes.append(f"One rating of each {name}: the model has no effect for it.")
        else:
            terms.append(_Term(name, level, n_levels))
    return tuple(terms), notes


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

    Parameters are the first threshold, the logarithms of the steps to the next
    ones, the effects of all conditions but the first, and the standard
    deviations of the terms. Random effects are in units of these.
    """

    def __init__(self, data: _Data) -> None:
        self.data = data
        self.n_steps = data.n_categories - 2
        self.n_effects = data.n_conditions - 1
        self.levels = np.empty((len(data.category), len(data.terms)), np.int64)
        n_levels = 0
        for at, term in enumerate(data.terms):
            self.levels[:, at] = n_levels + term.level
            n_levels += term.n_levels
        self.modes = np.zeros(n_levels)
        self.inverse = np.eye(n_levels)  # of the curvature at the modes

    def unpack(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Thresholds, effects and standard deviations."""
        steps = np.exp(values[1 : 1 + self.n_steps])
        thresholds = values[0] + np.concatenate([[0.0], np.cumsum(steps)])
        first = 1 + self.n_steps
        effects = np.concatenate([[0.0], values[first : first + self.n_effects]])
        return thresholds, effects, values[first + self.n_effects :]

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        """Value and slopes at the parameters."""
        thresholds, effects, sds = self.unpack(values)
        z = self._design(sds)
        ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
        category, condition = self.data.category, self.data.condition
        at, root = self._at_modes(ends[category + 1] - effects[condition], ends[category] - effects[condition], z)
        self.inverse = inverse = linalg.cho_solve((root, True), np.eye(len(root)), check_finite=False)
        beside = np.take_along_axis(np.asarray(z @ inverse), self.levels, axis=1)
        leverage = beside @ sds
        shift = -(at.bend_above + at.bend_below)
        pull = inverse @ (z.T @ (shift * leverage))  # how the determinant pulls at the modes
        pulled = z @ pull
        above = at.slope_above + (leverage * at.bend_above + pulled * at.density_above) / 2
        below = at.slope_below + (leverage * at.bend_below + pulled * at.density_below) / 2
        by_shift = -(above + below)
        by_threshold = (
            np.bincount(category, above, self.data.n_categories)[:-1]
            + np.bincount(category, below, self.data.n_categories)[1:]
        )
        by_later = np.cumsum(by_threshold[::-1])[::-1]
        by_step = by_later[1:] * np.exp(values[1 : 1 + self.n_steps])
        by_effect = np.bincount(condition, by_shift, self.data.n_conditions)[1:]
        by_sd = (
            by_shift @ self.modes[self.levels] + at.curve @ beside - at.slope @ pull[self.levels] / 2
            if len(sds)
            else np.zeros(0)
        )
        loss = at.loss + float(self.modes @ self.modes) / 2 + float(np.log(np.diag(root)).sum())
        return loss, np.concatenate([by_later[:1], by_step, by_effect, by_sd])

    def _design(self, sds: Floats) -> sparse.csr_array:
        n, n_terms = self.levels.shape
        ends = np.arange(n + 1) * n_terms
        return sparse.csr_array((np.tile(sds, n), self.levels.ravel(), ends), shape=(n, len(self.modes)))

    def _at_modes(self, upper: Floats, lower: Floats, z: sparse.csr_array) -> tuple[_Ratings, Floats]:
        """Ratings at the modes of the random effects, by Newton's steps, and the root of the curvature there."""
        at = _Ratings.of(upper - z @ self.modes, lower - z @ self.modes)
        for _ in range(NEWTON_STEPS):
            curve = np.eye(len(self.modes)) + (z.T @ z.multiply(at.curve[:, None]).tocsr()).toarray()
            root = linalg.cholesky(curve, lower=True, check_finite=False)
            gradient = self.modes + z.T @ at.slope
            if np.abs(gradient).max(initial=0.0) < 1e-9:
                break
            step = -linalg.cho_solve((root, True), gradient, check_finite=False)
            loss = at.loss + float(self.modes @ self.modes) / 2
            scale = 1.0
            while True:
                tried = self.modes + scale * step
                at = _Ratings.of(upper - z @ tried, lower - z @ tried)
                if at.loss + float(tried @ tried) / 2 <= loss + 1e-9 or scale < 1e-6:
                    break
                scale /= 2
            self.modes = tried
        return at, root


@dataclass(frozen=True, eq=False)
class _Ratings:
    """Negative log chance of the categories, and what its derivatives take.

    A category lies between two ends, above and below, on the scale of the log
    odds; a shift of the odds moves both ends down. With the logistic
    distribution F and its density f the loss of a rating is

        log(1 + exp(-above)) + log(1 + exp(below)) - log(1 - exp(below - above))

    so that its slope by the shift is 1 - F(above) - F(below), the slope of that
    by an end -f, its curve f(above) + f(below), and the slope of that by an end
    f', here called bend.
    """

    loss: float
    slope: Floats
    curve: Floats
    slope_above: Floats
    slope_below: Floats
    density_above: Floats
    density_below: Floats
    bend_above: Floats
    bend_below: Floats

    @classmethod
    def of(cls, above: Floats, below: Floats) -> _Ratings:
        """At the ends given; the lowest end may be minus infinity, the highest infinity."""
        within = -np.expm1(below - above)
        up, low = special.expit(above), special.expit(below)
        density_above, density_below = up * special.expit(-above), low * special.expit(-below)
        return cls(
            loss=float((np.logaddexp(0, -above) + np.logaddexp(0, below) - np.log(within)).sum()),
            slope=1 - up - low,
            curve=density_above + density_below,
            slope_above=up - 1 / within,
            slope_below=low + 1 / within - 1,
            density_above=density_above,
            density_below=density_below,
            bend_above=density_above * (1 - 2 * up),
            bend_below=density_below * (1 - 2 * low),
        )


def _fit(
    data: _Data, conditions: tuple[str, ...], borders: tuple[float, ...], items: Items, notes: list[str]
) -> OrdinalModel:
    likelihood = _Likelihood(data)
    n_effects, n_steps = likelihood.n_effects, likelihood.n_steps
    values, loss = _search(likelihood, _start(likelihood))
    thresholds, effects, sds = likelihood.unpack(values)
    for term, sd in zip(data.terms, sds, strict=True):
        if sd > 0.99 * MOST_SD:
            raise RatingsError(
                f"The spread between levels of {term.name} has no finite estimate. Choose other borders."
            )
        if sd < NO_SD:
            notes.append(f"No variance between levels of {term.name} was found.")
    table = [(term.name, term.n_levels, float(sd)) for term, sd in zip(data.terms, sds, strict=True)]
    cov = np.zeros((n_effects + 1, n_effects + 1))
    free = np.flatnonzero(np.concatenate([np.ones(1 + n_steps + n_effects, bool), sds >= NO_SD]))
    place = slice(1 + n_steps, 1 + n_steps + n_effects)
    cov[1:, 1:] = _covariance(likelihood, values, free)[place, place]
    se, df = _errors(data, thresholds, sds, cov)
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


def _errors(data: _Data, thresholds: Floats, sds: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Restricted standard error and degrees of freedom of each difference, shape (conditions, conditions).

    The conditions become a random effect with a flat prior. The first threshold
    is held, because it and the mean of the conditions are the same.
    """
    n = data.n_conditions
    if not len(sds):
        return np.sqrt(_of_differences(cov)), np.full((n, n), np.inf)
    terms = (*data.terms, _Term("condition", data.condition, n))
    likelihood = _Likelihood(replace(data, condition=np.zeros_like(data.condition), n_conditions=1, terms=terms))
    start = np.concatenate([thresholds[:1], np.log(np.diff(thresholds)), sds, [FLAT_SD]])
    values, _ = _search(likelihood, start, held=(0, len(start) - 1))
    n_steps = likelihood.n_steps
    free = np.flatnonzero(np.concatenate([[False], np.ones(n_steps, bool), values[1 + n_steps : -1] >= NO_SD, [False]]))

    def conditional(at: Floats) -> tuple[Floats, Floats]:
        likelihood(at)
        return FLAT_SD * likelihood.modes[-n:], FLAT_SD**2 * _of_differences(likelihood.inverse[-n:, -n:])

    effect_slopes, variance_slopes = np.empty((len(free), n)), np.empty((len(free), n, n))
    for row, at in enumerate(free):
        step = np.zeros_like(values)
        step[at] = 1e-4 * max(1.0, abs(values[at]))
        (effects, variances), (effects_below, variances_below) = conditional(values + step), conditional(values - step)
        effect_slopes[row] = (effects - effects_below) / (2 * step[at])
        variance_slopes[row] = (variances - variances_below) / (2 * step[at])
    among = _covariance(likelihood, values, free)
    variance = conditional(values)[1] + _of_differences(effect_slopes.T @ among @ effect_slopes)
    variance_of_variance = np.einsum("aij,ab,bij->ij", variance_slopes, among, variance_slopes)
    df = np.full((n, n), np.inf)
    np.divide(2 * variance**2, variance_of_variance, out=df, where=variance_of_variance > 0)
    return np.sqrt(variance), df


def _of_differences(cov: Floats) -> Floats:
    """Variance of the difference of each two."""
    own = np.diag(cov)
    return np.asarray(own[:, None] + own - 2 * cov, np.float64)


def _start(likelihood: _Likelihood) -> Floats:
    """Thresholds of all ratings together, no effects, and all standard deviations alike."""
    data = likelihood.data
    share = np.cumsum(np.bincount(data.category, minlength=data.n_categories))[:-1] / len(data.category)
    first = special.logit(share)
    return np.concatenate(
        [first[:1], np.log(np.diff(first)), np.zeros(likelihood.n_effects), np.full(len(data.terms), START_SD)]
    )


def _search(likelihood: _Likelihood, values: Floats, held: Sequence[int] = ()) -> tuple[Floats, float]:
    """Parameters of the largest likelihood, and its negative logarithm; those held stay as they are.

    The slope by a standard deviation is 0 where that is 0, so a descent that
    overshoots to 0 stays there. Each such term is therefore tried a step away,
    and the descent goes on from there if the likelihood is larger.
    """
    values, loss = _descend(likelihood, values, held)
    for _ in range(2 * len(likelihood.data.terms)):
        moved = _away_from_zero(likelihood, values, loss)
        if moved is None:
            break
        values, loss = _descend(likelihood, moved, held)
    return values, loss


def _descend(likelihood: _Likelihood, start: Floats, held: Sequence[int]) -> tuple[Floats, float]:
    n_terms = len(likelihood.data.terms)
    bounds: list[tuple[float, float]] = [
        (-100, 100),
        *[(-15, 6)] * likelihood.n_steps,
        *[(-100, 100)] * likelihood.n_effects,
    ]
    bounds += [(0, MOST_SD)] * n_terms
    for at in held:
        bounds[at] = (float(start[at]), float(start[at]))
    options: dict[str, float] = {"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-6, "maxcor": 20}
    found = optimize.minimize(  # type: ignore[call-overload]  # scipy-stubs know these options for no method
        likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(found.x, np.float64), float(found.fun)


def _away_from_zero(likelihood: _Likelihood, values: Floats, loss: float) -> Floats | None:
    """Parameters with a larger likelihood, one standard deviation being moved away from 0; None if there are none."""
    best, moved = loss - 1e-6, None
    first = len(values) - len(likelihood.data.terms)
    for at in first + np.flatnonzero(values[first:] < NO_SD):
        for step in AWAY:
            tried = values.copy()
            tried[at] = step
            tried_loss = likelihood(tried)[0]
            if tried_loss < best:
                best, moved = tried_loss, tried
    return moved


def _covariance(likelihood: _Likelihood, values: Floats, free: Ints) -> Floats:
    """Inverse of the curvature by the parameters that are free, by central differences of the slopes."""
    curve = np.empty((len(free), len(free)))
    for row, at in enumerate(free):
        step = np.zeros_like(values)
        step[at] = 1e-4 * max(1.0, abs(values[at]))
        rise = likelihood(values + step)[1] - likelihood(values - step)[1]
        curve[row] = rise[free] / (2 * step[at])
    curve = (curve + curve.T) / 2
    if (np.linalg.eigvalsh(curve) <= 0).any():
        raise RatingsError("The ratings are too few for this model: its odds have no standard errors.")
    return np.asarray(np.linalg.inv(curve), np.float64)
