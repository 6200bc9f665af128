"""Boxes of the ratings, with the raters' means as points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.figures.axes import rows
from analysis.figures.colours import INK, SURFACE, washed
from analysis.figures.drawing import Drawing, drawing
from analysis.frame import average_repeats, rater_means
from analysis.scales import POINTS, Scale


def box_plot(
    frame: pd.DataFrame,
    order: Sequence[str],
    colours: dict[str, str],
    *,
    quantiles: str = "linear",
    scale: Scale = POINTS,
) -> Drawing:
    """Boxes of the ratings, with each rater's mean as a point.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame, screened.
    order : sequence of str
        Conditions, from the top.
    quantiles : {"linear", "hazen"}
        Method of the box's ends and its median.
    scale : Scale
        On which the scores were given.
    """
    figure, axes = rows(order, scale)
    cells = average_repeats(frame)
    means = rater_means(frame)
    spread = np.random.default_rng(0)  # the same points each time
    for y, name in enumerate(order):
        scores = cells.loc[cells["condition"] == name, "score"].to_numpy(float)
        if not len(scores):
            continue
        q1, median, q3 = np.quantile(scores, [0.25, 0.5, 0.75], method=quantiles)  # type: ignore[call-overload]
        inside = scores[(scores >= q1 - 1.5 * (q3 - q1)) & (scores <= q3 + 1.5 * (q3 - q1))]
        box = {"med": median, "q1": q1, "q3": q3, "whislo": inside.min(), "whishi": inside.max(), "fliers": []}
        colour = colours[name]
        axes.bxp(
            [box],
            positions=[y],
            widths=0.62,
            orientation="horizontal",
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": washed(colour), "edgecolor": colour, "linewidth": 1.2},
            medianprops={"color": INK, "linewidth": 2.2, "solid_capstyle": "butt"},
            whiskerprops={"color": colour, "linewidth": 1.2},
            capprops={"color": colour, "linewidth": 1.2},
        )
        points = means[name].dropna().to_numpy(float)
        jitter = spread.uniform(-0.2, 0.2, len(points))
        axes.plot(
            points,
            y + jitter,
            linestyle="none",
            marker="o",
            markersize=3.6,
            color=colour,
            alpha=0.85,
            markeredgecolor=SURFACE,
            markeredgewidth=0.5,
            zorder=4,
            clip_on=False,
            rasterized=len(points) > 500,
        )
    caption = (
        "Box: median and quartiles of all ratings, whiskers to the last rating within 1.5 box lengths; "
        "ratings beyond are not drawn. Points: the mean of each rater."
    )
    return drawing("boxes", "Distribution of the ratings", caption, figure)
