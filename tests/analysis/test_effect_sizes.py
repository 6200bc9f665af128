"""Effect sizes, against their definitions on the tidy ratings."""

import numpy as np
import pandas as pd
import pytest

from analysis.crossed import Cells
from analysis.effect_sizes import effect_sizes
from analysis.frame import tidy
from analysis.mixed import mixed_model
from analysis.report import build_report

from .studies import exported
from .test_report import text_of


@pytest.fixture(scope="module")
def frame():
    """Six raters who skipped a third of Opus 12."""
    table = exported(6, 6)
    skipped = (table["condition"] == "Opus 12") & (np.arange(len(table)) % 3 == 0)
    return tidy(table[~skipped])


def test_each_pair_is_compared_over_the_pages_that_have_both(frame):
    model = mixed_model(frame)
    found = effect_sizes(model.cells, model.conditions).set_index(["a", "b"])
    pages = frame.pivot_table(index=["rater", "item"], columns="condition", values="score")
    for a, b in [("EnCodec 12", "Opus 12"), ("EnCodec 6", "Lyra 6")]:
        both = pages[[a, b]].dropna()
        row = found.loc[(a, b)] if (a, b) in found.index else found.loc[(b, a)]
        one, other = (both[a], both[b]) if (a, b) in found.index else (both[b], both[a])
        assert row["n_pages"] == len(both)
        assert row["superiority"] == pytest.approx(((one > other) + (one == other) / 2).mean())
        assert row["d"] == pytest.approx((one - other).mean() / np.sqrt((one.var() + other.var()) / 2))


def test_systems_that_are_never_rated_together_have_none():
    n, total = np.ones((2, 2, 2)), np.full((2, 2, 2), 50.0)
    n[0, :, 0] = n[1, :, 1] = 0
    row = effect_sizes(Cells(n, total, squares=0.0), ["A", "B"]).iloc[0]
    assert row["n_pages"] == 0
    assert np.isnan([row["d"], row["superiority"]]).all()


def test_the_report_has_a_table_of_them(tmp_path):
    report = build_report(exported(4, 5))
    assert "Superiority: the share of pages on which the first system was rated above the second" in text_of(
        report.html
    )
    report.save(tmp_path)
    assert list(pd.read_csv(tmp_path / "effects.csv").columns) == ["a", "b", "n_pages", "d", "superiority"]
