"""Ratings are checked before anything is computed from them."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frame import RatingsError, average_repeats, one_study, rater_means, tidy

from .studies import exported, scores_table


def test_an_export_becomes_a_tidy_frame_with_all_its_rows():
    export = exported(n_raters=3, n_items=2)
    frame = tidy(export)
    assert len(frame) == len(export) == 3 * 2 * 12
    assert frame["item"].tolist() == export["clip"].tolist()
    assert frame["score"].tolist() == export["score"].astype(float).tolist()
    assert frame["finished"].all()
    assert not frame["role_guessed"].any()


def test_a_tidy_frame_stays_as_it_is():
    frame = tidy(exported(n_raters=2, n_items=2))
    pd.testing.assert_frame_equal(tidy(frame), frame)


def test_what_was_given_is_not_changed():
    export = exported(n_raters=2, n_items=1)
    before = export.copy(deep=True)
    tidy(export)
    pd.testing.assert_frame_equal(export, before)


@pytest.mark.parametrize("score", [100.5, -1, 1e9, float("inf")])
def test_a_score_off_the_scale_is_named_with_its_place(score):
    table = scores_table({"Reference": [100, 99], "Opus 6": [40, score]})
    with pytest.raises(
        RatingsError, match=r"1 score lies outside 0 to 100: row 4 \(rater 2, item x, condition Opus 6\)"
    ):
        tidy(table)


def test_a_score_that_is_no_number_is_named_with_its_place():
    table = scores_table({"Opus 6": ["40", "forty"]})
    with pytest.raises(RatingsError, match=r"not a number: row 2 \(rater 2, item x, condition Opus 6\): forty"):
        tidy(table)


def test_the_ends_of_the_scale_are_on_it():
    assert tidy(scores_table({"Opus 6": [0, 100]}))["score"].tolist() == [0.0, 100.0]


def test_an_unknown_role_is_refused_with_those_that_there_are():
    table = scores_table({"Opus 6": [40]}, role="anchor")
    with pytest.raises(RatingsError, match="Unknown role: anchor. A role is one of hidden_reference, mid_anchor"):
        tidy(table)


def test_a_condition_cannot_have_two_roles():
    table = scores_table({"A": [40, 50]})
    table["role"] = ["system", "low_anchor"]
    with pytest.raises(RatingsError, match="The condition A has more than one role: 'system' and 'low_anchor'"):
        tidy(table)


def test_a_copy_of_a_rating_is_refused_but_a_repeat_is_not():
    table = scores_table({"Opus 6": [40, 50]})
    twice = pd.concat([table, table.iloc[[1]]])
    with pytest.raises(RatingsError, match=r"1 rating is in the table more than once: row 3 \(rater 2"):
        tidy(twice)
    assert len(tidy(twice.assign(repeat=[0, 0, 1]))) == 3


def test_a_missing_column_is_named_with_what_was_found():
    with pytest.raises(
        RatingsError, match="no column score. Needed: rater, item, condition, score. Found: rater, item, co"
    ):
        tidy(pd.DataFrame({"rater": ["a"], "item": ["x"], "condition": ["A"]}))


def test_a_table_without_rows_says_so():
    with pytest.raises(RatingsError, match="No ratings found: the table has column names but no rows"):
        tidy(exported(n_raters=1, n_items=1).iloc[:0])


def test_a_table_of_empty_scores_says_so():
    with pytest.raises(RatingsError, match="No ratings found: the score is empty in all 2 rows"):
        tidy(scores_table({"Opus 6": ["", None]}))


def test_a_row_without_rater_is_named():
    table = scores_table({"Opus 6": [40, 50]}).replace({"rater": {"2": " "}})
    with pytest.raises(RatingsError, match="1 row has no rater: row 2"):
        tidy(table)


def test_numbers_as_rater_ids_stay_whole_beside_missing_ones():
    table = scores_table({"Opus 6": [40, 50]}).assign(rater=[3.0, 7.0])
    assert tidy(table)["rater"].tolist() == ["3", "7"]


def test_a_role_given_by_hand_overrules_the_name():
    table = scores_table({"Original": [100, 95], "Opus 6": [40, 50]})
    frame = tidy(table, roles={"Original": "hidden_reference"})
    assert dict(zip(frame["condition"], frame["role"], strict=True)) == {
        "Original": "hidden_reference",
        "Opus 6": "system",
    }
    assert not frame.loc[frame["condition"] == "Original", "role_guessed"].any()


def test_a_role_for_a_condition_that_is_not_there_is_refused():
    with pytest.raises(RatingsError, match="A role is given for Orginal, which the ratings do not have"):
        tidy(scores_table({"Original": [100]}), roles={"Orginal": "hidden_reference"})


def test_ratings_of_two_studies_are_not_mixed():
    frame = tidy(pd.concat([exported(2, 1), exported(2, 1, seed=2).assign(study="demo-music")]))
    with pytest.raises(RatingsError, match="of 2 studies: demo-music, demo-speech. Choose one"):
        one_study(frame)
    assert set(one_study(frame, "demo-music")["study"]) == {"demo-music"}
    with pytest.raises(RatingsError, match="No ratings of the study 'demo' found"):
        one_study(frame, "demo")


def test_a_repeated_item_weighs_no_more_than_another_in_a_raters_mean():
    table = pd.DataFrame(
        {
            "rater": "a",
            "item": ["x", "x", "x", "y"],
            "condition": "A",
            "score": [10, 20, 30, 60],
            "repeat": [0, 1, 2, 0],
        }
    )
    frame = tidy(table)
    assert average_repeats(frame)["score"].tolist() == [20.0, 60.0]
    assert average_repeats(frame)["n_ratings"].tolist() == [3, 1]
    assert rater_means(frame).loc["a", "A"] == 40.0


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_mean(random):
    export = exported(n_raters=3, n_items=2)
    rows = list(range(len(export)))
    random.shuffle(rows)
    means, shuffled = rater_means(tidy(export)), rater_means(tidy(export.iloc[rows]))
    pd.testing.assert_frame_equal(shuffled.loc[means.index, means.columns], means)
