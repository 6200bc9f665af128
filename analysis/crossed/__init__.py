"""Restricted maximum likelihood for raters crossed with items: the numbers under `analysis.mixed`.

Ratings of one rater, item and condition share all effects of the model, so their count and sum say all there is to
know. Raters' effects (one for each rater, one for each rater and condition) are eliminated by formula, since raters
meet only through items; what is left is a dense system of as many unknowns as there are items times conditions. An
evaluation thus costs raters x (items x conditions)^2 multiplications and no sparse factorization; raters x items^2
where only whole pages are missing, and next to nothing where nothing is.

Notation follows Bates et al., "Fitting linear mixed-effects models using lme4", J. Stat. Softw. 67 (2015), sections 3.2
to 3.5: theta are the standard deviations of the random effects relative to the residual one, and the deviance is
profiled over the means and the residual variance.
"""

from __future__ import annotations

from analysis.crossed.both_fixed import additive_tables, fit_both_fixed
from analysis.crossed.cells import POOLED_TERMS, TERMS, TURNED, Cells, Pages
from analysis.crossed.complete_studies import complete, degrees, is_complete, mean_squares, strata
from analysis.crossed.estimate import Fit, search, search_pair, turned
from analysis.crossed.solution import Roots, Solution, deviance, solve, solve_roots
from analysis.crossed.strata import Strata
from analysis.crossed.tables import mean_products, shares_of_mean, table_means
from analysis.threads import blas_threads

__all__ = [
    "POOLED_TERMS",
    "TERMS",
    "Cells",
    "Fit",
    "Pages",
    "Roots",
    "Solution",
    "Strata",
    "additive_tables",
    "complete",
    "degrees",
    "deviance",
    "fit",
    "fit_both_fixed",
    "fit_pair",
    "is_complete",
    "mean_products",
    "mean_squares",
    "search",
    "search_pair",
    "shares_of_mean",
    "solve",
    "solve_roots",
    "strata",
    "table_means",
    "turned",
]

MANY = 1e9
"""Multiplications of one evaluation above which threads help; below, they only wait for each other."""


def fit(cells: Cells, terms: tuple[str, ...], *, needs_rest: bool = True) -> Fit:
    """Maximize the restricted likelihood.

    Parameters
    ----------
    cells : Cells
    terms : tuple of str
        Those of `TERMS` that are in the model.
    needs_rest : bool
        Whether a residual variance of none is refused. Two conditions may have
        none, where raters differ in them by the same on every item.

    Raises
    ------
    RatingsError
        If the terms explain every rating, so that nothing is left to compare
        with.
    """
    if cells.fixed_raters and cells.fixed_items:
        return fit_both_fixed(cells, needs_rest)
    if cells.fixed_raters:  # the model is the same with raters and items in each other's place
        return turned(fit(cells.turned, tuple(TURNED[name] for name in terms), needs_rest=needs_rest))
    active = tuple(i for i, name in enumerate(TERMS) if name in terms)
    if is_complete(cells):
        return complete(cells, active, needs_rest)
    n_raters, pairs = cells.n.shape[0], cells.n.shape[1] * cells.n.shape[2]
    few = cells.pages is not None or (n_raters + pairs) * pairs**2 < MANY
    with blas_threads(1 if few else None):
        return search(cells, active, needs_rest)


def fit_pair(cells: Cells) -> Fit:
    """Maximize the restricted likelihood of two conditions that may vary against each other.

    Where raters, items or pages favour one condition the more the less the other, `fit` sets a variance to 0 and
    makes the error of the difference too small.

    Parameters
    ----------
    cells : Cells
        Of two conditions, with one rating at most in each; raters and items
        not both fixed.

    Returns
    -------
    Fit
        theta holds the fields of `Roots`.
    """
    if cells.fixed_raters:
        return turned(fit_pair(cells.turned))
    with blas_threads(1):
        return search_pair(cells)
