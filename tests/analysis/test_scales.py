"""Scores on other scales than 0 to 100 are refused until the scale is declared, and then analysed in points."""

import json

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.frame import RatingsError
from analysis.readers import read_ratings
from analysis.scales import Scale, parse_scale
from analysis.screening import screen


def written(tmp_path, scores, **columns):
    path = tmp_path / "ratings.csv"
    table = pd.DataFrame(
        {"rater": "a", "item": "x", "condition": list("ABCDEF"[: len(scores)]), "score": scores} | columns
    )
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("scores", "found", "hint"),
    [
        ([1, 5], "from 1 to 5,", "--scale 1-5"),
        ([0.2, 1.0], "from 0.2 to 1,", "--scale 0-1"),
        ([2, 7], "from 2 to 7,", "--scale 1-7"),
        ([0, 10], "from 0 to 10,", "--scale 0-10"),
        ([-3, 3], "from -3 to 3,", "--scale MIN-MAX"),
        (
            [40, 152],
            "from 40 to 152, and the scale from 0 to 100. Rater a, item x, condition B: 152.",
            "--scale",
        ),
    ],
)
def test_scores_that_cannot_be_on_the_scale_are_refused_with_their_range(tmp_path, scores, found, hint):
    with pytest.raises(RatingsError) as error:
        read_ratings(written(tmp_path, scores * 3))
    assert found in str(error.value)
    assert hint in str(error.value)


def test_scores_outside_a_declared_scale_are_refused_too(tmp_path):
    with pytest.raises(
        RatingsError, match="from 40 to 90, and the scale from 1 to 5. Rater a, item x, condition A: 40"
    ):
        read_ratings(written(tmp_path, [40, 90]), scale=Scale(1, 5))


def test_low_scores_are_analysed_where_the_scale_is_declared(tmp_path):
    assert read_ratings(written(tmp_path, [3, 8]), scale=Scale())["score"].tolist() == [3, 8]


def test_declared_scores_become_points(tmp_path):
    frame = read_ratings(written(tmp_path, [1, 3, 4.5, 5]), scale=Scale(1, 5))
    assert frame["score"].tolist() == [0, 50, 87.5, 100]
    assert frame.attrs["scale"] == (1, 5)
    frame.to_parquet(tmp_path / "points.parquet")  # pandas writes the attributes as JSON
    assert read_ratings(tmp_path / "points.parquet")["score"].tolist() == [0, 50, 87.5, 100]


def test_an_export_with_columns_of_its_scale_needs_no_option(tmp_path):
    frame = read_ratings(written(tmp_path, [1, 5], scale_min=1, scale_max=5))
    assert frame["score"].tolist() == [0, 100]
    with pytest.raises(RatingsError, match="several scales"):
        read_ratings(written(tmp_path, [1, 5], scale_min=[1, 0], scale_max=5))


@pytest.mark.parametrize("text", ["5-1", "1", "1-", "a-b", "3-3"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(RatingsError, match="is not a scale such as 1-5"):
        parse_scale(text)


@pytest.fixture
def opinions(tmp_path):
    """Ratings of three raters on 1 to 5. One gives the reference 4, which is 75 points."""
    scores = {"Reference": [5, 5, 5], "A": [4, 4, 3.5], "B": [2, 2.5, 1.5]}
    rows = [
        (f"r{rater}", f"item {item}", name, 4 if (rater, name) == (2, "Reference") else given[(rater + item) % 3])
        for rater in range(3)
        for item in range(2)
        for name, given in scores.items()
    ]
    path = tmp_path / "opinions.csv"
    pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]).to_csv(path, index=False)
    return path


def test_the_limits_of_post_screening_apply_to_the_scale(opinions):
    assert screen(read_ratings(opinions, scale=Scale(1, 5))).excluded == ["r2"]


def test_a_margin_is_given_in_units_of_the_scale(opinions, capsys):
    assert main(["claim", str(opinions), "--scale", "1-5", "--margin", "0.5", "--items", "fixed"]) == 0
    out, err = capsys.readouterr()
    assert "margin 12.5" in out
    assert "The margin of 0.5 on the scale is 12.5 points." in err


def test_the_report_states_the_scale(opinions, tmp_path, capsys):
    assert main(["report", str(opinions), "-o", str(tmp_path / "out"), "--scale", "1-5"]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Scores were given on a scale from 1 to 5." in page
    assert "1 is 0, 5 is 100" in page
    tests = json.loads((tmp_path / "out" / "tests.json").read_text())
    assert tests["settings"]["scale"] == "1 to 5"
    assert "1 is 0, 5 is 100" in tests["reading"][0]
