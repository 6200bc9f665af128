"""What was rated: conditions with their codecs and weights, items, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.frame import SYSTEM, average_repeats, rated
from analysis.order import condition_order, natural_key


def conditions(frame: pd.DataFrame, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Conditions of a tidy frame.

    Returns
    -------
    DataFrame
        condition, role, role_guessed, spec, weights (several joined by a
        comma), kbps_low, kbps_high (measured rates of the stimuli, NaN where
        nothing was coded or the data do not say).
    """
    groups = frame.groupby("condition", sort=False)
    table = groups.agg(
        role=("role", "first"),
        role_guessed=("role_guessed", "any"),
        spec=("spec", _joined),
        weights=("weights", _joined),
        kbps_low=("kbps", "min"),
        kbps_high=("kbps", "max"),
    )
    return table.loc[condition_order(frame, order)].reset_index()


def items(frame: pd.DataFrame) -> pd.DataFrame:
    """Items of a tidy frame: item, category, n_raters who rated it, in natural order."""
    groups = frame.assign(by=frame["rater"].where(frame["score"].notna())).groupby("item", sort=False)
    table = groups.agg(category=("category", "first"), n_raters=("by", "nunique")).reset_index()
    return table.iloc[sorted(range(len(table)), key=lambda i: natural_key(table["item"].iloc[i]))].reset_index(
        drop=True
    )


def missing_cells(frame: pd.DataFrame) -> tuple[int, int]:
    """How many ratings are missing in trials that were begun, and how many those trials would have.

    A trial is an item that a rater rated any condition of; it is complete with
    a rating of every condition.

    >>> from analysis.frame import tidy
    >>> missing_cells(tidy(pd.DataFrame({"rater": list("aab"), "item": "x", "condition": ["A", "B", "A"], "score": 1})))
    (1, 4)
    """
    cells = average_repeats(frame)
    whole = cells.groupby(["rater", "item"], sort=False).ngroups * cells["condition"].nunique()
    return whole - len(cells), whole


def items_per_rater(frame: pd.DataFrame) -> tuple[int, int]:
    """Smallest and largest number of items that a rater rated; (0, 0) without ratings."""
    counts = rated(frame).groupby("rater", sort=False)["item"].nunique()
    return (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)


def n_systems(frame: pd.DataFrame) -> int:
    """Conditions that are neither reference nor anchor."""
    return int(frame.loc[frame["role"] == SYSTEM, "condition"].nunique())


def _joined(values: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in values if value}, key=natural_key))
