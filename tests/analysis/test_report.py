"""The report says what a reader needs to judge the figures, whatever the data are like."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from analysis.frame import RatingsError
from analysis.report import Report, build_report

from .studies import BAD_DATA, FEW, exported, scores_table


@pytest.fixture(scope="module")
def report() -> Report:
    export = exported(n_raters=12, n_items=6)
    slips = (export["rater"] == "R03") & (export["role"] == "hidden_reference")
    export.loc[slips, "score"] = 60
    left = export["rater"] == "R07"
    export.loc[left, "session_state"] = "trials"
    export = export[~(left & (export["trial_position"] > 2))]
    return build_report(export, screening=["bs1534_hidden_reference"], made_on="2026-04-01")


class Text(HTMLParser):
    """Text of a page without its figures and styles; complains about tags that do not match."""

    VOID = {"meta", "link", "br", "path", "use"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"svg", "style"} & set(self.open):
            self.text.append(data)


def text_of(html: str) -> str:
    reader = Text()
    reader.feed(html)
    assert reader.open == []
    return " ".join(" ".join(reader.text).split())


@pytest.fixture(scope="module")
def text(report) -> str:
    return text_of(report.html)


def test_it_says_who_was_left_out_and_why(text):
    assert "10 of 12 raters are analysed; Rater 3 and Rater 7 were excluded." in text
    assert "hidden reference below 90 in 6 of 6 trials (100%; allowed: up to 15%)" in text
    assert "session not finished (24 ratings given)" in text
    assert "2 of 12 raters were excluded." in text
    assert "1 session was not finished; 24 ratings from there were set aside." in text


def test_it_says_which_neural_weights_were_used(text):
    assert "Neural weights used: published (d7cc33bc) in EnCodec 1.5, EnCodec 3, EnCodec 6 and EnCodec 12." in text


@pytest.mark.slow
def test_it_says_when_no_weights_were_used_or_nothing_is_known():
    plain = exported(3, 2)[lambda table: table["weights"] == ""]
    assert "No condition used neural weights." in text_of(build_report(plain).html)
    bare = scores_table({"Reference": [100, 99], "A": [20, 30]})
    assert "do not say which codecs or weights" in text_of(build_report(bare).html)


def test_it_names_methods_and_versions(text):
    for words in (
        "Student's t on the raters' means (ddof 1)",
        "linear (Hyndman and Fan's type 7)",
        "Items are fixed",
        "made after Recommendation ITU-R BS.1534-3 and is no certificate",
        f"pandas {pd.__version__}",
        "scipy ",
    ):
        assert words in text


def test_it_shows_the_means_before_and_after_screening(report, text):
    assert "Means of the conditions before and after screening, and the change." in text
    before = report.before.set_index("condition").loc["Reference", "mean"]
    after = report.conditions.set_index("condition").loc["Reference", "mean"]
    assert before < after
    assert f"Reference 12 {before:.1f} 10 {after:.1f}" in text


def test_it_shows_the_shift_of_each_pair_with_its_interval(report, text):
    row = report.pairs.iloc[0]
    figures = [row[name] for name in ("mean_difference", "median_difference", "shift", "shift_low", "shift_high")]
    mean, median, shift, low, high = (f"{value:.1f}".replace("-", "\N{MINUS SIGN}") for value in figures)
    assert f"{row['a']} {row['b']} {mean} {median} {shift} {low} to {high} 10" in text
    assert "Shift: Hodges and Lehmann's, with its 95% confidence interval." in text


def test_it_shows_measured_rates_and_categories(text):
    assert "Opus 6 system opus@6 – 6.1" in text
    assert "6 items: 2 music, 4 speech." in text
    assert "Conditions in each category." in text


def test_it_needs_no_other_file_and_no_network(report):
    assert not re.findall(r'(?:src|href)="(?!#|data:)', report.html)
    assert not re.findall(r"url\((?!#)", report.html)
    assert "<script" not in report.html
    assert "@import" not in report.html


def test_the_fragment_fits_into_another_page(report):
    assert report.fragment_html in report.html
    for tag in ("<html", "<head", "<body", "<style", "<h1", "<main"):
        assert tag not in report.fragment_html
    assert report.fragment_html.count("<h2") == 12  # eleven sections and the contents
    text_of(report.fragment_html)


def test_the_study_and_the_days_of_rating_are_in_the_head(text):
    assert "demo-speech Rated from 2026-03-01 to 2026-03-12 · Report made on 2026-04-01" in text


def test_markup_in_names_stays_text():
    table = exported(4, 2, conditions=FEW)
    evil = "<img src=x onerror=alert(1)>"
    table["clip"] = table["clip"] + evil
    table["rater"] = table["rater"] + evil
    table["condition"] = table["condition"] + evil
    table["weights"] = table["weights"].where(table["weights"] == "", evil)
    html = build_report(table, title=evil).html
    assert "<img" not in html
    text_of(html)


SAVED = ("one rater", "one system", "nine tenths missing", "nobody finished", "separated conditions")


QUICK = ("one item",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in BAD_DATA]
)
def test_poor_data_give_a_report_with_its_caveats_and_no_nan(name, tmp_path):
    report = build_report(BAD_DATA[name])
    if name in SAVED:
        report.save(tmp_path)  # the PDF too
    text = text_of(report.html)
    assert not re.search(r"\b(nan|NaN|None|inf)\b", text)
    limits = text[text.rindex("Limits") :]
    expected = {
        "one rater": "One rater: all results hold for this rater only.",
        "two raters": "Wilcoxon's test cannot show a difference at the 5% level",
        "one item": "1 item for 9 systems.",
        "one system": "Only 5 raters",
        "no hidden reference": "There was no hidden reference",
        "all scores equal": "says nothing about other raters",
        "nine tenths missing": "ratings are missing in trials that were begun",
        "nobody finished": "there is nothing to describe or to test",
        "everybody excluded": "there is nothing to describe or to test",
    }
    assert expected.get(name, "Scores depend on what else was in a trial") in limits


@pytest.mark.slow
def test_means_that_depend_on_the_unit_are_said_to():
    export = exported(6, 6)
    export.loc[export["rater"] == "R01", "score"] = 20
    some = export[~((export["rater"] == "R01") & (export["clip"] != "clip 1"))]
    text = text_of(build_report(some, screening=["none"]).html)
    assert "Raters rated different numbers of items. The means, which give every rater the same weight" in text


def test_ratings_of_several_studies_need_a_choice():
    both = pd.concat([exported(3, 2), exported(3, 2).assign(study="demo-music")])
    with pytest.raises(RatingsError, match="of 2 studies"):
        build_report(both)
    assert build_report(both, study="demo-music").title == "demo-music"


def test_the_raw_ratings_stay_in_the_report_untouched(report):
    assert len(report.ratings) == 11 * 6 * 12 + 2 * 12
    assert set(report.ratings["rater"]) > set(report.screening.kept["rater"])


def test_a_condition_that_lost_all_its_raters_keeps_a_row(tmp_path):
    rows = [
        ("a", item, name, role, 10) for item in "xy" for name, role in (("ref", "hidden_reference"), ("c", "system"))
    ]
    ratings = pd.DataFrame(rows, columns=["rater", "item", "condition", "role", "score"])
    build_report(ratings, screening=["bs1534_hidden_reference"]).save(tmp_path)
    found = pd.read_csv(tmp_path / "conditions.csv")
    assert dict(zip(found.condition, found.n_raters, strict=True)) == {"ref": 0, "c": 0}
    assert found["mean"].isna().all()
