"""What was rated: conditions with their codecs and weights, items, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.frame import SYSTEM, in_cells, rated
from analysis.groups import group
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
    groups = group(frame["condition"])
    table = frame[["condition", "role"]].iloc[groups.first].reset_index(drop=True)
    table["role_guessed"] = groups.sums(frame["role_guessed"]) > 0
    for name in ("spec", "weights"):
        different = frame[["condition", name]].iloc[group(groups, group(frame[name])).first]
        table[name] = table["condition"].map(different.groupby("condition")[name].agg(_joined))
    rates = frame["kbps"].groupby(groups.number)
    table["kbps_low"], table["kbps_high"] = rates.min(), rates.max()
    return table.set_index("condition").loc[condition_order(frame, order)].reset_index()


def items(frame: pd.DataFrame) -> pd.DataFrame:
    """Items of a tidy frame: item, category, n_raters who rated it, in natural order."""
    table = frame[["item", "category"]].iloc[group(frame["item"]).first].reset_index(drop=True)
    given = rated(frame[["item", "rater", "score"]])
    counts = given.iloc[group(given["item"], given["rater"]).first]["item"].value_counts()
    table["n_raters"] = table["item"].map(counts).fillna(0).astype(int)
    return table.iloc[sorted(range(len(table)), key=lambda i: natural_key(table["item"].iloc[i]))].reset_index(
        drop=True
    )


def missing_cells(frame: pd.DataFrame) -> tuple[int, int]:
    """How many ratings are missing in trials that were begun, and how many those trials would have.

    A trial is an item that a rater rated any condition of; it is complete with
    a rating of every condition of that item. A condition belongs to an item if
    any rater has a row with both, rated or not: what nobody was shown is not
    missing.

    >>> from analysis.frame import tidy
    >>> missing_cells(tidy(pd.DataFrame({"rater": list("aab"), "item": "x", "condition": ["A", "B", "A"], "score": 1})))
    (1, 4)
    """
    shown = group(frame["item"], frame["condition"])
    n_conditions = frame["item"].iloc[shown.first].value_counts()
    rows, cells = in_cells(frame)
    begun = rows["item"].iloc[group(rows["rater"], rows["item"]).first]
    whole = int(begun.map(n_conditions).sum())
    return whole - len(cells), whole


def items_per_rater(frame: pd.DataFrame) -> tuple[int, int]:
    """Smallest and largest number of items that a rater rated; (0, 0) without ratings."""
    given = rated(frame[["rater", "item", "score"]])
    raters = group(given["rater"])
    counts = raters.over(group(raters, group(given["item"]))).counts()
    return (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)


def n_systems(frame: pd.DataFrame) -> int:
    """Conditions that are neither reference nor anchor."""
    return int(frame.loc[frame["role"] == SYSTEM, "condition"].nunique())


def categories_of(table: pd.DataFrame) -> str:
    """How many items there are of each category, from `items`; "" where no item has one.

    >>> categories_of(pd.DataFrame({"category": ["music", "speech", "music"]}))
    '2 music, 1 speech'
    >>> categories_of(pd.DataFrame({"category": ["music", "", ""]}))
    '1 music, 2 without a category'
    """
    counts = table["category"].value_counts()
    names = sorted(counts.index, key=lambda name: (name == "", name))
    parts = [f"{counts[name]:,} {name or 'without a category'}" for name in names]
    return ", ".join(parts) if any(counts.index) else ""


def _joined(values: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in values if value}, key=natural_key))
