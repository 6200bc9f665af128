"""Groups of rows are those of pandas' groupby, whatever way the numbers are made."""

import numpy as np
import pandas as pd
import pytest

from analysis import groups
from analysis.groups import group


def table(n: int = 500, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    names = {"rater": 40, "item": 12, "condition": 7, "role": 1}
    columns = {name: [f"{name} {at}" for at in draw.integers(0, k, n)] for name, k in names.items()}
    return pd.DataFrame(columns).assign(score=draw.uniform(0, 100, n))


@pytest.mark.parametrize("room", [0, 1, 4, 1000])
@pytest.mark.parametrize("names", [["rater"], ["role"], ["item", "rater"], ["role", "rater", "item", "condition"]])
def test_groups_are_those_of_pandas_in_the_order_of_their_first_rows(names, room, monkeypatch):
    monkeypatch.setattr(groups, "ROOM", room)  # how much room there is decides how numbers are made, not which groups
    rows = table()
    found, theirs = group(*(rows[name] for name in names)), rows.groupby(names, sort=False)["score"]
    assert len(found) == theirs.ngroups
    assert found.number.tolist() == rows.groupby(names, sort=False).ngroup().tolist()
    assert found.first.tolist() == rows.drop_duplicates(names).index.tolist()
    assert found.counts().tolist() == theirs.size().tolist()
    assert found.sums(rows["score"]) == pytest.approx(theirs.sum().to_numpy())
    assert found.means(rows["score"]) == pytest.approx(theirs.mean().to_numpy())
    split = [part.tolist() for part in found.split(rows["score"])]
    assert split == [part.tolist() for _, part in theirs]


def test_coarse_groups_over_finer_ones_have_a_row_for_each_of_them():
    rows = table()
    raters, cells = group(rows["rater"]), group(rows["rater"], rows["item"])
    assert raters.over(cells).counts().tolist() == rows.groupby("rater", sort=False)["item"].nunique().tolist()
    assert (group(raters, rows["item"]).number == cells.number).all()


def test_no_rows_are_no_groups():
    found = group(*(table(0)[name] for name in ("rater", "item")))
    assert (len(found), found.counts().tolist(), found.sums([]).tolist(), found.split([])) == (0, [], [], [])
