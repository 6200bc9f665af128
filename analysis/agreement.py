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

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.frame import SYSTEM, in_cells, rated
from analysis.groups import group
from analysis.order import sorted_raters

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

DRAWS = 999

NOT_REPEATED = "No stimulus was rated twice."
SYSTEMS = "systems"
ALL_CONDITIONS = "all conditions"

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
    over : str
        Which conditions it covers: `SYSTEMS` or `ALL_CONDITIONS`; "" for the
        conditions of the frame that was given.
    """

    name: str
    value: float
    low: float
    high: float
    n_raters: int
    n_stimuli: int
    note: str
    over: str = ""


def stimuli(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores by stimulus (item and condition) and rater, repeats averaged; NaN where none is."""
    rows, cells = in_cells(frame)
    (rater, raters), (item, items), (condition, conditions) = (
        pd.factorize(rows[name], sort=True) for name in ("rater", "item", "condition")
    )
    place = (item * len(conditions) + condition)[cells.first]
    present = np.flatnonzero(np.bincount(place, minlength=len(items) * len(conditions)))
    table = np.full((len(raters), len(items) * len(conditions)), np.nan)
    table[rater[cells.first], place] = cells.means(rows["score"])
    names = [items[present // len(conditions)], conditions[present % len(conditions)]]
    index = pd.MultiIndex.from_arrays(names, names=["item", "condition"])
    return pd.DataFrame(table.T[present], index=index, columns=pd.Index(raters, name="rater"))


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
    Krippendorff, Content Analysis, 4th ed., 2018, chapter 12: one less observed
    over expected disagreement, both as mean squared differences of pairs.

    >>> round(krippendorff_alpha(np.array([[1.0, 1], [2, 2], [3, 3], [3, 4], [np.nan, 5]])), 4)
    0.8889
    """
    return _alpha(_units(table))


class _Units(NamedTuple):
    """What alpha needs to know of each unit: how many ratings, their sum and sum of squares, the least and the most."""

    ratings: Floats
    total: Floats
    squares: Floats
    least: Floats
    most: Floats


def _units(table: Floats) -> _Units:
    """Units with more than one rating, in their order; values less their mean, so that squares keep their digits."""
    there = ~np.isnan(table)
    several = there.sum(axis=1) > 1
    table, there = table[several], there[several]
    if not len(table):
        return _Units(*np.empty((5, 0)))
    rest = np.where(there, table - table.mean(where=there), 0.0)
    n, total, squares = there.sum(axis=1).astype(float), rest.sum(axis=1), (rest**2).sum(axis=1)
    return _Units(n, total, squares, np.nanmin(table, axis=1), np.nanmax(table, axis=1))


def _alpha(units: _Units) -> float:
    m, total, squares, least, most = units
    n = float(m.sum())
    if n < 2 or most.max() == least.min():
        return float("nan")
    # Squared differences of pairs, each pair once: m times the sum of squares, less the square of the sum.
    within = m * squares - total**2
    observed = 2 * float((within / (m - 1)).sum()) / n
    expected = 2 * (n * float(squares.sum()) - float(total.sum()) ** 2) / (n * (n - 1))
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
    All conditions of the frame count; see `between_raters`.
    """
    table = stimuli(frame).to_numpy(float)
    units, there = _units(table), ~np.isnan(table)
    n, k = len(units.ratings), int(there[there.sum(axis=1) > 1].any(axis=0).sum())
    name = "Krippendorff's alpha (interval)"
    value = _alpha(units)
    nan = float("nan")
    if np.isnan(value):
        why = "All scores are equal" if n else "No stimulus has ratings of two raters"
        return Agreement(name, nan, nan, nan, k, n, f"{why}: agreement cannot be measured.")
    if n < 2:
        return Agreement(name, value, nan, nan, k, n, "One stimulus: no interval, and nothing to tell apart.")
    draw = np.random.default_rng(seed)
    drawn = (draw.integers(0, n, n) for _ in range(draws))
    sample = np.array([_alpha(_Units(*(part[places] for part in units))) for places in drawn])
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


def between_raters(frame: pd.DataFrame, *, level: float = 0.95) -> tuple[Agreement, ...]:
    """Alpha and intraclass correlations over the systems, then over all conditions.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study.
    level : float

    Returns
    -------
    tuple of Agreement
        Alpha, ICC(A,1) and ICC(A,k) over the systems. If the study has a
        hidden reference or anchors, the same three over all conditions follow.

    Notes
    -----
    Raters agree on the hidden reference and the anchors by the test's design.
    Both coefficients compare disagreement with the spread of all stimuli, so
    such conditions raise them even if raters do not agree on any system.
    Krippendorff, Content Analysis, 4th ed., 2018, chapter 12; McGraw and Wong,
    Psychol. Methods 1 (1996) 30-46.

    >>> from analysis.frame import tidy
    >>> scores = {"Reference": [100, 98, 100], "A": [40, 60, 50], "B": [60, 45, 48]}
    >>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
    >>> frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))
    >>> [(each.over, round(each.value, 2)) for each in between_raters(frame) if each.name == "ICC(A,1)"]
    [('systems', -1.73), ('all conditions', 0.93)]
    """
    frames = {SYSTEMS: frame[frame["role"] == SYSTEM]}
    if len(rated(frames[SYSTEMS])) < len(rated(frame)):
        frames[ALL_CONDITIONS] = frame
    return tuple(
        replace(coefficient, over=over)
        for over, rows in frames.items()
        for coefficient in (alpha(rows, level=level), *intraclass(rows, level=level))
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
    wide = stimuli(frame)
    places = wide.columns.get_indexer(pd.Index(sorted_raters([str(name) for name in wide.columns])))
    own = wide.to_numpy(float).T[places]
    names = wide.columns[places]
    n_repeated, repeat_sd = _repeats(rated(frame), names)
    (item, items), (condition, conditions) = (
        pd.factorize(wide.index.get_level_values(name)) for name in ("item", "condition")
    )
    cube = np.full((len(own), len(items), len(conditions)), np.nan)
    cube[:, item, condition] = own
    f, p = _discrimination(cube)
    together = _with_others(own)
    missing = {
        NOT_REPEATED: repeat_sd,
        "Telling conditions apart takes 2 conditions rated on 2 items, and scores that differ.": f,
        "A comparison with others takes 3 stimuli that others rated, and scores that differ.": together,
    }
    lacking = np.isnan(np.stack(list(missing.values())))
    notes = [" ".join(text for text, lacks in zip(missing, of, strict=True) if lacks) for of in lacking.T]
    return pd.DataFrame(
        {
            "rater": names.astype(str),
            "n_repeated": n_repeated,
            "repeat_sd": repeat_sd,
            "discrimination": f,
            "discrimination_p": p,
            "with_others": together,
            "note": notes,
        }
    )


def _repeats(scores: pd.DataFrame, raters: pd.Index) -> tuple[NDArray[np.int64], Floats]:
    """Of each rater: stimuli rated more than once, standard deviation of one of the ratings."""
    cells = group(scores["rater"], scores["item"], scores["condition"])
    score, counts = scores["score"].to_numpy(float), cells.counts()
    squares = cells.sums((score - cells.means(score)[cells.number]) ** 2)
    again = counts > 1
    rater = raters.get_indexer(pd.Index(scores["rater"].iloc[cells.first[again]]))
    n = len(raters)
    total = np.bincount(rater, weights=squares[again], minlength=n)
    free = np.bincount(rater, weights=counts[again] - 1, minlength=n)
    with np.errstate(invalid="ignore"):
        return np.bincount(rater, minlength=n), np.sqrt(total / free)


def _discrimination(scores: Floats) -> tuple[Floats, Floats]:
    """F and p of each rater's conditions over the items of which the rater rated all of them.

    Parameters
    ----------
    scores : ndarray, shape (raters, items, conditions)
    """
    there = ~np.isnan(scores)
    conditions = np.asarray(there.any(axis=1))
    items = np.asarray((there | ~conditions[:, None]).all(axis=2))
    used = items[:, :, None] & conditions[:, None]
    n, k = items.sum(axis=1), conditions.sum(axis=1)
    possible = (n > 1) & (k > 1)
    scores, used, conditions, n, k = (part[possible] for part in (scores, used, conditions, n, k))
    scores = np.where(used, scores, 0.0)
    by_condition, by_item = scores.sum(axis=1) / n[:, None], scores.sum(axis=2) / k[:, None]
    whole, rounding = by_item.sum(axis=1) / n, NOTHING_LEFT * (scores**2).sum(axis=(1, 2)) / (n * k)
    between = n * (np.where(conditions, by_condition - whole[:, None], 0.0) ** 2).sum(axis=1) / (k - 1)
    rest = scores - by_condition[:, None] - (by_item - whole[:, None])[:, :, None]
    error = np.where(used, rest**2, 0.0).sum(axis=(1, 2)) / ((n - 1) * (k - 1))
    noisy = error > rounding
    ratio = np.where(between > rounding, np.inf, np.nan)
    ratio[noisy] = between[noisy] / error[noisy]
    f, p = np.full((2, len(possible)), np.nan)
    f[possible], p[possible] = ratio, stats.f.sf(ratio, k - 1, (n - 1) * (k - 1))
    return f, p


def _with_others(scores: Floats) -> Floats:
    """Correlation of each rater with the mean of all others.

    Parameters
    ----------
    scores : ndarray, shape (raters, stimuli)
    """
    there = ~np.isnan(scores)
    counts, filled = there.sum(axis=0), np.where(there, scores, 0.0)
    there &= counts > 1
    others = (filled.sum(axis=0) - filled) / np.maximum(counts - 1, 1)
    n = there.sum(axis=1)
    enough = (n > 2) & (_reach(filled, there) > 0) & (_reach(others, there) >= 1e-9)
    own, others = (
        np.where(there, values - (values.sum(axis=1, where=there) / np.maximum(n, 1))[:, None], 0.0)
        for values in (filled, others)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (own * others).sum(axis=1) / np.sqrt((own**2).sum(axis=1) * (others**2).sum(axis=1))
    return np.where(enough, np.clip(found, -1, 1), np.nan)


def _reach(values: Floats, there: Flags) -> Floats:
    """Of each row, the largest less the smallest value; below 0 where there is none."""
    most = values.max(axis=1, where=there, initial=-np.inf)
    return np.asarray(most - values.min(axis=1, where=there, initial=np.inf))
