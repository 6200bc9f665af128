"""Intervals and tests that draw again from the data: raters as whole, never single ratings.

>>> draws = np.random.default_rng(1).normal(50, 10, (20, 1))
>>> low, high = bootstrap_means(draws, seed=1)[0]
>>> bool(low < draws.mean() < high)
True
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.frame import SYSTEM, RatingsError, average_repeats
from analysis.inference import system_matrix
from analysis.order import condition_order

Floats = NDArray[np.float64]
Method = Literal["bca", "percentile"]

DRAWS = 9_999
FEW = 20
"""Raters below which bootstrap intervals are too narrow to be trusted; found by benchmarks of coverage."""


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
        NaN for fewer than two raters.

    Notes
    -----
    Bias-corrected and accelerated: Efron, J. Am. Stat. Assoc. 82 (1987)
    171-185. Both are too narrow for few raters.
    """
    if method not in ("bca", "percentile"):
        raise RatingsError(f"There is no bootstrap method {method!r}. There are: bca, percentile.")
    draw = np.random.default_rng(seed)
    n = len(means)
    found = np.full((means.shape[1], 2), np.nan)
    if n < 2:
        return found
    there = ~np.isnan(means)
    filled = np.where(there, means, 0.0)
    sums, counts = np.empty((draws, means.shape[1])), np.empty((draws, means.shape[1]))
    for start in range(0, draws, 500):
        times = draw.multinomial(n, np.full(n, 1 / n), size=min(500, draws - start)).astype(float)
        sums[start : start + len(times)] = times @ filled
        counts[start : start + len(times)] = times @ there
    for c in range(means.shape[1]):
        ok = counts[:, c] > 0
        sample = np.sort(sums[ok, c] / counts[ok, c])
        values = means[there[:, c], c]
        if len(values) < 2:
            continue
        tails = np.array([0.5 - level / 2, 0.5 + level / 2])
        if method == "bca":
            tails = _bca(sample, values, tails)
        found[c] = np.quantile(sample, tails)
    return found


def _bca(sample: Floats, values: Floats, tails: Floats) -> Floats:
    """Tails corrected for bias and for a spread that changes with the mean."""
    middle = values.mean()
    below = np.clip((np.mean(sample < middle) + np.mean(sample <= middle)) / 2, 1e-9, 1 - 1e-9)
    bias = stats.norm.ppf(below)
    left_out = (values.sum() - values) / (len(values) - 1)
    apart = left_out.mean() - left_out
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
        and each cell counts as often as its rater times its item were drawn:
        Owen, Ann. Appl. Stat. 1 (2007) 386-411 (a little too wide, never
        narrow by design).

    Returns
    -------
    DataFrame
        condition, mean, ci_low, ci_high.
    """
    cells = average_repeats(frame[frame["role"] == SYSTEM])
    names = condition_order(frame[frame["role"] == SYSTEM])
    rater, raters = pd.factorize(cells["rater"])
    item, item_names = pd.factorize(cells["item"])
    draw = np.random.default_rng(seed)
    rows = []
    for name in names:
        of = (cells["condition"] == name).to_numpy()
        there = np.zeros((len(raters), len(item_names)))
        score = np.zeros_like(there)
        there[rater[of], item[of]] = 1
        score[rater[of], item[of]] = cells["score"].to_numpy(float)[of]
        sample = np.empty(draws)
        for b in range(draws):
            r = np.bincount(draw.integers(0, len(raters), len(raters)), minlength=len(raters))
            i = (
                np.bincount(draw.integers(0, len(item_names), len(item_names)), minlength=len(item_names))
                if items == "random"
                else np.ones(len(item_names))
            )
            weight = r @ there @ i
            sample[b] = (r @ score @ i) / weight if weight else np.nan
        low, high = np.nanquantile(sample, [0.5 - level / 2, 0.5 + level / 2])
        rows.append((name, score.sum() / there.sum(), low, high))
    return pd.DataFrame(rows, columns=["condition", "mean", "ci_low", "ci_high"])


def permutation_pairs(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Tests of all pairs of systems by exchanging each rater's means, with the family-wise error kept by the maximum.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened. Raters without a mean of every system
        are left out.
    draws : int
        Random permutations; the data themselves are counted as one more.

    Returns
    -------
    DataFrame
        a, b, difference, t, p (of the pair: signs of its differences), p_max
        (against the largest |t| of all pairs: Westfall and Young, 1993).

    Notes
    -----
    p = (1 + hits) / (1 + draws): Phipson and Smyth, Stat. Appl. Genet. Mol.
    Biol. 9 (2010) 39.
    """
    complete = system_matrix(frame).dropna()
    names, scores = list(complete.columns), complete.to_numpy(float)
    n, k = scores.shape
    pairs = list(combinations(range(k), 2))
    columns = ["a", "b", "difference", "t", "p", "p_max"]
    if n < 2 or not pairs:
        return pd.DataFrame([], columns=columns)
    draw = np.random.default_rng(seed)
    first, second = np.array(pairs).T
    differences = scores[:, first] - scores[:, second]
    seen = np.abs(_t(differences))
    hits, hits_max = np.zeros(len(pairs)), np.zeros(len(pairs))
    for _ in range(draws):
        signs = draw.choice([-1.0, 1.0], n)
        hits += np.abs(_t(differences * signs[:, None])) >= seen - 1e-9
        mixed = draw.permuted(scores, axis=1)
        hits_max += np.abs(_t(mixed[:, first] - mixed[:, second])).max() >= seen - 1e-9
    rows = [
        (
            names[i],
            names[j],
            differences[:, at].mean(),
            _t(differences)[at],
            *np.array([hits[at], hits_max[at]] + [0])[:2],
        )
        for at, (i, j) in enumerate(pairs)
    ]
    table = pd.DataFrame(rows, columns=columns)
    table[["p", "p_max"]] = (1 + table[["p", "p_max"]]) / (1 + draws)
    return table


def _t(differences: Floats) -> Floats:
    """Mean over standard error of each column; 0 where all are equal to 0, infinite where all are equal."""
    mean = differences.mean(axis=0)
    error = differences.std(axis=0, ddof=1) / len(differences) ** 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / error
    return np.where(error > 1e-12, found, np.where(np.abs(mean) > 1e-12, np.sign(mean) * np.inf, 0.0))
