"""The mixed model of a listening test: raters and items crossed, with their interactions with the systems.

    score = system + rater + item + rater:item + rater:system + item:system + residual

A comparison of two systems is fitted to the ratings of these two, and a mean to those of its system: real systems
differ in how far raters and items disagree about them, so that one error for all is too small for some pairs and too
large for others. The model of all systems, without rater:item, has such a common error, which is offered as "pooled".

Leaving the interactions out makes the standard error of a difference too small by a factor of two to three on real
data, because a rater's (or an item's) taste for a system is then counted as many times as it was rated.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> rows = [(rater, item, name, 40 + 8 * rater + 4 * item + (name == "B") * (20 + rater * item))
...         for rater in range(4) for item in range(3) for name in "AB"]
>>> model = mixed_model(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
>>> model.means()[["condition", "mean"]].round(2).values.tolist()
[['A', 56.0], ['B', 77.5]]
>>> model.contrasts()[["a", "b", "difference"]].round(2).to_numpy().tolist()
[['A', 'B', -21.5]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis import crossed
from analysis.anova import sphericity
from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import holm
from analysis.order import condition_order

Floats = NDArray[np.float64]
Items = Literal["random", "fixed"]
Raters = Literal["random", "fixed"]

ITEMS = {
    "random": "items are a sample: the result holds for other items of the same kind too",
    "fixed": "items are fixed: the result holds for these items only",
}
RATERS = {
    "random": "raters are a sample: the result holds for other raters of the same kind too",
    "fixed": "raters are fixed: the result holds for these raters only",
}
Error = Literal["own", "pooled"]
"""Whether a comparison has the error of its two conditions alone, or that of all conditions."""

FEWEST_ITEMS = 5
"""Items below which they are taken as fixed: so few do not tell how much items vary (docs/validation.md)."""

SAME = 1e-9
"""Points by which ratings may differ by rounding alone."""

BOTH_FIXED = (
    "Raters and items are both fixed: the error comes from how they differ together, which single ratings do not tell "
    "from chance. It is too large rather than too small."
)

MOST_FIXED = 2_000
"""Means of fixed raters, one for each condition, that are estimated at once."""

MOST_CELLS = 400_000_000
"""Raters x items x systems that are held in memory at once: 3 GB of counts."""


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A model fitted to all conditions, and those of single conditions and pairs that follow from its ratings.

    Attributes
    ----------
    conditions : tuple of str
        In the order of tables.
    items : {"random", "fixed"}
        How items were taken, which is not always as asked for: see `items_used`.
    raters : {"random", "fixed"}
        How raters were taken: one rater is fixed in any case.
    n_raters, n_items, n_ratings : int
        Ratings with repeats averaged.
    components : DataFrame
        term, variance (points squared), sd; the residual last.
    notes : tuple of str
        Terms that the data cannot tell and that are therefore left out, and
        variances that are estimated as none.
    terms : tuple of str
        Random effects that were asked for.
    cells : Cells
        The ratings.
    """

    conditions: tuple[str, ...]
    items: Items
    raters: Raters
    n_raters: int
    n_items: int
    n_ratings: int
    components: pd.DataFrame
    notes: tuple[str, ...]
    terms: tuple[str, ...]
    fit: crossed.Fit = field(repr=False)
    cells: crossed.Cells = field(repr=False)
    _parts: dict[tuple[str, ...], MixedModel | RatingsError] = field(default_factory=dict, init=False, repr=False)
    _differences: dict[tuple[tuple[str, float], ...], Difference] = field(default_factory=dict, init=False, repr=False)

    @property
    def taken(self) -> str:
        """How items were taken, for a caption; and raters, where they are not a sample.

        "items random" or "items fixed, raters fixed".
        """
        return f"items {self.items}{self.raters_taken}"

    @property
    def raters_taken(self) -> str:
        """How raters were taken, behind how items were: nothing where they are a sample."""
        return ", raters fixed" if self.raters == "fixed" else ""

    @property
    def same_items(self) -> bool:
        """Whether all conditions have all items."""
        return bool((self.cells.n.sum(axis=0) > 0).all())

    def among(self, names: Sequence[str]) -> MixedModel:
        """The model of these conditions alone, over the items that all of them have.

        Two conditions may vary against each other (`analysis.crossed.fit_pair`);
        more have an effect of rater:item. Fixed raters are those who rated all
        of the conditions.

        Raises
        ------
        RatingsError
            If they have no item in common, or too few ratings there.
        """
        key = tuple(dict.fromkeys(names))
        if key not in self._parts:
            try:
                self._parts[key] = self._fit(key)
            except RatingsError as error:
                self._parts[key] = error
        found = self._parts[key]
        if isinstance(found, RatingsError):
            raise found
        return found

    def _fit(self, names: tuple[str, ...]) -> MixedModel:
        places = np.array([self.conditions.index(name) for name in names])
        n = self.cells.n[:, :, places]
        raters, common = _common(n, self.raters)
        if not len(common):
            raise RatingsError(f"No item was rated with {' and '.join(names)}: they cannot be compared.")
        n, total = n[np.ix_(raters, common)], self.cells.total[:, :, places][np.ix_(raters, common)]
        scores = np.where(n > 0, total / np.maximum(n, 1), np.nan)
        self._check_raters(len(raters))
        if np.nanstd(scores) == 0:
            raise RatingsError("All scores are equal: there is no variance to model.")
        items = items_used(self.items, len(common))
        cells = cells_of(scores + self.cells.centre, **means_of_each(self.raters, items, len(raters), len(common)))
        if cells.n_ratings <= cells.n_means:
            raise RatingsError("There are no more ratings than means to estimate: no variance can be told.")
        if cells.fixed_raters and cells.fixed_items:
            found = model_of(cells, names, self.terms, needs_rest=False)
        elif len(names) == 2 and self.terms == crossed.POOLED_TERMS:
            found = _of_fit(cells, names, crossed.TERMS, crossed.fit_pair(cells), [])
        else:
            found = model_of(cells, names, (*self.terms, "rater:item"), needs_rest=False)
        return replace(found, items=items, raters=self.raters)

    def _check_raters(self, n_raters: int) -> None:
        """Refuse one rater where raters are a sample."""
        if n_raters < 2 and self.raters == "random":
            raise RatingsError("Raters are a sample here, which takes at least 2; the ratings are of one.")

    def weights(self, of: Mapping[str, float]) -> Floats:
        """Weights by condition, for `estimate`: those of the given conditions, 0 for the others.

        Raises
        ------
        RatingsError
            If the model does not have a condition.
        """
        unknown = [name for name in of if name not in self.conditions]
        if unknown:
            raise RatingsError(f"The model has no condition {unknown[0]!r}. It has: {', '.join(self.conditions)}.")
        return np.array([float(of.get(name, 0.0)) for name in self.conditions])

    def _weights(self, by_condition: Floats) -> Floats:
        """Weights by condition -> weights of the fitted means."""
        if self.cells.fixed_items == self.cells.fixed_raters:
            return by_condition
        times = self.n_items if self.cells.fixed_items else self.n_raters
        return np.tile(by_condition / times, times)

    def estimate(self, by_condition: Floats) -> tuple[float, float, float]:
        """A weighted sum of the conditions' means.

        Parameters
        ----------
        by_condition : ndarray, shape (conditions,)

        Returns
        -------
        estimate, standard error, degrees of freedom : float
        """
        weights = self._weights(by_condition)
        value = float(weights @ self.fit.solution.beta)
        error = float(np.sqrt(weights @ self.fit.cov @ weights))
        return value, error, self.fit.degrees(weights)

    def covariance(self, one: Floats, other: Floats) -> float:
        """Covariance of two weighted sums of the conditions' means, with weights as in `estimate`."""
        return float(self._weights(one) @ self.fit.cov @ self._weights(other))

    def means(self, level: float = 0.95, error: Error = "own") -> pd.DataFrame:
        """Estimated marginal means: each item with the same weight, whoever rated it, and each rater where fixed.

        Parameters
        ----------
        level : float
        error : {"own", "pooled"}
            Whether each mean rests on the ratings of its condition, or on the
            variances of all.

        Returns
        -------
        DataFrame
            condition, mean, se, df (Satterthwaite), ci_low, ci_high.

        Notes
        -----
        Searle, Speed and Milliken, Am. Stat. 34 (1980) 216-221.
        """
        rows: list[tuple[str, float, float, float, float, float]] = []
        for name in self.conditions:
            value, se, df = self._mean(name) if error == "own" else self.estimate(self.weights({name: 1.0}))
            half = float(stats.t.ppf(0.5 + level / 2, df)) * se
            rows.append((name, value, se, df, value - half, value + half))
        return pd.DataFrame(rows, columns=["condition", "mean", "se", "df", "ci_low", "ci_high"])

    def _mean(self, name: str) -> tuple[float, float, float]:
        """Mean, standard error and degrees of freedom of a condition; by the pooled model where its ratings are few."""
        try:
            found = self.difference_of({name: 1.0})
        except RatingsError:
            return self.estimate(self.weights({name: 1.0}))
        return found.value, found.se, found.df

    def difference(self, a: str, b: str, error: Error = "own") -> Difference:
        """Difference of two conditions, over the items that both have.

        Raises
        ------
        RatingsError
            If they have no item in common, or too few ratings there.
        """
        if error == "own":
            return self.difference_of({a: 1.0, b: -1.0})
        model = self if self.same_items else self.among([a, b])
        value, se, df = model.estimate(model.weights({a: 1.0, b: -1.0}))
        return Difference(value, se, df, model.items, model.n_items, "")

    def difference_of(self, weights: Mapping[str, float]) -> Difference:
        """Weighted sum of the means of conditions, by their own ratings, over the items that all of them have.

        Where pages are whole, of a rater and an item either all of these
        conditions were rated or none, it is the mean of the weighted sums of
        all pages, with raters and items crossed: whatever the conditions have
        in common, or against each other, is in them. Elsewhere see `among`.
        With raters and items both fixed, only whole pages count.

        Raises
        ------
        RatingsError
            If they have no item in common, or too few ratings there.
        """
        key = tuple(weights.items())
        if key not in self._differences:
            self._differences[key] = self._difference_of(weights)
        return self._differences[key]

    def _difference_of(self, weights: Mapping[str, float]) -> Difference:
        names = list(weights)
        places = [self.conditions.index(name) for name in names]
        n = self.cells.n[:, :, places]
        if len(names) == 2 and (same := self._identical_items(*names)) and sum(weights.values()) == 0:
            return Difference(0.0, 0.0, float("inf"), items_used(self.items, same), same, IDENTICAL)
        rated = np.asarray((n > 0).all(axis=2))
        both_fixed = self.both_fixed(names)
        if both_fixed and not rated.any():
            raise RatingsError(f"Nobody rated {' and '.join(names)} on the same item: they cannot be compared.")
        if self.terms != crossed.POOLED_TERMS or not ((n == n[:, :, :1]).all() or both_fixed):
            model = self.among(names)
            return Difference(*model.estimate(model.weights(weights)), model.items, model.n_items, "")
        table = np.where(rated, self.cells.total[:, :, places] @ np.array(list(weights.values())), np.nan)
        table = table[rated.any(axis=1)][:, rated.any(axis=0)]
        self._check_raters(len(table))
        if table.size < 2:
            raise RatingsError(NO_ERROR)
        if np.nanmax(table) - np.nanmin(table) < SAME:
            raise RatingsError("They differ by the same in every rating: the error of that cannot be estimated.")
        n_items = table.shape[1]
        items = items_used(self.items, n_items)
        fixed = means_of_each(self.raters, items, *table.shape)
        if not np.isnan(table).any():
            value, se, df = (float(each) for each in crossed.table_means(table, **fixed))
        else:
            cells = cells_of(table[:, :, None], **fixed)
            if cells.n_ratings <= cells.n_means:
                raise RatingsError("There are no more ratings than means to estimate: no variance can be told.")
            model = model_of(cells, ["sum"], ("rater", "item"), needs_rest=False)
            value, se, df = model.estimate(np.ones(1))
        return Difference(value + self.cells.centre * sum(weights.values()), se, df, items, n_items, "")

    def both_fixed(self, names: Sequence[str]) -> bool:
        """Whether a comparison of these conditions has neither random raters nor random items."""
        if self.raters == "random":
            return False
        places = [self.conditions.index(name) for name in names]
        raters, items = map(len, _common(self.cells.n[:, :, places], self.raters))
        return all(means_of_each(self.raters, items_used(self.items, items), raters, items).values())

    def _identical_items(self, a: str, b: str) -> int:
        """Items of two conditions whose every rating is the same; 0 where one differs or is missing."""
        one, other = self.conditions.index(a), self.conditions.index(b)
        n, total = self.cells.n, self.cells.total
        same = (n[:, :, one] == n[:, :, other]).all() and (np.abs(total[:, :, one] - total[:, :, other]) < SAME).all()
        return int((n[:, :, one].sum(axis=0) > 0).sum()) if same else 0

    def contrasts(
        self, level: float = 0.95, error: Error = "own", pairs: Sequence[tuple[str, str]] | None = None
    ) -> pd.DataFrame:
        """Differences of pairs of conditions, each over the items that both have.

        Parameters
        ----------
        level : float
        error : {"own", "pooled"}
            Whether each pair is fitted to its two conditions alone, or has the
            variances of all.
        pairs : sequence of tuple of str, optional
            All pairs if not given.

        Returns
        -------
        DataFrame
            a, b, difference (a - b), se, df (Satterthwaite), t, p, p_holm (over
            all pairs), ci_low, ci_high (of each pair by itself),
            simultaneous_low, simultaneous_high (Bonferroni's, of all pairs
            together), items ("random" or "fixed"), n_items, note (why there is
            no difference, or no error).

        Notes
        -----
        Degrees of freedom: Satterthwaite, Biometrics Bull. 2 (1946) 110-114;
        correction: Holm, Scand. J. Stat. 6 (1979) 65-70.
        """
        pairs = list(combinations(self.conditions, 2)) if pairs is None else list(pairs)
        found: list[Difference | str] = []
        for a, b in pairs:
            try:
                found.append(self.difference(a, b, error))
            except RatingsError as refusal:
                found.append(str(refusal))
        tested = sum(isinstance(each, Difference) for each in found)
        rows: list[tuple[object, ...]] = []
        for (a, b), each in zip(pairs, found, strict=True):
            if isinstance(each, str):
                rows.append((a, b, *[float("nan")] * 9, "", 0, each))
                continue
            ends = (*each.interval(level), *each.interval(1 - (1 - level) / tested))
            rows.append(
                (a, b, each.value, each.se, each.df, each.t, each.p, *ends, each.items, each.n_items, each.note)
            )
        columns = ["a", "b", "difference", "se", "df", "t", "p", "ci_low", "ci_high"]
        columns += ["simultaneous_low", "simultaneous_high", "items", "n_items", "note"]
        table = pd.DataFrame(rows, columns=columns)
        table.insert(7, "p_holm", holm(table["p"].to_numpy(float)))
        return table

    def sphericity(self) -> pd.DataFrame:
        """Mauchly's test of what the pooled error assumes: that all differences vary alike, by rater and by item.

        Returns
        -------
        DataFrame
            over ("raters" or "items"), w, p; no row where ratings are missing,
            levels are no more than conditions, or the factor is fixed.
        """
        if not (self.cells.n == 1).all():
            return pd.DataFrame(columns=["over", "w", "p"])
        tables = {"raters": self.cells.total.mean(axis=1), "items": self.cells.total.mean(axis=0)}
        fixed = {"raters": self.cells.fixed_raters, "items": self.cells.fixed_items}
        rows = [(over, *sphericity(table)) for over, table in tables.items() if not fixed[over]]
        return pd.DataFrame([row for row in rows if row[2] == row[2]], columns=["over", "w", "p"])


NO_ERROR = "One rater and one item: nothing tells how far the ratings are due to chance."
IDENTICAL = "Both have the same rating everywhere: the error of their difference cannot be estimated."


@dataclass(frozen=True)
class Difference:
    """A difference of two conditions.

    Attributes
    ----------
    value, se, df : float
        Points, standard error, degrees of freedom (Satterthwaite).
    items : {"random", "fixed"}
    n_items : int
        Items that both conditions have.
    note : str
    """

    value: float
    se: float
    df: float
    items: Items
    n_items: int
    note: str

    @property
    def t(self) -> float:
        """Student's t; 0 where nothing differs."""
        return self.value / self.se if self.se > 0 else 0.0

    @property
    def p(self) -> float:
        """Two-sided p-value; 1 where nothing differs."""
        return 2 * float(stats.t.sf(abs(self.t), self.df))

    def interval(self, level: float) -> tuple[float, float]:
        """Confidence interval."""
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.se
        return self.value - half, self.value + half


class MeansOfEach(TypedDict):
    """Whether each rater, and each item, has a separate mean in the fit, see `analysis.crossed.Cells`."""

    fixed_raters: bool
    fixed_items: bool


def means_of_each(raters: Raters, items: Items, n_raters: int, n_items: int) -> MeansOfEach:
    """How fixed raters and items go into a fit.

    One item has no effect, and the error comes from the raters, whether these
    are fixed or not; with one rater it comes from the items.
    """
    if n_items == 1 or n_raters == 1:
        return {"fixed_raters": n_items > 1, "fixed_items": n_items == 1}
    return {"fixed_raters": raters == "fixed", "fixed_items": items == "fixed"}


def _common(n: Floats, raters: Raters) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the raters and items of some conditions, shape (raters, items, conditions).

    Every item has all conditions, and every rater some rating, or all
    conditions where raters are fixed.
    """
    use_raters, use_items = np.arange(n.shape[0]), np.arange(n.shape[1])
    while True:
        part = n[np.ix_(use_raters, use_items)]
        items = (part.sum(axis=0) > 0).all(axis=1)
        rated: NDArray[np.bool_] = np.asarray(part[:, items].sum(axis=1) > 0)
        of_raters = rated.all(axis=1) if raters == "fixed" else rated.any(axis=1)
        if items.all() and of_raters.all():
            return use_raters, use_items
        use_raters, use_items = use_raters[of_raters], use_items[items]


def items_used(items: Items, n_items: int) -> Items:
    """How items are taken: as asked for, but fixed where they are too few to be a sample of others.

    >>> items_used("random", 8), items_used("random", 4)
    ('random', 'fixed')
    """
    return items if n_items >= FEWEST_ITEMS else "fixed"


def mixed_model(
    frame: pd.DataFrame,
    *,
    items: Items = "random",
    raters: Raters = "random",
    roles: Sequence[str] = (SYSTEM,),
    terms: Sequence[str] = crossed.POOLED_TERMS,
) -> MixedModel:
    """Fit the model by restricted maximum likelihood.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened; balanced or not, repeats are averaged.
    items : {"random", "fixed"}
        Whether the result is to hold for other items too. With fixed items
        each item has its own mean of each system, all of the same weight.
        Fewer than `FEWEST_ITEMS` items are fixed in any case, with a note.
    raters : {"random", "fixed"}
        Whether the result is to hold for other raters too, or for these only,
        such as a panel of experts. One rater is fixed in any case. With raters
        and items both fixed, the error is what they leave, see
        `analysis.crossed.both_fixed`.
    roles : sequence of str
        Conditions of these roles are in the model. Reference and anchors stay
        out unless asked for: they vary far less than systems do.
    terms : sequence of str
        Random effects to include, of rater, rater:condition, item and
        item:condition; those of fixed items or raters are means. Comparisons
        have rater:item too.

    Raises
    ------
    RatingsError
        If there is nothing to estimate: fewer than two conditions, one rater
        and one item, no variance, an item whose condition nobody rated (fixed
        items), or a rater who did not rate a condition (fixed raters).

    Notes
    -----
    Restricted maximum likelihood: Patterson and Thompson, Biometrika 58 (1971)
    545-554; its form and algebra: Bates et al., J. Stat. Softw. 67 (2015).
    Degrees of freedom by Satterthwaite's method as in lmerTest (Kuznetsova et
    al., J. Stat. Softw. 82 (2017)). A term with one level, or with a level for
    each rating, cannot be told from the rest and is left out with a note.
    """
    if items not in ITEMS:
        raise RatingsError(f"Items are random or fixed, not {items!r}.")
    if raters not in RATERS:
        raise RatingsError(f"Raters are random or fixed, not {raters!r}.")
    unknown = [name for name in terms if name not in crossed.POOLED_TERMS]
    if unknown:
        raise RatingsError(f"There is no term {unknown[0]!r}. There are: {', '.join(crossed.POOLED_TERMS)}.")
    chosen = frame[frame["role"].isin(list(roles))]
    conditions = condition_order(chosen[chosen["score"].notna()])
    if len(conditions) < 2:
        raise RatingsError(f"The mixed model compares at least 2 conditions; the ratings have {len(conditions)}.")
    ratings = average_repeats(chosen)
    n_raters, n_items = ratings["rater"].nunique(), ratings["item"].nunique()
    used, raters_used = items_used(items, n_items), "fixed" if n_raters == 1 else raters
    model = model_of(_cells(ratings, conditions, used, raters_used), conditions, terms)
    notes = []
    if used != items:
        are = "item is" if n_items == 1 else "items are"
        notes.append(f"{n_items} {are} too few to stand for others, and taken as fixed.")
    if raters_used != raters:
        notes.append("1 rater cannot stand for others, and is taken as fixed.")
    if used == raters_used == "fixed":
        notes.append(BOTH_FIXED)
    return replace(model, items=used, raters=raters_used, notes=(*notes, *model.notes))


def model_of(
    cells: crossed.Cells,
    conditions: Sequence[str],
    terms: Sequence[str] = crossed.POOLED_TERMS,
    *,
    needs_rest: bool = True,
) -> MixedModel:
    """The model of ratings that are summed already, see `cells_of` and `crossed.fit`."""
    kept, notes = _terms(cells, terms)
    return _of_fit(cells, conditions, terms, crossed.fit(cells, kept, needs_rest=needs_rest), notes)


def _of_fit(
    cells: crossed.Cells, conditions: Sequence[str], terms: Sequence[str], fitted: crossed.Fit, notes: list[str]
) -> MixedModel:
    table = _components(fitted)
    none = [name for name, variance in zip(table["term"], table["variance"], strict=True) if variance == 0]
    if none:
        notes.append(f"No variance of {' and of '.join(none)} was found beyond what the other terms explain.")
    return MixedModel(
        conditions=tuple(conditions),
        items="fixed" if cells.fixed_items else "random",
        raters="fixed" if cells.fixed_raters else "random",
        n_raters=cells.n.shape[0],
        n_items=cells.n.shape[1],
        n_ratings=cells.n_ratings,
        components=table,
        notes=tuple(notes),
        terms=tuple(terms),
        fit=fitted,
        cells=cells,
    )


def _cells(ratings: pd.DataFrame, conditions: list[str], items: Items, of_raters: Raters = "random") -> crossed.Cells:
    rater, raters = pd.factorize(ratings["rater"])
    item, names = pd.factorize(ratings["item"])
    condition = pd.Categorical(ratings["condition"], conditions).codes
    shape = (len(raters), len(names), len(conditions))
    if shape[0] == shape[1] == 1:
        raise RatingsError(NO_ERROR)
    if np.prod(shape, dtype=float) > MOST_CELLS:
        raise RatingsError(
            f"{shape[0]:,} raters, {shape[1]:,} items and {shape[2]} conditions are more than the mixed model can hold "
            "at once. Analyse a part of the items."
        )
    score = ratings["score"].to_numpy(float)
    middle = float(score.mean())  # close to 0, sums of squares lose no digits
    place = np.ravel_multi_index((rater, item, condition), shape)
    size = int(np.prod(shape))
    n = np.bincount(place, minlength=size).reshape(shape).astype(np.float64)
    total = np.bincount(place, weights=score - middle, minlength=size).reshape(shape).astype(np.float64, copy=False)
    squares = float(((score - middle) ** 2).sum())
    if squares == 0:
        raise RatingsError("All scores are equal: there is no variance to model.")
    fixed = means_of_each(of_raters, items, *shape[:2])
    if fixed["fixed_raters"] and shape[0] * shape[2] > MOST_FIXED:
        raise RatingsError(
            f"{shape[0]:,} raters with a mean of each of {shape[2]} conditions are more than can be taken as fixed "
            f"({MOST_FIXED:,} means). Take the raters as random."
        )
    if fixed["fixed_raters"] and (n.sum(axis=1) == 0).any():
        r, c = np.argwhere(n.sum(axis=1) == 0)[0]
        raise RatingsError(
            f"The rater {raters[r]} did not rate the condition {conditions[c]}, so that with fixed raters the rater's "
            "mean of it is not known. Leave that rater out, or take the raters as random."
        )
    if fixed["fixed_items"] and (n.sum(axis=0) == 0).any():
        i, c = np.argwhere(n.sum(axis=0) == 0)[0]
        raise RatingsError(
            f"Nobody rated the condition {conditions[c]} of the item {names[i]}, so that with fixed items its mean is "
            f"not known. Leave that item out{', or take the items as random' if shape[1] >= FEWEST_ITEMS else ''}."
        )
    cells = crossed.Cells(n, total, squares, middle, **fixed)
    if cells.n_ratings <= cells.n_means:
        raise RatingsError("There are no more ratings than means to estimate: no variance can be told.")
    return cells


def cells_of(scores: Floats, *, fixed_items: bool = False, fixed_raters: bool = False) -> crossed.Cells:
    """Scores as an array, for studies that are drawn by the thousand.

    Parameters
    ----------
    scores : ndarray, shape (raters, items, conditions)
        NaN where none was given.
    """
    there = ~np.isnan(scores)
    centre = float(scores[there].mean())
    rest = np.where(there, scores - centre, 0.0)
    return crossed.Cells(there.astype(float), rest, float((rest**2).sum()), centre, fixed_items, fixed_raters)


def _terms(cells: crossed.Cells, wanted: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Terms that the data can tell, and a note on each that they cannot."""
    n_raters, n_items = cells.n.shape[:2]
    twice_by_rater = (cells.n.sum(axis=1) > 1).any()
    twice_by_item = (cells.n.sum(axis=0) > 1).any()
    possible = {
        "rater": n_raters > 1 and not cells.fixed_raters,
        "rater:condition": n_raters > 1 and twice_by_rater and not cells.fixed_raters,
        "item": n_items > 1 and not cells.fixed_items,
        "item:condition": n_items > 1 and twice_by_item and not cells.fixed_items,
        "rater:item": n_raters > 1 and n_items > 1 and (cells.n.sum(axis=2) > 1).any(),
    }
    kept = tuple(name for name in crossed.TERMS if name in wanted and possible[name])
    if cells.fixed_items:
        possible |= {"item": True, "item:condition": True}  # they are there, as means
    if cells.fixed_raters:
        possible |= {"rater": True, "rater:condition": True}
    lost = [name for name in crossed.TERMS if name in wanted and not possible[name]]
    return kept, [f"The data cannot tell {name} from the rest; the model leaves it out." for name in lost]


def _components(fitted: crossed.Fit) -> pd.DataFrame:
    names = [crossed.TERMS[i] for i in fitted.active] + ["residual"]
    sd = np.append(fitted.theta[list(fitted.active)] * fitted.sigma, fitted.sigma)
    return pd.DataFrame({"term": names, "variance": sd**2, "sd": sd})
