"""The drawings of a report: conditions from top to bottom, the score from left to right.

Drawn with matplotlib's objects only. pyplot and rcParams are global, and this runs within a web process. Colours are
those of Okabe and Ito, told apart by readers with any colour vision, and every row carries its name besides.
"""

from __future__ import annotations

from analysis.figures.axes import BANDS, LONGEST, ROW, SIZE, WIDTH
from analysis.figures.boxes import box_plot
from analysis.figures.colours import INK, LINE, OKABE_ITO, SOFT, SURFACE, condition_colours
from analysis.figures.drawing import Drawing
from analysis.figures.means import mean_plot
from analysis.figures.raters import MOST_LABELLED, rater_map

__all__ = [
    "BANDS",
    "INK",
    "LINE",
    "LONGEST",
    "MOST_LABELLED",
    "OKABE_ITO",
    "ROW",
    "SIZE",
    "SOFT",
    "SURFACE",
    "WIDTH",
    "Drawing",
    "box_plot",
    "condition_colours",
    "mean_plot",
    "rater_map",
]
