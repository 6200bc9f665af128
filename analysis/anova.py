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
from scipy import stats

from analysis.inference import system_matrix


@dataclass(frozen=True)
class RepeatedMeasures:
    """Result of the analysis.

    Attributes
    ----------
    f : float
        NaN where it cannot be computed.
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
        nothing to test, and where raters are too few.
    n_raters, n_systems, n_dropped : int
    note : str
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
    order.
    """
    matrix = system_matrix(frame)
    complete = matrix.dropna()
    n, k = complete.shape
    nan = float("nan")
    dropped = len(matrix) - n
    if k < 2 or n < 2:
        note = f"The analysis needs 2 systems and 2 raters with all of them; here {k} and {n}."
        return RepeatedMeasures(nan, (0, 0), nan, nan, nan, nan, nan, nan, nan, nan, n, k, dropped, note)
    scores = complete.to_numpy(float)
    df = (k - 1, (k - 1) * (n - 1))
    effect = n * float(((scores.mean(axis=0) - scores.mean()) ** 2).sum())
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    error = float((rest**2).sum())
    if error < 1e-12 * max(1.0, float((scores**2).sum())):
        note = "All raters put the same distances between the systems: there is no error to test against."
        return RepeatedMeasures(nan, df, nan, nan, nan, nan, nan, nan, nan, nan, n, k, dropped, note)
    f = (effect / df[0]) / (error / df[1])
    axes = _contrasts(k)
    spread = axes @ np.cov(scores, rowvar=False) @ axes.T
    gg = float(np.trace(spread)) ** 2 / ((k - 1) * float((spread**2).sum()))
    hf = (n * (k - 1) * gg - 2) / ((k - 1) * (n - 1 - (k - 1) * gg)) if n - 1 > (k - 1) * gg else 1.0
    hf = min(max(hf, gg), 1.0)
    w, w_p = _mauchly(spread, n)
    few = n <= k - 1
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
        note="With no more raters than systems sphericity cannot be tested." if few and k > 2 else "",
    )


def _contrasts(k: int) -> np.ndarray:
    """Orthonormal contrasts of k systems, shape (k - 1, k): Helmert's."""
    rows = np.zeros((k - 1, k))
    for i in range(1, k):
        rows[i - 1, :i] = 1
        rows[i - 1, i] = -i
        rows[i - 1] /= np.sqrt(i * (i + 1))
    return rows


def _mauchly(spread: np.ndarray, n: int) -> tuple[float, float]:
    d = len(spread)
    if d < 2 or n - 1 < d:
        return float("nan"), float("nan")
    w = float(np.linalg.det(spread) / (np.trace(spread) / d) ** d)
    if w <= 0:
        return 0.0, 0.0
    free = d * (d + 1) / 2 - 1
    scale = 1 - (2 * d**2 + d + 2) / (6 * d * (n - 1))
    chi = -(n - 1) * scale * np.log(w)
    second = (d + 2) * (d - 1) * (d - 2) * (2 * d**3 + 6 * d**2 + 3 * d + 2) / (288 * ((n - 1) * d * scale) ** 2)
    p1, p2 = stats.chi2.sf(chi, free), stats.chi2.sf(chi, free + 4)
    return w, float(np.clip(p1 + second * (p2 - p1), 0, 1))
