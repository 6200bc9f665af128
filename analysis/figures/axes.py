"""What the figures share: their width, a row for each condition, the scale with its words, and names that fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.figures.colours import INK, LINE, SOFT

BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")

WIDTH = 5.2  # inches
ROW = 0.34  # inches a condition
SIZE = 9.5  # points, large enough to be read on a phone
LONGEST = 24  # characters of a name


def new_figure(rows: int, extra: float) -> tuple[Figure, Axes]:
    """A figure with one frameless panel: `rows` rows high, and `extra` inches for what stands around them."""
    figure = Figure(figsize=(WIDTH, ROW * max(rows, 2) + extra), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure, axes


def rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with a row for each condition and the bands of the quality scale."""
    figure, axes = new_figure(len(names), extra=0.85)
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
    name_rows(axes, names)
    return figure, axes


def name_rows(axes: Axes, names: Sequence[str], first: float = 0) -> None:
    """Name the rows from the top, at `first`, `first` + 1, ...; names are shortened, and are never mathematics."""
    labels = [short(name, LONGEST) for name in names]
    axes.set_yticks(np.arange(len(names)) + first, labels, fontsize=SIZE, color=INK, parse_math=False)


def short(name: str, longest: int) -> str:
    """The name, cut off with an ellipsis where it has more than `longest` characters.

    >>> short("Opus 12", 24), short("Opus 12", 5)
    ('Opus 12', 'Opus…')
    """
    return name if len(name) <= longest else name[: longest - 1] + "…"
