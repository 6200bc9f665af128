"""Labels beside what they name, at places where nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from analysis.figures.axes import SIZE
from analysis.figures.colours import INK

Floats = NDArray[np.float64]

GAP = 6.0  # points from what is named
CLEAR = 7.0  # points around a label that are kept free of all else, so that what it names is nearest
LABELS_APART = 4.0  # points

_SIDES = (
    (1, 0, "left", "center"), (0, 1, "center", "bottom"), (0, -1, "center", "top"),
    (-1, 1, "right", "bottom"), (1, -1, "left", "top"), (1, 1, "left", "bottom"), (-1, -1, "right", "top"),
    (-1, 0, "right", "center"),
)  # fmt: skip
"""Where a label may stand: direction from the spot, alignment of the text."""


@dataclass(frozen=True, eq=False)
class Line:
    """What a label may name and must not cover.

    Attributes
    ----------
    name : str
    spots : ndarray, shape (spots, 2)
        In data coordinates: beside one of them the label may stand, the first
        that has room.
    strokes : tuple of ndarray, shape (points, 2)
        In data coordinates: what is drawn, as broken lines.
    """

    name: str
    spots: Floats
    strokes: tuple[Floats, ...]


def label(axes: Axes, lines: Sequence[Line], names: Sequence[str]) -> list[str]:
    """Write names beside their lines. The figure must have its final size; its layout is fixed.

    Parameters
    ----------
    axes : Axes
    lines : sequence of Line
        All that is drawn.
    names : sequence of str
        Lines to be labelled.

    Returns
    -------
    list of str
        Names that found no place.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    point = figure.dpi / 72
    inside = axes.get_window_extent()
    strokes = {line.name: _dense(axes, line.strokes, 2 * point) for line in lines}
    placed: list[Floats] = []
    left: list[str] = []
    for line in lines:
        if line.name not in names:
            continue
        width, height = _size(axes, line.name)
        others = [strokes[other.name] for other in lines if other.name != line.name]
        foreign = np.concatenate(others) if others else np.empty((0, 2))
        found = False
        for at, spot in zip(line.spots, axes.transData.transform(line.spots), strict=True):
            for right, up, ha, va in _SIDES:
                reach = GAP * point * (0.75 if right and up else 1)
                x, y = spot[0] + right * reach, spot[1] + up * reach
                x0 = x - {"left": 0, "center": width / 2, "right": width}[ha]
                y0 = y - {"bottom": 0, "center": height / 2, "top": height}[va]
                box = np.array([x0, y0, x0 + width, y0 + height])
                if (
                    x0 < inside.x0
                    or y0 < inside.y0
                    or box[2] > inside.x1
                    or box[3] > inside.y1
                    or _covers(box, foreign, CLEAR * point)
                    or _covers(box, strokes[line.name], point)
                    or any(_meet(box, other, LABELS_APART * point) for other in placed)
                ):
                    continue
                axes.annotate(
                    line.name, (float(at[0]), float(at[1])),
                    xytext=((x - spot[0]) / point, (y - spot[1]) / point), textcoords="offset points", ha=ha, va=va,
                    color=INK, fontsize=SIZE, parse_math=False,
                )  # fmt: skip
                placed.append(box)
                found = True
                break
            if found:
                break
        if not found:
            left.append(line.name)
    return left


def _size(axes: Axes, text: str) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    trial = axes.text(0, 0, text, fontsize=SIZE, parse_math=False)
    box = trial.get_window_extent()
    trial.remove()
    return float(box.width), float(box.height)


def _dense(axes: Axes, strokes: Sequence[Floats], step: float) -> Floats:
    """Points along broken lines, at most `step` pixels apart."""
    found = [np.empty((0, 2))]
    for stroke in strokes:
        ends = axes.transData.transform(stroke)
        found.append(ends)
        for one, other in zip(ends[:-1], ends[1:], strict=True):
            n = int(np.hypot(*(other - one)) / step) + 2
            found.append(one + np.linspace(0, 1, n)[:, None] * (other - one))
    return np.concatenate(found)


def _covers(box: Floats, points: Floats, clear: float) -> bool:
    x, y = points.T
    return bool(((x > box[0] - clear) & (x < box[2] + clear) & (y > box[1] - clear) & (y < box[3] + clear)).any())


def _meet(one: Floats, other: Floats, clear: float) -> bool:
    return bool(
        one[0] - clear < other[2]
        and other[0] - clear < one[2]
        and one[1] - clear < other[3]
        and other[1] - clear < one[3]
    )
