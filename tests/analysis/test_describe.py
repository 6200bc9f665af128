"""Means, intervals, medians and quartiles against independent computations."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.describe import COLUMNS, describe, mean_interval
from analysis.frame import RatingsError, rater_means, tidy

from .studies import exported, scores_table


def test_the_interval_of_three_raters_is_the_one_computed_by_hand():
    # Rater means 50, 55, 60: s = 5, t(0.975; 2) = 4.302653.
    low, high = mean_interval(np.array([50.0, 55.0, 60.0]))
    assert low == pytest.approx(55 - 4.302653 * 5 / math.sqrt(3), abs=1e-5)
    assert high == pytest.approx(55 + 4.302653 * 5 / math.sqrt(3), abs=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=30).filter(lambda x: np.std(x) > 1e-6), st.floats(0.5, 0.99))
def test_intervals_are_scipys(values, level):
    x = np.array(values)
    expected = stats.t.interval(level, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    assert mean_interval(x, level=level) == pytest.approx(expected)
    expected = stats.norm.interval(level, loc=x.mean(), scale=stats.sem(x))
    assert mean_interval(x, ci="normal", level=level) == pytest.approx(expected)


def test_means_are_of_raters_and_not_of_ratings():
    table = pd.DataFrame(
        {"rater": list("aaab"), "item": list("xyzx"), "condition": "A", "score": [10, 20, 30, 80], "role": "system"}
    )
    row = describe(tidy(table)).iloc[0]
    assert row["mean"] == (20 + 80) / 2
    assert row["mean_of_ratings"] == (10 + 20 + 30 + 80) / 4


def test_where_all_raters_rated_all_items_both_means_are_one():
    table = describe(tidy(exported()))
    assert table["mean_of_ratings"].to_numpy() == pytest.approx(table["mean"].to_numpy())


def test_a_whole_study_is_described_as_numpy_and_scipy_do_it():
    frame = tidy(exported(n_raters=9, n_items=5))
    table = describe(frame).set_index("condition")
    for name in ("Reference", "EnCodec 3", "Low anchor"):
        rows = frame[frame["condition"] == name]
        means = rows.groupby("rater")["score"].mean()
        assert table.loc[name, "mean"] == pytest.approx(means.mean())
        expected = stats.t.interval(0.95, 8, loc=means.mean(), scale=stats.sem(means))
        assert table.loc[name, ["ci_low", "ci_high"]].tolist() == pytest.approx(expected)
        assert table.loc[name, ["q1", "median", "q3"]].tolist() == pytest.approx(
            rows["score"].quantile([0.25, 0.5, 0.75]).tolist()
        )
        assert table.loc[name, ["n_raters", "n_items", "n_ratings"]].tolist() == [9, 5, 45]


def test_quartiles_can_be_matlabs():
    # MATLAB: quantile([2 4 6 8 10 12], [.25 .5 .75]) = 4 7 10; linear gives 4.5, 7, 9.5.
    frame = tidy(scores_table({"A": [2, 4, 6, 8, 10, 12]}))
    assert describe(frame, quantiles="hazen").loc[0, ["q1", "median", "q3"]].tolist() == [4, 7, 10]
    assert describe(frame).loc[0, ["q1", "median", "q3"]].tolist() == [4.5, 7, 9.5]


def test_one_rater_gives_no_interval_and_says_why():
    row = describe(tidy(scores_table({"A": [40]}))).iloc[0]
    assert row["mean"] == 40
    assert math.isnan(row["ci_low"])
    assert math.isnan(row["ci_high"])
    assert row["note"] == "One rater: no interval. An interval needs at least 2 raters."


def test_raters_who_agree_exactly_are_said_to_tell_nothing_about_others():
    row = describe(tidy(scores_table({"A": [40, 40, 40]}))).iloc[0]
    assert (row["ci_low"], row["ci_high"]) == (40, 40)
    assert "says nothing about other raters" in row["note"]


def test_repeats_count_as_ratings_and_not_as_items():
    table = pd.DataFrame(
        {"rater": list("aaab"), "item": "x", "condition": "A", "score": [10, 20, 30, 80], "repeat": [0, 1, 2, 0]}
    )
    row = describe(tidy(table)).iloc[0]
    assert row[["n_raters", "n_items", "n_ratings"]].tolist() == [2, 1, 4]
    assert row["mean"] == row["median"] == 50


def test_categories_and_items_are_described_apart():
    frame = tidy(exported(n_raters=4, n_items=3))
    by_category = describe(frame, by=["category"])
    assert by_category["category"].unique().tolist() == ["music", "speech"]
    music = by_category[(by_category["category"] == "music") & (by_category["condition"] == "Opus 6")].iloc[0]
    expected = rater_means(frame[frame["category"] == "music"])["Opus 6"].mean()
    assert music["mean"] == pytest.approx(expected)
    assert music["n_items"] == 1
    by_item = describe(frame, by=["item"])
    assert len(by_item) == 3 * 12
    assert by_item["n_items"].eq(1).all()


def test_conditions_come_reference_first_then_families_by_rate_then_anchors():
    shown = describe(tidy(exported(2, 2)))["condition"].tolist()
    assert shown == [
        "Reference",
        "EnCodec 1.5",
        "EnCodec 3",
        "EnCodec 6",
        "EnCodec 12",
        "EVS 9.6",
        "Lyra 3.2",
        "Lyra 6",
        "Opus 6",
        "Opus 12",
        "Mid anchor",
        "Low anchor",
    ]


def test_an_order_given_by_hand_comes_first():
    shown = describe(tidy(exported(2, 2)), order=["Opus 12", "Opus 6"])["condition"].tolist()
    assert shown[:3] == ["Opus 12", "Opus 6", "Reference"]


def test_nothing_described_is_an_empty_table_with_its_columns():
    table = describe(tidy(exported(2, 2)).iloc[:0])
    assert table.empty
    assert set(COLUMNS) <= set(table.columns)


def test_an_unknown_interval_or_quantile_is_refused():
    frame = tidy(scores_table({"A": [40, 50]}))
    with pytest.raises(RatingsError, match="no interval 'z'. There are: t, normal"):
        describe(frame, ci="z")
    with pytest.raises(RatingsError, match="no quantile method 'median'. There are: linear, hazen"):
        describe(frame, quantiles="median")
