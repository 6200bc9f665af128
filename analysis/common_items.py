"""Which items systems have in common: only over these can they be compared.

An item is a system's if anybody rated the system on it. Where all systems have the same items, nothing is left out;
where they do not, a difference over all ratings would be one of items as well as of systems.

>>> import pandas as pd
>>> from analysis.frame import tidy
>>> rows = [("ann", item, name, 50) for item, names in {"x": "AB", "y": "AB", "z": "BC"}.items() for name in names]
>>> found = common_items(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])))
>>> found.same, found.of(["A", "B"]), found.of(["A", "C"]), found.apart()
(False, ['x', 'y'], [], [('A', 'C')])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import rated, systems_of
from analysis.groups import group
from analysis.order import condition_order
from analysis.wording import count, listed


@dataclass(frozen=True, eq=False)
class CommonItems:
    """Items of every system.

    Attributes
    ----------
    systems, items : list of str
    rated : ndarray of bool, shape (items, systems)
        Whether anybody rated the system on the item.
    """

    systems: list[str]
    items: list[str]
    rated: NDArray[np.bool_] = field(repr=False)

    @property
    def same(self) -> bool:
        """Whether all systems have all items."""
        return bool(self.rated.all())

    def of(self, systems: Sequence[str]) -> list[str]:
        """Items that all of these systems have."""
        columns = [self.systems.index(name) for name in systems if name in self.systems]
        if len(columns) < len(systems):  # a system that nobody rated
            return []
        return [self.items[at] for at in np.flatnonzero(self.rated[:, columns].all(axis=1))]

    def apart(self) -> list[tuple[str, str]]:
        """Pairs of systems without a common item."""
        n_common = self.rated.T.astype(np.int64) @ self.rated
        places = combinations(range(len(self.systems)), 2)
        return [(self.systems[i], self.systems[j]) for i, j in places if not n_common[i, j]]


def common_items(frame: pd.DataFrame) -> CommonItems:
    """Items of every system of a tidy frame, systems in the order of tables."""
    rows = rated(systems_of(frame))
    systems = condition_order(rows)
    one_each = rows.iloc[group(rows["item"], rows["condition"]).first]
    item, items = pd.factorize(one_each["item"])
    found = np.zeros((len(items), len(systems)), bool)
    found[item, pd.Categorical(one_each["condition"], systems).codes] = True
    return CommonItems(systems, list(items), found)


def different_items(frame: pd.DataFrame) -> list[str]:
    """Say that systems were rated on different items, over which items they are compared, and which cannot be."""
    found = common_items(frame)
    if found.same:
        return []
    said = "Systems were rated on different items. Each pair is compared over the items that both have."
    if apart := found.apart():
        pairs = listed([f"{a} and {b}" for a, b in apart], most=6)
        said += f" {count(len(apart), 'pair')} cannot be compared, having no item in common: {pairs}."
    return [said]
