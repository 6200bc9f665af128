"""For which raters and items a result holds, in words."""

from __future__ import annotations


def population(items: str, raters: str = "random") -> str:
    """Where a result holds.

    Parameters
    ----------
    items, raters : {"random", "fixed"}
        How they were taken, see `analysis.mixed.mixed_model`.

    >>> population("random"), population("fixed", "fixed")
    ('for other raters and other items of the same kind', 'for these raters and these items')
    """
    of_raters = "these raters" if raters == "fixed" else "other raters"
    of_items = "these items" if items == "fixed" else "other items of the same kind"
    return f"for {of_raters} and {of_items}"
