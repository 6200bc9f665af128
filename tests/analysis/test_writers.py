"""What is written for webMUSHRA and pymushra comes back the same."""

import csv
import io

import pandas as pd
import pytest

from analysis.frame import RatingsError, tidy
from analysis.readers import read_ratings
from analysis.writers import WRITERS

from .studies import exported, scores_table

FORMATS = sorted(WRITERS)
KEY = ["study", "rater", "item", "repeat", "role", "system", "score", "finished", "marks"]
NAMES = [
    "a, b",
    "a; b",
    'the "best"',
    "Größe 48 kHz – 音",
    "R&B & more",
    "it's",
    "=SUM(A1)",
    "C:\\new",
    "two\nlines",
    "NA",
    "1.50",
]


def back(tmp_path, frame: pd.DataFrame, format: str) -> pd.DataFrame:  # noqa: A002
    path = tmp_path / "written.csv"
    path.write_bytes(WRITERS[format](frame).encode())
    return read_ratings(path)


def compared(frame: pd.DataFrame) -> pd.DataFrame:
    """What must be the same; of the reference and the anchors the role is, not the name."""
    rows = frame.assign(system=frame["condition"].where(frame["role"] == "system", ""))[KEY]
    return rows.sort_values(KEY[:6]).reset_index(drop=True)


@pytest.mark.parametrize("format", FORMATS)
def test_a_study_comes_back_the_same(tmp_path, format):  # noqa: A002
    frame = tidy(exported(n_raters=4, n_items=3))
    pd.testing.assert_frame_equal(compared(back(tmp_path, frame, format)), compared(frame))


@pytest.mark.parametrize("format", FORMATS)
def test_names_of_any_characters_come_back_the_same(tmp_path, format):  # noqa: A002
    rows = [
        {"study": f"{name}.", "rater": name, "item": name, "condition": name, "role": "system", "score": 40.25 + i}
        for i, name in enumerate(NAMES)
    ]
    frame = tidy(pd.DataFrame(rows))
    pd.testing.assert_frame_equal(compared(back(tmp_path, frame, format)), compared(frame))


@pytest.mark.parametrize("format", FORMATS)
def test_repeats_come_back_in_their_order_wherever_their_rows_stood(tmp_path, format):  # noqa: A002
    table = exported(n_raters=2, n_items=3)
    again = table.assign(repeat=1, score=table["score"] // 2)
    frame = tidy(pd.concat([again, table]).sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(compared(back(tmp_path, frame, format)), compared(frame))


@pytest.mark.parametrize("format", FORMATS)
def test_what_does_not_count_comes_back_as_what_does_not_count(tmp_path, format):  # noqa: A002
    table = exported(n_raters=3, n_items=2)
    table.loc[table["rater"] == "R02", ["session_state", "excluded"]] = ["trials", "session not finished"]
    frame = tidy(table)
    read = back(tmp_path, frame, format)
    pd.testing.assert_frame_equal(compared(read), compared(frame))
    assert read.loc[~read["finished"], "rater"].unique().tolist() == ["R02"]
    assert read["has_marks"].all()


@pytest.mark.parametrize("format", FORMATS)
def test_a_score_that_was_not_given_stays_so(tmp_path, format):  # noqa: A002
    frame = tidy(pd.DataFrame({"rater": "ann", "item": "x", "condition": ["A", "B"], "score": [None, 0.0]}))
    assert back(tmp_path, frame, format)["score"].isna().tolist() == [True, False]


def test_webmushra_has_its_columns_and_names(tmp_path):
    rows = list(csv.DictReader(io.StringIO(WRITERS["webmushra"](tidy(exported(n_raters=1, n_items=1))))))
    assert list(rows[0]) == [
        "session_test_id",
        "evalapp_excluded",
        "session_uuid",
        "trial_id",
        "rating_stimulus",
        "rating_score",
        "rating_time",
        "rating_comment",
    ]
    assert {"reference", "anchor35", "anchor70", "Opus 6"} < {row["rating_stimulus"] for row in rows}
    assert {row["rating_time"] for row in rows} == {"300000"}
    assert all(row["rating_score"].isdigit() for row in rows)


def test_pymushra_has_its_columns_and_separator():
    text = WRITERS["pymushra"](tidy(exported(n_raters=1, n_items=1).drop(columns="excluded")))
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert list(rows[0]) == [
        "responses_stimulus",
        "responses_score",
        "responses_time",
        "responses_comment",
        "questionaire_uuid",
        "wm_id",
        "wm_type",
        "wm_testId",
        "wm_config",
        "wm_date",
    ]
    assert (rows[0]["wm_type"], rows[0]["wm_id"], rows[0]["wm_testId"]) == ("mushra", "clip 1", "demo-speech")
    assert rows[0]["wm_date"] == "2026-03-01 10:05:00.000000"


@pytest.mark.parametrize("format", FORMATS)
def test_a_name_that_would_come_back_as_another_role_is_refused(format):  # noqa: A002
    table = scores_table({"Reference": [100], "Anchor": [50]})
    frame = tidy(table, roles={"Anchor": "system"})
    with pytest.raises(RatingsError, match="condition Anchor is a system, and would be read as the low_anchor"):
        WRITERS[format](frame)


@pytest.mark.parametrize("format", FORMATS)
def test_two_conditions_of_one_role_are_refused(format):  # noqa: A002
    frame = tidy(scores_table({"Ref": [100], "A": [50], "B": [40]}), roles={"A": "mid_anchor", "B": "mid_anchor"})
    with pytest.raises(RatingsError, match="The role mid_anchor has 2 conditions: A, B"):
        WRITERS[format](frame)


@pytest.mark.parametrize("format", FORMATS)
def test_each_of_several_studies_has_its_own_anchor(tmp_path, format):  # noqa: A002
    first = scores_table({"Reference": [100, 90], "Low": [10, 20]}, study="one")
    second = scores_table({"Original": [98], "Lowest": [5]}, study="two")
    frame = tidy(
        pd.concat([first, second]), roles={"Original": "hidden_reference", "Low": "low_anchor", "Lowest": "low_anchor"}
    )
    pd.testing.assert_frame_equal(compared(back(tmp_path, frame, format)), compared(frame))
