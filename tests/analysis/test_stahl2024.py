"""Published ratings give the published figures (tests/data/stahl2024/README.md)."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.describe import describe
from analysis.inference import friedman
from analysis.readers import read_ratings
from analysis.report import build_report
from analysis.screening import screen

DATA = Path(__file__).parent.parent / "data" / "stahl2024"

MEANS = {
    "Anchor": 19.42,
    "Lyra 3": 29.64,
    "Lyra 6": 45.55,
    "Proposed 1.38 16kHz": 47.30,
    "Proposed 5.51 16kHz": 48.64,
    "Proposed 1.38": 54.28,
    "Proposed 5.51": 60.44,
    "AudioDec": 66.71,
    "Reference": 99.07,
}


@pytest.fixture(scope="module")
def ratings():
    return read_ratings(DATA / "ratings_formated.csv")


@pytest.fixture(scope="module")
def screened(ratings):
    return screen(ratings, ["bs1534_hidden_reference"])


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What the command line writes."""
    folder = tmp_path_factory.mktemp("stahl")
    options = ["--screening", "bs1534_hidden_reference"]
    assert main(["report", str(DATA / "ratings_formated.csv"), "-o", str(folder), *options]) == 0
    return folder


def test_all_ratings_are_read(ratings):
    assert len(ratings) == 21 * 8 * 9
    assert ratings["rater"].nunique() == 21
    assert ratings["item"].nunique() == 16
    assert ratings.groupby("rater")["item"].nunique().eq(8).all()
    roles = ratings.drop_duplicates("condition").set_index("condition")["role"]
    assert roles["Reference"] == "hidden_reference"
    assert roles["Anchor"] == "low_anchor"
    assert (roles == "system").sum() == 7


def test_participants_6_and_17_are_excluded_and_no_other(screened):
    assert screened.excluded == ["6", "17"]


def test_one_miss_in_eight_stays(screened):
    checks = screened.checks.set_index("rater")
    one_miss = checks[(checks["failed"] == 1) & (checks["of"] == 8)]
    assert len(one_miss)
    assert not one_miss["excluded"].any()


def test_what_is_kept_is_the_authors_own_filtered_file_row_by_row(screened):
    authors = read_ratings(DATA / "ratings_formated_filtered.csv")
    columns = ["item", "condition", "rater", "score"]
    pd.testing.assert_frame_equal(screened.kept[columns], authors[columns])


def test_means_are_the_published_ones_by_raters_and_by_ratings_alike(screened):
    # Each rater rated eight items in all conditions, so both means are one.
    table = describe(screened.kept).set_index("condition")
    assert table["mean"].round(2).to_dict() == MEANS
    assert table["mean_of_ratings"].round(2).to_dict() == MEANS
    assert table.loc["AudioDec", "median"] == 77


def test_friedmans_test_is_the_published_one(screened):
    found = friedman(screened.kept)
    assert (found.n_raters, found.n_systems, found.df, found.n_dropped) == (19, 7, 6, 0)
    assert found.statistic == pytest.approx(62.13923, abs=5e-6)
    assert found.p == pytest.approx(1.653e-11, abs=5e-15)
    assert found.w == pytest.approx(0.545081, abs=5e-7)


@pytest.mark.slow
def test_the_command_writes_the_same_figures(output):
    conditions = pd.read_csv(output / "conditions.csv")
    assert list(conditions.columns) == [
        "condition",
        "n_raters",
        "n_items",
        "n_ratings",
        "mean",
        "ci_low",
        "ci_high",
        "median",
        "q1",
        "q3",
    ]
    assert conditions.set_index("condition")["mean"].round(2).to_dict() == MEANS
    assert conditions[["n_raters", "n_items", "n_ratings"]].drop_duplicates().values.tolist() == [[19, 16, 152]]
    raters = pd.read_csv(output / "raters.csv")
    assert list(raters.columns) == ["rater", "excluded", "reason", "number"]
    assert raters.loc[raters["excluded"], "rater"].tolist() == [6, 17]
    assert (
        raters.set_index("rater")
        .loc[17, "reason"]
        .startswith("bs1534_hidden_reference: hidden reference below 90 in 2")
    )
    tests = json.loads((output / "tests.json").read_text())
    assert tests["friedman"]["statistic"] == pytest.approx(62.13923, abs=5e-6)
    assert tests["screening"]["excluded"] == ["6", "17"]
    assert len(tests["wilcoxon"]) == 21


def test_the_report_says_them_in_words(ratings):
    page = build_report(ratings, screening=["bs1534_hidden_reference"]).html
    for words in (
        "19 of 21 raters are analysed; Rater 6 and Rater 17 were excluded.",
        "AudioDec has the highest mean of 7 systems, 66.7",
        "χ²(6) = 62.14, p &lt; 0.001, Kendall&#x27;s W = 0.55, over 19 raters.",
        "Each rater rated 8 of 16 items",
        "By their names: Reference (hidden reference) and Anchor (low anchor).",
    ):
        assert words in page
