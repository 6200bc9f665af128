"""What the figures share: their width, a row for each condition, the scale with its words, and names that fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.figures.colours import INK, LINE, SOFT
from analysis.scales import Scale
from analysis.short_names import distinct

BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")

WIDTH = 5.2  # inches
ROW = 0.34  # inches a condition
SIZE = 9.5  # points, large enough to be read on a phone


def new_figure(rows: int, extra: float) -> tuple[Figure, Axes]:
    """A figure with one frameless panel: `rows` rows high, and `extra` inches for what stands around them."""
    return sized_figure(ROW * max(rows, 2) + extra)


def sized_figure(height: float) -> tuple[Figure, Axes]:
    """A figure with one frameless panel, `height` in inches."""
    figure = blank(height)
    return figure, panel(figure)


def blank(height: float) -> Figure:
    """A figure of the common width with nothing in it, `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    return figure


def panel(figure: Figure, rows: int = 1, columns: int = 1, place: int = 1) -> Axes:
    """A panel without a frame, its numbers in ink."""
    axes = figure.add_subplot(rows, columns, place, facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=INK, labelsize=SIZE)
    return axes


def bands(scale: Scale) -> tuple[str, ...]:
    """Words of the five parts of a scale: those of the quality scale, none where raters saw another scale."""
    return BANDS if scale.is_points else ()


def score_label(scale: Scale) -> str:
    """What an axis of scores is called.

    >>> score_label(Scale()), score_label(Scale(1, 5))
    ('Score', 'Score in points: 1 is 0, 5 is 100')
    """
    return "Score" if scale.is_points else f"Score in points: {scale.low:g} is 0, {scale.high:g} is 100"


def cut_note(table: pd.DataFrame, low: float = 0, high: float = 100) -> str:
    """What a caption says where an interval of the table goes beyond the scale; "" where none does.

    >>> cut_note(pd.DataFrame({"ci_low": [-3.0, 20.0], "ci_high": [12.0, 40.0]}))
    ' Intervals are cut at the ends of the scale; the CSV files beside the report have them whole.'
    """
    if not ((table["ci_low"] < low) | (table["ci_high"] > high)).any():
        return ""
    return " Intervals are cut at the ends of the scale; the CSV files beside the report have them whole."


def rows(names: Sequence[str], scale: Scale) -> tuple[Figure, Axes]:
    """Axes with a row for each condition and the bands of the quality scale."""
    figure, axes = new_figure(len(names), extra=0.85)
    axes.set_xlim(-1, 101)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for x in range(0, 101, 20):
        axes.axvline(x, color=LINE, linewidth=0.8, zorder=0, clip_on=False)
    for i, band in enumerate(bands(scale)):
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
    axes.tick_params(axis="y", pad=7)
    axes.set_xlabel(score_label(scale), color=SOFT, fontsize=SIZE)
    name_rows(axes, names)
    return figure, axes


def name_rows(axes: Axes, names: Sequence[str], first: float = 0) -> None:
    """Name the rows from the top, at `first`, `first` + 1, ...; names are shortened, and are never mathematics."""
    axes.set_yticks(np.arange(len(names)) + first, distinct(names), fontsize=SIZE, color=INK, parse_math=False)
