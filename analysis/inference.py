"""Do the systems differ, and which from which? Tests on the raters' means.

Friedman's test with Kendall's W over all systems, then Wilcoxon's signed-rank test of every pair with Holm's
correction and Hodges and Lehmann's shift. Hidden reference and anchors are no systems: that they differ is what they
are there for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis import walsh
from analysis.common_items import common_items
from analysis.frame import RatingsError, in_cells, rater_means, systems_of
from analysis.groups import group
from analysis.order import condition_order
from analysis.ties import equal_sizes, without_rounding

ALPHA = 0.05
"""Level at which a difference is called one."""

ZeroMethod = Literal["pratt", "wilcox", "zsplit"]

ZERO_METHODS = {
    "pratt": "zero differences are ranked with the others and then left out (Pratt)",
    "wilcox": "zero differences are left out before ranking (Wilcoxon)",
    "zsplit": "zero differences are ranked, half of their rank sum on each side",
}

ROUGH_BELOW = 10
"""Raters below which the chi-square approximation of Friedman's statistic is rough."""

EXACT_UP_TO = 50
"""Raters up to which Wilcoxon's distribution is computed over all sign patterns, ties and zeros included."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Friedman:
    """Result of Friedman's test.

    Attributes
    ----------
    statistic : float
        Chi-square, corrected for ties; NaN where it cannot be computed.
    df : int
        Degrees of freedom.
    p : float
        From the chi-square distribution.
    w : float
        Kendall's W: 0 no agreement of the raters on the order of the systems,
        1 complete agreement.
    n_raters, n_systems : int
        What the figures are of: raters with a rating of every system.
    n_dropped : int
        Raters left out because a system has no rating of theirs.
    note : str
        Why there is no figure, or what to keep in mind.
    """

    statistic: float
    df: int
    p: float
    w: float
    n_raters: int
    n_systems: int
    n_dropped: int
    note: str


def system_matrix(frame: pd.DataFrame, systems: Sequence[str] | None = None) -> pd.DataFrame:
    """Raters' means of systems over the items that all of these systems have.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    systems : sequence of str, optional
        Columns, in this order; all systems without it.

    Returns
    -------
    DataFrame, shape (raters, systems)
        NaN where a rater rated none of a system. Means that differ by rounding
        alone are equal (`analysis.ties`).
    """
    rows = systems_of(frame)
    names = condition_order(rows) if systems is None else list(systems)
    found = common_items(rows)
    common = found.of(names)
    if len(common) < len(found.items):
        raters = pd.Index(rows.loc[rows["score"].notna(), "rater"].unique(), name="rater")
        means = rater_means(rows[rows["item"].isin(common)], names).reindex(raters)
    else:
        means = rater_means(rows, names)
    return pd.DataFrame(without_rounding(means.to_numpy(float)), index=means.index, columns=means.columns)


def friedman(frame: pd.DataFrame) -> Friedman:
    """Friedman's test of whether raters put the systems in a common order.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.

    Notes
    -----
    Friedman, J. Am. Stat. Assoc. 32 (1937) 675-701, with the correction for
    ties of Hollander and Wolfe, Nonparametric Statistical Methods, 7.1.
    W = chi-square / (raters * (systems - 1)): Kendall and Babington Smith, 1939.

    >>> import pandas as pd
    >>> from analysis.frame import tidy
    >>> scores = {"A": [10, 20, 30, 40], "B": [20, 30, 40, 50], "C": [90, 25, 80, 70]}
    >>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
    >>> found = friedman(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
    >>> found.statistic, round(found.p, 4), found.w  # rank sums 4, 9, 11
    (6.5, 0.0388, 0.8125)
    """
    matrix = system_matrix(frame)
    complete = matrix.dropna()
    n, k = complete.shape
    dropped = len(matrix) - n
    nan = float("nan")
    if k < 3 or n < 2:
        what = f"{_count(k, 'system')} rated by {_count(n, 'rater')} who rated every system"
        note = f"Friedman's test needs at least 3 systems and 2 raters who rated all of them; here {what}."
        if k > 2 and not common_items(frame).of(list(matrix.columns)):
            note = "No item was rated with every system, so that Friedman's test cannot compare them all."
        return Friedman(nan, max(k - 1, 0), nan, nan, n, k, dropped, note)
    ranks = stats.rankdata(complete.to_numpy(float), axis=1)
    spread = ((ranks - (k + 1) / 2) ** 2).sum()
    if spread == 0:
        note = "Every rater gave all systems the same mean: there is no order to test."
        return Friedman(nan, k - 1, nan, nan, n, k, dropped, note)
    between = n * ((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()
    statistic = float(n * (k - 1) * between / spread)
    notes = []
    if n < ROUGH_BELOW:
        notes.append(f"With fewer than {ROUGH_BELOW} raters the chi-square approximation is rough: read p as a guide.")
    notes += [*not_all_items(frame), *mixed_items(frame)]
    p = float(stats.chi2.sf(statistic, k - 1))
    return Friedman(statistic, k - 1, p, statistic / (n * (k - 1)), n, k, dropped, " ".join(notes))


def mean_ranks(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean rank of each system, 1 for the best, over the raters who rated all of them; ties share theirs.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.

    Returns
    -------
    DataFrame
        condition, mean_rank, n_first (raters whose highest mean it has, ties
        counted for each), n_raters; no row without such a rater.

    Notes
    -----
    The ranks that Friedman's test is made of, J. Am. Stat. Assoc. 32 (1937)
    675-701, counted from the best.

    >>> import pandas as pd
    >>> from analysis.frame import tidy
    >>> scores = {"A": [10, 20, 30], "B": [20, 30, 40], "C": [90, 25, 80]}
    >>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
    >>> mean_ranks(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))["mean_rank"].tolist()
    [3.0, 1.6666666666666667, 1.3333333333333333]
    """
    complete = system_matrix(frame).dropna()
    if complete.empty:
        return pd.DataFrame(columns=["condition", "mean_rank", "n_first", "n_raters"])
    scores = complete.to_numpy(float)
    ranks = stats.rankdata(-scores, axis=1)
    first = (scores == scores.max(axis=1, keepdims=True)).sum(axis=0)
    return pd.DataFrame(
        {"condition": list(complete.columns), "mean_rank": ranks.mean(axis=0), "n_first": first, "n_raters": len(ranks)}
    )


def wilcoxon_pairs(frame: pd.DataFrame, *, zeros: ZeroMethod = "pratt", level: float = 0.95) -> pd.DataFrame:
    """Wilcoxon's signed-rank test of every pair of systems, two-sided, with Holm's correction and the shift.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    zeros : {"pratt", "wilcox", "zsplit"}
        What is done with raters whose means of both systems are equal; of the
        test only.
    level : float
        Coverage of the shift's interval.

    Returns
    -------
    DataFrame
        a, b, n_raters (with ratings of both), n_zero, mean_difference,
        median_difference (a - b, of the raters' means), shift, shift_low,
        shift_high (see `hodges_lehmann`; without Holm's correction), statistic
        (the smaller rank sum), p, p_holm (over the pairs that have a p), method
        ("exact" up to 50 raters, "normal approximation" above), note.

    Notes
    -----
    Wilcoxon, Biometrics Bull. 1 (1945) 80-83; zeros: Pratt, J. Am. Stat. Assoc.
    54 (1959) 655-667; correction: Holm, Scand. J. Stat. 6 (1979) 65-70.
    Differences whose absolute values are equal but for rounding are ties and
    share the mean of their ranks; those that are 0 but for rounding are zeros.
    Two systems are compared over the items that both have.

    >>> import pandas as pd
    >>> from analysis.frame import tidy
    >>> scores = {"A": [10, 20, 30, 40, 50, 60], "B": [21, 32, 43, 54, 65, 76]}
    >>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
    >>> found = wilcoxon_pairs(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
    >>> print(*found.loc[0, ["mean_difference", "statistic", "p", "method"]])  # p = 2 / 2**6
    -13.5 0.0 0.03125 exact
    """
    if zeros not in ZERO_METHODS:
        raise RatingsError(f"There is no zero method {zeros!r}. There are: {', '.join(ZERO_METHODS)}.")
    matrix, found = system_matrix(frame), common_items(frame)
    rows = []
    for a, b in combinations(matrix.columns, 2):
        common = found.of([a, b])
        whole = found.same and len(found.systems) == len(matrix.columns)
        both = matrix if whole else system_matrix(frame, [a, b])
        differences = equal_sizes((both[a] - both[b]).dropna().to_numpy(float))
        statistic, p, method, note = _signed_rank(differences, zeros)
        if not common:
            note = "No item was rated with both systems: they cannot be compared."
        elif len(common) < len(found.items):
            note = f"Compared over the {_count(len(common), 'item')} that both have. {note}".strip()
        n, n_zero = len(differences), int((differences == 0).sum())
        mean, median = (differences.mean(), float(np.median(differences))) if n else (float("nan"), float("nan"))
        shift = hodges_lehmann(differences, level=level)
        rows.append((a, b, n, n_zero, mean, median, *shift, statistic, p, method, _with_coverage(note, n, level)))
    columns = ["a", "b", "n_raters", "n_zero", "mean_difference", "median_difference"]
    columns += ["shift", "shift_low", "shift_high", "statistic", "p", "method", "note"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(columns.index("method"), "p_holm", holm(table["p"].to_numpy(float)))
    return table


def hodges_lehmann(differences: Floats, *, level: float = 0.95) -> tuple[float, float, float]:
    """Hodges and Lehmann's shift of paired values, with the interval that belongs to Wilcoxon's signed-rank test.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        One per rater.
    level : float

    Returns
    -------
    tuple of float
        The median of the Walsh averages (of all pairs of differences, each with
        itself too), and the lower and upper end. The ends are Walsh averages,
        the k-th from below and from above, k from the exact distribution of
        the rank sum up to 50 raters and from the normal approximation above.
        For so few raters that no k reaches the level, they are the smallest and
        the largest difference, which cover 1 - 2 ** (1 - n). NaN without
        raters; the ends are NaN for one.

    Notes
    -----
    Hodges and Lehmann, Ann. Math. Stat. 34 (1963) 598-611; the interval is
    Tukey's, Hollander and Wolfe, Nonparametric Statistical Methods, 3.3. Zeros
    and ties stay among the Walsh averages, and k is that of data without them:
    with many of them the interval covers more than it says, and it does not
    follow the way in which the test treats zeros.

    >>> hodges_lehmann(np.array([1.0, 2, 4, 8, 16, 32]))  # 21 averages; the ends cover 1 - 2 / 2**6
    (8.5, 1.0, 32.0)
    """
    n = len(differences)
    nan = float("nan")
    if n == 0:
        return nan, nan, nan
    values = walsh.distinct(differences)
    middle = walsh.median(values)
    if n < 2:
        return middle, nan, nan
    k = max(_place(n, (1 - level) / 2), 1)
    return middle, walsh.at_rank(values, k - 1), walsh.at_rank(values, walsh.n_averages(values) - k)


def _place(n: int, tail: float) -> int:
    """Largest k such that a rank sum of n raters lies below k with no more than the chance `tail`; 0 for none."""
    if n <= EXACT_UP_TO:
        return int((np.cumsum(_rank_sums(np.arange(1, n + 1))) <= tail * (1 + 1e-12)).sum())
    spread = (n * (n + 1) * (2 * n + 1) / 24) ** 0.5
    return int(np.floor(n * (n + 1) / 4 + float(stats.norm.ppf(tail)) * spread + 0.5))


def _with_coverage(note: str, n: int, level: float) -> str:
    """Say if the raters are too few for the level of the shift's interval."""
    covered = 1 - 2.0 ** (1 - n)
    if n < 2 or covered >= level:
        return note
    return f"{note} The interval of the shift covers {100 * covered:.3g}%.".strip()


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction. NaN stays NaN and counts as no test.

    Holm, Scand. J. Stat. 6 (1979) 65-70.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    corrected = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    ranked = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(ranked), 0, -1)
    corrected[ranked] = np.minimum(np.maximum.accumulate(p[ranked] * factors), 1.0)
    return corrected


def _signed_rank(differences: NDArray[np.float64], zeros: ZeroMethod) -> tuple[float, float, str, str]:
    n = len(differences)
    if n < 2:
        return float("nan"), float("nan"), "", f"{_count(n, 'rater')} with both systems: no test."
    if not differences.any():
        return 0.0, 1.0, "exact", "All differences are zero."
    note = f"With {n} raters p cannot fall below {2.0 ** (1 - n):.3g}." if 2.0 ** (1 - n) > 0.05 else ""
    if n <= EXACT_UP_TO:
        return *_exact(differences, zeros), "exact", note
    # scipy-stubs know the method by its old name "approx" only.
    found = stats.wilcoxon(differences, zero_method=zeros, method="asymptotic")  # type: ignore[call-overload]
    return float(found.statistic), float(found.pvalue), "normal approximation", note


def _exact(differences: NDArray[np.float64], zeros: ZeroMethod) -> tuple[float, float]:
    """Smaller rank sum, and its two-sided p over all sign patterns of the differences that are not zero.

    Ranks that ties share are halves at worst, so twice the rank sum is a whole
    number and its distribution a product of polynomials, one factor a rater.
    """
    if zeros == "wilcox":
        differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    split = ranks[differences == 0].sum() / 2 if zeros == "zsplit" else 0.0
    above, below = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    doubled = np.rint(2 * ranks[differences != 0]).astype(np.int64)
    chance = _rank_sums(doubled)
    distance = np.abs(2 * np.arange(len(chance)) - doubled.sum())
    p = float(chance[distance >= abs(round(2 * (above - below)))].sum())
    return float(min(above, below) + split), min(p, 1.0)


def _rank_sums(ranks: NDArray[np.int64]) -> Floats:
    """Chance of every value, from 0 up, of the sum of those ranks whose sign is positive, signs being even."""
    chance = np.ones(1)
    for rank in ranks:
        longer = np.zeros(len(chance) + rank)
        longer[: len(chance)] += chance / 2
        longer[rank:] += chance / 2
        chance = longer
    return chance


def not_all_items(frame: pd.DataFrame) -> list[str]:
    """Say over how many items all systems are compared at once, where that is not all items."""
    found = common_items(frame)
    if found.same:
        return []
    n_common = len(found.of(found.systems))
    return [f"Over the {_count(n_common, 'item')} of {len(found.items)} that were rated with every system."]


def mixed_items(frame: pd.DataFrame) -> list[str]:
    """Say if a rater's means of the systems are over different items, so that items and systems mix."""
    systems = systems_of(frame)
    found = common_items(systems)
    if not found.same:
        systems = systems[systems["item"].isin(found.of(found.systems))]
    rows, cells = in_cells(systems)
    pages = group(rows["rater"], rows["item"])
    incomplete = pages.first[pages.over(cells).counts() < rows["condition"].nunique()]
    mixed = rows["rater"].iloc[incomplete].nunique()
    if not mixed:
        return []
    return [f"{_count(mixed, 'rater')} did not rate all systems of every item, so their means mix systems with items."]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
