"""The CSV of a MUSHRA test on GoListen, in the layout of GoListen's published server code."""

import pytest

from analysis.frame import RatingsError
from analysis.readers import read_ratings

HEAD = (
    "Tags,,,set a,,,\n"
    'Name,Date,"Your age",,"Speech rating",,,"Music rating",,\n'
    ",,,,reference.wav,anchor.wav,codec 1.wav,reference.wav,anchor.wav,codec 1.wav\n"
)
ANN = "Ann,2024-05-01 10:00:00,30,,100,20,70,98,15,60\n"


def written(tmp_path, text):
    path = tmp_path / "mushra_Test-20240501.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_score_stands_below_its_file_and_title(tmp_path):
    frame = read_ratings(written(tmp_path, HEAD + ANN))
    assert frame[["rater", "item", "condition", "role", "score"]].values.tolist() == [
        ["Ann", "Speech", "reference", "hidden_reference", 100],
        ["Ann", "Speech", "anchor", "low_anchor", 20],
        ["Ann", "Speech", "codec 1", "system", 70],
        ["Ann", "Music", "reference", "hidden_reference", 98],
        ["Ann", "Music", "anchor", "low_anchor", 15],
        ["Ann", "Music", "codec 1", "system", 60],
    ]


def test_short_rows_and_empty_scores_are_missing_ratings(tmp_path):
    frame = read_ratings(written(tmp_path, HEAD + "Ann,2024-05-01 10:00:00,30,,100,,70\n"))
    assert frame["score"].isna().tolist() == [False, True, False, True, True, True]


def test_times_between_the_examples_are_no_scores(tmp_path):
    text = (
        "Tags,,,,,,,\n"
        'Name,Date,"Speech rating",,Time (s),"Music rating",,Time (s)\n'
        ",,reference.wav,A.wav,,reference.wav,A.wav,\n"
        "Ann,2024-05-01 10:00:00,100,40,33.5,99,45,20\n"
    )
    assert read_ratings(written(tmp_path, text))["score"].tolist() == [100, 40, 99, 45]


def test_raters_of_one_name_are_told_apart_by_the_date(tmp_path):
    other = ANN.replace("10:00:00", "11:00:00")
    nameless = ANN.replace("Ann", "").replace("10:00:00", "12:00:00")
    frame = read_ratings(written(tmp_path, HEAD + ANN + other + nameless))
    assert frame["rater"].unique().tolist() == [
        "Ann 2024-05-01 10:00:00",
        "Ann 2024-05-01 11:00:00",
        "2024-05-01 12:00:00",
    ]


def test_the_part_that_all_files_of_an_example_share_is_no_part_of_the_condition(tmp_path):
    text = HEAD
    for example in ("speech", "music"):
        for name in ("reference", "anchor", "codec 1"):
            text = text.replace(f",{name}.wav", f",{example}_{name.replace(' ', '')}_48k.wav", 1)
    frame = read_ratings(written(tmp_path, text + ANN))
    assert frame["condition"].unique().tolist() == ["reference", "anchor", "codec1"]


def test_examples_with_one_title_are_told_apart(tmp_path):
    frame = read_ratings(written(tmp_path, HEAD.replace("Music", "Speech") + ANN))
    assert frame["item"].unique().tolist() == ["Speech (column 5)", "Speech (column 8)"]


def test_another_test_of_golisten_is_refused(tmp_path):
    text = 'Tags,,\nName,Date,"Speech rating"\nAnn,2024-05-01 10:00:00,"4,5"\n'
    with pytest.raises(RatingsError, match="names no sound files. Only its MUSHRA tests are read"):
        read_ratings(written(tmp_path, text))
