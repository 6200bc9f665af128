"""Bootstrap and permutation tests against scipy's, all sign patterns, and loops that do what the text says."""

import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.frame import RatingsError, rater_means, tidy
from analysis.inference import system_matrix
from analysis.resampling import FewRatersWarning, bootstrap_means, bootstrap_table, permutation_pairs
from analysis.simulation import Components, Plan, as_frame, draw_scores

from .studies import exported, scores_table

pytestmark = pytest.mark.filterwarnings("ignore::analysis.resampling.FewRatersWarning")


@pytest.mark.parametrize(("method", "theirs"), [("bca", "BCa"), ("percentile", "percentile")])
def test_intervals_of_raters_means_are_scipys(frame, method, theirs):
    matrix = system_matrix(frame).to_numpy(float)
    found = bootstrap_means(matrix, method=method, draws=40_000, seed=1)
    for values, (low, high) in zip(matrix.T, found, strict=True):
        values = values[~np.isnan(values)]
        expected = stats.bootstrap((values,), np.mean, method=theirs, n_resamples=40_000, rng=2).confidence_interval
        room = 0.03 * (expected.high - expected.low)  # both draw
        assert (low, high) == (pytest.approx(expected.low, abs=room), pytest.approx(expected.high, abs=room))


def test_bca_follows_skewed_means_further_than_the_percentiles_do():
    skewed = np.random.default_rng(4).exponential(10, (30, 1))
    bca, plain = bootstrap_means(skewed)[0], bootstrap_means(skewed, method="percentile")[0]
    assert (bca > plain).all()


def test_an_interval_is_the_same_each_time_and_another_with_another_seed():
    means = rater_means(tidy(exported(8, 3))).to_numpy(float)
    assert (bootstrap_means(means) == bootstrap_means(means)).all()
    assert (bootstrap_means(means) != bootstrap_means(means, seed=1)).any()


def test_means_that_are_all_equal_give_an_interval_without_width_and_one_rater_gives_none():
    equal = np.full((6, 1), 0.1 + 0.2)
    assert bootstrap_means(equal)[0] == pytest.approx([0.3, 0.3])
    assert np.isnan(bootstrap_means(np.array([[50.0, 60.0]]))).all()
    mostly_empty = np.array([[50.0, 60.0], [np.nan, 62.0], [np.nan, 64.0]])
    found = bootstrap_means(mostly_empty)
    assert np.isnan(found[0]).all()
    assert found[1, 0] < 62 < found[1, 1]


def test_methods_that_are_not_there_are_refused():
    with pytest.raises(RatingsError, match="no bootstrap method 'basic'"):
        bootstrap_means(np.ones((3, 1)), method="basic")
    with pytest.raises(RatingsError, match="Items are fixed or random, not 'some'"):
        bootstrap_table(tidy(exported(3, 2)), items="some")


def by_loop(frame: pd.DataFrame, name: str, items: str, draws: int) -> tuple[float, float]:
    """The crossed bootstrap as the text says it: each rating as often as its rater times its item were drawn."""
    draw = np.random.default_rng(7)
    own = frame[frame["condition"] == name]
    raters, clips = list(frame["rater"].unique()), list(frame["item"].unique())
    found = []
    for _ in range(draws):
        r = pd.Series(draw.choice(raters, len(raters))).value_counts()
        i = pd.Series(draw.choice(clips, len(clips))).value_counts()
        weight = own["rater"].map(r).fillna(0)
        if items == "random":
            weight = weight * own["item"].map(i).fillna(0)
        if weight.sum():
            found.append((weight * own["score"]).sum() / weight.sum())
    return tuple(np.quantile(found, [0.025, 0.975]))


@pytest.mark.slow
@pytest.mark.parametrize("items", [pytest.param("fixed", marks=pytest.mark.slow), "random"])
def test_crossed_intervals_are_what_a_loop_over_ratings_gives(frame, items):
    found = bootstrap_table(frame, items=items, draws=4_000)
    row = found.iloc[1]
    low, high = by_loop(frame, row["condition"], items, 1_500)
    room = 0.08 * (high - low)
    assert row["mean"] == pytest.approx(frame.loc[frame["condition"] == row["condition"], "score"].mean())
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(low, abs=room), pytest.approx(high, abs=room))


def test_random_items_widen_the_interval_by_what_their_variance_adds():
    # Variance of a mean: raters 80 / 30, ratings 50 / 300; with random items also 100 / 10.
    plan = Plan(30, 10, {"A": 40.0, "B": 60.0}, Components(80, 100, 0, 0, 50))
    widths = np.zeros(2)
    for seed in range(20):
        frame = as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)
        for at, items in enumerate(("fixed", "random")):
            row = bootstrap_table(frame, items=items, draws=500).iloc[0]
            widths[at] += row["ci_high"] - row["ci_low"]
    expected = math.sqrt((80 / 30 + 50 / 300 + 100 / 10) / (80 / 30 + 50 / 300))
    assert widths[1] / widths[0] == pytest.approx(expected, rel=0.1)


def test_few_raters_one_rater_and_one_item_have_notes():
    few = bootstrap_table(tidy(exported(12, 3)))
    narrow = "a bootstrap interval is too narrow: one of 95% may cover less than 93%."
    assert set(few["note"]) == {f"With fewer than 30 raters {narrow}"}
    both = bootstrap_table(tidy(exported(20, 8)), items="random")
    assert set(both["note"]) == {f"With fewer than 30 raters and fewer than 16 items {narrow}"}
    many = bootstrap_table(tidy(exported(30, 8)), items="random")
    assert set(many["note"]) == {f"With fewer than 16 items {narrow}"}
    one = bootstrap_table(tidy(exported(1, 3)))
    assert one[["ci_low", "ci_high"]].isna().all(axis=None)
    assert set(one["note"]) == {"One rater: no interval."}
    single = bootstrap_table(tidy(exported(30, 1)), items="random")
    assert set(single["note"]) == {"One item: no interval that speaks of other items."}
    assert set(bootstrap_table(tidy(exported(30, 1)))["note"]) == {""}


def test_intervals_of_few_raters_come_with_a_warning_and_of_many_without():
    means = np.random.default_rng(3).normal(50, 10, (30, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bootstrap_means(means)
    with pytest.warns(FewRatersWarning, match="With fewer than 30 raters a bootstrap interval is too narrow"):
        bootstrap_means(means[:29])
    means[0, 1] = np.nan
    with pytest.warns(FewRatersWarning):
        bootstrap_means(means)


def test_a_p_of_a_pair_is_scipys_permutation_test_over_all_patterns():
    frame = tidy(exported(9, 4))
    matrix, found = system_matrix(frame), permutation_pairs(frame)
    assert len(found) == 9 * 8 / 2
    for row in found.head(8).itertuples():
        d = (matrix[row.a] - matrix[row.b]).to_numpy(float)
        expected = stats.permutation_test(
            (d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
        )
        assert row.p == pytest.approx(expected.pvalue)
        assert row.t == pytest.approx(stats.ttest_1samp(d, 0).statistic)
        assert row.difference == pytest.approx(d.mean())


def test_the_family_wise_p_is_what_all_patterns_give_with_the_largest_t():
    table = {"A": [40, 52, 47, 60, 55, 49], "B": [45, 50, 55, 66, 61, 48], "C": [50, 58, 49, 75, 59, 63]}
    frame = tidy(scores_table(table))
    scores = system_matrix(frame).to_numpy(float)
    d = np.stack([scores[:, 0] - scores[:, 1], scores[:, 0] - scores[:, 2], scores[:, 1] - scores[:, 2]], axis=1)
    seen = np.abs(stats.ttest_1samp(d, 0).statistic)
    largest = [
        np.abs(stats.ttest_1samp(d * np.array(signs)[:, None], 0).statistic).max()
        for signs in itertools.product([-1, 1], repeat=6)
    ]
    expected = [np.mean(np.array(largest) >= t - 1e-9) for t in seen]
    assert permutation_pairs(frame)["p_max"].tolist() == pytest.approx(expected)


def test_random_patterns_are_near_the_t_test_for_many_raters(frame):
    found = permutation_pairs(frame, draws=20_000)
    matrix = system_matrix(frame).dropna()
    p = stats.ttest_rel(matrix[found["a"]], matrix[found["b"]]).pvalue
    assert found["p"].to_numpy() == pytest.approx(p, abs=0.02)
    assert (found["p_max"] >= found["p"]).all()


@pytest.mark.slow
def test_the_family_wise_error_is_kept_also_where_another_system_differs():
    # C lies far from A and B, which are equal: A and B are called different in no more than 5 of 100 studies.
    plan = Plan(12, 4, {"A": 50.0, "B": 50.0, "C": 90.0}, Components(80, 0, 20, 0, 100))
    wrong = 0
    for seed in range(200):
        frame = as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)
        found = permutation_pairs(frame, draws=199).set_index(["a", "b"])
        wrong += found.loc[("A", "B"), "p_max"] <= 0.05
    assert wrong / 200 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_the_patterns_are_the_same_each_time():
    frame = tidy(exported(20, 3))
    pd.testing.assert_frame_equal(permutation_pairs(frame, draws=99), permutation_pairs(frame, draws=99))


@pytest.mark.parametrize(("n_raters", "note"), [(1, "1 rater with all systems: no test."), (0, "0 raters")])
def test_no_rater_or_one_is_no_test_and_says_so(n_raters, note):
    export = exported(n_raters or 2, 2)
    if not n_raters:  # each of two lacks one system
        export = export[~((export["rater"] == "R01") & (export["condition"] == "Opus 6"))]
        export = export[~((export["rater"] == "R02") & (export["condition"] == "Opus 12"))]
    found = permutation_pairs(tidy(export))
    assert found["p"].isna().all()
    assert found["note"].str.startswith(note).all()


def test_few_raters_cannot_get_below_the_p_that_the_note_names():
    found = permutation_pairs(tidy(scores_table({"A": [10, 20, 30, 40], "B": [21, 32, 43, 54]}))).iloc[0]
    assert (found["p"], found["note"]) == (2 / 2**4, "With 4 raters p cannot fall below 0.125.")


POOR = {
    "all scores equal": exported(7, 3).assign(score=70),
    "the same differences": scores_table({"A": [10, 20, 30, 25, 5, 40], "B": [20, 30, 40, 35, 15, 50]}),
    "ties everywhere": exported(7, 3).assign(score=lambda t: (t["score"] // 50) * 50),
    "no system": exported(5, 3)[lambda t: t["role"] != "system"],
    "nine tenths missing": exported(12, 6).sample(frac=0.1, random_state=1),
    "a rater with one rating": pd.concat([exported(5, 3), exported(6, 3).tail(1)]),
}


@pytest.mark.parametrize("name", POOR)
def test_poor_data_give_figures_or_notes_and_no_warning(name):
    frame = tidy(POOR[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = permutation_pairs(frame)
        tables = [bootstrap_table(frame, items=items) for items in ("fixed", "random")]
    assert (pairs.loc[pairs["p"].isna(), "note"] != "").all()
    for table in tables:
        assert (table.loc[table["ci_low"].isna(), "note"] != "").all()
    if name == "all scores equal":
        assert set(pairs["p"]) == set(pairs["p_max"]) == {1}
    if name == "the same differences":
        assert pairs["t"].tolist() == [-math.inf]
        assert pairs["p_max"].tolist() == [2 / 2**6]
