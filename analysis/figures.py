"""The drawings of a report: conditions from top to bottom, the score from left to right.

Drawn with matplotlib's objects only. pyplot and rcParams are global, and this runs within a web process. Colours are
those of Okabe and Ito, told apart by readers with any colour vision, and every row carries its name besides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.frame import HIDDEN_REFERENCE, SYSTEM, average_repeats, rater_means
from analysis.order import condition_order, family, sorted_raters

INK, SOFT, LINE, SURFACE = "#18202b", "#4a5567", "#d8dde5", "#fffffe"
"""Ink, secondary ink, rules, ground. An inlined figure takes the page's own instead, see `Drawing.inline_svg`."""

_TOKENS = {INK: "--ink", SOFT: "--ink-soft", LINE: "--line", SURFACE: "--surface"}

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")

WIDTH = 5.2  # inches
ROW = 0.34  # inches a condition
SIZE = 9.5  # points, large enough to be read on a phone
LONGEST = 24  # characters of a name
MOST_LABELLED = 24  # raters


@dataclass(frozen=True)
class Drawing:
    """A figure with its words.

    Attributes
    ----------
    name : str
        Of its files, without ending.
    title, caption : str
        `caption` says what is drawn, in full, for readers and screen readers.
    figure : matplotlib Figure
    svg : str
        The file, on white.
    """

    name: str
    title: str
    caption: str
    figure: Figure = field(repr=False, compare=False)
    svg: str = field(repr=False)

    @property
    def inline_svg(self) -> str:
        """For a page: scales with it, and takes ink and ground from its CSS variables, so that dark pages work.

        Holds no style element or attribute, which a page's Content-Security-Policy may forbid.
        """
        _, body = self.svg.split("</style>", 1)
        box = re.search(r'viewBox="[^"]+"', self.svg)
        body = re.sub(r' style="([^"]*)"', _as_attributes, body.replace("xlink:href", "href"))
        for colour, token in _TOKENS.items():
            body = body.replace(colour, f"var({token}, {colour})")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} role="img" '
            f'aria-label="{escape(self.title)}" stroke-linejoin="round" stroke-linecap="butt">\n<defs>{body}'
        )

    def png(self, dpi: int = 200) -> bytes:
        """As PNG, on white."""
        file = io.BytesIO()
        self.figure.savefig(file, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
        return file.getvalue()


def condition_colours(frame: pd.DataFrame) -> dict[str, str]:
    """Colour of every condition of a tidy frame: one for each family of systems, ink and grey for the rest."""
    table = frame.drop_duplicates("condition").set_index("condition").loc[condition_order(frame)]
    families: dict[str, str] = {}
    colours = {}
    for name, role, spec in zip(table.index, table["role"], table["spec"], strict=True):
        if role == SYSTEM:
            group = family(spec or str(name))
            families.setdefault(group, OKABE_ITO[len(families) % len(OKABE_ITO)])
            colours[str(name)] = families[group]
        else:
            colours[str(name)] = INK if role == HIDDEN_REFERENCE else SOFT
    return colours


def mean_plot(table: pd.DataFrame, colours: dict[str, str], *, level: float = 0.95) -> Drawing:
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
    """
    names = list(table["condition"])
    figure, axes = _rows(names)
    for y, row in enumerate(table.to_dict("records")):
        colour = colours[row["condition"]]
        if not np.isnan(row["ci_low"]):
            ends = np.clip([row["ci_low"], row["ci_high"]], 0, 100)
            axes.plot(ends, [y, y], color=colour, linewidth=3, alpha=0.45, solid_capstyle="butt")
            axes.plot(ends, [y, y], color=colour, linestyle="none", marker="|", markersize=9, markeredgewidth=1.6)
        axes.plot(row["mean"], y, color=colour, marker="o", markersize=6.5, markeredgecolor=SURFACE, clip_on=False)
        axes.annotate(
            f"{row['mean']:.1f}",
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
        f"Mean of the raters' means with its {100 * level:g}% confidence interval, cut off at the ends of the scale; "
        f"the figures on the right are the means.{without}"
    )
    return _drawing("means", "Means with confidence intervals", caption, figure)


def box_plot(
    frame: pd.DataFrame, order: Sequence[str], colours: dict[str, str], *, quantiles: str = "linear"
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
    """
    figure, axes = _rows(order)
    cells = average_repeats(frame)
    means = rater_means(frame)
    spread = np.random.default_rng(0)  # the same points each time
    for y, name in enumerate(order):
        scores = cells.loc[cells["condition"] == name, "score"].to_numpy(float)
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
            boxprops={"facecolor": _washed(colour), "edgecolor": colour, "linewidth": 1.2},
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
    return _drawing("boxes", "Distribution of the ratings", caption, figure)


def rater_map(frame: pd.DataFrame, order: Sequence[str], excluded: Sequence[str] = ()) -> Drawing:
    """Mean of each rater for each condition as a map; excluded raters stand apart on the right.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame of all ratings.
    order : sequence of str
        Conditions, from the top.
    excluded : sequence of str
    """
    means = rater_means(frame, order)
    out = set(excluded)
    raters = sorted_raters(list(means.index))
    raters = [name for name in raters if name not in out] + [name for name in raters if name in out]
    n_in = sum(name not in out for name in raters)
    values = np.ma.masked_invalid(means.loc[raters].to_numpy(float).T)
    figure, axes = _figure(len(order), extra=0.9)
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
    _name_rows(axes, order, first=0.5)
    axes.set_ylim(len(order), 0)
    step = -(-len(raters) // MOST_LABELLED)
    labels = [_short(name, 10) for name in raters[::step]]
    upright = max(map(len, labels)) * len(labels) > 30
    axes.set_xticks(np.arange(0, len(raters), step) + 0.5, labels, rotation=90 if upright else 0, parse_math=False)
    axes.set_xlabel(f"{len(raters)} raters" if len(raters) > 1 else "1 rater", color=SOFT, fontsize=SIZE)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.035, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SIZE - 1.5, colors=INK, length=0)
    bar.ax.set_ylabel("Score", color=SOFT, fontsize=SIZE)
    named = f" Every {step}th rater is named." if step > 3 else " Not every rater is named." if step > 1 else ""
    apart = " Right of the dashed line: raters who were excluded." if 0 < n_in < len(raters) else ""
    caption = f"The mean that each rater gave each condition, dark is low; empty where there is none.{apart}{named}"
    return _drawing("raters", "What each rater gave", caption, figure)


def _figure(rows: int, extra: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, ROW * max(rows, 2) + extra), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure, axes


def _rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with a row for each condition and the bands of the quality scale."""
    figure, axes = _figure(len(names), extra=0.85)
    axes.set_xlim(-1, 101)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for x in range(0, 101, 20):
        axes.axvline(x, color=LINE, linewidth=0.8, zorder=0, clip_on=False)
    for i, band in enumerate(BANDS):
        axes.annotate(
            band,
            (20 * i + 10, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            color=SOFT,
            fontsize=SIZE - 1,
        )
    axes.set_xticks(range(0, 101, 20))
    axes.tick_params(length=0, colors=INK, labelsize=SIZE)
    axes.tick_params(axis="y", pad=7)
    axes.set_xlabel("Score", color=SOFT, fontsize=SIZE)
    _name_rows(axes, names)
    return figure, axes


def _name_rows(axes: Axes, names: Sequence[str], first: float = 0) -> None:
    labels = [_short(name, LONGEST) for name in names]
    axes.set_yticks(np.arange(len(names)) + first, labels, fontsize=SIZE, color=INK, parse_math=False)


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _washed(colour: str) -> tuple[float, float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 0.16


def _drawing(name: str, title: str, caption: str, figure: Figure) -> Drawing:
    file = io.StringIO()
    figure.savefig(file, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    return Drawing(name, title, caption, figure, _own_ids(file.getvalue(), name))


def _as_attributes(style: re.Match[str]) -> str:
    """`style="fill: red; stroke: none"` as attributes of the element."""
    pairs = [part.split(":", 1) for part in style[1].split(";") if part.strip()]
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)


def _own_ids(svg: str, name: str) -> str:
    """Number the ids of an SVG under its name: matplotlib's are random, and clash where a page holds two figures."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    names = {old: f"{name}-{i}" for i, old in enumerate(ids)}
    return re.sub(
        r'(\bid="|href="#|url\(#)([^")]+)',
        lambda found: found[1] + names.get(found[2], found[2]),
        svg,
    )
