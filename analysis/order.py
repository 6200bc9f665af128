"""In which order conditions are shown: the reference, the systems by family and rate, the anchors."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from analysis.frame import HIDDEN_REFERENCE, LOW_ANCHOR, MID_ANCHOR, SYSTEM

_ROLE_RANK = {HIDDEN_REFERENCE: 0, SYSTEM: 1, MID_ANCHOR: 2, LOW_ANCHOR: 3}


def natural_key(text: str) -> tuple[tuple[int, float, str], ...]:
    """Key that sorts numbers within text by value.

    >>> sorted(["opus@12", "lyra@6", "opus@6", "evs@9.6"], key=natural_key)
    ['evs@9.6', 'lyra@6', 'opus@6', 'opus@12']
    """
    parts = re.split(r"(\d+(?:\.\d+)?)", text.casefold())
    return tuple((0, float(part), "") if i % 2 else (1, 0.0, part) for i, part in enumerate(parts) if part)


def family(name: str) -> str:
    """Codec of a condition, from its spec or its name: what stands before the rate.

    >>> family("encodec_24khz@6:weights=small"), family("Proposed 1.38 16kHz"), family("AudioDec")
    ('encodec_24khz', 'proposed', 'audiodec')
    """
    before = name.split("@")[0] if "@" in name else re.split(r"\s+\d", name)[0]
    return before.strip().casefold()


def condition_order(frame: pd.DataFrame, given: Sequence[str] | None = None) -> list[str]:
    """Conditions of a tidy frame in the order in which tables and figures show them.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame.
    given : sequence of str, optional
        These first, in this order; the others follow.
    """
    table = frame.drop_duplicates("condition")
    first = {name: i for i, name in enumerate(given or ())}

    def key(row: tuple[str, str, str]) -> tuple[object, ...]:
        condition, role, spec = row
        return (first.get(condition, len(first)), _ROLE_RANK[role], natural_key(spec or condition), condition)

    rows = zip(table["condition"], table["role"], table["spec"], strict=True)
    return [row[0] for row in sorted(rows, key=key)]


def sorted_raters(raters: Sequence[str]) -> list[str]:
    """Raters in natural order: 2 before 10."""
    return sorted(raters, key=natural_key)


def rater_numbers(raters: Sequence[str]) -> dict[str, int]:
    """Identifier -> number from 1 in natural order, by which figures and text call a rater.

    >>> rater_numbers(["p10", "p2", "p1"])
    {'p1': 1, 'p2': 2, 'p10': 3}
    """
    return {name: number for number, name in enumerate(sorted_raters(raters), start=1)}
