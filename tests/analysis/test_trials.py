"""Files as R, spreadsheets, pandas and other test programs write them give the same results as the files they came from.

`tests/data/files_as_people_have_them` was made for these tests and carries no rights.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.files import read_file
from analysis.readers import read_ratings

FILES = Path(__file__).parent.parent / "data" / "files_as_people_have_them"

EXPORT = ["Reference", "Lyra 3.2", "Lyra 6", "EnCodec 6", "EnCodec 3", "Mid anchor", "EVS 9.6", "EnCodec 12", "Low anchor"]
EXPORT += ["Opus 6", "EnCodec 1.5", "Opus 12"]
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
        ("ratings.xlsx", "export.csv"),
    ],
)
def test_an_export_through_another_program_gives_the_same_report(tmp_path, name, original):
    def analysed(name):
        folder = tmp_path / name
        assert main(["screen", str(FILES / name), "--csv", "--screening", "bs1534_hidden_reference", "too_fast"]) == 0
        frame = read_ratings(FILES / name)
        frame.to_csv(folder.with_suffix(".tidy.csv"), index=False)
        return frame

    found, expected = analysed(name), analysed(original)
    columns = [each for each in expected.columns if each not in ("kbps", "has_marks", "seconds_heard")]
    pd.testing.assert_frame_equal(found[columns], expected[columns], check_dtype=False)
    if "without_kbps" not in name and "repeats" not in name:
        pd.testing.assert_series_equal(found["kbps"], expected["kbps"])
    heard = [pd.to_numeric(frame["seconds_heard"]) for frame in (found, expected)]
    pd.testing.assert_series_equal(*heard)
