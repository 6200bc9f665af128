"""A file of ratings is read whatever it was saved as, or is refused with what it lacks."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.frame import RatingsError
from analysis.readers import read_ratings

from .studies import exported

KEY = ["rater", "item", "condition", "role", "category", "spec", "weights", "kbps", "repeat", "score"]


@pytest.fixture(scope="module")
def export() -> pd.DataFrame:
    return exported(n_raters=2, n_items=2)


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_an_export_reads_the_same_in_every_format(tmp_path, export, ending):
    path = tmp_path / f"ratings.{ending}"
    match ending:
        case "csv":
            export.to_csv(path, index=False)
        case "tsv":
            export.to_csv(path, index=False, sep="\t")
        case "json":
            export.to_json(path, orient="records")
        case "jsonl":
            export.to_json(path, orient="records", lines=True)
        case "parquet":
            export.to_parquet(path)
    frame = read_ratings(path)
    expected = export.rename(columns={"clip": "item"})[KEY]
    pd.testing.assert_frame_equal(frame[KEY], expected, check_dtype=False, check_exact=False)


def test_a_spreadsheets_semicolons_and_byte_order_mark_are_read(tmp_path, export):
    path = tmp_path / "ratings.csv"
    export.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    assert len(read_ratings(path)) == len(export)


def test_names_that_look_like_numbers_or_nothing_stay_names(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("rater,item,condition,score\nNA,007,1.50,40\nnull,007,1.50,50\n")
    frame = read_ratings(path)
    assert frame[["rater", "item", "condition"]].values.tolist() == [["NA", "007", "1.50"], ["null", "007", "1.50"]]


def test_lists_in_cells_give_one_row_per_rating(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text(
        "signal,condition,ratings,participant_ids,file\n"
        'x,Reference,"[100.0, 97]","[2, 11]",a.wav\n'
        'x,A,"[41, 32]","[2, 11]",\n'
    )
    frame = read_ratings(path)
    assert frame[["rater", "item", "condition", "score"]].values.tolist() == [
        ["2", "x", "Reference", 100.0],
        ["11", "x", "Reference", 97.0],
        ["2", "x", "A", 41.0],
        ["11", "x", "A", 32.0],
    ]


def test_lists_in_cells_of_parquet_are_read_too(tmp_path):
    path = tmp_path / "ratings.parquet"
    table = {"signal": ["x"], "condition": ["A"], "ratings": [[41.0, 32.0]], "participant_ids": [["p", "q"]]}
    pd.DataFrame(table).to_parquet(path)
    assert read_ratings(path)["score"].tolist() == [41.0, 32.0]


def test_lists_of_different_length_are_refused_with_their_row(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text('signal,condition,ratings,participant_ids\nx,A,"[41, 32]","[2]"\n')
    with pytest.raises(RatingsError, match=r"Row 1 \(x, A\) has 2 ratings and 1 participant_ids"):
        read_ratings(path)


def test_another_table_is_refused_with_what_it_has_and_what_is_needed(tmp_path):
    path = tmp_path / "things.csv"
    path.write_text("name,colour\nchair,red\n")
    with pytest.raises(RatingsError) as error:
        read_ratings(path)
    assert "things.csv" in str(error.value)
    assert "Columns found: colour and name. Needed: rater, item, condition, score." in str(error.value)
    assert "--columns OLD=NEW" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", b"", "the file is empty"),
        ("r.csv", b"rater,clip,condition,score\n", "No ratings found: the table has column names but no rows"),
        ("r.csv", b" \r\n\n", "the file is empty"),
        ("r.csv", b",,,\n,,,\n", "the file is empty"),
        ("r.csv", '"","\u00a0";\n'.encode(), "the file is empty"),
        ("r.json", b"", "the file is empty"),
        ("r.parquet", b"", "cannot be read"),
        ("r.csv", "rater,item,condition,score\nJürgen,x,A,4\n".encode("latin-1"), "not UTF-8"),
        ("r.csv", "rater,item,condition,score\nann,x,A,4\n".encode("utf-16"), "not UTF-8 .* Save it as UTF-8"),
        ("r.csv", "rater,item,condition,score\nann,x,A,4\n".encode("utf-16-le"), "not UTF-8 text .* Save it as UTF-8"),
        ("r.csv", b"rater,item,condition,score\na,x,A,4\na,x,A,4,5,6\n", "not a CSV table: row 2 has 6 cells"),
        ("r.csv", b"rater,item,condition,score\na,x,A,4\na,x,B\n", "row 2 has 3 cells, and the header has 4. Complete"),
        ("r.csv", b'rater,item,condition,score\na,x,A,4\na,"x,A,4\n', "not a CSV table: unexpected end of data"),
        ("r.csv", b"rater,item,condition,score,score\na,x,A,4,5\n", "several columns called score. Rename all but one"),
        ("r.csv", b"rater,item,condition,score\na,x,A,loud\n", r"not a number: row 1 \(rater a, item x, condition A\)"),
        ("r.json", b"{", "not JSON"),
        ("r.json", b"[1, 2]", "an array of objects"),
        ("r.json", b"[]", "These are not ratings. Columns found: none"),
        ("r.parquet", b"PAR1 and no more", "cannot be read"),
    ],
)
def test_a_broken_file_is_refused_in_words(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RatingsError, match=message):
        read_ratings(path)


def test_a_file_that_is_not_there_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(RatingsError, match="There is no such file"):
        read_ratings(tmp_path / "none.csv")
    with pytest.raises(RatingsError, match="This is not a file of ratings but a folder"):
        read_ratings(Path(tmp_path))


@pytest.mark.parametrize("text", ['a,x,A,"80,5"\na,x,B,"7,25"\na,x,C,90\n', "a;x;A;80,5\na;x;B;7,25\na;x;C;90\n"])
def test_scores_with_a_decimal_comma_are_read(tmp_path, text):
    path = tmp_path / "ratings.csv"
    path.write_text("rater,item,condition,score\n".replace(",", ";" if ";" in text else ",") + text)
    assert read_ratings(path)["score"].tolist() == [80.5, 7.25, 90]


def test_a_comma_that_would_part_thousands_is_no_score(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("rater;item;condition;score\na;x;A;1,234,567\n")
    with pytest.raises(RatingsError, match="not a number.*1,234,567"):
        read_ratings(path)


def test_commas_and_points_in_one_column_are_refused_with_their_rows(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("rater;item;condition;score\na;x;A;80\na;x;B;80,5\na;x;C;70.5\n")
    with pytest.raises(RatingsError, match="Row 2 has the score 80,5 and row 3 70.5. Write all with a point"):
        read_ratings(path)


@pytest.mark.parametrize("name", ['"comment (good, bad, so-so, odd, none)"', "comment (good, bad, so-so, odd, none)"])
def test_separators_within_names_do_not_mislead(tmp_path, name):
    path = tmp_path / "ratings.csv"
    path.write_text(f"rater;item;condition;score;{name}\na;x;A;80;fine\na;x;B;70;rough, but fine\n")
    assert read_ratings(path)["score"].tolist() == [80, 70]


@pytest.mark.parametrize("empty", ["", "   ", ",,,", ", ,,"])
def test_empty_rows_are_passed_over(tmp_path, empty):
    path = tmp_path / "ratings.csv"
    path.write_text(f"{empty}\nrater,item,condition,score\na,x,A,80\n{empty}\na,x,B,70\n{empty}\n{empty}\n")
    assert read_ratings(path)["score"].tolist() == [80, 70]


def test_rows_that_a_spreadsheet_ended_with_separators_are_read(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("rater,item,condition,score\na,x,A,80,\na,x,B,70,\n")
    assert read_ratings(path)["rater"].tolist() == ["a", "a"]


def test_a_named_layout_is_held_to(tmp_path, export):
    path = tmp_path / "ratings.csv"
    export.to_csv(path, index=False)
    assert len(read_ratings(path, layout="export")) == len(export)
    with pytest.raises(
        RatingsError, match="As webMUSHRA the table lacks rating_score, rating_stimulus, session_test_id"
    ):
        read_ratings(path, layout="webmushra")
    with pytest.raises(RatingsError, match="There is no layout 'long'. Layouts: webmushra, pymushra, export, tidy"):
        read_ratings(path, layout="long")
