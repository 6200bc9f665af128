"""What the mixed model predicts for every rating, and what it leaves.

Raters' and items' effects are the best linear unbiased predictions, given the variances that the fit found: C. R.
Henderson, "Best linear unbiased estimation and prediction under a selection model", Biometrics 31 (1975) 423-447; in
the form of Bates et al., "Fitting linear mixed-effects models using lme4", J. Stat. Softw. 67 (2015), section 3.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> from analysis.mixed import mixed_model
>>> rows = [(rater, item, name, 40 + 8 * rater + 4 * item + (name == "B") * (20 + rater * item))
...         for rater in range(4) for item in range(3) for name in "AB"]
>>> frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))
>>> fitted, residuals = predictions(mixed_model(frame), frame)
>>> bool(np.allclose(fitted + residuals, frame["score"])), round(float(np.abs(residuals).max()), 1)
(True, 1.8)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.crossed import additive_tables
from analysis.frame import RatingsError, average_repeats
from analysis.mixed import MixedModel

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

CLOSE = 1e-10
"""Of the equations' right side, what may be left when they count as solved."""

MOST_STEPS = 2_000


def predictions(model: MixedModel, frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Fitted scores and conditional residuals of a mixed model.

    Parameters
    ----------
    model : MixedModel
    frame : DataFrame
        The tidy frame that the model was fitted to.

    Returns
    -------
    fitted, residuals : ndarray, shape (ratings,)
        Points: mean plus predicted effects, and the score less that. In the
        order of `analysis.frame.average_repeats` of the model's conditions,
        which is the frame's own where no rating is repeated or empty.

    Raises
    ------
    RatingsError
        If the ratings are not those of the model.

    Notes
    -----
    The mixed model equations are solved by conjugate gradients, preconditioned
    by the exact solution for raters alone and for items alone. A step costs
    two look-ups and two sums over the ratings; no matrix is built.
    """
    ratings = average_repeats(frame[frame["condition"].isin(model.conditions)])
    rater, raters = pd.factorize(ratings["rater"])
    item, items = pd.factorize(ratings["item"])
    if (len(raters), len(items), len(ratings)) != (model.n_raters, model.n_items, model.n_ratings):
        raise RatingsError(
            f"The model was fitted to {model.n_ratings:,} ratings of {model.n_raters:,} raters and {model.n_items:,} "
            f"items; these are {len(ratings):,} of {len(raters):,} and {len(items):,}. Give it the same ratings."
        )
    size = len(model.conditions)
    condition = pd.Categorical(ratings["condition"], list(model.conditions)).codes.astype(np.intp)
    by_rater, by_item = rater * size + condition, item * size + condition
    means = _means(model, rater, item, condition)
    score = ratings["score"].to_numpy(float)
    of_raters = _Side.of(by_rater, len(raters), size, model.fit.theta[0], model.fit.theta[1])
    of_items = _Side.of(by_item, len(items), size, model.fit.theta[2], model.fit.theta[3])
    effects = _solve(of_raters, of_items, score - means)
    fitted = means + effects
    _check(score - fitted, _place_of_mean(model, by_rater, by_item, condition), model.fit.sigma)
    return fitted, score - fitted


def _means(model: MixedModel, rater: Places, item: Places, condition: Places) -> Floats:
    """The fixed part of the model at every rating."""
    if model.cells.fixed_raters and model.cells.fixed_items:
        found = additive_tables(model.cells)
        of_rater = np.stack([table.of_rater for table in found], axis=1)
        of_item = np.stack([table.of_item for table in found], axis=1)
        return np.asarray(model.cells.centre + of_rater[rater, condition] + of_item[item, condition])
    size = len(model.conditions)
    place = _place_of_mean(model, rater * size + condition, item * size + condition, condition)
    return np.asarray(model.fit.solution.beta[place])


def _place_of_mean(model: MixedModel, by_rater: Places, by_item: Places, condition: Places) -> Places:
    """Which mean each rating belongs to."""
    if model.cells.fixed_items:
        return by_item
    return by_rater if model.cells.fixed_raters else condition


@dataclass(frozen=True, eq=False)
class _Side:
    """Effects of the raters, or of the items: one each, and one for each condition.

    They are held as one array, shape (levels, 1 + conditions), in units of
    their standard deviations (Bates's u).

    Attributes
    ----------
    place : ndarray of int, shape (ratings,)
        Level times the number of conditions plus condition.
    n : ndarray, shape (levels, conditions)
        Ratings.
    alone, with_condition : float
        Relative standard deviations of the two kinds.
    """

    place: Places
    n: Floats
    alone: float
    with_condition: float

    @classmethod
    def of(cls, place: Places, levels: int, conditions: int, alone: float, with_condition: float) -> _Side:
        n = np.bincount(place, minlength=levels * conditions).reshape(levels, conditions).astype(float)
        return cls(place, n, float(alone), float(with_condition))

    def at(self, u: Floats) -> Floats:
        """Effects at every rating."""
        sums = self.alone * u[:, :1] + self.with_condition * u[:, 1:]
        return np.asarray(sums.ravel()[self.place])

    def gather(self, ratings: Floats) -> Floats:
        """The transpose of `at`."""
        sums = np.bincount(self.place, weights=ratings, minlength=self.n.size).reshape(self.n.shape)
        return np.column_stack([self.alone * sums.sum(axis=1), self.with_condition * sums])

    def solve(self, right: Floats) -> Floats:
        """The equations of this side alone: an arrow for each level, by its Schur complement."""
        d = 1 + self.with_condition**2 * self.n
        e = 1 + self.alone**2 * (self.n / d).sum(axis=1)
        across = self.alone * self.with_condition * self.n
        first = (right[:, 0] - (across / d * right[:, 1:]).sum(axis=1)) / e
        return np.column_stack([first, (right[:, 1:] - across * first[:, None]) / d])


def _solve(raters: _Side, items: _Side, rest: Floats) -> Floats:
    """Predicted effects of both at every rating, from the scores less their means."""
    rows = raters.n.shape[0]

    def apart(u: Floats) -> tuple[Floats, Floats]:
        return u[:rows], u[rows:]

    def gather(ratings: Floats) -> Floats:
        return np.concatenate([raters.gather(ratings), items.gather(ratings)])

    def at(u: Floats) -> Floats:
        of_raters, of_items = apart(u)
        return raters.at(of_raters) + items.at(of_items)

    def precondition(u: Floats) -> Floats:
        of_raters, of_items = apart(u)
        return np.concatenate([raters.solve(of_raters), items.solve(of_items)])

    return at(_conjugate_gradients(lambda u: u + gather(at(u)), precondition, gather(rest)))


def _conjugate_gradients(
    times: Callable[[Floats], Floats], precondition: Callable[[Floats], Floats], right: Floats
) -> Floats:
    """Solution of a positive definite system.

    Raises
    ------
    RuntimeError
        If it is not found in `MOST_STEPS` steps.
    """
    found = np.zeros_like(right)
    left = right.copy()
    near = precondition(left)
    direction = near.copy()
    size = first = float((left * near).sum())
    for _ in range(MOST_STEPS):
        if size <= CLOSE**2 * first:
            return found
        turned = times(direction)
        step = size / float((direction * turned).sum())
        found += step * direction
        left -= step * turned
        near = precondition(left)
        before, size = size, float((left * near).sum())
        direction = near + size / before * direction
    raise RuntimeError(f"The mixed model equations were not solved in {MOST_STEPS:,} steps.")


def _check(residuals: Floats, mean: Places, sigma: float) -> None:
    """Refuse other ratings than the model's: of its own, the residuals of every mean sum to 0."""
    sums = np.bincount(mean, weights=residuals)
    if np.abs(sums).max() > 1e-4 * sigma * max(float(np.bincount(mean).max()), 1.0) ** 0.5:
        raise RatingsError("The model was fitted to other ratings than these, or in another order. Give it the same.")
