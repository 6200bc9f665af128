"""Quality over rate: a curve for each codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from analysis.figures.axes import SIZE, WIDTH, bands, blank, cut_note, panel, score_label, sized_figure
from analysis.figures.colours import DASHES, INK, LINE, MARKERS, OKABE_ITO, SOFT, SURFACE, Dash, told_apart
from analysis.figures.drawing import Drawing, drawing
from analysis.figures.labels import Line, label
from analysis.rates import Curve
from analysis.scales import POINTS, Scale
from analysis.short_names import LONGEST, distinct
from analysis.wording import listed, number

Floats = NDArray[np.float64]

HEIGHT = 3.7  # inches, without a legend
LEVELS: tuple[Dash, ...] = ((0, (2, 2)), (0, (7, 2)), (0, (1, 2)))
"""Strokes of the horizontal lines."""

PANEL = 1.55
"""Inches that a small panel is high."""

MOST_IN_TWO_COLUMNS = 10
"""Codecs with a small panel each that stand in two columns; more stand in three."""

LONGEST_OF_THREE = 17
"""Characters of a name where three stand side by side."""

APART = 0.012
"""Share of the axis by which codecs at the same rate stand apart."""


@dataclass(frozen=True, eq=False)
class _Codec:
    """What is drawn of a codec: its points, rates rising, and how."""

    name: str
    kbps: Floats
    mean: Floats
    low: Floats
    high: Floats
    colour: str
    marker: str
    dash: Dash


def rate_quality_plot(
    points: pd.DataFrame,
    means: pd.DataFrame,
    curves: Sequence[Curve],
    colours: dict[str, str],
    references: Mapping[str, float] | None = None,
    *,
    level: float = 0.95,
    scale: Scale = POINTS,
) -> Drawing:
    """Means over rates, with their intervals and a curve for each codec.

    Parameters
    ----------
    points : DataFrame
        condition, codec, kbps: see `analysis.rates.points`.
    means : DataFrame
        From `analysis.mixed.MixedModel.means`.
    curves : sequence of Curve
        See `analysis.rates.curves`.
    colours : dict
        See `condition_colours`.
    references : mapping, optional
        Name -> mean score of conditions without a rate that are drawn as
        lines: the hidden reference, anchors.
    level : float
        Of the table's intervals.
    scale : Scale
        On which the scores were given.
    """
    codecs = _codecs(points, means, curves, colours)
    given = {name: float(score) for name, score in (references or {}).items() if np.isfinite(score)}
    names = _numbered([*given, *(codec.name for codec in codecs)])
    labels = distinct(names, LONGEST if len(codecs) <= MOST_IN_TWO_COLUMNS else LONGEST_OF_THREE)
    lines = dict(zip(labels, given.values(), strict=False))
    codecs = [replace(codec, name=text) for codec, text in zip(codecs, labels[len(given) :], strict=True)]
    if len(codecs) > len(OKABE_ITO):
        figure = _small_multiples(codecs, lines, scale)
        how = " A panel for each codec, in grey the others."
    else:
        figure = _one_panel(codecs, lines, scale)
        how = ""
    known = set(points.loc[points["kbps"] > 0, "condition"])
    lost = [str(name) for name in points["condition"] if name not in known]
    curved = " Lines: the mean is taken as linear in the logarithm of the rate between two rates."
    falling = [codec.name for codec in codecs if (np.diff(codec.mean) < 0).any()]
    if falling:
        curved += f" Equivalent rates assume that quality does not fall; the mean does in {listed(falling)}."
    alike = " Points at the same rate are set apart a little." if not how and _shares_rates(codecs) else ""
    level_lines = f" Horizontal lines: {_said(lines)}." if lines else ""
    caption = (
        f"Mean score of every codec at its rates (logarithmic axis) with {100 * level:g}% confidence intervals, both "
        f"from the mixed model.{how}{cut_note(means)}"
        f"{curved if any(len(codec.kbps) > 1 for codec in codecs) else ''}{alike}{level_lines}"
        f"{f' Without a rate, and not drawn: {listed(lost)}.' if lost else ''}"
    )
    return drawing("rates", "Quality over rate", caption, figure)


def _one_panel(codecs: Sequence[_Codec], lines: Mapping[str, float], scale: Scale) -> Figure:
    """All codecs in one panel, each named beside its curve or in a legend."""
    in_legend: list[str] = []
    while True:  # a legend takes room, so that what had a place may lose it
        figure, drawn = _draw(codecs, lines, in_legend, scale)
        without = label(figure.axes[0], drawn, [line.name for line in drawn if line.name not in in_legend])
        if not without:
            return figure
        missing = {*in_legend, *without}
        named = {codec.name for codec in codecs}
        if len(missing & named) > len(named) / 2:  # a few labels among many points would only puzzle
            missing |= named
        in_legend = [line.name for line in drawn if line.name in missing]


def _small_multiples(codecs: Sequence[_Codec], lines: Mapping[str, float], scale: Scale) -> Figure:
    """A small panel for each codec, in which the curves of the others are grey."""
    columns = 2 if len(codecs) <= MOST_IN_TWO_COLUMNS else 3
    rows = -(-len(codecs) // columns)
    figure = blank(PANEL * rows + 0.4)
    low, high = _limits(np.unique(np.concatenate([codec.kbps for codec in codecs])))
    for place, codec in enumerate(codecs):
        axes = panel(figure, rows, columns, place + 1)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(-1, 101)
        axes.set_yticks(range(0, 101, 20))
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=SIZE - 1.5, labelleft=place % columns == 0)
        _name_rates(axes, codec.kbps, low, high, (WIDTH - 0.8) / columns - 0.1)
        axes.set_title(codec.name, fontsize=SIZE - 1, color=INK, loc="left", parse_math=False)
        for (_, score), dash in zip(lines.items(), cycle(LEVELS), strict=False):
            axes.axhline(score, color=SOFT, linewidth=1.0, linestyle=dash)
        for other in codecs:
            if other is not codec:
                dot = "." if len(other.kbps) == 1 else ""
                axes.plot(other.kbps, other.mean, color=SOFT, alpha=0.35, linewidth=1.0, zorder=1, marker=dot)
        _draw_codec(axes, replace(codec, colour=OKABE_ITO[0], marker="o", dash=DASHES[0]), codec.kbps)
    figure.supxlabel("Rate in kbit/s", color=SOFT, fontsize=SIZE)
    figure.supylabel(score_label(scale), color=SOFT, fontsize=SIZE)
    return figure


def _said(lines: Mapping[str, float]) -> str:
    """The names of the lines with their heights, which tell them apart where no line has a label."""
    return listed([f"{name} ({number(score)})" for name, score in lines.items()])


def _codecs(
    points: pd.DataFrame, means: pd.DataFrame, curves: Sequence[Curve], colours: Mapping[str, str]
) -> list[_Codec]:
    """Curves, then conditions with a rate that are in none of them, under their own names."""
    there = means[np.isfinite(means["mean"])].set_index("condition")
    in_curve = {name for curve in curves for name in curve.conditions}
    wanted = [(curve.codec, list(zip(curve.conditions, curve.kbps, strict=True))) for curve in curves]
    for name, kbps in zip(points["condition"], points["kbps"], strict=True):
        if kbps > 0 and name not in in_curve:
            wanted.append((str(name), [(str(name), float(kbps))]))
    found: list[_Codec] = []
    for codec, conditions in wanted:
        kept = [(name, kbps) for name, kbps in conditions if name in there.index]
        if not kept:
            continue
        rows = there.loc[[name for name, _ in kept]]
        place = len(found)
        found.append(
            _Codec(
                name=codec if len(conditions) > 1 else conditions[0][0],
                kbps=np.array([kbps for _, kbps in kept]),
                mean=rows["mean"].to_numpy(float),
                low=rows["ci_low"].to_numpy(float).clip(0, 100),
                high=rows["ci_high"].to_numpy(float).clip(0, 100),
                colour=colours[kept[0][0]],
                marker=MARKERS[place % len(MARKERS)],
                dash=DASHES[place % len(DASHES)],
            )
        )
    colours_apart = told_apart([codec.colour for codec in found])
    return [replace(codec, colour=colour) for codec, colour in zip(found, colours_apart, strict=True)]


def _numbered(names: Sequence[str]) -> list[str]:
    """Names of which no two are equal, as those of a codec and of a reference may be."""
    before = [list(names[:i]).count(name) for i, name in enumerate(names)]
    return [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]


def _draw(
    codecs: Sequence[_Codec], lines: Mapping[str, float], in_legend: Sequence[str], scale: Scale
) -> tuple[Figure, list[Line]]:
    columns = 1 if any(len(name) > 18 for name in in_legend) else 2
    rows = -(-len(in_legend) // columns)
    figure, axes = sized_figure(HEIGHT + 0.22 * rows + (0.1 if rows else 0))
    kbps = np.unique(np.concatenate([codec.kbps for codec in codecs])) if codecs else np.array([])
    low, high = _limits(kbps)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(-1, 101)
    _scale(axes, scale)
    _name_rates(axes, kbps, low, high)
    apart = APART * np.log(high / low) if _shares_rates(codecs) else 0.0
    drawn, handles = [], {}
    for place, (name, score) in enumerate(lines.items()):
        dash = LEVELS[place % len(LEVELS)]
        axes.axhline(score, color=SOFT, linewidth=1.2, linestyle=dash)
        across = np.geomspace(low, high, 12)[1:-1]
        drawn.append(
            Line(name, np.column_stack([across, np.full(10, score)]), (np.array([[low, score], [high, score]]),))
        )
        handles[name] = Line2D([], [], color=SOFT, linewidth=1.2, linestyle=dash)
    for place, codec in enumerate(codecs):
        x = codec.kbps * np.exp(apart * (place - (len(codecs) - 1) / 2))
        drawn.append(Line(codec.name, _spots(x, codec), _draw_codec(axes, codec, x)))
        handles[codec.name] = Line2D(
            [], [], color=codec.colour, marker=codec.marker, markersize=7, markeredgecolor=SURFACE,
            linestyle=codec.dash if len(x) > 1 else "none",
        )  # fmt: skip
    if in_legend:
        legend = figure.legend(
            [handles[name] for name in in_legend], list(in_legend), loc="outside lower center", ncols=columns,
            frameon=False, fontsize=SIZE, labelcolor=INK, handlelength=3,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure, drawn


def _draw_codec(axes: Axes, codec: _Codec, x: Floats) -> tuple[Floats, ...]:
    """Points, intervals and curve of a codec at the places `x`; gives back the strokes."""
    strokes = []
    for at, mean, bottom, top in zip(x, codec.mean, codec.low, codec.high, strict=True):
        ends = [value for value in (bottom, top) if np.isfinite(value)]
        if len(ends) == 2:
            axes.plot([at, at], ends, color=codec.colour, linewidth=2.4, alpha=0.45, solid_capstyle="butt",
                      zorder=2)  # fmt: skip
        strokes.append(np.array([[at, value] for value in (*ends, mean)]))
    if len(x) > 1:
        axes.plot(x, codec.mean, color=codec.colour, linewidth=1.8, linestyle=codec.dash, zorder=3)
        strokes.append(np.column_stack([x, codec.mean]))
    axes.plot(x, codec.mean, linestyle="none", marker=codec.marker, markersize=7, color=codec.colour,
              markeredgecolor=SURFACE, markeredgewidth=0.8, zorder=4, clip_on=False)  # fmt: skip
    return tuple(strokes)


def _spots(x: Floats, codec: _Codec) -> Floats:
    """Where the codec's name may stand: at its points, the last one first, else at the ends of their intervals."""
    ends = [np.column_stack([x, values])[::-1] for values in (codec.mean, codec.high, codec.low)]
    spots = np.concatenate(ends)
    return np.asarray(spots[np.isfinite(spots[:, 1])])


def _scale(axes: Axes, scale: Scale) -> None:
    """The score from below to above, with the words of its bands on the right."""
    axes.set_yticks(range(0, 101, 20))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for i, band in enumerate(bands(scale)):
        axes.annotate(
            band, (1, 20 * i + 10), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
            va="center", color=SOFT, fontsize=SIZE - 1, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlabel("Rate in kbit/s", color=SOFT, fontsize=SIZE)
    axes.set_ylabel(score_label(scale), color=SOFT, fontsize=SIZE)


def _name_rates(axes: Axes, kbps: Floats, low: float, high: float, width: float = WIDTH - 1.35) -> None:
    """A mark at every rate, a label where it has room beside those to its left; the last one always."""
    inches = (np.log(kbps / low) / np.log(high / low)) * width
    kept: list[int] = []
    for i in range(len(kbps)):
        while kept and inches[i] - inches[kept[-1]] < _room(kbps[kept[-1]], kbps[i]):
            if i < len(kbps) - 1 or len(kept) == 1:
                break
            kept.pop()
        else:
            kept.append(i)
    axes.xaxis.set_major_locator(FixedLocator([kbps[i] for i in kept]))
    axes.xaxis.set_minor_locator(FixedLocator(list(kbps)) if len(kbps) else NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: _rate(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.tick_params(axis="x", which="both", length=4, color=SOFT)


def _room(one: float, other: float) -> float:
    """Inches that two labels in the middle of their marks need."""
    return 0.075 * (len(_rate(one)) + len(_rate(other))) / 2 + 0.08


def _rate(kbps: float) -> str:
    return f"{kbps:.3g}" if kbps < 1000 else f"{kbps:.0f}"


def _limits(kbps: Floats) -> tuple[float, float]:
    if not len(kbps):
        return 1.0, 10.0
    low, high = float(kbps[0]), float(kbps[-1])
    room = max((high / low) ** 0.09, 1.15)
    return low / room, high * room


def _shares_rates(codecs: Sequence[_Codec]) -> bool:
    """Whether two codecs have points so near each other's rate that one would hide the other."""
    if len(codecs) < 2:
        return False
    every = np.concatenate([np.log(codec.kbps) for codec in codecs])
    of = np.concatenate([np.full(len(codec.kbps), i) for i, codec in enumerate(codecs)])
    near = np.abs(every[:, None] - every[None, :]) < 0.01 * max(float(np.ptp(every)), 1.0)
    return bool((near & (of[:, None] != of[None, :])).any())
