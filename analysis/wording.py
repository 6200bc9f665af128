"""Numbers as a reader expects them, in tables and in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOTHING = "–"
"""What stands where there is no figure."""


def number(value: float, digits: int = 1) -> str:
    """A figure with fixed decimals, in powers of ten from a million on, a dash for NaN.

    >>> number(66.7105), number(float("nan")), number(-0.04), number(float("inf")), number(-2.5e96)
    ('66.7', '–', '0.0', '∞', '−2.5e+96')
    """
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    text = f"{value:.1e}" if abs(value) >= 1e6 else f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def p_value(p: float) -> str:
    """A p-value for a table: three decimals, and a border below. One below 5% never reads as 0.050.

    >>> p_value(0.0439), p_value(1.65e-11), p_value(1.0), p_value(float("nan")), p_value(0.04998), p_value(0.05)
    ('0.044', '< 0.001', '1.000', '–', '0.0499', '0.050')
    """
    if math.isnan(p):
        return NOTHING
    if p < 0.001:
        return "< 0.001"
    rounded = f"{p:.3f}"
    return f"{math.floor(p * 10_000) / 10_000:.4f}" if p < 0.05 and rounded == "0.050" else rounded


def p_phrase(p: float) -> str:
    """A p-value within a sentence.

    >>> p_phrase(0.0439), p_phrase(1.65e-11)
    ('p = 0.044', 'p < 0.001')
    """
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count(1, "rater"), count(19, "rater"), count(2, "study", "studies")
    ('1 rater', '19 raters', '2 studies')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a sentence.

    >>> listed(["a", "b", "c"]), listed(list("abcd"), most=2)
    ('a, b and c', 'a, b and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
