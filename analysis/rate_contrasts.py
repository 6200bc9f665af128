"""A codec's quality at many rates less that of another condition: estimates, errors, and tests after a selection.

At a rate between two rated ones the contrast is (1 - s) x lower rate + s x higher rate - other. Its error comes from
the ratings of these conditions alone. Studies are often singled out because the codec is significantly better at its
highest rate. That event raises the estimates at the other rates too, and `RateContrasts.tails` allows for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.crossed import mean_products, shares_of_mean
from analysis.mixed import MixedModel

Floats = NDArray[np.float64]

NO_DIFFERENCE = 1e-9
"""Points below which two means are equal."""

UNRELATED = 1e-6
"""Correlation with the contrast at the highest rate below which the selection changes nothing."""


@dataclass(frozen=True, eq=False)
class RateContrasts:
    """Contrasts at rising rates, the last of which is the codec's highest.

    Attributes
    ----------
    value, se, df : ndarray, shape (..., rates)
        Points, standard errors, degrees of freedom.
    correlation : ndarray, shape (..., rates)
        Of each contrast's estimate with that at the highest rate.
    level : float
        Confidence of the one-sided test at the highest rate.
    """

    value: Floats
    se: Floats
    df: Floats
    correlation: Floats
    level: float

    def of_study(self, at: int) -> RateContrasts:
        """Those of one of many studies."""
        return RateContrasts(self.value[at], self.se[at], self.df[at], self.correlation[at], self.level)

    @property
    def t(self) -> Floats:
        """Student's t; 0 where nothing differs, infinite where a difference has no error."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(np.abs(self.value) < NO_DIFFERENCE, 0.0, self.value / self.se))

    @property
    def excess(self) -> Floats:
        """By how much t at the highest rate exceeds the critical value of its one-sided test, shape (...)."""
        return np.asarray(self.t[..., -1] - special.stdtrit(self.df[..., -1], self.level))

    @property
    def selected(self) -> NDArray[np.bool_]:
        """Whether the codec is shown to be better at its highest rate, shape (...)."""
        return np.asarray(self.excess > 0)

    def _truncation(self) -> tuple[Floats, Floats]:
        """Smallest and largest t that the selection allows, given what is independent of t."""
        finite = np.isfinite(self.t) & np.isfinite(self.excess)[..., None]
        related = finite & (np.abs(self.correlation) > UNRELATED) & self.selected[..., None]
        slope = np.where(related, self.correlation, 1.0)
        with np.errstate(invalid="ignore"):
            limit = self.t - self.excess[..., None] / slope
        least = np.where(related & (slope > 0), limit, -np.inf)
        most = np.where(related & (slope < 0), limit, np.inf)
        return least, most

    def tails(self) -> tuple[Floats, Floats]:
        """Chances of a t at or below, and at or above, the one found, if the qualities are equal at that rate.

        Returns
        -------
        below, above : ndarray, shape (..., rates)
            Conditional on the selection in studies that are selected.

        Notes
        -----
        The estimate at the highest rate is the sum of a multiple of the
        estimate at this rate and a part that is independent of it. Given that
        part, the selection is a bound on this rate's t, which follows a
        truncated t distribution (polyhedral lemma: Lee, Sun, Sun and Taylor,
        Ann. Stat. 44 (2016) 907-927, for known variances).
        """
        least, most = self._truncation()
        with np.errstate(invalid="ignore", divide="ignore"):
            above = special.stdtr(self.df, -self.t) / special.stdtr(self.df, -least)
            below = special.stdtr(self.df, self.t) / special.stdtr(self.df, most)
        return (
            np.where(np.isfinite(least), 1 - above, below),
            np.where(np.isfinite(most), 1 - below, above),
        )

    def selection_bias(self) -> Floats:
        """Median of the estimate where the qualities are equal, in points; 0 in studies that are not selected.

        Returns
        -------
        ndarray, shape (..., rates)
        """
        least, most = self._truncation()
        median = np.where(
            np.isfinite(least), -special.stdtrit(self.df, special.stdtr(self.df, -least) / 2), 0.0
        ) + np.where(np.isfinite(most), special.stdtrit(self.df, special.stdtr(self.df, most) / 2), 0.0)
        return np.asarray(np.where(self.se > 0, median * self.se, 0.0))


def rate_contrasts(model: MixedModel, names: Sequence[str], weights: Floats, level: float) -> RateContrasts:
    """Contrasts of some conditions of a model.

    Parameters
    ----------
    model : MixedModel
    names : sequence of str
    weights : ndarray, shape (rates, names)
        The last row is the contrast at the highest rate.
    level : float

    Raises
    ------
    analysis.frame.RatingsError
        If conditions of a contrast have too few ratings in common.
    """
    places = [model.conditions.index(name) for name in names]
    n = model.cells.n[:, :, places]
    if (n > 0).all():
        scores = model.cells.total[:, :, places] / n
        cells = model.cells
        return complete_contrasts(
            scores, weights, level, fixed_raters=cells.fixed_raters, fixed_items=cells.fixed_items
        )
    return _fitted_contrasts(model, names, weights, level)


def complete_contrasts(
    scores: Floats, weights: Floats, level: float = 0.95, *, fixed_raters: bool = False, fixed_items: bool = False
) -> RateContrasts:
    """Contrasts where every rater rated every condition of every item; for many studies at once.

    Parameters
    ----------
    scores : ndarray, shape (..., raters, items, conditions)
    weights : ndarray, shape (rates, conditions)
    level : float
    fixed_raters, fixed_items : bool

    Notes
    -----
    The sum of weights times scores has one value for each rater and item: see
    `analysis.crossed.tables`. Sums of products of the same strata give the
    covariance with the contrast at the highest rate.
    """
    r, i = scores.shape[-3:-1]
    turned = np.einsum("xa,...kab->...xkb", weights, mean_products(scores))
    squares = np.maximum(np.einsum("...xkb,xb->...xk", turned, weights), 0.0)
    with_top = np.einsum("...xkb,b->...xk", turned, weights[-1])
    shares, variance, degrees = shares_of_mean(squares, r, i, fixed_raters=fixed_raters, fixed_items=fixed_items)
    covariance = (shares * with_top).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.sqrt(variance * variance[..., -1:])
    return RateContrasts(
        scores.mean(axis=(-3, -2)) @ weights.T,
        np.sqrt(variance / (r * i)),
        degrees,
        np.clip(np.nan_to_num(correlation, nan=0.0, posinf=0.0, neginf=0.0), -1, 1),
        level,
    )


def _fitted_contrasts(model: MixedModel, names: Sequence[str], weights: Floats, level: float) -> RateContrasts:
    """Contrasts from incomplete ratings: each from the model of its conditions alone, its correlation from the whole.

    In the order of the model's conditions, so that pairs need not be fitted again for other tables.
    """
    top = model.weights(dict(zip(names, weights[-1], strict=True)))
    rows: list[tuple[float, float, float, float]] = []
    for row in weights:
        of = {name: float(weight) for name, weight in zip(names, row, strict=True) if weight}
        if not of:
            rows.append((0.0, 0.0, np.inf, 0.0))
            continue
        if model.both_fixed(list(of)):  # without random effects, only whole pages count
            one = model.difference_of(of)
            rows.append((one.value, one.se, one.df, _correlation(model, of, top)))
            continue
        own = model.among([name for name in model.conditions if name in of])
        rows.append((*own.estimate(own.weights(of)), _correlation(model, of, top)))
    value, se, df, with_top = np.array(rows).T
    return RateContrasts(value, se, df, with_top, level)


def _correlation(model: MixedModel, of: Mapping[str, float], top: Floats) -> float:
    whole = model.weights(of)
    scale = model.covariance(whole, whole) * model.covariance(top, top)
    return model.covariance(whole, top) / scale**0.5 if scale > 0 else 0.0
