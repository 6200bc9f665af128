"""Differences of pairs with each item, and each rater, left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.axes import SIZE, sized_figure
from analysis.figures.colours import INK, LINE, OKABE_ITO, SOFT
from analysis.figures.drawing import Drawing, drawing
from analysis.influence import DIFFERENCE, LEFT_OUT, Influence
from analysis.short_names import distinct
from analysis.wording import count

MOST_PAIRS = 20
"""Pairs that are drawn: those whose verdict changes first, then those whose difference changes most."""

PAIR = 0.44  # inches

MARKS = {"item": (-0.17, "o", OKABE_ITO[0]), "rater": (0.17, "^", OKABE_ITO[1])}
"""What is left out -> its place above or below the middle of the row, its shape, its colour."""


def influence_plot(found: Influence) -> Drawing:
    """Difference of each pair with all ratings, and without each item and each rater.

    Parameters
    ----------
    found : Influence
        With at least one pair that has a difference.
    """
    pairs = _chosen(found)
    figure, axes = sized_figure(PAIR * max(len(pairs), 2) + 1.0)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=1)
    for y, pair in enumerate(pairs.to_dict("records")):
        axes.plot([pair["difference"]] * 2, [y - 0.34, y + 0.34], color=INK, linewidth=2, zorder=2)
        rows = _of_pair(found.without, pair["a"], pair["b"])
        for left_out, (shift, marker, colour) in MARKS.items():
            for changes, own in rows[rows["left_out"] == left_out].groupby("changes"):
                axes.plot(
                    own["difference"], [y + shift] * len(own), linestyle="none", marker=marker, markeredgecolor=colour,
                    markerfacecolor=colour if changes else "none", markersize=6 if changes else 4,
                    markeredgewidth=0.9, alpha=1 if changes else 0.55, zorder=4 if changes else 3,
                )  # fmt: skip
        axes.annotate(
            _who_changes(rows), (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", color=INK, fontsize=SIZE - 1, annotation_clip=False, parse_math=False,
        )  # fmt: skip
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=4)
    axes.margins(x=0.06)
    axes.set_xlabel("Difference in points", color=SOFT, fontsize=SIZE)
    names = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    shown = dict(zip(names, distinct(names), strict=True))
    labels = [f"{shown[a]}\n\N{MINUS SIGN} {shown[b]}" for a, b in zip(pairs["a"], pairs["b"], strict=True)]
    axes.set_yticks(range(len(pairs)), labels, fontsize=SIZE - 0.5, parse_math=False)
    n_pairs = int((found.conclusions["kind"] == DIFFERENCE).sum())
    which = f"{len(pairs)} of {n_pairs} pairs, those that change most. " if len(pairs) < n_pairs else ""
    caption = (
        f"{which}Line: the difference with all ratings. Circles: without one item, {count(found.n_items, 'item')} in "
        f"turn. Triangles: without one rater, {count(found.n_raters, 'rater')} in turn. Filled, and named on the "
        "right: without it a verdict on the pair changes."
    )
    return drawing("influence", "Without one item or one rater", caption, figure)


def _of_pair(without: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Differences a - b without each item and rater, and whether any verdict on the pair changes."""
    same = (without["a"] == a) & (without["b"] == b)
    turned = (without["a"] == b) & (without["b"] == a)
    changes = without[(same | turned) & without["changes"]]
    changed = set(zip(changes["left_out"], changes["name"], strict=True))
    rows = without[same & (without["kind"] == DIFFERENCE)]
    return rows.assign(changes=[key in changed for key in zip(rows["left_out"], rows["name"], strict=True)])


def _chosen(found: Influence) -> pd.DataFrame:
    pairs = found.conclusions[found.conclusions["kind"] == DIFFERENCE].dropna(subset=["difference"])
    changes, spread = [], []
    for a, b in zip(pairs["a"], pairs["b"], strict=True):
        rows = _of_pair(found.without, a, b)
        changes.append(bool(rows["changes"].any()))
        spread.append(float(np.ptp(rows["difference"].dropna())) if rows["difference"].notna().any() else 0.0)
    ranked = pairs.assign(changes=changes, spread=spread).sort_values(["changes", "spread"], ascending=False)
    return pairs.loc[sorted(ranked.index[:MOST_PAIRS])]


def _who_changes(rows: pd.DataFrame) -> str:
    """Names of the items and raters without which a verdict changes, or how many they are."""
    lines = []
    for left_out in LEFT_OUT:
        names = list(rows.loc[(rows["left_out"] == left_out) & rows["changes"], "name"])
        if names:
            alone = f"Rater {names[0]}" if left_out == "rater" else distinct(names, 16)[0]
            lines.append(alone if len(names) == 1 else count(len(names), left_out))
    return "\n".join(lines)
