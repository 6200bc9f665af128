"""What the mixed model leaves: whether its rest is even and normal."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from numpy.typing import NDArray
from scipy import stats

from analysis.figures.axes import SIZE, blank, panel
from analysis.figures.colours import INK, LINE, OKABE_ITO, SOFT
from analysis.figures.drawing import Drawing, drawing
from analysis.wording import count

Floats = NDArray[np.float64]

MOST_POINTS = 5_000
"""Ratings that are drawn one by one; more are counted in cells."""

CELLS = 60
"""Cells along each side of the map of counts."""

QUANTILES = 1_000
"""Points of the quantile plot at most."""

GROUPS = 12
"""Equally many ratings each, for the line of mean residuals."""


def residual_plot(fitted: Floats, residuals: Floats) -> Drawing:
    """Residuals over fitted values, and their quantiles against normal ones.

    Parameters
    ----------
    fitted, residuals : ndarray, shape (ratings,)
        Points. Pairs with a value that is not finite are left out.

    Notes
    -----
    Quantiles by Hazen's positions (i - 0.5) / n; the line goes through the
    quartiles, as R's qqline does.
    """
    there = np.isfinite(fitted) & np.isfinite(residuals)
    fitted, residuals = np.asarray(fitted, float)[there], np.asarray(residuals, float)[there]
    figure = blank(2.75)
    left, right = panel(figure, 1, 2, 1), panel(figure, 1, 2, 2)
    for axes in (left, right):
        axes.grid(color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.locator_params(axis="x", nbins=4)
        axes.locator_params(axis="y", nbins=6)
    many = len(fitted) > MOST_POINTS
    if len(fitted):
        _over_fitted(left, fitted, residuals, many)
        _quantile_plot(right, residuals)
    left.set_xlabel("Fitted score", color=SOFT, fontsize=SIZE)
    left.set_ylabel("Residual in points", color=SOFT, fontsize=SIZE)
    right.set_xlabel("Normal quantile", color=SOFT, fontsize=SIZE)
    right.set_ylabel("Residual in points", color=SOFT, fontsize=SIZE)
    drawn = "counts of ratings, the stronger the colour the more (logarithmic)" if many else "a point for each rating"
    line = "; the line joins means of groups of equal size" if len(fitted) >= 5 * GROUPS else ""
    kept = f"{QUANTILES:,} quantiles" if len(fitted) > QUANTILES else "every residual"
    caption = (
        f"{count(len(fitted), 'rating')}. Left: residuals of the mixed model over its fitted scores, {drawn}{line}. "
        "Slanting edges come from the ends of the scale, which no score can pass. Right: "
        f"{kept} against those of a normal distribution; the line goes through the quartiles."
    )
    return drawing("residuals", "Residuals of the mixed model", caption, figure)


def _over_fitted(axes: Axes, fitted: Floats, residuals: Floats, many: bool) -> None:
    x_range, y_range = _range(fitted), _range(residuals)
    axes.set_xlim(*x_range)
    axes.set_ylim(*y_range)
    if many:
        counts, x, y = np.histogram2d(fitted, residuals, bins=CELLS, range=[x_range, y_range])
        red, green, blue = (int(OKABE_ITO[0][i : i + 2], 16) / 255 for i in (1, 3, 5))
        shades = LinearSegmentedColormap.from_list("counts", [(red, green, blue, 0.15), (red, green, blue, 1)])
        counts = np.ma.masked_equal(counts.T, 0)
        axes.pcolormesh(x, y, counts, cmap=shades, norm=LogNorm(1, max(float(counts.max()), 2)), rasterized=True)
    else:
        axes.plot(fitted, residuals, linestyle="none", marker="o", markersize=3, markeredgewidth=0,
                  color=OKABE_ITO[0], alpha=0.9 if len(fitted) < 200 else 0.35,
                  rasterized=len(fitted) > 500)  # fmt: skip
    axes.axhline(0, color=INK, linewidth=1)
    if len(fitted) >= 5 * GROUPS:
        edges = np.quantile(fitted, np.linspace(0, 1, GROUPS + 1)[1:-1])
        group = np.searchsorted(edges, fitted, side="right")
        size = np.bincount(group, minlength=GROUPS)
        there = size > 0
        means = [np.bincount(group, values, GROUPS)[there] / size[there] for values in (fitted, residuals)]
        axes.plot(*means, color=OKABE_ITO[1], linewidth=2)


def _quantile_plot(axes: Axes, residuals: Floats) -> None:
    n = len(residuals)
    if n > QUANTILES:
        furthest = float(stats.norm.isf(0.5 / n))
        normal = np.linspace(-furthest, furthest, QUANTILES)  # even in quantiles, so that the tails are seen
        ordered = np.quantile(residuals, stats.norm.cdf(normal), method="hazen")
    else:
        normal, ordered = stats.norm.ppf((np.arange(n) + 0.5) / n), np.sort(residuals)
    axes.plot(normal, ordered, linestyle="none", marker="o", markersize=3, markeredgewidth=0, color=OKABE_ITO[0],
              alpha=0.9 if n < 200 else 0.5, rasterized=n > 500)  # fmt: skip
    axes.set_xlim(*_range(normal))
    axes.set_ylim(*_range(ordered))
    q1, q3 = np.quantile(residuals, [0.25, 0.75])
    slope = (q3 - q1) / (2 * stats.norm.ppf(0.75))
    axes.axline((0, float(q1 + q3) / 2), slope=float(slope), color=INK, linewidth=1)


def _range(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) if high - low > 1e-6 else 11.0
    return low - room, high + room
