"""How far raters agree with each other and with themselves.

Between raters: Krippendorff's alpha and intraclass correlations over the stimuli. Of each rater: what repeats of a
trial say of their reliability, and how well they tell systems apart, in the spirit of Recommendation ITU-R BS.2300.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.frame import average_repeats, rated
from analysis.order import sorted_raters

Floats = NDArray[np.float64]

DRAWS = 999


@dataclass(frozen=True)
class Agreement:
    """A coefficient with its interval.

    Attributes
    ----------
    name : str
    value, low, high : float
        NaN where it cannot be computed.
    n_raters, n_stimuli : int
        What it is of.
    note : str
    """

    name: str
    value: float
    low: float
    high: float
    n_raters: int
    n_stimuli: int
    note: str


def stimuli(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores by stimulus (item and condition) and rater, repeats averaged; NaN where none is."""
    cells = average_repeats(frame)
    return cells.pivot(index=["item", "condition"], columns="rater", values="score")


def krippendorff_alpha(table: Floats) -> float:
    """Krippendorff's alpha for interval data; missing values allowed.

    Parameters
    ----------
    table : ndarray, shape (units, raters)
        NaN where a rater did not rate a unit. Units with one rating say nothing
        of agreement and are left out.

    Returns
    -------
    float
        1 for perfect agreement, 0 for what chance gives; NaN where nothing
        varies.

    Notes
    -----
    Krippendorff, Content Analysis, 4th ed., chapter 12: one less observed
    over expected disagreement, both as mean squared differences of pairs.

    >>> round(krippendorff_alpha(np.array([[1.0, 1], [2, 2], [3, 3], [3, 4], [np.nan, 5]])), 4)
    0.8889
    """
    there = ~np.isnan(table)
    table = table[there.sum(axis=1) > 1]
    there = ~np.isnan(table)
    values = table[there]
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return float("nan")
    filled = np.where(there, table - values.mean(), 0.0)
    m = there.sum(axis=1)
    within = m * (filled**2).sum(axis=1) - filled.sum(axis=1) ** 2  # half the sum over ordered pairs
    observed = 2 * float((within / (m - 1)).sum()) / n
    expected = 2 * (n * float((filled**2).sum()) - float(filled.sum()) ** 2) / (n * (n - 1))
    return 1 - observed / expected


def alpha(frame: pd.DataFrame, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Krippendorff's alpha of a study, with a percentile bootstrap interval over stimuli.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study.
    """
    wide = stimuli(frame)
    table = wide.to_numpy(float)
    value = krippendorff_alpha(table)
    low = high = float("nan")
    if not np.isnan(value):
        draw = np.random.default_rng(seed)
        sample = [krippendorff_alpha(table[draw.integers(0, len(table), len(table))]) for _ in range(draws)]
        low, high = map(float, np.nanquantile(sample, [0.5 - level / 2, 0.5 + level / 2]))
    note = (
        "" if not np.isnan(value) else "Nothing varies, or no stimulus has two ratings: agreement cannot be measured."
    )
    return Agreement("Krippendorff's alpha (interval)", value, low, high, wide.shape[1], len(wide), note)


def intraclass(frame: pd.DataFrame, *, level: float = 0.95) -> tuple[Agreement, Agreement]:
    """ICC(A,1) and ICC(A,k): absolute agreement of single ratings, and of the mean of all raters.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study. Stimuli that not all raters rated are left out.

    Notes
    -----
    McGraw and Wong, Psychol. Methods 1 (1996) 30-46, two-way random model,
    tables 4 and 7.
    """
    wide = stimuli(frame).dropna()
    n, k = wide.shape
    names = ("ICC(A,1)", "ICC(A,k)")
    nan = float("nan")
    if n < 2 or k < 2:
        note = f"{n} stimuli were rated by all of {k} raters: an intraclass correlation needs 2 of each."
        one, many = (Agreement(name, nan, nan, nan, k, n, note) for name in names)
        return one, many
    scores = wide.to_numpy(float)
    grand = scores.mean()
    rows = k * float(((scores.mean(axis=1) - grand) ** 2).sum()) / (n - 1)
    columns = n * float(((scores.mean(axis=0) - grand) ** 2).sum()) / (k - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + grand
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    below = rows + (k - 1) * error + k / n * (columns - error)
    if below <= 1e-12:
        note = "Nothing varies: agreement cannot be measured."
        one, many = (Agreement(name, nan, nan, nan, k, n, note) for name in names)
        return one, many
    single = (rows - error) / below
    mean = (rows - error) / (rows + (columns - error) / n)
    low, high = _icc_interval(rows, columns, error, single, n, k, level)
    return (
        Agreement(names[0], single, low, high, k, n, ""),
        Agreement(names[1], mean, _of_mean(low, k), _of_mean(high, k), k, n, ""),
    )


def _of_mean(single: float, k: int) -> float:
    """Spearman and Brown's formula: from one rater to the mean of k."""
    return k * single / (1 + (k - 1) * single)


def _icc_interval(
    rows: float, columns: float, error: float, single: float, n: int, k: int, level: float
) -> tuple[float, float]:
    if error <= 1e-12:
        return float("nan"), float("nan")
    a = k * single / (n * (1 - single))
    b = 1 + k * single * (n - 1) / (n * (1 - single))
    free = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    upper = 0.5 + level / 2
    f_low, f_high = float(stats.f.ppf(upper, n - 1, free)), float(stats.f.ppf(upper, free, n - 1))
    beside = k * columns + (k * n - k - n) * error
    low = n * (rows - f_low * error) / (f_low * beside + n * rows)
    high = n * (f_high * rows - error) / (beside + n * f_high * rows)
    return low, high


def raters(frame: pd.DataFrame) -> pd.DataFrame:
    """Reliability and discrimination of each rater.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study.

    Returns
    -------
    DataFrame
        rater, n_repeated (stimuli rated more than once), repeat_sd (points:
        standard deviation of one rating of the same stimulus by the same
        rater; NaN without repeats), discrimination (F of the conditions over
        the rater's items, conditions against their interaction with items),
        discrimination_p, with_others (correlation with the mean of all other
        raters over the same stimuli).

    Notes
    -----
    ITU-R BS.2300 asks that an assessor repeats ratings and tells systems
    apart; the figures here follow that idea and claim no conformance.
    """
    scores = rated(frame)
    wide = stimuli(frame)
    total, counts = wide.sum(axis=1), wide.notna().sum(axis=1)
    rows = []
    for name in sorted_raters([str(each) for each in wide.columns]):
        own = wide[name].dropna()
        others = (total[own.index] - own) / (counts[own.index] - 1).where(counts[own.index] > 1)
        both = others.dropna()
        together = (
            float(np.corrcoef(own[both.index], both)[0, 1])
            if len(both) > 2 and np.ptp(own[both.index]) > 0 and np.ptp(both) > 0
            else float("nan")
        )
        rows.append((name, *_repeats(scores[scores["rater"] == name]), *_discrimination(own), together))
    columns = ["rater", "n_repeated", "repeat_sd", "discrimination", "discrimination_p", "with_others"]
    return pd.DataFrame(rows, columns=columns)


def _repeats(scores: pd.DataFrame) -> tuple[int, float]:
    groups = scores.groupby(["item", "condition"], sort=False)["score"]
    again = groups.agg(["size", "var"]).query("size > 1")
    if again.empty:
        return 0, float("nan")
    free = again["size"] - 1
    return len(again), float(np.sqrt((again["var"] * free).sum() / free.sum()))


def _discrimination(own: pd.Series) -> tuple[float, float]:
    table = own.unstack("condition").dropna(axis=1, how="all").dropna()
    n, k = table.shape
    if n < 2 or k < 2:
        return float("nan"), float("nan")
    scores = table.to_numpy(float)
    between = n * float(((scores.mean(axis=0) - scores.mean()) ** 2).sum()) / (k - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    if error <= 1e-12:
        return (float("inf"), 0.0) if between > 1e-12 else (float("nan"), float("nan"))
    f = between / error
    return f, float(stats.f.sf(f, k - 1, (n - 1) * (k - 1)))
