"""Files that R, spreadsheets, pandas and other test programs wrote give the results of the files they were made from.

The files in `tests/data/files_as_people_have_them` were made for these tests and carry no rights.
"""

from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.describe import describe
from analysis.files import read_file
from analysis.readers import read_ratings
from analysis.screening import screen

FILES = Path(__file__).parent.parent / "data" / "files_as_people_have_them"

EXPORT = ["Reference", "Lyra 3.2", "Lyra 6", "EnCodec 6", "EnCodec 3", "Mid anchor", "EVS 9.6", "EnCodec 12"]
EXPORT += ["Low anchor", "Opus 6", "EnCodec 1.5", "Opus 12"]
CODECS = ["reference", "anchor35", "anchor70", "Codec A", "Codec B", "Codec C"]


@pytest.mark.parametrize(
    ("name", "n_ratings", "n_missing", "conditions"),
    [
        ("NA_for_missing.csv", 90, 2, CODECS),
        ("blank_after_comma_quoted.csv", 90, 0, CODECS),
        ("excel_sep_line.csv", 240, 0, CODECS),
        ("webmushra_php_backslash_quote.csv", 90, 0, CODECS),
        ("condition_names_with_apostrophe.csv", 24, 0, ["reference", "-6 dB", "+3 dB", "@48k"]),
        ("capital_headers.csv", 90, 0, CODECS),
        ("ratings.csv.gz", 240, 0, CODECS),
        ("ratings.xlsx", 72, 0, EXPORT),
        ("pandas_to_json_default.json", 240, 0, CODECS),
        ("one_item.csv", 48, 0, CODECS),
        ("systems_on_disjoint_items.csv", 216, 0, ["reference", "Alpha", "Gamma", "Beta"]),
        ("beaqlejs_numeric_labels", 90, 0, ["Reference", "Anchor", "4", "1", "2", "3"]),
    ],
)
def test_a_file_is_read_with_all_its_ratings_and_names(name, n_ratings, n_missing, conditions):
    frame = read_ratings(FILES / name)
    assert (len(frame), int(frame["score"].isna().sum())) == (n_ratings, n_missing)
    assert frame["condition"].unique().tolist() == conditions
    assert set(frame.loc[frame["condition"].str.lower() == "reference", "role"]) == {"hidden_reference"}


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("export_through_R.csv", "export.csv"),
        ("export_through_R_without_kbps.csv", "export.csv"),
        ("export_with_repeats_through_R.csv", "export_with_repeats.csv"),
        ("export_german_excel.csv", "export.csv"),
    ],
)
def test_an_export_through_another_program_has_the_same_raters_means_and_exclusions(name, original):
    found, expected = (read_ratings(FILES / each) for each in (name, original))
    ratings = ["rater", "session", "item", "condition", "role", "spec", "score", "repeat", "finished", "marks"]
    pd.testing.assert_frame_equal(found[ratings], expected[ratings])
    screened, original_screened = screen(found), screen(expected)
    pd.testing.assert_frame_equal(screened.raters, original_screened.raters)
    assert screened.excluded == []
    pd.testing.assert_frame_equal(describe(screened.kept), describe(original_screened.kept))
    for column in ("kbps", "seconds_heard", "plays", "trial_position"):
        if column != "kbps" or found["kbps"].notna().any():
            numbers = [pd.to_numeric(frame[column]) for frame in (found, expected)]
            pd.testing.assert_series_equal(*numbers, check_dtype=False)


def test_a_cell_that_r_marks_as_missing_is_missing():
    frame = read_ratings(FILES / "NA_for_missing.csv")
    missing = frame.loc[frame["score"].isna(), ["rater", "item", "condition"]].values.tolist()
    assert missing == [["r01", "castanets", "anchor35"], ["r02", "castanets", "Codec B"]]


def test_a_quote_after_a_backslash_is_part_of_the_comment():
    table = read_file(FILES / "webmushra_php_backslash_quote.csv")
    assert [cell for cell in table["rating_comment"] if cell] == ['sounded like a "robot" at C:\\']


@pytest.mark.parametrize("name", ["names_system_1_2_3.csv", "beaqlejs_numeric_labels"])
def test_numbers_in_names_are_no_bitrates_and_all_systems_are_compared(capsys, name):
    assert main(["claim", str(FILES / name), "--margin", "5", "--csv"]) == 0
    out, err = capsys.readouterr()
    rows = [line.split(",") for line in out.splitlines()]
    systems = {name for row in rows[1:] for name in row[:2]}
    assert systems >= ({"System 1", "System 2", "System 3"} if name.startswith("names") else {"1", "2", "3"})
    assert len(rows) - 1 == len(systems) * (len(systems) - 1) / 2
    assert {(row[2], row[3]) for row in rows[1:]} == {("", "")}
    assert err == ""


def test_the_index_column_of_a_wide_table_is_no_condition_and_the_report_says_so(capsys):
    path = FILES / "wide_unnamed_index_column.csv"
    assert read_ratings(path, layout="wide")["condition"].unique().tolist() == CODECS
    assert main(["screen", str(path), "--layout", "wide"]) == 0
    assert "Left out: the column Unnamed: 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "scale", "found"),
    [("scale_0_to_1.csv", "0-1", "from 0.18 to 1,"), ("scale_1_to_5.csv", "1-5", "from 2 to 5,")],
)
def test_scores_on_another_scale_are_refused_until_it_is_declared(capsys, name, scale, found):
    assert main(["screen", str(FILES / name)]) == 2
    refusal = capsys.readouterr().err
    assert found in refusal
    assert f"--scale {scale}" in refusal
    assert len(refusal.split(f"{name}: ")[1]) < 200
    assert main(["screen", str(FILES / name), "--scale", scale]) == 0
    assert "0 of 3 raters are excluded" in capsys.readouterr().out
