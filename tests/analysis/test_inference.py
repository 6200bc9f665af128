"""Friedman, Kendall's W, Wilcoxon and Holm against scipy, brute force and figures worked by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.frame import RatingsError, tidy
from analysis.inference import friedman, hodges_lehmann, holm, mean_ranks, system_matrix, wilcoxon_pairs

from .studies import exported, scores_table

RATINGS = st.integers(2, 12).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 100), min_size=n, max_size=n), min_size=3, max_size=6)
)


def frame_of(systems: list[list[float]]) -> pd.DataFrame:
    return tidy(scores_table({f"S{i}": scores for i, scores in enumerate(systems)}))


@settings(deadline=None, max_examples=40)
@given(RATINGS)
def test_friedmans_statistic_is_scipys_with_and_without_ties(systems):
    found = friedman(frame_of(systems))
    if math.isnan(found.statistic):
        assert all(len(set(row)) == 1 for row in zip(*systems, strict=True))
        return
    expected = stats.friedmanchisquare(*systems)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_complete_agreement_has_a_w_of_one():
    found = friedman(frame_of([[10, 20, 30, 40], [15, 25, 35, 45], [50, 60, 70, 80]]))
    assert found.w == pytest.approx(1)
    assert found.statistic == pytest.approx(4 * (3 - 1))


def test_friedman_leaves_reference_and_anchors_out():
    frame = tidy(exported(n_raters=12))
    found = friedman(frame)
    assert (found.n_systems, found.df, found.n_raters) == (9, 8, 12)
    matrix = system_matrix(frame)
    assert not {"Reference", "Mid anchor", "Low anchor"} & set(matrix.columns)
    expected = stats.friedmanchisquare(*(matrix[name] for name in matrix))
    assert found.statistic == pytest.approx(expected.statistic)


def test_raters_without_every_system_are_left_out_and_counted():
    export = exported(n_raters=12)
    export = export[~((export["rater"] == "R05") & (export["condition"] == "Opus 6"))]
    found = friedman(tidy(export))
    assert (found.n_raters, found.n_dropped) == (11, 1)
    whole = friedman(tidy(export[export["rater"] != "R05"]))
    assert found.statistic == whole.statistic


def test_a_rater_who_missed_a_system_on_some_items_is_pointed_out():
    export = exported(n_raters=12)
    export = export[~((export["rater"] == "R05") & (export["condition"] == "Opus 6") & (export["clip"] == "clip 1"))]
    found = friedman(tidy(export))
    assert found.n_raters == 12
    assert "1 rater did not rate all systems of every item" in found.note


@pytest.mark.parametrize(
    ("systems", "n"),
    [([[10, 20], [20, 30]], "2 systems rated by 2 raters"), ([[10], [20], [30]], "3 systems rated by 1 rater who")],
)
def test_too_few_systems_or_raters_give_a_reason_and_no_figure(systems, n):
    found = friedman(frame_of(systems))
    assert math.isnan(found.statistic)
    assert math.isnan(found.p)
    assert "needs at least 3 systems and 2 raters" in found.note
    assert n in found.note


def test_no_systems_at_all_give_a_reason_and_no_figure():
    frame = tidy(scores_table({"Reference": [100, 99], "Anchor": [20, 10]}))
    assert "0 systems" in friedman(frame).note
    assert wilcoxon_pairs(frame).empty


def test_raters_who_give_all_systems_the_same_show_no_order():
    found = friedman(frame_of([[50, 60], [50, 60], [50, 60]]))
    assert math.isnan(found.p)
    assert "there is no order to test" in found.note


def test_few_raters_make_the_approximation_rough_and_many_do_not():
    assert "rough" in friedman(tidy(exported(n_raters=9))).note
    assert friedman(tidy(exported(n_raters=10))).note == ""


def test_means_that_are_equal_are_ties_whatever_their_last_bit():
    # 0.1 + 0.2 is not 0.3 in binary; a rater's means of these are equal.
    table = pd.concat(
        [
            scores_table({"A": [0.1, 50], "B": [0.3, 40], "C": [90, 91]}, item="x"),
            scores_table({"A": [0.2, 50], "B": [0.0, 40], "C": [90, 91]}, item="y"),
        ]
    )
    assert wilcoxon_pairs(tidy(table)).loc[0, "n_zero"] == 1


def brute_force_p(differences: np.ndarray, zeros: str) -> float:
    """Two-sided p over all sign patterns, by the definition."""
    d = differences[differences != 0] if zeros == "wilcox" else differences
    ranks = stats.rankdata(np.abs(d))
    weight = np.where(d == 0, 0.0, ranks)
    sides = np.sign(d)
    observed = abs((sides * weight).sum())
    totals = [abs((np.array(signs) * sides * weight).sum()) for signs in itertools.product([-1, 1], repeat=len(d))]
    return float(np.mean(np.array(totals) >= observed - 1e-9))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-6, 6), min_size=3, max_size=9).filter(any), st.sampled_from(["pratt", "wilcox", "zsplit"]))
def test_wilcoxon_with_ties_and_zeros_is_what_all_sign_patterns_give(differences, zeros):
    a = [50 + d for d in differences]
    found = wilcoxon_pairs(frame_of([a, [50] * len(a)]), zeros=zeros).iloc[0]
    assert found["p"] == pytest.approx(brute_force_p(np.array(differences, float), zeros))


def test_wilcoxon_is_scipys_exact_test_where_scipy_has_one():
    frame = tidy(exported(n_raters=20, n_items=8))
    matrix, found, checked = system_matrix(frame), wilcoxon_pairs(frame), 0
    assert len(found) == 9 * 8 / 2
    for row in found.itertuples():
        d = (matrix[row.a] - matrix[row.b]).round(9)
        assert row.mean_difference == pytest.approx(d.mean())
        assert row.median_difference == pytest.approx(d.median())
        assert row.method == "exact"
        if d.abs().nunique() == len(d) and (d != 0).all():
            expected = stats.wilcoxon(d, method="exact")
            assert row.p == pytest.approx(expected.pvalue, rel=1e-12)
            assert row.statistic == expected.statistic
            checked += 1
    assert checked > 3


@pytest.mark.parametrize("zeros", ["pratt", "wilcox", "zsplit"])
def test_wilcoxon_of_many_raters_is_scipys_approximation_and_near_the_exact_test(zeros):
    draw = np.random.default_rng(5)
    d = draw.integers(-8, 11, 60)
    found = wilcoxon_pairs(frame_of([list(50 + d), [50] * 60]), zeros=zeros).iloc[0]
    expected = stats.wilcoxon(d, zero_method=zeros, method="asymptotic")
    assert found["method"] == "normal approximation"
    assert (found["statistic"], found["p"]) == (expected.statistic, pytest.approx(expected.pvalue))
    fewer = wilcoxon_pairs(frame_of([list(50 + d[:50]), [50] * 50]), zeros=zeros).iloc[0]
    approximate = stats.wilcoxon(d[:50], zero_method=zeros, method="asymptotic")
    assert fewer["method"] == "exact"
    assert fewer["statistic"] == approximate.statistic
    assert fewer["p"] == pytest.approx(approximate.pvalue, rel=0.1)


def test_few_raters_cannot_get_below_the_p_that_the_note_names():
    found = wilcoxon_pairs(frame_of([[10, 20, 30, 40, 50], [21, 32, 43, 54, 65]])).iloc[0]
    assert found["p"] == 2 / 2**5
    assert found["note"] == ("With 5 raters p cannot fall below 0.0625. The interval of the shift covers 93.8%.")
    assert (found["shift_low"], found["shift_high"]) == (-15, -11)


def test_one_rater_is_no_test():
    found = wilcoxon_pairs(frame_of([[10], [20]])).iloc[0]
    assert math.isnan(found["p"])
    assert math.isnan(found["p_holm"])
    assert (found["shift"], math.isnan(found["shift_low"])) == (-10, True)
    assert found["note"] == "1 rater with both systems: no test."


def test_systems_that_every_rater_put_equal_have_a_p_of_one():
    found = wilcoxon_pairs(frame_of([[10, 20, 30], [10, 20, 30]])).iloc[0]
    assert (found["p"], found["p_holm"], found["n_zero"]) == (1, 1, 3)


def test_the_shift_and_its_interval_are_rs_for_any_number_of_raters(r):
    draw = np.random.default_rng(9)
    sizes = (6, 7, 11, 20, 35, 50, 51, 80)
    rows, ours = [], {}
    for n in sizes:
        a, b = draw.uniform(20, 90, (2, n)).round(3)
        ours[n] = wilcoxon_pairs(frame_of([list(a), list(b)])).iloc[0]
        rows += [(n, *pair) for pair in zip(a, b, strict=True)]
    theirs = r("shift.R", pd.DataFrame(rows, columns=["pair", "a", "b"]))["shift"].set_index("pair")
    for n in sizes:
        columns = ours[n][["shift", "shift_low", "shift_high"]].astype(float)
        near = 1e-6 if n <= 50 else 0.05  # above, the next Walsh average may be taken
        assert columns.tolist() == pytest.approx(theirs.loc[n, ["shift", "low", "high"]].tolist(), abs=near)
        assert ours[n]["p"] == pytest.approx(theirs.loc[n, "p"], rel=1e-9 if n <= 50 else 0.02)


def test_the_shift_by_hand():
    # Averages 1, 2, 3 of each with itself; 1.5, 2, 2.5 of two. The ends cover 1 - 2 / 2**3, whatever is asked for.
    assert hodges_lehmann(np.array([3.0, 1, 2])) == (2, 1, 3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-300, 300), min_size=6, max_size=14, unique=True), st.integers(-4, 4))
def test_the_interval_of_the_shift_holds_what_the_test_does_not_reject(values, at):
    d = np.array(values, float) + 0.5 * np.sqrt(np.arange(len(values)))  # no ties
    _, low, high = hodges_lehmann(d)
    shift = low + (high - low) * (0.5 + at / 4.000001)
    if min(abs(shift - low), abs(shift - high)) > 1e-3:
        p = stats.wilcoxon(d - shift, method="exact").pvalue
        assert (p > 0.05) == (low < shift < high)


def test_the_interval_of_the_shift_covers_at_least_its_level_also_with_ties():
    draw = np.random.default_rng(1)
    for n, step in ((8, 0.001), (12, 10.0), (60, 5.0)):
        inside = 0
        for _ in range(400):
            _, low, high = hodges_lehmann(np.round(draw.normal(0, 12, n) / step) * step)
            inside += low <= 0 <= high
        assert inside / 400 > 0.95 - 2.5 * math.sqrt(0.05 * 0.95 / 400)


def test_differences_that_are_all_alike_have_a_shift_and_an_interval_without_width():
    found = wilcoxon_pairs(frame_of([[10, 20, 30, 40, 50, 60], [20, 30, 40, 50, 60, 70]])).iloc[0]
    assert found[["shift", "shift_low", "shift_high"]].tolist() == [-10, -10, -10]


def test_a_wider_level_gives_a_wider_interval_of_the_shift():
    frame = tidy(exported(n_raters=12))
    wide, narrow = wilcoxon_pairs(frame, level=0.99), wilcoxon_pairs(frame, level=0.9)
    assert (wide["shift_low"] < narrow["shift_low"]).all()
    assert (wide["shift_high"] > narrow["shift_high"]).all()


def test_holm_by_hand():
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1: .02, .03, .06, .04; made to rise: .02, .03, .06, .06.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(values):
    p = np.array(values)
    corrected = holm(p)
    assert (corrected >= p - 1e-15).all()
    assert (corrected <= np.minimum(1, len(p) * p) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


def test_an_unknown_way_with_zeros_is_refused():
    with pytest.raises(RatingsError, match="no zero method 'drop'. There are: pratt, wilcox, zsplit"):
        wilcoxon_pairs(frame_of([[10, 20], [20, 30]]), zeros="drop")


THIRDS = st.lists(st.tuples(*[st.integers(0, 12)] * 6), min_size=3, max_size=9)


def three_items(ratings: list[tuple[int, ...]]) -> pd.DataFrame:
    """Each rater's scores of A on three items, then of B: means are thirds, and many differences are equal."""
    rows = [
        {"rater": f"{rater}", "item": f"{item}", "condition": name, "score": scores[3 * at + item]}
        for rater, scores in enumerate(ratings)
        for at, name in enumerate("AB")
        for item in range(3)
    ]
    return tidy(pd.DataFrame(rows))


@settings(deadline=None, max_examples=60)
@given(THIRDS, st.sampled_from(["pratt", "wilcox", "zsplit"]))
def test_equal_differences_of_means_over_three_items_are_ties_as_all_sign_patterns_have_them(ratings, zeros):
    sums = np.array([sum(scores[:3]) - sum(scores[3:]) for scores in ratings], float)  # whole numbers have no rounding
    found = wilcoxon_pairs(three_items(ratings), zeros=zeros).iloc[0]
    assert found["n_zero"] == (sums == 0).sum()
    if sums.any():
        assert found["p"] == pytest.approx(brute_force_p(sums, zeros))


def test_means_are_not_rounded_before_they_are_subtracted():
    # Differences of 50, -50, 100/3 and -100/3, each as thirds: 66.667 - 16.667, 16.333 - 66.333, ...
    ratings = [(50, 50, 50, 0, 0, 0), (0, 0, 1, 50, 50, 51), (50, 50, 0, 0, 0, 0), (1, 0, 0, 51, 50, 0)]
    found = wilcoxon_pairs(three_items(ratings)).iloc[0]
    assert found["statistic"] == 5.0  # ranks 3.5 and 1.5 on both sides
    assert found["p"] == 1.0


def on_items(items: dict[str, str], n_raters: int = 6) -> pd.DataFrame:
    """System -> letters of its items; a score that depends on rater, system and item."""
    rows = [
        {"rater": rater, "item": item, "condition": name, "score": 20 + 9 * rater + 3 * place + 7 * (item > "c") % 11}
        for place, (name, letters) in enumerate(items.items())
        for item in letters
        for rater in range(n_raters)
    ]
    return tidy(pd.DataFrame(rows).assign(role="system"))


def test_wilcoxon_compares_over_the_items_that_both_systems_have():
    frame = on_items({"A": "abcd", "B": "cdef", "C": "abcdef"})
    found = wilcoxon_pairs(frame).set_index(["a", "b"])
    common = frame[frame["item"].isin(["c", "d"]) & frame["condition"].isin(["A", "B"])]
    alone = wilcoxon_pairs(common).iloc[0]
    assert found.loc[("A", "B"), "mean_difference"] == pytest.approx(alone["mean_difference"])
    assert found.loc[("A", "B"), "p"] == alone["p"]
    assert "Compared over the 2 items that both have." in found.loc[("A", "B"), "note"]
    assert "over the 2 items" in " ".join(friedman(frame).note.lower().split())


def test_systems_without_a_common_item_are_not_tested():
    frame = on_items({"A": "abc", "B": "def", "C": "abcdef"})
    found = wilcoxon_pairs(frame).set_index(["a", "b"])
    assert math.isnan(found.loc[("A", "B"), "p"])
    assert found.loc[("A", "B"), "note"] == "No item was rated with both systems: they cannot be compared."
    assert not math.isnan(found.loc[("A", "C"), "p"])
    assert math.isnan(friedman(frame).p)
    assert (
        friedman(frame).note == "No item was rated with every system, so that Friedman's test cannot compare them all."
    )
    assert mean_ranks(frame).empty


def test_a_system_that_nobody_rated_leaves_the_other_pairs_as_they_are():
    frame = on_items({"A": "abc", "B": "abc"})
    unrated = frame[frame["condition"] == "A"].assign(condition="C", score=np.nan)
    found = wilcoxon_pairs(pd.concat([frame, unrated], ignore_index=True)).set_index(["a", "b"])
    assert found.loc[("A", "B"), "p"] == wilcoxon_pairs(frame).iloc[0]["p"]
