"""How far raters agree with each other and with themselves.

Between raters: Krippendorff's alpha and intraclass correlations over the stimuli. Of each rater: what repeats of a
trial say of their reliability, and how well they tell systems apart, in the spirit of Recommendation ITU-R BS.2300.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> scores = {"A": [20, 30, 25], "B": [40, 45, 50], "C": [80, 75, 90]}
>>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
>>> single, mean = intraclass(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
>>> round(single.value, 4), round(mean.value, 4)
(0.9577, 0.9855)
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

NOTHING_LEFT = 1e-12
"""Share of the squares below which what is left is rounding."""


@dataclass(frozen=True)
class Agreement:
    """A coefficient with its interval.

    Attributes
    ----------
    name : str
    value, low, high : float
        NaN where it cannot be computed; `note` says why. An end that has no
        bound is infinite.
    n_raters, n_stimuli : int
        What it is of.
    note : str
        Why there is no figure, or what to keep in mind.
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
        varies or no unit has two ratings.

    Notes
    -----
    Krippendorff, Content Analysis, 4th ed., chapter 12: one less observed
    over expected disagreement, both as mean squared differences of pairs.

    >>> round(krippendorff_alpha(np.array([[1.0, 1], [2, 2], [3, 3], [3, 4], [np.nan, 5]])), 4)
    0.8889
    """
    table = table[(~np.isnan(table)).sum(axis=1) > 1]
    there = ~np.isnan(table)
    values = table[there]
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return float("nan")
    filled = np.where(there, table - values.mean(), 0.0)
    m = there.sum(axis=1)
    # Squared differences of pairs, each pair once: m times the sum of squares, less the square of the sum.
    within = m * (filled**2).sum(axis=1) - filled.sum(axis=1) ** 2
    observed = 2 * float((within / (m - 1)).sum()) / n
    expected = 2 * (n * float((filled**2).sum()) - float(filled.sum()) ** 2) / (n * (n - 1))
    return 1 - observed / expected


def alpha(frame: pd.DataFrame, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Krippendorff's alpha of a study, with a percentile bootstrap interval over stimuli.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study.
    level : float
    draws : int
        Times that the stimuli are drawn again; raters stay as they are.
    seed : int

    Notes
    -----
    All conditions count. With a reference and anchors among them, raters agree
    on what is far apart anyway, and alpha is high for that alone.
    """
    wide = stimuli(frame)
    wide = wide[wide.notna().sum(axis=1) > 1].dropna(axis=1, how="all")
    table = wide.to_numpy(float)
    n, k = table.shape
    name = "Krippendorff's alpha (interval)"
    value = krippendorff_alpha(table)
    nan = float("nan")
    if np.isnan(value):
        why = "All scores are equal" if n else "No stimulus has ratings of two raters"
        return Agreement(name, nan, nan, nan, k, n, f"{why}: agreement cannot be measured.")
    if n < 2:
        return Agreement(name, value, nan, nan, k, n, "One stimulus: no interval, and nothing to tell apart.")
    draw = np.random.default_rng(seed)
    sample = np.array([krippendorff_alpha(table[draw.integers(0, n, n)]) for _ in range(draws)])
    low, high = map(float, np.quantile(sample[~np.isnan(sample)], [0.5 - level / 2, 0.5 + level / 2]))
    return Agreement(name, value, low, high, k, n, "")


def intraclass(frame: pd.DataFrame, *, level: float = 0.95) -> tuple[Agreement, Agreement]:
    """ICC(A,1) and ICC(A,k): absolute agreement of single ratings, and of the mean of all raters.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study. Stimuli that not all raters rated are left out.
    level : float

    Notes
    -----
    McGraw and Wong, Psychol. Methods 1 (1996) 30-46, two-way random model,
    tables 4 and 7.
    """
    every = stimuli(frame)
    wide = every.dropna()
    n, k = wide.shape
    if n < 2 or k < 2:
        note = (
            f"{n} of {len(every)} stimuli were rated by all of {k} raters: an intraclass correlation needs 2 of each. "
            "Krippendorff's alpha takes ratings with gaps."
        )
        return _no_intraclass(k, n, note)
    scores = wide.to_numpy(float)
    grand = scores.mean()
    rows = k * float(((scores.mean(axis=1) - grand) ** 2).sum()) / (n - 1)
    columns = n * float(((scores.mean(axis=0) - grand) ** 2).sum()) / (k - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + grand
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    rounding = NOTHING_LEFT * max(rows, columns, error, float((scores**2).mean()))
    below = rows + (k - 1) * error + k / n * (columns - error)
    if below <= rounding:
        return _no_intraclass(k, n, "The stimuli do not differ: agreement on them cannot be measured.")
    notes = []
    if n < len(every):
        notes.append(f"{len(every) - n} of {len(every)} stimuli were not rated by all raters and are left out.")
    single = (rows - error) / below
    if error <= rounding:
        low = high = mean_low = mean_high = float("nan")
        notes.append("All raters put the same distances between the stimuli: no interval.")
    else:
        low, high = _icc_interval(rows, columns, error, single, n, k, level)
        mean_low, mean_high = _of_mean(low, k), _of_mean(high, k)
    if rows <= error:
        notes.append("The stimuli differ no more than chance makes them: there is no agreement.")
    note = " ".join(notes)
    return (
        Agreement("ICC(A,1)", single, low, high, k, n, note),
        Agreement("ICC(A,k)", _of_mean(single, k), mean_low, mean_high, k, n, note),
    )


def _no_intraclass(k: int, n: int, note: str) -> tuple[Agreement, Agreement]:
    nan = float("nan")
    return Agreement("ICC(A,1)", nan, nan, nan, k, n, note), Agreement("ICC(A,k)", nan, nan, nan, k, n, note)


def _of_mean(single: float, k: int) -> float:
    """Spearman and Brown's formula: from one rater to the mean of k. Minus infinity at its pole and beyond."""
    below = 1 + (k - 1) * single
    return k * single / below if below > 0 else float("-inf")


def _icc_interval(
    rows: float, columns: float, error: float, single: float, n: int, k: int, level: float
) -> tuple[float, float]:
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
        Tidy frame of one study. All conditions count, hidden reference and
        anchors too: to tell them from the systems is part of the task.

    Returns
    -------
    DataFrame
        rater, n_repeated (stimuli rated more than once), repeat_sd (points:
        standard deviation of one rating of the same stimulus by the same
        rater), discrimination (F of the conditions over the items of which the
        rater rated all of their conditions, against the interaction of
        conditions with items; infinite where there is none), discrimination_p,
        with_others (correlation with the mean of all other raters over the
        same stimuli), note (why a figure is missing).

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
        n_others = counts[own.index] - 1
        others = (total[own.index] - own) / n_others.where(n_others > 0)
        n_repeated, repeat_sd = _repeats(scores[scores["rater"] == name])
        f, p = _discrimination(own)
        together = _correlation(own[others.notna()].to_numpy(float), others.dropna().to_numpy(float))
        missing = {
            "No stimulus was rated twice.": repeat_sd,
            "Telling conditions apart takes 2 conditions rated on 2 items, and scores that differ.": f,
            "A comparison with others takes 3 stimuli that others rated, and scores that differ.": together,
        }
        note = " ".join(text for text, value in missing.items() if np.isnan(value))
        rows.append((name, n_repeated, repeat_sd, f, p, together, note))
    columns = ["rater", "n_repeated", "repeat_sd", "discrimination", "discrimination_p", "with_others", "note"]
    return pd.DataFrame(rows, columns=columns)


def _repeats(scores: pd.DataFrame) -> tuple[int, float]:
    groups = scores.groupby(["item", "condition"], sort=False)["score"]
    again = groups.agg(["size", "var"]).query("size > 1")
    if again.empty:
        return 0, float("nan")
    free = again["size"] - 1
    return len(again), float(np.sqrt((again["var"] * free).sum() / free.sum()))


def _discrimination(own: pd.Series) -> tuple[float, float]:
    table = own.unstack("condition").dropna()
    n, k = table.shape
    if n < 2 or k < 2:
        return float("nan"), float("nan")
    scores = table.to_numpy(float)
    between = n * float(((scores.mean(axis=0) - scores.mean()) ** 2).sum()) / (k - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    rounding = NOTHING_LEFT * float((scores**2).mean())
    if error <= rounding:
        return (float("inf"), 0.0) if between > rounding else (float("nan"), float("nan"))
    f = between / error
    return f, float(stats.f.sf(f, k - 1, (n - 1) * (k - 1)))


def _correlation(own: Floats, others: Floats) -> float:
    if len(own) < 3 or np.ptp(own) == 0 or np.ptp(others) < 1e-9:
        return float("nan")
    return float(np.corrcoef(own, others)[0, 1])
