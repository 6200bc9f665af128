"""When two figures are equal: where they differ by less than the rounding of sums and divisions can explain.

Raters' means are sums divided by a number of items, so means that are equal on paper differ in their last bit. Rounding
them before they are subtracted makes it worse: 66.667 - 33.333 is not 50.333 - 17.

>>> without_rounding(np.array([0.1 + 0.2, 0.3, 0.5])).tolist()
[0.3, 0.3, 0.5]
>>> equal_sizes(np.array([0.3, -(0.1 + 0.2), 1e-14])).tolist()
[0.3, -0.3, 0.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EQUAL = 1e-9
"""Points; figures that are nearer to each other are equal."""


def without_rounding(values: Floats) -> Floats:
    """The values, each of those that are equal but for rounding replaced by the smallest of them.

    Parameters
    ----------
    values : ndarray
        Any shape; NaN stays NaN.
    """
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")  # NaN comes last
    rising = flat[order]
    first = np.ones(len(rising), bool)
    first[1:] = ~(np.diff(rising) < EQUAL)
    merged = np.empty_like(flat)
    merged[order] = rising[first][np.cumsum(first) - 1]
    return merged.reshape(values.shape)


def equal_sizes(differences: Floats) -> Floats:
    """Differences whose absolute values are equal but for rounding made equal, and 0 where they are none."""
    size = without_rounding(np.concatenate([[0.0], np.abs(differences)]))[1:]
    return np.where(size > 0, np.copysign(size, differences), 0.0)
