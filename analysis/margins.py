"""Non-inferiority and equivalence within a margin that was fixed before the data.

A difference that is not significant proves nothing. What can be shown is that one system is no worse than another by
more than the margin (non-inferiority), or that neither is better by more than it (equivalence, two one-sided tests).

>>> found = within_margin(1.0, 1.5, 20.0, 5.0)  # one point better, standard error 1.5
>>> found.lower > -5, found.non_inferior, found.equivalent
(True, True, True)
>>> within_margin(-4.0, 1.5, 20.0, 5.0).non_inferior
False
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from analysis.frame import RatingsError


@dataclass(frozen=True)
class Margin:
    """A difference against a margin.

    Attributes
    ----------
    difference, se, df, margin : float
        In points; df may be infinite.
    lower, upper : float
        One-sided bounds of `level` each; together they are the two-sided
        interval of 2 * level - 1 (90% for 95%) that equivalence is read from.
    p_non_inferior : float
        Of the one-sided test that the difference is above -margin.
    p_equivalent : float
        The larger p of the two one-sided tests.
    level : float
    """

    difference: float
    se: float
    df: float
    margin: float
    lower: float
    upper: float
    p_non_inferior: float
    p_equivalent: float
    level: float

    @property
    def non_inferior(self) -> bool:
        """Whether it is shown to be worse by no more than the margin."""
        return self.p_non_inferior < 1 - self.level

    @property
    def equivalent(self) -> bool:
        """Whether it is shown to be neither better nor worse by more than the margin."""
        return self.p_equivalent < 1 - self.level


def within_margin(difference: float, se: float, df: float, margin: float, *, level: float = 0.95) -> Margin:
    """Test a difference of two systems (higher is better) against a margin.

    Parameters
    ----------
    difference, se, df : float
        Estimate, its standard error in points, its degrees of freedom.
    margin : float
        Points, above 0, fixed before the data were seen.
    level : float
        Confidence of each one-sided bound.

    Raises
    ------
    RatingsError
        If the margin is not above 0.

    Notes
    -----
    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657-680.

    >>> round(within_margin(2.0, 2.0, float("inf"), 5.0).lower, 3)  # 2 - 1.645 * 2
    -1.29
    """
    if not margin > 0:
        raise RatingsError(f"A margin is a number of points above 0, not {margin:g}.")
    if se == 0:
        low = high = difference
        p_low, p_high = float(difference <= -margin), float(difference >= margin)
    else:
        half = float(stats.t.ppf(level, df)) * se
        low, high = difference - half, difference + half
        p_low = float(stats.t.sf((difference + margin) / se, df))
        p_high = float(stats.t.cdf((difference - margin) / se, df))
    return Margin(difference, se, df, margin, low, high, p_low, max(p_low, p_high), level)
