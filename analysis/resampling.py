"""Intervals and tests that draw again from the data: raters as whole, never single ratings.

>>> means = np.random.default_rng(1).normal(50, 10, (30, 1))
>>> low, high = bootstrap_means(means, seed=1)[0]
>>> bool(low < means.mean() < high)
True
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.frame import RatingsError, average_repeats, systems_of
from analysis.inference import system_matrix
from analysis.order import condition_order

Floats = NDArray[np.float64]
Method = Literal["bca", "percentile"]

DRAWS = 9_999
BLOCK = 8_000_000
"""Numbers that are drawn at a time: draws times raters."""

FEW = 30
"""Raters below which a bootstrap interval of 95% may cover less than 93%: docs/validation.md."""

FEW_ITEMS = 16
"""Items below which one that draws items too may do so."""

CLOSE = 1e-9
"""Two figures nearer than that, relative to their size, are equal but for rounding."""


class FewRatersWarning(UserWarning):
    """A bootstrap interval is of so few raters that it is too narrow."""


def bootstrap_means(
    means: Floats, *, method: Method = "bca", level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Floats:
    """Bootstrap intervals of conditions' means, raters drawn with replacement.

    Parameters
    ----------
    means : ndarray, shape (raters, conditions)
        Raters' means; NaN where a rater rated none of a condition.
    method : {"bca", "percentile"}
    level : float
    draws : int
    seed : int

    Returns
    -------
    ndarray, shape (conditions, 2)
        NaN where fewer than two raters rated a condition; of no width where
        all gave it the same.

    Notes
    -----
    Bias-corrected and accelerated: Efron, J. Am. Stat. Assoc. 82 (1987)
    171-185. Both are too narrow for fewer than about 30 raters; a warning says
    so. Student's t (`analysis.describe.mean_interval`) holds its level there.

    Warns
    -----
    FewRatersWarning
        Where fewer than `FEW` raters rated a condition.
    """
    if method not in ("bca", "percentile"):
        raise RatingsError(f"There is no bootstrap method {method!r}. There are: bca, percentile.")
    n, n_conditions = means.shape
    found = np.full((n_conditions, 2), np.nan)
    if n < 2:
        return found
    there = ~np.isnan(means)
    if ((there.sum(axis=0) > 1) & (there.sum(axis=0) < FEW)).any():
        warnings.warn(_note(FEW - 1, 1, "fixed"), FewRatersWarning, stacklevel=2)
    draw, filled = np.random.default_rng(seed), np.where(there, means, 0.0)
    counts, sums = np.empty((2, draws, n_conditions))
    for block in _blocks(draws, n):
        times = _times(draw, n, block.stop - block.start)
        counts[block], sums[block] = times @ there, times @ filled
    tails = np.array([0.5 - level / 2, 0.5 + level / 2])
    for c in range(n_conditions):
        values = means[there[:, c], c]
        if len(values) < 2:
            continue
        drawn = counts[:, c] > 0
        sample = sums[drawn, c] / counts[drawn, c]
        found[c] = np.quantile(sample, _bca(sample, values, tails) if method == "bca" else tails)
    return found


def _blocks(draws: int, n: int) -> Iterator[slice]:
    size = max(BLOCK // n, 1)
    for start in range(0, draws, size):
        yield slice(start, min(start + size, draws))


def _times(draw: np.random.Generator, n: int, draws: int) -> Floats:
    """How often each of n is drawn, shape (draws, n)."""
    return draw.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)


def _bca(sample: Floats, values: Floats, tails: Floats) -> Floats:
    """Tails corrected for bias and for a spread that changes with the mean."""
    middle = values.mean()
    near = CLOSE * max(1.0, abs(middle))
    below = (np.mean(sample < middle - near) + np.mean(sample <= middle + near)) / 2
    bias = stats.norm.ppf(np.clip(below, 1e-9, 1 - 1e-9))
    apart = values - middle  # as the mean less the mean without this one, but for a factor that cancels
    spread = float((apart**2).sum())
    bend = float((apart**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = stats.norm.ppf(tails)
    return np.asarray(stats.norm.cdf(bias + (bias + z) / (1 - bend * (bias + z))))


def bootstrap_table(
    frame: pd.DataFrame,
    *,
    items: Literal["fixed", "random"] = "fixed",
    level: float = 0.95,
    draws: int = 1_999,
    seed: int = 0,
) -> pd.DataFrame:
    """Percentile intervals of the systems' means, drawing raters and, with random items, items as well.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    items : {"fixed", "random"}
        With "random", raters and items are drawn independently of each other
        and each rating counts as often as its rater times its item were drawn:
        Owen, Ann. Appl. Stat. 1 (2007) 386-411. That is a little too wide for
        many of both, and too narrow for few items: `note` says so.

    Returns
    -------
    DataFrame
        condition, n_raters, n_items, mean (of the ratings, repeats averaged:
        each weighs the same), ci_low, ci_high, note.
    """
    if items not in ("fixed", "random"):
        raise RatingsError(f"Items are fixed or random, not {items!r}.")
    systems = systems_of(frame)
    names = condition_order(systems[systems["score"].notna()])
    cells = average_repeats(systems)
    rater, raters = pd.factorize(cells["rater"])
    item, item_names = pd.factorize(cells["item"])
    draw = np.random.default_rng(seed)
    r_times = _times(draw, max(len(raters), 1), draws)
    i_times = _times(draw, len(item_names), draws) if items == "random" and len(item_names) else None
    tails = [0.5 - level / 2, 0.5 + level / 2]
    rows = []
    for name in names:
        of = (cells["condition"] == name).to_numpy()
        scores = np.full((len(raters), len(item_names)), np.nan)
        scores[rater[of], item[of]] = cells["score"].to_numpy(float)[of]
        n_raters, n_items = (int((~np.isnan(scores)).any(axis=axis).sum()) for axis in (1, 0))
        low = high = float("nan")
        if n_raters > 1 and (items == "fixed" or n_items > 1):
            low, high = np.quantile(_means(scores, r_times, i_times), tails)
        note = _note(n_raters, n_items, items)
        rows.append((name, n_raters, n_items, np.nanmean(scores), low, high, note))
    return pd.DataFrame(rows, columns=["condition", "n_raters", "n_items", "mean", "ci_low", "ci_high", "note"])


def _means(scores: Floats, r_times: Floats, i_times: Floats | None) -> Floats:
    """Mean of each draw that has any rating, from how often raters and items were drawn."""
    there = ~np.isnan(scores)
    sums, counts = r_times @ np.where(there, scores, 0.0), r_times @ there
    if i_times is not None:
        sums, counts = sums * i_times, counts * i_times
    total, count = sums.sum(axis=1), counts.sum(axis=1)
    return np.asarray(total[count > 0] / count[count > 0], np.float64)


def _note(n_raters: int, n_items: int, items: str) -> str:
    if n_raters < 2:
        return "One rater: no interval."
    if items == "random" and n_items < 2:
        return "One item: no interval that speaks of other items."
    few = [f"fewer than {FEW} raters"] if n_raters < FEW else []
    if items == "random" and n_items < FEW_ITEMS:
        few.append(f"fewer than {FEW_ITEMS} items")
    if not few:
        return ""
    return f"With {' and '.join(few)} a bootstrap interval is too narrow: one of 95% may cover less than 93%."


def permutation_pairs(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Tests of all pairs of systems by turning round the signs of raters' differences.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened. Raters without a mean of every system
        are left out.
    draws : int
        Random patterns of signs, one sign a rater for all pairs; the data
        themselves are counted as one more. Where there are no more patterns
        than that, all of them are taken and p is exact.
    seed : int

    Returns
    -------
    DataFrame
        a, b, n_raters, difference (a - b, mean), t, p (of the pair), p_max
        (against the largest |t| of all pairs, which keeps the family-wise
        error whichever pairs differ), note.

    Notes
    -----
    Asked is whether each rater's differences lie as likely on one side as on
    the other. One-step maximum: Westfall and Young, Resampling-Based Multiple
    Testing, 1993; for turned signs Nichols and Holmes, Hum. Brain Mapp. 15
    (2002) 1-25. p = (1 + hits) / (1 + draws): Phipson and Smyth, Stat. Appl.
    Genet. Mol. Biol. 9 (2010) 39.

    >>> from analysis.frame import tidy
    >>> scores = {"A": [10, 20, 30, 40, 50, 60], "B": [21, 32, 43, 54, 65, 76]}
    >>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
    >>> found = permutation_pairs(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
    >>> print(*found.loc[0, ["difference", "p", "p_max"]])  # p = 2 / 2**6
    -13.5 0.03125 0.03125
    """
    matrix = system_matrix(frame)
    complete = matrix.dropna()
    n = len(complete)
    pairs = list(combinations(matrix.columns, 2))
    table = pd.DataFrame(pairs, columns=["a", "b"])
    table["n_raters"] = n
    if n < 2 or not pairs:
        table[["difference", "t", "p", "p_max"]] = float("nan")
        table["note"] = f"{n} {'rater' if n == 1 else 'raters'} with all systems: no test."
        return table
    differences = complete[table["a"]].to_numpy(float) - complete[table["b"]].to_numpy(float)
    square = (differences**2).sum(axis=0)
    seen = differences.mean(axis=0)
    t = _t(seen, square, n)
    hits, hits_max, whole = np.zeros(len(pairs)), np.zeros(len(pairs)), 0
    for signs in _signs(n, draws, seed):
        turned = signs @ differences / n
        hits += (np.abs(turned) >= np.abs(seen) - CLOSE * np.sqrt(square)).sum(axis=0)
        largest = np.abs(_t(turned, square, n)).max(axis=1)
        hits_max += (largest[:, None] >= np.abs(t) * (1 - CLOSE)).sum(axis=0)
        whole += len(signs)
    table["difference"], table["t"], table["p"], table["p_max"] = seen, t, hits / whole, hits_max / whole
    least = 2.0 ** (1 - n)
    table["note"] = f"With {n} raters p cannot fall below {least:.3g}." if least > 0.05 else ""
    return table


def _signs(n: int, draws: int, seed: int) -> Iterator[Floats]:
    """All patterns of n signs, or the data's own and as many random ones as asked for; in blocks."""
    if n < 31 and 2**n <= draws + 1:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        yield _as_signs(bits)
        return
    draw = np.random.default_rng(seed)
    yield np.ones((1, n))
    for block in _blocks(draws, n):
        yield _as_signs(draw.integers(0, 2, (block.stop - block.start, n)))


def _as_signs(bits: NDArray[np.int64]) -> Floats:
    return 1.0 - 2.0 * bits.astype(np.float64)


def _t(mean: Floats, square: Floats, n: int) -> Floats:
    """Mean over its standard error, from the mean and the sum of squares, which turned signs leave as it is.

    0 where all differences are 0, infinite where all are alike.
    """
    around = np.maximum(square / n - mean**2, 0.0)
    flat = around <= 1e-12 * square / n
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / np.sqrt(around / (n - 1))
    found[flat] = np.where(np.broadcast_to(square, mean.shape)[flat] > 0, np.copysign(np.inf, mean[flat]), 0.0)
    return np.asarray(found, np.float64)
