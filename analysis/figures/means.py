"""Means of the conditions with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.axes import SIZE, cut_note, rows
from analysis.figures.colours import INK, SURFACE
from analysis.figures.drawing import Drawing, drawing
from analysis.scales import POINTS, Scale
from analysis.wording import number


def mean_plot(table: pd.DataFrame, colours: dict[str, str], *, level: float = 0.95, scale: Scale = POINTS) -> Drawing:
    """Means with their intervals.

    Parameters
    ----------
    table : DataFrame
        From `analysis.describe.describe`, a row for each condition, in the
        order to be drawn.
    colours : dict
        See `condition_colours`.
    level : float
        Of the table's intervals.
    scale : Scale
        On which the scores were given.
    """
    names = list(table["condition"])
    figure, axes = rows(names, scale)
    for y, row in enumerate(table.to_dict("records")):
        colour = colours[row["condition"]]
        if not np.isnan(row["ci_low"]):
            ends = np.clip([row["ci_low"], row["ci_high"]], 0, 100)
            axes.plot(ends, [y, y], color=colour, linewidth=3, alpha=0.45, solid_capstyle="butt")
            axes.plot(ends, [y, y], color=colour, linestyle="none", marker="|", markersize=9, markeredgewidth=1.6)
        axes.plot(row["mean"], y, color=colour, marker="o", markersize=6.5, markeredgecolor=SURFACE, clip_on=False)
        axes.annotate(
            number(row["mean"]),
            (1, y),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=SIZE,
            annotation_clip=False,
        )
    without = " Where there is no bar, one rater is too few for an interval." if table["ci_low"].isna().any() else ""
    caption = (
        f"Mean of the raters' means with its {100 * level:g}% confidence interval; the figures on the right are "
        f"the means.{cut_note(table)}{without}"
    )
    return drawing("means", "Means with confidence intervals", caption, figure)
