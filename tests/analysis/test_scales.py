"""Scores on other scales than 0 to 100 are refused until the scale is declared, and then analysed in points."""

import json

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.figures import condition_colours, mean_plot
from analysis.figures.axes import rows
from analysis.frame import RatingsError
from analysis.readers import read_ratings
from analysis.report import build_report
from analysis.report.findings import findings
from analysis.scales import POINTS, Scale, parse_scale
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
    assert "within 12.5 points" in out
    assert "The margin of 0.5 on the scale is 12.5 points." in err


def test_the_report_states_the_scale(opinions, tmp_path, capsys):
    assert main(["report", str(opinions), "-o", str(tmp_path / "out"), "--scale", "1-5"]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Scores were given from 1 to 5." in page
    assert "1 is 0, 5 is 100" in page
    tests = json.loads((tmp_path / "out" / "tests.json").read_text())
    assert tests["settings"]["scale"] == "1 to 5"
    assert "1 is 0, 5 is 100" in tests["reading"][0]


def test_a_score_at_a_limit_is_at_the_limit_on_every_scale(tmp_path):
    rows = [("r1", item, "Reference", 4.6) for item in "xy"] + [("r1", item, "A", 2.8) for item in "xy"]
    path = tmp_path / "limit.csv"
    pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]).to_csv(path, index=False)
    frame = read_ratings(path, scale=Scale(1, 5))
    assert sorted(set(frame["score"])) == [45, 90]  # (4.6 - 1) * 25 is 89.99999999999999
    assert screen(frame).excluded == []


def test_the_summary_and_the_figures_of_another_scale_say_their_unit(opinions):
    report = build_report(read_ratings(opinions, scale=Scale(1, 5)))
    summary = findings(report)
    said = "Scores were given from 1 to 5. Scores and differences are shown in points: 1 is 0, 5 is 100"
    assert any(said in sentence for sentence in summary)
    colours = condition_colours(report.ratings)
    drawn = {scale: mean_plot(report.conditions, colours, scale=scale).svg for scale in (Scale(1, 5), POINTS)}
    assert report.drawing("means").svg == drawn[Scale(1, 5)] != drawn[POINTS]
    _, axes = rows(["A"], Scale(1, 5))
    assert axes.get_xlabel() == "Score in points: 1 is 0, 5 is 100"
    assert not axes.texts  # no rater saw the words of the quality scale


def test_power_takes_margin_and_difference_in_units_of_the_scale(capsys):
    tables = []
    for options in (["--margin", "10"], ["--margin", "0.4", "--scale", "1-5"]):
        assert main(["power", "equivalence", "--studies", "20", "--csv", *options]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    curve = ["--curve", "6=2", "--curve", "12=60", "--scale", "1-5"]
    assert main(["power", "equivalent_rate", *curve]) == 2
    assert "The mean 60 is not on the scale from 1 to 5." in capsys.readouterr().err
