"""Colours of conditions: those of Okabe and Ito, told apart by readers with any colour vision.

M. Okabe and K. Ito, Color Universal Design, 2008, https://jfly.uni-koeln.de/color/. Their yellow is too light to be a
line on white, and their black is the ink.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.frame import HIDDEN_REFERENCE, SYSTEM
from analysis.order import condition_order, family

INK, SOFT, LINE, SURFACE = "#18202b", "#4a5567", "#d8dde5", "#fffffe"
"""Ink, secondary ink, rules, ground. An inlined figure takes the page's own instead, see `Drawing.inline_svg`."""

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Dash = tuple[float, tuple[float, ...]]
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Dash, ...] = (
    (0, ()),
    (0, (5, 1.8)),
    (0, (1.4, 1.4)),
    (0, (6, 1.5, 1.4, 1.5)),
    (0, (3, 1.2)),
)
"""Shapes of points and of lines, for codecs that share a panel: they are told apart without colour too."""


def told_apart(wanted: Sequence[str]) -> list[str]:
    """The colours, those that repeat an earlier one replaced by one that nobody wants.

    >>> told_apart(["#0072b2", "#0072b2", "#d55e00"])
    ['#0072b2', '#009e73', '#d55e00']
    """
    free = [colour for colour in OKABE_ITO if colour not in wanted]
    return [colour if colour not in wanted[:place] or not free else free.pop(0) for place, colour in enumerate(wanted)]


def condition_colours(frame: pd.DataFrame) -> dict[str, str]:
    """Colour of every condition of a tidy frame: one for each family of systems, ink and grey for the rest.

    Systems of more families than there are colours share one, so that no two families look related.
    """
    table = frame.drop_duplicates("condition").set_index("condition").loc[condition_order(frame)]
    families: dict[str, str] = {}
    colours = {}
    for name, role, spec in zip(table.index, table["role"], table["spec"], strict=True):
        if role == SYSTEM:
            group = family(spec or str(name))
            colours[str(name)] = families.setdefault(group, OKABE_ITO[len(families) % len(OKABE_ITO)])
        else:
            colours[str(name)] = INK if role == HIDDEN_REFERENCE else SOFT
    if len(families) <= len(OKABE_ITO):
        return colours
    return {name: OKABE_ITO[0] if colour in OKABE_ITO else colour for name, colour in colours.items()}


def washed(colour: str) -> tuple[float, float, float, float]:
    """The colour as a light fill."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 0.16
