"""How large differences are: standardised, and as the share of pages on which one system is above the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.crossed import Cells


def effect_sizes(cells: Cells, conditions: Sequence[str]) -> pd.DataFrame:
    """Effect sizes of all pairs of conditions.

    Parameters
    ----------
    cells : Cells
        Ratings, see `analysis.mixed.MixedModel.cells`; n and total of shape
        (raters, items, conditions).
    conditions : sequence of str

    Returns
    -------
    DataFrame
        a, b, n_pages (raters times items that have both), d (mean difference
        over these pages, divided by the standard deviation of single ratings
        within a condition, raters and items included), superiority (share of
        the pages on which a is above b; ties count half). NaN without a page,
        d also where the ratings do not vary.

    Notes
    -----
    d: Westfall, Kenny and Judd, J. Exp. Psychol. Gen. 143 (2014) 2020-2045,
    whose denominator holds every source of variance. Superiority of paired
    scores: Grissom and Kim, Effect Sizes for Research (2012), chapter 5.

    >>> n = np.ones((2, 2, 2))
    >>> total = np.array([[[60.0, 50.0], [70.0, 70.0]], [[80.0, 60.0], [90.0, 80.0]]])
    >>> found = effect_sizes(Cells(n, total, squares=0.0), ["A", "B"]).iloc[0]
    >>> print(found["superiority"], round(found["d"], 2))
    0.875 0.77
    """
    scores = np.where(cells.n > 0, cells.total / np.maximum(cells.n, 1), np.nan)
    rows = []
    for (i, a), (j, b) in combinations(enumerate(conditions), 2):
        one, other = scores[:, :, i], scores[:, :, j]
        both = ~np.isnan(one) & ~np.isnan(other)
        x, y = one[both], other[both]
        n = len(x)
        spread = float(np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)) if n > 1 else 0.0
        d = float((x - y).mean()) / spread if spread > 0 else float("nan")
        above = float(((x > y) + 0.5 * (x == y)).mean()) if n else float("nan")
        rows.append((a, b, n, d, above))
    return pd.DataFrame(rows, columns=["a", "b", "n_pages", "d", "superiority"])
