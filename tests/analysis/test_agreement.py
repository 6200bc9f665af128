"""Alpha, intraclass correlations and figures of each rater against brute force, pingouin and figures by hand."""

import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.agreement import (
    ALL_CONDITIONS,
    SYSTEMS,
    alpha,
    between_raters,
    intraclass,
    krippendorff_alpha,
    raters,
    stimuli,
)
from analysis.frame import tidy
from analysis.report import build_report
from analysis.wording import number

from .studies import FEW, exported, scores_table
from .test_report import text_of

NAN = float("nan")


def brute_alpha(table: np.ndarray) -> float:
    """By the definition: mean squared difference of pairs within units over that of all pairs of values."""
    units = [row[~np.isnan(row)] for row in table]
    units = [unit for unit in units if len(unit) > 1]
    n = sum(map(len, units))
    observed = sum((a - b) ** 2 / (len(unit) - 1) for unit in units for a, b in itertools.permutations(unit, 2)) / max(
        n, 1
    )
    expected = sum((a - b) ** 2 for a, b in itertools.permutations(np.concatenate([*units, []]), 2))
    return 1 - observed / (expected / (n * (n - 1))) if expected else NAN


def test_alpha_by_hand():
    # Pairs within units differ by 0, 0 and 2: (0 + 0 + 2 * 4) / 6 values = 4/3.
    # Values 1, 1, 3, 3, 5, 7, sum 20, squares 94: 30 ordered pairs, squared differences 2 * (6 * 94 - 20 ** 2) = 328.
    table = np.array([[1.0, 1], [3, 3], [5, 7]])
    assert krippendorff_alpha(table) == pytest.approx(1 - (4 / 3) / (328 / 30))


def test_alpha_of_krippendorffs_own_example_is_his_figure():
    # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C: 4 observers, 12 units; interval 0.849.
    given_values = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
    assert krippendorff_alpha(np.array(given_values).T) == pytest.approx(0.849, abs=5e-4)


TABLES = st.integers(2, 5).flatmap(
    lambda k: st.lists(
        st.lists(st.one_of(st.just(NAN), st.integers(0, 100).map(float)), min_size=k, max_size=k),
        min_size=1,
        max_size=8,
    )
)


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_alpha_is_what_all_pairs_give_with_any_values_missing(rows):
    table = np.array(rows)
    assert krippendorff_alpha(table) == pytest.approx(brute_alpha(table), nan_ok=True, abs=1e-9)


def test_alpha_of_a_study_is_what_all_pairs_give_and_lies_in_its_interval(frame):
    found = alpha(frame, draws=199)
    assert found.value == pytest.approx(brute_alpha(stimuli(frame).to_numpy(float)), rel=1e-9)
    assert found.low < found.value < found.high
    assert found.note == ""


def test_the_interval_of_alpha_is_the_same_each_time_and_wider_for_fewer_stimuli():
    frame = tidy(exported(8, 6))
    some = frame[frame["item"] == "clip 1"]
    found = alpha(frame)
    assert found == alpha(frame)
    few = alpha(some)
    assert few.high - few.low > found.high - found.low


def test_intraclass_correlations_and_their_intervals_are_pingouins(frame):
    whole = stimuli(frame).dropna()
    single, mean = intraclass(frame)
    if len(whole) < 2:
        assert math.isnan(single.value)
        assert f"0 of {len(stimuli(frame))} stimuli were rated by all of" in single.note
        # The stimuli that four raters of the first have in common are there to compare with.
        few = stimuli(frame).iloc[0].dropna().index[:4]
        frame = frame[frame["rater"].isin(few)]
        whole = stimuli(frame).dropna()
        single, mean = intraclass(frame)
        left_out = len(stimuli(frame)) - len(whole)
        assert (f"{left_out} of {len(stimuli(frame))} stimuli were not rated by all" in single.note) == (left_out > 0)
    table = whole.reset_index(drop=True).rename_axis("stimulus").reset_index().melt("stimulus", var_name="rater")
    theirs = pingouin.intraclass_corr(table, targets="stimulus", raters="rater", ratings="value").set_index("Type")
    for found, name in ((single, "ICC(A,1)"), (mean, "ICC(A,k)")):
        row = theirs.loc[name]
        assert found.value == pytest.approx(row["ICC"], rel=1e-9)
        assert [found.low, found.high] == pytest.approx(list(row["CI95"]), abs=0.00501)
    assert (single.n_raters, single.n_stimuli) == whole.shape[::-1]


def test_intraclass_by_hand():
    # Stimuli 2, 4, 9 and raters 4, 6 in the mean. Between stimuli 2 * (9 + 1 + 16) / 2 = 26, between raters 6, error 0.
    # ICC(A,1) = 26 / (26 + 2/3 * 6), ICC(A,k) = 26 / (26 + 6/3).
    single, mean = intraclass(tidy(scores_table({"A": [1, 3], "B": [3, 5], "C": [8, 10]})))
    assert single.value == pytest.approx(26 / 30)
    assert mean.value == pytest.approx(26 / 28)
    assert "same distances between the stimuli: no interval" in single.note


def test_raters_who_contradict_each_other_have_no_agreement_and_a_note():
    frame = tidy(scores_table({"A": [10, 31, 50], "B": [30, 30, 30], "C": [50, 30, 11]}))
    single, mean = intraclass(frame)
    assert single.value < 0
    assert "there is no agreement" in single.note
    assert mean.low == -math.inf
    assert alpha(frame, draws=99).value < 0


POOR = {
    "one rater": (exported(1, 6), "No stimulus has ratings of two raters", "an intraclass correlation needs 2"),
    "all scores equal": (exported(5, 3).assign(score=70), "All scores are equal", "The stimuli do not differ"),
    "nine tenths missing": (exported(12, 6).sample(frac=0.1, random_state=1), "", "needs 2 of each"),
    "one stimulus": (scores_table({"A": [10, 20, 30]}), "One stimulus: no interval", "needs 2 of each"),
    "nobody heard the same": (
        pd.concat([scores_table({"A": [10]}), scores_table({"B": [20]}).assign(rater="2")]),
        "No stimulus has ratings of two raters",
        "needs 2 of each",
    ),
}


@pytest.mark.parametrize("name", POOR)
def test_poor_data_give_a_note_and_no_warning(name):
    table, of_alpha, of_intraclass = POOR[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, (single, mean), each = alpha(tidy(table)), intraclass(tidy(table)), raters(tidy(table))
    assert of_alpha in one.note
    assert math.isnan(one.value) <= bool(one.note)
    assert of_intraclass in single.note
    assert single.note == mean.note
    assert (each[each.isna().any(axis=1)]["note"] != "").all()


def test_repeats_give_the_standard_deviation_of_one_rating_by_hand():
    # Twice 40 and 50, three times 10, 20, 30: squares 50 + 200 with 1 + 2 degrees.
    scores = [("x", "A", 0, 40), ("x", "A", 1, 50), ("x", "B", 0, 10), ("x", "B", 1, 20), ("x", "B", 2, 30)]
    rows = [("ann", *row) for row in [*scores, ("y", "A", 0, 70)]]
    frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "repeat", "score"]))
    found = raters(frame).iloc[0]
    assert (found["n_repeated"], found["repeat_sd"]) == (2, pytest.approx(math.sqrt(250 / 3)))


def test_discrimination_is_pingouins_f_of_conditions_over_the_raters_own_items():
    frame = tidy(exported(3, 6))
    found = raters(frame).set_index("rater")
    for name, own in frame.groupby("rater"):
        theirs = pingouin.rm_anova(own, dv="score", within="condition", subject="item", correction=False).iloc[0]
        assert found.loc[name, "discrimination"] == pytest.approx(theirs["F"], rel=1e-9)
        assert found.loc[name, "discrimination_p"] == pytest.approx(theirs["p_unc"], rel=1e-6)


def test_a_rater_is_compared_with_the_mean_of_the_others():
    frame = tidy(exported(4, 3))
    wide = stimuli(frame)
    found = raters(frame).set_index("rater")
    for name in wide:
        expected = stats.pearsonr(wide[name], wide.drop(columns=name).mean(axis=1)).statistic
        assert found.loc[name, "with_others"] == pytest.approx(expected)


def test_a_rater_who_answers_at_random_stands_out_and_one_with_one_rating_has_notes():
    export = exported(8, 6)
    guess = export["rater"] == "R03"
    export.loc[guess, "score"] = np.random.default_rng(2).integers(0, 101, guess.sum())
    export = pd.concat([export, exported(9, 6).tail(1)])
    found = raters(tidy(export)).set_index("rater")
    assert found["discrimination"].idxmin() == found["with_others"].idxmin() == "R03"
    assert found.loc["R03", "discrimination_p"] > 0.05
    assert found.loc["R09", "note"].startswith("No stimulus was rated twice. Telling conditions apart takes 2")
    assert list(found.index) == [f"R{i:02}" for i in range(1, 10)]


def test_a_rater_without_any_spread_within_conditions_tells_them_apart_without_end():
    rows = [("ann", item, name, score) for item in "xyz" for name, score in (("A", 20.1), ("B", 60.2))]
    found = raters(tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))).iloc[0]
    assert (found["discrimination"], found["discrimination_p"]) == (math.inf, 0)


@pytest.fixture(scope="module")
def agreed_on_the_extremes_only() -> pd.DataFrame:
    """Twelve raters hear the reference and the anchor, and guess about the systems."""
    draw = np.random.default_rng(5)
    export = exported(12, 6, conditions=FEW)
    systems = export["role"] == "system"
    export.loc[systems, "score"] = draw.integers(30, 80, systems.sum())
    return export


def test_reference_and_anchor_do_not_count_as_agreement_on_the_systems(agreed_on_the_extremes_only):
    frame = tidy(agreed_on_the_extremes_only)
    found = {(each.over, each.name): each.value for each in between_raters(frame)}
    names = [name for over, name in found if over == SYSTEMS]
    assert [(over, name) for over, name in found] == [
        (over, name) for over in (SYSTEMS, ALL_CONDITIONS) for name in names
    ]
    for name in names[:2]:
        assert abs(found[SYSTEMS, name]) < 0.1
        assert found[ALL_CONDITIONS, name] > 0.5
    systems = frame[frame["role"] == "system"]
    assert found[SYSTEMS, names[0]] == alpha(systems).value
    assert found[ALL_CONDITIONS, names[0]] == alpha(frame).value


def test_a_study_of_systems_alone_has_one_figure_of_each_kind():
    frame = tidy(scores_table({"A": [1, 3], "B": [3, 5], "C": [8, 10]}))
    assert [each.over for each in between_raters(frame)] == [SYSTEMS] * 3


def test_the_report_and_its_json_name_what_agreement_is_over(agreed_on_the_extremes_only):
    report = build_report(agreed_on_the_extremes_only, screening=["none"])
    assert [each["over"] for each in report.tests()["agreement"]] == [SYSTEMS] * 3 + [ALL_CONDITIONS] * 3
    text = text_of(report.html)
    assert "The hidden reference and the anchors raise agreement over all conditions" in text
    value = report.agreement[0].value
    assert f"systems Krippendorff's alpha (interval) {number(value, 2)}" in text
