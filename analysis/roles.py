"""Conditions that were rated like a hidden reference or an anchor, and have no role.

A hidden reference that is taken for a system wins the test, and raters are not screened by it. BS.1534-3 expects raters
to give the hidden reference 90 or more in at least 85% of trials (post-screening of assessors); a condition that was
rated so, in a test without a hidden reference, is probably one.

>>> from analysis.frame import tidy
>>> rows = [(rater, "x", name, score) for rater in range(9) for name, score in {"orig": 99, "A": 40 + rater}.items()]
>>> print(*doubts(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))))
orig was rated like a hidden reference (90 or more in 100% of ratings) and has no role. If it is the hidden reference, \
say so: --role "orig=hidden_reference", or a column "role" in the file.
"""

from __future__ import annotations

import pandas as pd

from analysis.frame import HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, SYSTEM, rated

TOP, BOTTOM = 90, 20
"""Scores that BS.1534-3 expects of a hidden reference, and the border of the scale's lowest band."""

NEARLY_ALL = 0.85
"""Share of the ratings."""


def doubts(frame: pd.DataFrame) -> list[str]:
    """Say which conditions without a role were rated like a hidden reference or a low anchor, and how to give roles.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of one study, before screening.
    """
    rows = rated(frame[["condition", "role", "role_guessed", "score"]])
    roles = set(rows["role"].unique())
    open_ones = rows[(rows["role"] == SYSTEM) & rows["role_guessed"]]
    if open_ones.empty or rows["condition"].nunique() < 2:
        return []
    means = rows.groupby("condition", sort=False)["score"].mean()
    found = []
    if HIDDEN_REFERENCE not in roles:
        share = (open_ones["score"] >= TOP).groupby(open_ones["condition"]).mean()
        found += _doubt(means.idxmax(), share, HIDDEN_REFERENCE, f"{TOP} or more")
    if not {LOW_ANCHOR, MID_ANCHOR} & roles:
        share = (open_ones["score"] <= BOTTOM).groupby(open_ones["condition"]).mean()
        found += _doubt(means.idxmin(), share, LOW_ANCHOR, f"{BOTTOM} or less")
    return found


def _doubt(extreme: object, share: pd.Series, role: str, scores: str) -> list[str]:
    """The sentence, if the condition with the highest or lowest mean is the only one that was rated so."""
    name, title = str(extreme), role.replace("_", " ")
    if list(share.index[share >= NEARLY_ALL]) != [name]:
        return []
    return [
        f"{name} was rated like a {title} ({scores} in {100 * share[name]:.0f}% of ratings) and has no role. If it is "
        f'the {title}, say so: --role "{name}={role}", or a column "role" in the file.'
    ]
