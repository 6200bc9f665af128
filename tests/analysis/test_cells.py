"""What spreadsheets, R and pandas do to headers and cells is undone in every kind of file."""

import gzip
import json

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.frame import RatingsError
from analysis.readers import read_ratings

HEADER = "rater,item,condition,score\n"


def written(tmp_path, text, name="ratings.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "N/A", "#N/A", " NA "])
def test_a_missing_cell_is_missing_in_every_column(tmp_path, missing):
    columns = "role,study,session,session_state,category,spec,weights,kbps,repeat,excluded"
    row = ",".join([missing] * 10)
    frame = read_ratings(
        written(tmp_path, f"rater,item,condition,score,{columns}\na,x,A,40,{row}\na,x,B,{missing},{row}\n")
    )
    assert frame["score"].isna().tolist() == [False, True]
    assert frame["role"].tolist() == ["system", "system"]
    assert frame["repeat"].tolist() == [0, 0]
    assert frame["finished"].all()
    assert frame["kbps"].isna().all()
    for name in ("study", "session", "category", "spec", "weights", "marks"):
        assert frame[name].tolist() == ["", ""]


@pytest.mark.parametrize("column", ["rater", "item", "condition"])
def test_a_condition_may_be_called_na_and_its_reader_is_told(tmp_path, column):
    row = {"rater": "a", "item": "x", "condition": "A", "score": "40"} | {column: "NA"}
    frame = read_ratings(written(tmp_path, HEADER + ",".join(row.values()) + "\n"))
    assert frame[column].tolist() == ["NA"]
    assert frame.attrs["notes"] == (f"One {column} is called NA. If a missing {column} is meant, correct the file.",)


def test_missing_ratings_within_lists_are_missing(tmp_path):
    text = 'signal,condition,ratings,participant_ids\nx,A,"[41, NA, nan, NaN]","[1, 2, 3, 4]"\n'
    assert read_ratings(written(tmp_path, text))["score"].isna().tolist() == [False, True, True, True]


def test_every_numeric_column_may_have_a_decimal_comma(tmp_path):
    text = "rater;item;condition;score;kbps;repeat;seconds_heard\na;x;A;40,5;3,2;0;9,5\na;x;A;41;3,2;1;0,5\n"
    frame = read_ratings(written(tmp_path, text))
    assert frame["kbps"].tolist() == [3.2, 3.2]
    assert frame["seconds_heard"].astype(float).tolist() == [9.5, 0.5]


@pytest.mark.parametrize("header", ["RATER,CLIP,Condition,SCORE,Repeat.", " Rater , Item ,condition,score,REPEAT"])
def test_headers_may_be_in_any_case_and_end_with_rs_full_stop(tmp_path, header):
    frame = read_ratings(written(tmp_path, f"{header}\na,x,A,40,0\na,x,A,50,1\n"))
    assert frame[["item", "score", "repeat"]].values.tolist() == [["x", 40, 0], ["x", 50, 1]]


def test_headers_of_webmushra_and_pymushra_may_be_in_any_case(tmp_path):
    text = "Session_Test_ID,Session_UUID,Trial_ID,Rating_Stimulus,Rating_Score,Rating_Time\nt,u,x,reference,90,\n"
    assert read_ratings(written(tmp_path, text))["rater"].tolist() == ["u"]
    text = "Questionaire_UUID;WM_ID;WM_Type;WM_TestID;Responses_Stimulus;Responses_Score\nu;x;mushra;t;reference;90\n"
    assert read_ratings(written(tmp_path, text))["study"].tolist() == ["t"]


def test_two_columns_that_differ_in_case_only_are_refused(tmp_path):
    with pytest.raises(RatingsError, match="several columns called score"):
        read_ratings(written(tmp_path, "rater,item,condition,Score,SCORE\na,x,A,40,50\n"))


@pytest.mark.parametrize("name", ["-6 dB", "+3 dB", "@48k", "=1+1"])
def test_the_apostrophe_that_our_export_writes_is_removed(tmp_path, name):
    assert read_ratings(written(tmp_path, f"{HEADER}a,x,'{name},40\n"))["condition"].tolist() == [name]


def test_another_apostrophe_is_part_of_the_name(tmp_path):
    assert read_ratings(written(tmp_path, f"{HEADER}a,x,'tis,40\n"))["condition"].tolist() == ["'tis"]


def test_names_that_differ_in_their_unicode_form_only_are_one(tmp_path):
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    path = written(tmp_path, f"{HEADER}a,x,{composed},40\na,y,{decomposed},50\n")
    frame = read_ratings(path, roles={decomposed: "mid_anchor"})
    assert frame["condition"].unique().tolist() == [composed]
    assert frame["role"].unique().tolist() == ["mid_anchor"]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_that_names_the_separator_is_no_header(tmp_path, line):
    path = written(tmp_path, f"\ufeff{line}\r\nrater;item;condition;score\r\na;x, y;A;40\r\n")
    assert read_ratings(path)["item"].tolist() == ["x, y"]


ROWS = [
    {"rater": "a", "item": "x", "condition": "A", "score": 40},
    {"rater": "b", "item": "x", "condition": "A", "score": 50},
]


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_json_is_read_in_every_orientation_of_pandas_that_names_columns(tmp_path, orient):
    path = tmp_path / "ratings.json"
    pd.DataFrame(ROWS).to_json(path, orient=orient)
    assert read_ratings(path)[["rater", "score"]].values.tolist() == [["a", 40.0], ["b", 50.0]]


@pytest.mark.parametrize("found", [{"ratings": ROWS}, {"study": "s", "ratings": ROWS}, {"data": ROWS}])
def test_json_with_the_ratings_within_an_object_is_read(tmp_path, found):
    path = written(tmp_path, json.dumps(found), "ratings.json")
    assert read_ratings(path)["score"].tolist() == [40, 50]


def test_json_without_column_names_names_the_orientation_to_use(tmp_path):
    path = tmp_path / "ratings.json"
    pd.DataFrame(ROWS).to_json(path, orient="values")
    with pytest.raises(RatingsError, match='orient="records"'):
        read_ratings(path)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "xlsx"])
def test_compressed_and_plain_files_are_read_alike(tmp_path, ending):
    plain = tmp_path / f"ratings.{ending}"
    table = pd.DataFrame(ROWS)
    match ending:
        case "csv":
            table.to_csv(plain, index=False)
        case "json":
            table.to_json(plain)
        case "parquet":
            table.to_parquet(plain)
        case "xlsx":
            table.to_excel(plain, index=False)
    compressed = tmp_path / f"ratings.{ending}.gz"
    compressed.write_bytes(gzip.compress(plain.read_bytes()))
    pd.testing.assert_frame_equal(read_ratings(compressed), read_ratings(plain))
    assert read_ratings(plain)["score"].tolist() == [40, 50]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv.gz", b"no gzip", "cannot be read"),
        ("r.csv.gz", gzip.compress(b"rater,item\n", mtime=0)[:-9], "cannot be unpacked"),
        ("r.xlsx", b"no workbook", "not an Excel workbook. Save the sheet as CSV"),
        ("r.xls", b"", "the format .xls are not read. Save the sheet as CSV"),
        ("r.zip", b"", "Unpack it"),
        ("r.rds", b"", "write.csv"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_what_to_do(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RatingsError, match=message):
        read_ratings(path)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "X", "index", "...1"])
def test_a_column_that_numbers_the_rows_is_no_condition_of_a_wide_table(tmp_path, name):
    path = written(tmp_path, f"{name},rater,item,A,B\n1,a,x,40,50\n2,b,x,41,51\n")
    frame = read_ratings(path, layout="wide")
    assert frame["condition"].unique().tolist() == ["A", "B"]
    assert frame.attrs["notes"] == (
        f"Left out: the column {name or 'without a name'}, which numbers the rows and is no condition.",
    )


def test_a_condition_called_x_with_scores_stays(tmp_path):
    frame = read_ratings(written(tmp_path, "rater,item,X,B\na,x,40,50\nb,x,41,51\n"), layout="wide")
    assert frame["condition"].unique().tolist() == ["X", "B"]


OTHERWISE = "subject,clip,codec,rating\nann,x,A,40\nann,x,B,50\nben,x,A,60\nben,y,B,70\n"
RENAMED = ["--columns=subject=rater", "--columns=codec=condition", "--columns=rating=score"]


def test_columns_that_are_called_otherwise_can_be_named(tmp_path, capsys):
    path = str(written(tmp_path, OTHERWISE))
    assert main(["screen", path]) == 2
    assert "--columns OLD=NEW" in capsys.readouterr().err
    assert main(["screen", path, "--csv", *RENAMED]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["ann,False,", "ben,False,"]
    assert main(["screen", path, "--columns", "who=rater"]) == 2
    assert "There is no column who. Columns: subject, clip, codec and rating." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name", "left"),
    [("rater", "ann", ["A60", "B70"]), ("item", "y", ["A40", "B50", "A60"]), ("condition", "A", ["B50", "B70"])],
)
def test_raters_items_and_conditions_can_be_left_out_and_the_notes_say_so(tmp_path, option, name, left):
    columns = {"subject": "rater", "codec": "condition", "rating": "score"}
    frame = read_ratings(written(tmp_path, OTHERWISE), columns=columns, without={option: [name]})
    assert [
        f"{condition}{score:g}" for condition, score in zip(frame["condition"], frame["score"], strict=True)
    ] == left
    assert frame.attrs["notes"] == (f"Left out by request: the {option} {name}.",)


def test_the_command_line_leaves_out_what_it_is_told_to(tmp_path, capsys):
    path = str(written(tmp_path, OTHERWISE))
    assert main(["screen", path, "--csv", *RENAMED, "--without-rater", "ann", "--without-item", "y"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1:] == ["ben,False,"]
    assert "Left out by request: the rater ann." in err
    assert main(["screen", path, *RENAMED, "--without-condition", "C"]) == 2
    assert "There is no condition C. There are: A and B." in capsys.readouterr().err


def test_a_column_of_a_wide_table_that_holds_no_scores_can_be_left_out(tmp_path):
    path = written(tmp_path, "rater,item,gender,A\nann,x,f,40\nben,x,m,50\n")
    with pytest.raises(RatingsError, match="column gender: 'f' is no score.*--without-condition"):
        read_ratings(path, layout="wide")
    assert read_ratings(path, layout="wide", without={"condition": ["gender"]})["score"].tolist() == [40, 50]
