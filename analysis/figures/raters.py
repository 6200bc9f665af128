"""A map of what each rater gave each condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps

from analysis.figures.axes import SIZE, name_rows, new_figure
from analysis.figures.colours import INK, SOFT, SURFACE
from analysis.figures.drawing import Drawing, drawing
from analysis.frame import rater_means
from analysis.order import rater_numbers, sorted_raters
from analysis.scales import POINTS, Scale

MOST_LABELLED = 24  # raters


def rater_map(
    frame: pd.DataFrame, order: Sequence[str], excluded: Sequence[str] = (), *, scale: Scale = POINTS
) -> Drawing:
    """Mean of each rater for each condition as a map; raters by number, excluded ones apart on the right.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of all ratings.
    order : sequence of str
        Conditions, from the top.
    excluded : sequence of str
    scale : Scale
        On which the scores were given.
    """
    means = rater_means(frame, order)
    out = set(excluded)
    raters = sorted_raters(list(means.index))
    raters = [name for name in raters if name not in out] + [name for name in raters if name in out]
    n_in = sum(name not in out for name in raters)
    values = np.ma.masked_invalid(means.loc[raters].to_numpy(float).T)
    figure, axes = new_figure(len(order), extra=0.9)
    mesh = axes.pcolormesh(
        values,
        cmap=colormaps["cividis"].resampled(20),  # a step every 5 points
        vmin=0,
        vmax=100,
        edgecolors=SURFACE,
        linewidth=0.8 if len(raters) <= 60 else 0,
        rasterized=values.size > 2000,
    )
    if 0 < n_in < len(raters):
        axes.axvline(n_in, color=INK, linewidth=1.6, linestyle=(0, (3, 2)))
    axes.tick_params(length=0, labelsize=SIZE - 2, colors=INK)
    name_rows(axes, order, first=0.5)
    axes.set_ylim(len(order), 0)
    step = -(-len(raters) // MOST_LABELLED)
    numbers = rater_numbers(list(frame["rater"].unique()))
    labels = [str(numbers[name]) for name in raters[::step]]
    upright = max(map(len, labels)) * len(labels) > 36
    axes.set_xticks(np.arange(0, len(raters), step) + 0.5, labels, rotation=90 if upright else 0)
    axes.set_xlabel("Rater", color=SOFT, fontsize=SIZE)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.035, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SIZE - 1.5, colors=INK, length=0)
    bar.ax.set_ylabel("Score" if scale.is_points else "Points", color=SOFT, fontsize=SIZE)
    named = f" Every {step}th rater is labelled." if step > 3 else " Not every rater is labelled." if step > 1 else ""
    apart = " Right of the dashed line: raters who were excluded." if 0 < n_in < len(raters) else ""
    caption = f"The mean that each rater gave each condition, dark is low; empty where there is none.{apart}{named}"
    return drawing("raters", "What each rater gave", caption, figure)
