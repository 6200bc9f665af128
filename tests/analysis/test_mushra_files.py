"""Results of webMUSHRA and pymushra are read rater by rater, or are refused where raters cannot be told apart."""

import json

import pandas as pd
import pytest

from analysis.frame import RatingsError
from analysis.readers import read_ratings

WEBMUSHRA = "session_test_id,{answers}trial_id,rating_stimulus,rating_score,rating_time,rating_comment\n"
CELLS = ["rater", "item", "condition", "role", "score"]


def session(scores: dict[str, dict[str, int]], *before: str, after: str = "", separator: str = ",", time: int = 9000):
    """Lines of one session: trial -> stimulus -> score; `before` stands between the test's and the trial's name."""
    return "".join(
        separator.join(["codecs", *before, trial, stimulus, str(score), str(time), after]) + "\n"
        for trial, given in scores.items()
        for stimulus, score in given.items()
    )


def written(tmp_path, text: str, name: str = "mushra.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def raters_of(frame: pd.DataFrame) -> list[str]:
    return frame["rater"].drop_duplicates().tolist()


ONE_TRIAL = {"piano": {"reference": 100, "anchor35": 11, "anchor70": 35, "C1": 62}}
TWO_TRIALS = {"piano": {"reference": 100, "C1": 62}, "choir": {"reference": 97, "C1": 48}}


@pytest.mark.parametrize("separator", [",", ";"])
def test_webmushra_is_read_with_either_separator(tmp_path, separator):
    header = WEBMUSHRA.format(answers="session_uuid,").replace(",", separator)
    frame = read_ratings(written(tmp_path, header + session(ONE_TRIAL, "u-1", separator=separator)))
    assert frame[CELLS].values.tolist() == [
        ["u-1", "piano", "reference", "hidden_reference", 100.0],
        ["u-1", "piano", "anchor35", "low_anchor", 11.0],
        ["u-1", "piano", "anchor70", "mid_anchor", 35.0],
        ["u-1", "piano", "C1", "system", 62.0],
    ]
    assert frame["study"].unique().tolist() == ["codecs"]


def test_only_guessed_roles_are_marked_as_guessed(tmp_path):
    path = written(tmp_path, WEBMUSHRA.format(answers="session_uuid,") + session(ONE_TRIAL, "u-1"))
    assert read_ratings(path).set_index("condition")["role_guessed"].to_dict() == {
        "reference": False,
        "anchor35": False,
        "anchor70": False,
        "C1": True,
    }


def test_sessions_with_the_same_answers_and_their_own_uuid_are_two_raters(tmp_path):
    header = WEBMUSHRA.format(answers="age,gender,session_uuid,")
    lines = session(TWO_TRIALS, "30", "f", "u-1") + session(TWO_TRIALS, "30", "f", "u-2")
    assert raters_of(read_ratings(written(tmp_path, header + lines))) == ["u-1", "u-2"]


def test_a_row_without_its_uuid_is_refused_with_its_number(tmp_path):
    header = WEBMUSHRA.format(answers="session_uuid,")
    lines = session(TWO_TRIALS, "u-1") + session(TWO_TRIALS, "")
    with pytest.raises(RatingsError, match="Row 5 has no session_uuid. Give each session one"):
        read_ratings(written(tmp_path, header + lines))


@pytest.mark.parametrize("names", ["age,", 'score,rater,condition,"item, please",', "excluded,repeat,category,kbps,"])
def test_questions_may_have_any_name(tmp_path, names):
    n = 1 if names == "age," else 4
    lines = session(TWO_TRIALS, *["x"] * n) + session(TWO_TRIALS, *["y"] * n)
    frame = read_ratings(written(tmp_path, WEBMUSHRA.format(answers=names) + lines))
    assert raters_of(frame) == ["rows 1-4", "rows 5-8"]
    assert frame["score"].tolist() == [100, 62, 97, 48] * 2
    assert (frame["repeat"] == 0).all()
    assert not frame["has_marks"].any()


def test_without_uuid_other_answers_are_another_rater(tmp_path):
    lines = session(TWO_TRIALS, "ann@example.org") + session(ONE_TRIAL, "ben@example.org")
    frame = read_ratings(written(tmp_path, WEBMUSHRA.format(answers="email,") + lines))
    assert frame.groupby("rater", sort=False).size().to_dict() == {"rows 1-4": 4, "rows 5-8": 4}


def test_a_rater_without_uuid_is_called_by_rows_that_have_the_ratings_in_the_file(tmp_path):
    lines = session(TWO_TRIALS, "ann@example.org") + session(ONE_TRIAL, "ben@example.org")
    path = written(tmp_path, WEBMUSHRA.format(answers="email,") + lines)
    frame, rows = read_ratings(path), path.read_text().splitlines()[1:]
    for rater, email in zip(raters_of(frame), ("ann@example.org", "ben@example.org"), strict=True):
        first, last = map(int, rater.removeprefix("rows ").split("-"))
        assert {email in row for row in rows[first - 1 : last]} == {True}
        assert last - first + 1 == (frame["rater"] == rater).sum()


def test_an_address_that_was_asked_for_is_not_in_the_frame(tmp_path):
    path = written(tmp_path, WEBMUSHRA.format(answers="email,") + session(ONE_TRIAL, "ann@example.org"))
    assert "ann@example.org" not in read_ratings(path).to_csv()


@pytest.mark.parametrize("answer", [[], ["25"]])
def test_without_uuid_a_stimulus_that_comes_again_begins_another_session(tmp_path, answer):
    header = WEBMUSHRA.format(answers="age," if answer else "")
    lines = session(TWO_TRIALS, *answer) + session(dict(reversed(TWO_TRIALS.items())), *answer)
    frame = read_ratings(written(tmp_path, header + lines))
    assert frame["rater"].tolist() == ["rows 1-4"] * 4 + ["rows 5-8"] * 4
    assert (frame["repeat"] == 0).all()


def test_who_answered_alike_and_rated_other_trials_cannot_be_told_apart(tmp_path):
    lines = session(TWO_TRIALS, "25", "m") + session(ONE_TRIAL, "25", "m")
    with pytest.raises(RatingsError) as error:
        read_ratings(written(tmp_path, WEBMUSHRA.format(answers="age,gender,") + lines))
    assert "what begins at row 1 and at row 5 has the same answers (age '25', gender 'm')" in str(error.value)
    assert "Add a column session_uuid that has one name for each session." in str(error.value)


def test_parts_of_one_session_apart_are_refused_rather_than_guessed(tmp_path):
    first, second = {"piano": TWO_TRIALS["piano"]}, {"choir": TWO_TRIALS["choir"]}
    lines = session(first, "25") + session(TWO_TRIALS, "30") + session(second, "25")
    with pytest.raises(RatingsError, match="begins at row 1 and at row 7 has the same answers"):
        read_ratings(written(tmp_path, WEBMUSHRA.format(answers="age,") + lines))


def test_without_uuid_and_answers_sessions_of_other_trials_are_refused(tmp_path):
    lines = session(TWO_TRIALS) + session({"piano": {"C1": 50}})
    with pytest.raises(RatingsError, match="has no answers to a questionnaire, but not the same trials and stimuli"):
        read_ratings(written(tmp_path, WEBMUSHRA.format(answers="") + lines))


def test_a_trial_that_comes_again_in_a_session_is_a_repeat(tmp_path):
    again = {"piano": {"C1": 55, "reference": 99}}
    lines = session(TWO_TRIALS, "u-1") + session(again, "u-1", time=7000) + session(TWO_TRIALS, "u-2")
    frame = read_ratings(written(tmp_path, WEBMUSHRA.format(answers="session_uuid,") + lines))
    assert frame["repeat"].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]


def test_a_session_that_is_in_the_file_twice_is_refused(tmp_path):
    lines = session(TWO_TRIALS, "u-1") * 2
    with pytest.raises(RatingsError, match=r"Row 5 begins a copy of what begins at row 1 \(rater u-1, trial piano\)"):
        read_ratings(written(tmp_path, WEBMUSHRA.format(answers="session_uuid,") + lines))


def test_files_put_one_after_another_are_read(tmp_path):
    header = WEBMUSHRA.format(answers="session_uuid,")
    text = header + session(TWO_TRIALS, "u-1") + header + session(TWO_TRIALS, "u-2")
    assert raters_of(read_ratings(written(tmp_path, text))) == ["u-1", "u-2"]


def test_a_questionnaire_that_grew_while_the_test_ran_is_refused_with_the_row(tmp_path):
    text = WEBMUSHRA.format(answers="age,") + session(TWO_TRIALS, "25") + session(TWO_TRIALS, "30", "f")
    with pytest.raises(RatingsError, match="row 5 has 8 cells, and the header has 7"):
        read_ratings(written(tmp_path, text))


def test_tests_in_one_file_are_studies(tmp_path):
    text = WEBMUSHRA.format(answers="session_uuid,") + session(TWO_TRIALS, "u-1")
    text += session(TWO_TRIALS, "u-1").replace("codecs,", "rooms,")
    assert read_ratings(written(tmp_path, text))["study"].unique().tolist() == ["codecs", "rooms"]


PYMUSHRA = "wm_date;responses_time;questionaire_age;wm_type;responses_stimulus;wm_id;wm_config;responses_score;"
PYMUSHRA += "questionaire_uuid;responses_comment;wm_testId\n"


def page(trial: str, scores: dict[str, object], rater: str, kind: str = "mushra") -> str:
    return "".join(
        f"2026-02-03 10:00:00.5;9000;30;{kind};{stimulus};{trial};configs/a.yaml;{score};{rater};loud, harsh;codecs\n"
        for stimulus, score in scores.items()
    )


def test_pymushra_is_read_in_any_order_of_columns(tmp_path):
    text = PYMUSHRA + page("piano", {"reference": 100, "anchor35": 9, "C1": 55}, "u-1")
    frame = read_ratings(written(tmp_path, text + page("piano", {"reference": 90, "C1": 45}, "u-2")))
    assert frame[CELLS].values.tolist() == [
        ["u-1", "piano", "reference", "hidden_reference", 100.0],
        ["u-1", "piano", "anchor35", "low_anchor", 9.0],
        ["u-1", "piano", "C1", "system", 55.0],
        ["u-2", "piano", "reference", "hidden_reference", 90.0],
        ["u-2", "piano", "C1", "system", 45.0],
    ]
    assert frame["study"].unique().tolist() == ["codecs"]


def test_pages_of_pymushra_that_are_no_mushra_are_left_out(tmp_path):
    text = PYMUSHRA + page("intro", {"A": ""}, "u-1", "paired_comparison") + page("piano", {"reference": 90}, "u-1")
    assert read_ratings(written(tmp_path, text))["item"].tolist() == ["piano"]
    with pytest.raises(RatingsError, match="No ratings of MUSHRA pages found. wm_type is: paired_comparison."):
        read_ratings(written(tmp_path, PYMUSHRA + page("intro", {"A": ""}, "u-1", "paired_comparison")))


def test_pymushra_without_uuid_tells_raters_by_their_answers(tmp_path):
    text = (PYMUSHRA + page("piano", {"reference": 90, "C1": 5}, "ann") + page("piano", {"C1": 7}, "ben")).replace(
        "questionaire_uuid", "questionaire_name"
    )
    assert raters_of(read_ratings(written(tmp_path, text))) == ["rows 1-2", "rows 3-3"]


def test_json_of_pymushra_is_read_too(tmp_path):
    rows = [
        {"wm_id": "piano", "wm_testId": 3, "wm_type": "mushra", "questionaire_uuid": "u-1", "responses_time": 9000}
        | {"responses_stimulus": stimulus, "responses_score": score}
        for stimulus, score in (("reference", 100), ("C1", 41))
    ]
    frame = read_ratings(written(tmp_path, json.dumps(rows), "codecs.json"))
    assert frame[["study", *CELLS]].values.tolist() == [
        ["3", "u-1", "piano", "reference", "hidden_reference", 100.0],
        ["3", "u-1", "piano", "C1", "system", 41.0],
    ]
