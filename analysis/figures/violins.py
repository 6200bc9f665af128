"""How the ratings of every condition are distributed, as shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from analysis.figures.axes import rows
from analysis.figures.colours import INK, SURFACE, washed
from analysis.figures.drawing import Drawing, drawing
from analysis.frame import average_repeats, rated
from analysis.scales import POINTS, Scale

Floats = NDArray[np.float64]

BINS = 1_000
"""Of the histogram that is smoothed: 0.1 points each."""

NARROWEST = 1.0
"""Points: scores are mostly whole, and a narrower kernel would draw each of them as a peak."""


def violin_plot(
    frame: pd.DataFrame,
    order: Sequence[str],
    colours: dict[str, str],
    *,
    quantiles: str = "linear",
    scale: Scale = POINTS,
) -> Drawing:
    """Density of the ratings, with median and quartiles inside.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame, screened.
    order : sequence of str
        Conditions, from the top.
    colours : dict
        See `condition_colours`.
    quantiles : {"linear", "hazen"}
        Method of median and quartiles.
    scale : Scale
        On which the scores were given.
    """
    figure, axes = rows(order, scale)
    ratings = _one_each(frame)
    scores_of = {str(name): part.to_numpy(float) for name, part in ratings.groupby("condition", sort=False)["score"]}
    at = (np.arange(BINS) + 0.5) * 100 / BINS
    equal = False
    for y, name in enumerate(order):
        scores = scores_of.get(name, np.empty(0))
        if not len(scores):
            continue
        q1, median, q3 = np.quantile(scores, [0.25, 0.5, 0.75], method=quantiles)  # type: ignore[call-overload]
        if np.ptp(scores) == 0:
            equal = True
            axes.plot([median, median], [y - 0.38, y + 0.38], color=colours[name], linewidth=2.2, clip_on=False)
        else:
            heights = density(scores)
            half = 0.42 * heights / heights.max()
            seen = np.flatnonzero(half > 0.004)  # below, thinner than the outline
            part = np.unique(np.append(np.arange(seen[0], seen[-1], 4), seen[-1]))
            axes.fill_between(
                at[part],
                y - half[part],
                y + half[part],
                facecolor=washed(colours[name]),
                edgecolor=colours[name],
                linewidth=1.2,
                clip_on=False,
            )
        axes.plot([q1, q3], [y, y], color=INK, linewidth=4, solid_capstyle="butt", zorder=3, clip_on=False)
        axes.plot(
            median, y, marker="o", markersize=5.5, color=SURFACE, markeredgecolor=INK, markeredgewidth=1.4, zorder=4,
            clip_on=False,
        )  # fmt: skip
    line = " A line stands where all ratings of a condition are equal." if equal else ""
    caption = (
        "Density of all ratings, each shape as high as its row: heights of different rows do not compare. Gaussian "
        "kernel, its bandwidth by Silverman's rule but at least 1 point, mirrored at 0 and 100 so that no density lies "
        f"outside the scale. Point: median; bar: quartiles.{line}"
    )
    return drawing("violins", "Density of the ratings", caption, figure)


def bandwidth(scores: Floats) -> float:
    """Standard deviation of the kernel in points.

    0.9 min(sd, IQR / 1.34) n^(-1/5): B. W. Silverman, Density Estimation for
    Statistics and Data Analysis, 1986, equation 3.31; at least `NARROWEST`.

    >>> round(bandwidth(np.arange(101.0)), 2)  # sd 29.3, quartiles 25 and 75
    10.48
    """
    q1, q3 = np.quantile(scores, [0.25, 0.75])
    sd = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    spread = min(sd, float(q3 - q1) / 1.34) if q3 > q1 else sd
    return max(0.9 * spread / float(np.power(len(scores), 0.2)), NARROWEST)


def density(scores: Floats) -> Floats:
    """Density at the middles of `BINS` equal parts of the scale, per point; its sum times their width is 1.

    The kernel runs over a histogram, so that ten million scores cost no more
    than counting them, and is mirrored at both ends of the scale.
    """
    width = 100 / BINS
    place = np.clip((scores / width).astype(np.intp), 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS).astype(float)
    smooth = ndimage.gaussian_filter1d(counts, bandwidth(scores) / width, mode="reflect", truncate=5)
    return np.asarray(smooth / (smooth.sum() * width))


def _one_each(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per rater, item and condition; not looked for one by one where no rater can have two."""
    there = rated(frame)
    if not there["repeat"].any() and len(there.drop_duplicates(["rater", "session"])) == there["rater"].nunique():
        return there
    return average_repeats(frame)
