"""The mean of every condition for every item, as a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.transforms import ScaledTranslation

from analysis.figures.axes import SIZE, score_label, sized_figure
from analysis.figures.colours import INK, SOFT, SURFACE
from analysis.figures.drawing import Drawing, drawing
from analysis.scales import POINTS, Scale
from analysis.short_names import distinct

TALLEST = 11.0
"""Inches for the rows; more items than fit have lower rows, and not all are named."""

ON_DARK, ON_LIGHT = "#ffffff", "#000000"
"""Figures within the cells. They stay as they are on a dark page, as the cells do."""

MOST_NUMBERED = 14
"""Conditions beside each other whose figures can still be read."""


def item_plot(
    by_item: pd.DataFrame, order: Sequence[str], colours: dict[str, str], *, scale: Scale = POINTS
) -> Drawing:
    """Means by item and condition.

    Parameters
    ----------
    by_item : DataFrame
        From `analysis.describe.describe` with `by=["item"]`; items are drawn
        in its order.
    order : sequence of str
        Conditions, from the left.
    colours : dict
        See `condition_colours`.
    scale : Scale
        On which the scores were given.
    """
    table = by_item.pivot(index="item", columns="condition", values="mean")
    items = list(dict.fromkeys(by_item["item"]))
    values = table.reindex(index=items, columns=list(order)).to_numpy(float)
    n_items, n_conditions = values.shape
    row = min(0.3 if n_items <= 16 else 0.21, TALLEST / max(n_items, 1))
    names = distinct(order)
    head = max(map(len, names), default=0) * 0.075
    figure, axes = sized_figure(max(row * n_items, 0.4) + head + 0.9)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values),
        cmap=colormaps["cividis"].resampled(20),  # a step every 5 points
        vmin=0,
        vmax=100,
        edgecolors=SURFACE,
        linewidth=0.8 if row > 0.15 else 0,
        rasterized=values.size > 2000,
    )
    axes.set_xlim(0, max(n_conditions, 1))
    axes.set_ylim(max(n_items, 1), 0)
    above = axes.get_xaxis_transform() + ScaledTranslation(0, 6 / 72, figure.dpi_scale_trans)
    for x, name in enumerate(order):
        axes.plot(x + 0.5, 1, marker="s", markersize=6, color=colours[name], transform=above, clip_on=False)
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, pad=11)
    axes.set_xticks(
        np.arange(n_conditions) + 0.5,
        names,
        rotation=90,
        fontsize=min(SIZE, 240 / max(n_conditions, 1)),
        parse_math=False,
    )
    step = max(int(np.ceil(0.17 / row)), 1)
    labels = distinct(items)[::step]
    axes.set_yticks(np.arange(0, n_items, step) + 0.5, labels, fontsize=SIZE - (0.5 if row >= 0.3 else 1.5),
                    parse_math=False)  # fmt: skip
    numbered = n_conditions <= MOST_NUMBERED and row > 0.15
    if numbered:
        for (y, x), value in np.ndenumerate(values):
            if np.isfinite(value):
                ink = ON_LIGHT if value > 45 else ON_DARK
                axes.text(x + 0.5, y + 0.5, f"{value:.0f}", ha="center", va="center_baseline", color=ink,
                          fontsize=SIZE - 1.5)  # fmt: skip
    bar = figure.colorbar(
        mesh,
        ax=axes,
        location="bottom",
        fraction=0.05,
        pad=0.1 / max(row * n_items, 0.4),
        aspect=40,
        shrink=0.8,
        ticks=range(0, 101, 20),
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SIZE - 1, colors=INK, length=0)
    bar.ax.set_xlabel(score_label(scale), color=SOFT, fontsize=SIZE)
    figures = " The figure in each cell is that mean." if numbered else ""
    named = "" if step == 1 else " Every second item is named." if step == 2 else f" One item in {step} is named."
    caption = (
        f"Mean of the raters for every item (rows) and condition (columns), dark is low; empty where nobody rated."
        f"{figures} Squares have the conditions' colours of the other figures.{named}"
    )
    return drawing("items", "Means by item", caption, figure)
