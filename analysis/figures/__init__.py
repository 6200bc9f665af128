"""The drawings of a report: means, boxes, violins, raters, items, rates, differences, influence,
residuals.

Drawn with matplotlib's objects only. pyplot and rcParams are global, and this runs within a web process. Colours are
those of Okabe and Ito, told apart by readers with any colour vision, and what has a colour has a name, a shape or a
stroke of its own besides.
"""

from __future__ import annotations

from analysis.figures.axes import BANDS, ROW, SIZE, WIDTH
from analysis.figures.boxes import box_plot
from analysis.figures.colours import INK, LINE, OKABE_ITO, SOFT, SURFACE, condition_colours
from analysis.figures.differences import difference_plot
from analysis.figures.drawing import Drawing
from analysis.figures.influence import influence_plot
from analysis.figures.items import item_plot
from analysis.figures.means import mean_plot
from analysis.figures.raters import MOST_LABELLED, rater_map
from analysis.figures.rates import rate_quality_plot
from analysis.figures.residuals import residual_plot
from analysis.figures.violins import violin_plot

__all__ = [
    "BANDS",
    "INK",
    "LINE",
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
    "difference_plot",
    "influence_plot",
    "item_plot",
    "mean_plot",
    "rate_quality_plot",
    "rater_map",
    "residual_plot",
    "violin_plot",
]
