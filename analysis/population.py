"""For whom, and for which items, a result holds."""

from __future__ import annotations

POPULATION = {
    "random": "for new raters and new items of the kind",
    "fixed": "for new raters, on these items",
    "": "",
}
"""How items are taken -> where the result holds."""
