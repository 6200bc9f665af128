"""Differences of pairs of conditions with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.axes import SIZE, cut_note, sized_figure
from analysis.figures.colours import INK, LINE, OKABE_ITO, SOFT, SURFACE
from analysis.figures.drawing import Drawing, drawing
from analysis.short_names import distinct
from analysis.wording import number

MOST_PAIRS = 30
"""Pairs that are all drawn; of more, each condition against the next one."""

PAIR, PAIR_OF_TWO_LINES = 0.25, 0.4  # inches


def difference_plot(contrasts: pd.DataFrame, margin: float | None = None, *, level: float = 0.95) -> Drawing:
    """Differences of pairs, the better one first.

    Parameters
    ----------
    contrasts : DataFrame
        From `analysis.mixed.MixedModel.contrasts`: a, b, difference (a - b),
        ci_low, ci_high, p_holm.
    margin : float, optional
        Points; a band of so much on both sides of 0.
    level : float
        Of the table's intervals.
    """
    pairs = _better_first(contrasts)
    note = cut_note(pairs, -100, 100)
    pairs[["ci_low", "ci_high"]] = pairs[["ci_low", "ci_high"]].clip(-100, 100)
    apart = len(pairs) > MOST_PAIRS
    if apart:
        pairs = pairs[pairs["rank_b"] == pairs["rank_a"] + 1]
    names = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    rows = _labelled(pairs, dict(zip(names, distinct(names), strict=True)), apart)
    figure, axes = sized_figure((PAIR_OF_TWO_LINES if apart else PAIR) * max(len(rows), 2) + 0.75)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=1)
    band = margin is not None and np.isfinite(margin) and margin > 0
    if band:
        axes.axvspan(-float(margin or 0), float(margin or 0), color=SOFT, alpha=0.16, linewidth=0, zorder=0)
    p_limit = 1 - level
    for y, (_, pair) in enumerate(rows):
        if pair is None or not np.isfinite(pair["difference"]):
            continue
        shown = bool(pair["p_holm"] < p_limit)
        colour = OKABE_ITO[0] if shown else SOFT
        axes.plot([pair["ci_low"], pair["ci_high"]], [y, y], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
        axes.plot(pair["difference"], y, marker="o", markersize=6, color=colour if shown else SURFACE,
                  markeredgecolor=colour, markeredgewidth=1.5, zorder=3)  # fmt: skip
        axes.annotate(
            number(pair["difference"]), (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", color=INK, fontsize=SIZE, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(*_limits(pairs, float(margin or 0) if band else 0.0))
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_xlabel("Difference in points", color=SOFT, fontsize=SIZE)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], parse_math=False)
    for text, (_, pair) in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_fontsize(SIZE - 0.5)
        if pair is None:
            text.set_fontweight("bold")
    which = (
        f"Of the {len(contrasts)} pairs, those that follow each other in the order of the means; the table has all. "
        if apart
        else ""
    )
    shade = f" Shaded: within the margin of {margin:g} points." if band else ""
    caption = (
        f"{which}Difference of each pair, the better condition minus the other, with its {100 * level:g}% confidence "
        f"interval (of each pair by itself); the figures on the right are the differences.{note} Filled points: "
        f"significant over all pairs (Holm, p < {p_limit:.2g}); hollow: not.{shade}"
    )
    return drawing("differences", "Differences between conditions", caption, figure)


def _better_first(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Pairs turned so that the condition with the higher mean comes first, best first; rank_a and rank_b besides."""
    both = pd.concat(
        [
            contrasts[["a", "difference"]],
            contrasts[["b", "difference"]].rename(columns={"b": "a"}).assign(difference=-contrasts["difference"]),
        ]
    )
    # The sum of a condition's differences from all others is its mean but for a constant and a factor.
    ranked = both.groupby("a", sort=False)["difference"].sum().sort_values(ascending=False, kind="stable")
    rank = {name: place for place, name in enumerate(ranked.index)}
    turned = contrasts.assign(rank_a=contrasts["a"].map(rank), rank_b=contrasts["b"].map(rank))
    swap = turned["rank_a"] > turned["rank_b"]
    other = turned.rename(columns={"a": "b", "b": "a", "rank_a": "rank_b", "rank_b": "rank_a"}).assign(
        difference=-turned["difference"], ci_low=-turned["ci_high"], ci_high=-turned["ci_low"]
    )[turned.columns]
    return pd.concat([turned[~swap], other[swap]]).sort_values(["rank_a", "rank_b"]).reset_index(drop=True)


def _labelled(pairs: pd.DataFrame, shown: dict[str, str], apart: bool) -> list[tuple[str, dict[str, float] | None]]:
    """Rows with their labels; None in place of a pair where a row names the condition of those below."""
    rows: list[tuple[str, dict[str, float] | None]] = []
    above = None
    several = pairs["a"].nunique() < len(pairs)
    for pair in pairs.to_dict("records"):
        one, other = shown[pair["a"]], shown[pair["b"]]
        numbers = {key: float(pair[key]) for key in ("difference", "ci_low", "ci_high", "p_holm")}
        if apart or not several:
            rows.append((f"{one}\n\N{MINUS SIGN} {other}", numbers))
            continue
        if pair["a"] != above:
            rows.append((one, None))
            above = pair["a"]
        rows.append((f"\N{MINUS SIGN} {other}", numbers))
    return rows


def _limits(pairs: pd.DataFrame, margin: float) -> tuple[float, float]:
    found = pairs[["ci_low", "ci_high", "difference"]].to_numpy(float)
    ends = np.append(found[np.isfinite(found)], [0.0, -margin, margin])
    low, high = float(ends.min()), float(ends.max())
    room = max(0.04 * (high - low), 0.5)
    return low - room, high + room
