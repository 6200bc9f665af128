"""Orthonormal contrasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def helmert(size: int) -> Floats:
    """Orthonormal rows: the mean, and Helmert's contrasts.

    >>> np.round(helmert(2), 3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """
    rows: Floats = np.full((size, size), size**-0.5)
    for i in range(1, size):
        rows[i] = 0
        rows[i, :i] = 1
        rows[i, i] = -i
        rows[i] /= np.sqrt(i * (i + 1))
    return rows
