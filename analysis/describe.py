"""Means with intervals, medians and quartiles, per condition and finer.

The unit of analysis is the rater: one rater's scores hang together, so the interval of a mean comes from the raters'
means. Median and quartiles describe the ratings themselves, as a box plot does.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> frame = tidy(pd.DataFrame({"rater": list("aabbcc"), "item": ["x", "y"] * 3, "condition": "Opus 6",
...                            "score": [40, 60, 50, 60, 60, 60]}))
>>> row = describe(frame).iloc[0]
>>> print(*row[["mean", "ci_low", "ci_high"]].astype(float).round(2))  # means 50, 55, 60: 55 ± 4.303 * 5 / sqrt(3)
55.0 42.58 67.42
>>> print(*row[["n_raters", "n_items", "n_ratings", "median"]])
3 2 6 60.0
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.frame import RatingsError, in_cells
from analysis.groups import group
from analysis.order import condition_order, natural_key
from analysis.resampling import FEW, FewRatersWarning, bootstrap_means

Interval = Literal["t", "normal", "bootstrap"]
Quantiles = Literal["linear", "hazen"]

INTERVALS = {
    "t": "Student's t on the raters' means (ddof 1)",
    "normal": "normal quantile on the raters' means (ddof 1)",
    "bootstrap": "a bias-corrected and accelerated bootstrap of the raters' means",
}
QUANTILES = {
    "linear": "linear (Hyndman and Fan's type 7)",
    "hazen": "Hazen (Hyndman and Fan's type 5, as in MATLAB)",
}

COLUMNS = [
    "condition", "n_raters", "n_items", "n_ratings", "mean", "ci_low", "ci_high", "median", "q1", "q3",
]  # fmt: skip
"""Columns of `conditions.csv`."""


def mean_interval(values: NDArray[np.float64], *, ci: Interval = "t", level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a mean of independent values.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One per rater.
    ci : {"t", "normal", "bootstrap"}
        Student's t with n - 1 degrees of freedom; or the normal quantile, which
        is too narrow for few raters and is there to compare with tables that
        were made so; or `analysis.resampling.bootstrap_means`, which is too
        narrow for few raters as well.
    level : float
        Coverage, 0.95 for 95%.

    Returns
    -------
    tuple of float
        Not cut off at 0 and 100. NaN for fewer than two values.

    Notes
    -----
    "Student", Biometrika 6 (1908) 1-25.

    >>> low, high = mean_interval(np.array([50.0, 55.0, 60.0]), ci="normal")
    >>> round(low, 3), round(high, 3)
    (49.342, 60.658)
    """
    if ci not in INTERVALS:
        raise RatingsError(f"There is no interval {ci!r}. There are: {', '.join(INTERVALS)}.")
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    if ci == "bootstrap":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewRatersWarning)  # `describe` says it in its notes
            low, high = bootstrap_means(values[:, None], level=level)[0]
        return float(low), float(high)
    upper = 0.5 + level / 2
    quantile = stats.t.ppf(upper, n - 1) if ci == "t" else stats.norm.ppf(upper)
    half = float(quantile) * float(np.std(values, ddof=1)) / n**0.5
    mean = float(np.mean(values))
    return mean - half, mean + half


def describe(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    ci: Interval = "t",
    level: float = 0.95,
    quantiles: Quantiles = "linear",
    order: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Describe every condition.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened.
    by : sequence of {"category", "item"}
        Split further.
    ci, level
        See `mean_interval`.
    quantiles : {"linear", "hazen"}
        Method of median and quartiles.
    order : sequence of str, optional
        See `analysis.order.condition_order`.

    Returns
    -------
    DataFrame
        One row per group and condition: `by`, condition, role, n_raters,
        n_items, n_ratings (repeats counted one by one), mean (of the raters'
        means), ci_low, ci_high, median, q1, q3 (of the ratings, repeats
        averaged), mean_of_ratings (each rating with the same weight; equal to
        `mean` if all raters rated equally many items), note.

    Notes
    -----
    Quantiles: Hyndman and Fan, Am. Stat. 50 (1996) 361-365.
    """
    if quantiles not in QUANTILES:
        raise RatingsError(f"There is no quantile method {quantiles!r}. There are: {', '.join(QUANTILES)}.")
    key = [*by, "condition", "role"]
    rows, cells = in_cells(frame)
    scores = cells.means(rows["score"])
    groups, raters, items = (group(*(rows[name] for name in names)).over(cells) for names in (key, ["rater"], ["item"]))
    of_raters = group(groups, raters)
    table = rows[key].iloc[cells.first[groups.first]].reset_index(drop=True)
    table["n_items"] = groups.over(group(groups, items)).counts()
    table["n_ratings"] = groups.sums(cells.counts()).astype(int)
    rater_means = groups.over(of_raters).split(of_raters.means(scores))
    described = []
    for means, own in zip(rater_means, groups.split(scores), strict=True):
        low, high = mean_interval(means, ci=ci, level=level)
        q1, median, q3 = np.quantile(own, [0.25, 0.5, 0.75], method=quantiles)
        described.append((len(means), means.mean(), low, high, median, q1, q3, own.mean(), _note(means, ci)))
    figures = ["n_raters", "mean", "ci_low", "ci_high", "median", "q1", "q3", "mean_of_ratings", "note"]
    table = table.join(pd.DataFrame(described, columns=figures))[[*key, *COLUMNS[1:], "mean_of_ratings", "note"]]
    place = {name: i for i, name in enumerate(condition_order(frame, order))}
    keys = [
        (*(natural_key(str(row[name])) for name in by), place[row["condition"]]) for row in table.to_dict("records")
    ]
    return table.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)


def _note(means: NDArray[np.float64], ci: Interval) -> str:
    if len(means) < 2:
        return "One rater: no interval. An interval needs at least 2 raters."
    if np.ptp(means) == 0:
        return "All raters' means are equal: the interval has no width and says nothing about other raters."
    if ci == "bootstrap" and len(means) < FEW:
        return f"With fewer than {FEW} raters a bootstrap interval is too narrow: one of 95% may cover less than 93%."
    return ""
