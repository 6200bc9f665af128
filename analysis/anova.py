"""Repeated-measures analysis of variance, for those who must report it.

One factor, the system, within raters, on the raters' means. Its F-test needs all differences of two systems to vary
alike (sphericity), which listening tests seldom give: read the corrected p.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> scores = {"A": [30, 40, 35, 50, 45], "B": [36, 49, 38, 57, 50], "C": [55, 60, 66, 70, 59]}
>>> rows = [(rater, "x", name, score) for name in scores for rater, score in enumerate(scores[name])]
>>> found = repeated_measures(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
>>> round(found.f, 3), found.df, round(found.epsilon_gg, 3)
(37.129, (2, 8), 0.547)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.contrasts import helmert
from analysis.inference import mixed_items, not_all_items, system_matrix

Floats = NDArray[np.float64]

NOTHING_LEFT = 1e-12
"""Share of the squares below which what is left is rounding."""


@dataclass(frozen=True)
class RepeatedMeasures:
    """Result of the analysis.

    Attributes
    ----------
    f : float
        NaN where it cannot be computed; `note` says why.
    df : tuple of int
        Of the effect and of its error, uncorrected.
    p, p_gg, p_hf : float
        Uncorrected, and with the degrees of freedom multiplied by Greenhouse
        and Geisser's and by Huynh and Feldt's epsilon.
    epsilon_gg, epsilon_hf : float
    eta_squared : float
        Partial eta squared: share of the effect in effect and error.
    mauchly_w, mauchly_p : float
        Mauchly's test of sphericity; NaN for two systems, for which there is
        nothing to test, and where raters are fewer than systems.
    n_raters, n_systems, n_dropped : int
        Raters with a mean of every system, systems, raters left out.
    note : str
        Why there is no figure, or what to keep in mind.
    """

    f: float
    df: tuple[int, int]
    p: float
    p_gg: float
    p_hf: float
    epsilon_gg: float
    epsilon_hf: float
    eta_squared: float
    mauchly_w: float
    mauchly_p: float
    n_raters: int
    n_systems: int
    n_dropped: int
    note: str


def repeated_measures(frame: pd.DataFrame) -> RepeatedMeasures:
    """Repeated-measures ANOVA of the systems on the raters' means.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, screened. Raters without a mean of every
        system are left out.

    Notes
    -----
    Epsilons: Greenhouse and Geisser, Psychometrika 24 (1959) 95-112; Huynh and
    Feldt, J. Educ. Stat. 1 (1976) 69-82, at most 1. Sphericity: Mauchly, Ann.
    Math. Stat. 11 (1940) 204-209, with the chi-square approximation of second
    order (Anderson, An Introduction to Multivariate Statistical Analysis,
    10.7).
    """
    matrix = system_matrix(frame)
    complete = matrix.dropna()
    n, k = complete.shape
    dropped = len(matrix) - n
    if k < 2 or n < 2:
        note = f"The analysis needs 2 systems and 2 raters with a mean of all systems; here {k} and {n}."
        return _nothing((0, 0), n, k, dropped, note)
    scores = complete.to_numpy(float)
    df = (k - 1, (k - 1) * (n - 1))
    effect = n * float(((scores.mean(axis=0) - scores.mean()) ** 2).sum())
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    error = float((rest**2).sum())
    if error <= NOTHING_LEFT * float((scores**2).sum()):
        note = "All raters put the same distances between the systems: there is no error to test against."
        return _nothing(df, n, k, dropped, note)
    f = (effect / df[0]) / (error / df[1])
    axes = helmert(k)[1:]
    spread = axes @ np.cov(scores, rowvar=False) @ axes.T
    gg, hf = _epsilons(spread, n)
    w, w_p = sphericity(scores)
    notes = []
    if k == 2:
        notes.append("Two systems have one difference, so sphericity holds and nothing is corrected.")
    elif n < k:
        notes.append(f"With {n} raters for {k} systems sphericity cannot be tested; read the corrected p.")
    notes += [*not_all_items(frame), *mixed_items(frame)]
    return RepeatedMeasures(
        f=f,
        df=df,
        p=float(stats.f.sf(f, *df)),
        p_gg=float(stats.f.sf(f, gg * df[0], gg * df[1])),
        p_hf=float(stats.f.sf(f, hf * df[0], hf * df[1])),
        epsilon_gg=gg,
        epsilon_hf=hf,
        eta_squared=effect / (effect + error),
        mauchly_w=w,
        mauchly_p=w_p,
        n_raters=n,
        n_systems=k,
        n_dropped=dropped,
        note=" ".join(notes),
    )


def _nothing(df: tuple[int, int], n: int, k: int, dropped: int, note: str) -> RepeatedMeasures:
    nan = float("nan")
    return RepeatedMeasures(nan, df, nan, nan, nan, nan, nan, nan, nan, nan, n, k, dropped, note)


def _epsilons(spread: Floats, n: int) -> tuple[float, float]:
    """Greenhouse and Geisser's and Huynh and Feldt's epsilon, from the covariance of orthonormal contrasts."""
    d = len(spread)
    gg = float(np.trace(spread)) ** 2 / (d * float((spread**2).sum()))
    room = n - 1 - d * gg
    hf = (n * d * gg - 2) / (d * room) if room > NOTHING_LEFT * n else 1.0
    return gg, min(max(hf, gg), 1.0)


def sphericity(scores: Floats) -> tuple[float, float]:
    """Mauchly's test that all differences of conditions vary alike.

    Parameters
    ----------
    scores : ndarray, shape (n, conditions)
        Means of raters, or of items.

    Returns
    -------
    w, p : float
        NaN for fewer than 3 conditions, or no more rows than conditions.

    Notes
    -----
    Mauchly, Ann. Math. Stat. 11 (1940) 204-209; see `repeated_measures`.
    """
    if len(scores) < 2:
        return float("nan"), float("nan")
    axes = helmert(scores.shape[1])[1:]
    return _mauchly(axes @ np.cov(scores, rowvar=False) @ axes.T, len(scores))


def _mauchly(spread: Floats, n: int) -> tuple[float, float]:
    """Mauchly's W and its p; NaN where there is nothing to test or too little to test it with."""
    d = len(spread)
    if d < 2 or n - 1 < d:
        return float("nan"), float("nan")
    variances = np.linalg.eigvalsh(spread)
    if variances[0] <= NOTHING_LEFT * variances[-1]:
        return 0.0, 0.0  # some difference of systems is the same for every rater
    w = float(np.exp(np.log(variances).sum() - d * np.log(variances.mean())))
    free = d * (d + 1) / 2 - 1
    scale = 1 - (2 * d**2 + d + 2) / (6 * d * (n - 1))
    chi = -(n - 1) * scale * np.log(w)
    second = (d + 2) * (d - 1) * (d - 2) * (2 * d**3 + 6 * d**2 + 3 * d + 2) / (288 * ((n - 1) * d * scale) ** 2)
    p1, p2 = stats.chi2.sf(chi, free), stats.chi2.sf(chi, free + 4)
    return w, float(np.clip(p1 + second * (p2 - p1), 0, 1))
