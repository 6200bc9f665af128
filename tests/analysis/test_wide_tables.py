"""Wide tables are read when the layout is named, and never taken for something that they may not be."""

import pytest

from analysis.frame import RatingsError
from analysis.readers import read_ratings

BY_ITEM = "rater,clip,study,Reference,Low anchor,Opus 6\nann,choir,s,100,12,\nben,choir,s,98,20,44.5\n"
BY_RATER = "rater,choir/Reference,choir/Opus 6,piano/Reference\nann,100,40,99\nben,97,,95\n"
CELLS = ["rater", "item", "condition", "role", "score"]


def written(tmp_path, text):
    path = tmp_path / "wide.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_for_each_rater_and_item_gives_a_rating_for_each_condition(tmp_path):
    frame = read_ratings(written(tmp_path, BY_ITEM), layout="wide")
    assert frame.loc[frame["score"].notna(), CELLS].values.tolist() == [
        ["ann", "choir", "Reference", "hidden_reference", 100.0],
        ["ann", "choir", "Low anchor", "low_anchor", 12.0],
        ["ben", "choir", "Reference", "hidden_reference", 98.0],
        ["ben", "choir", "Low anchor", "low_anchor", 20.0],
        ["ben", "choir", "Opus 6", "system", 44.5],
    ]
    assert frame["study"].unique().tolist() == ["s"]
    assert frame.loc[frame["score"].isna(), ["rater", "condition"]].values.tolist() == [["ann", "Opus 6"]]


def test_a_row_for_each_rater_has_columns_of_item_and_condition(tmp_path):
    frame = read_ratings(written(tmp_path, BY_RATER), layout="wide")
    assert frame.loc[frame["score"].notna(), ["rater", "item", "condition", "score"]].values.tolist() == [
        ["ann", "choir", "Reference", 100.0],
        ["ann", "choir", "Opus 6", 40.0],
        ["ann", "piano", "Reference", 99.0],
        ["ben", "choir", "Reference", 97.0],
        ["ben", "piano", "Reference", 95.0],
    ]


def test_columns_without_name_and_cells_are_no_conditions(tmp_path):
    frame = read_ratings(written(tmp_path, "rater,item,A,B,,\nann,x,4,5,,\n"), layout="wide")
    assert frame["condition"].tolist() == ["A", "B"]


def test_repeats_in_rows_of_their_own_are_kept_apart(tmp_path):
    text = "rater;item;repeat;A;B\nann;choir;0;40,5;50\nann;choir;1;44;55\n"
    frame = read_ratings(written(tmp_path, text), layout="wide")
    assert frame[["repeat", "condition", "score"]].values.tolist() == [
        [0, "A", 40.5],
        [0, "B", 50],
        [1, "A", 44],
        [1, "B", 55],
    ]


@pytest.mark.parametrize("text", [BY_ITEM, BY_RATER])
def test_a_wide_table_is_not_guessed_but_its_reader_told_what_to_do(tmp_path, text):
    with pytest.raises(RatingsError, match="For a wide table, with a column for each condition, name the layout: wide"):
        read_ratings(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,item,A\nann,choir,40\n", "needs a column rater. Columns found: name, item, A"),
        ("rater,item\nann,choir\n", "needs a column for each condition, and there is none"),
        ("rater,item,gender,A\nann,choir,,40\nben,choir,m,40\n", "Row 2, column gender: 'm' is no score. Correct it"),
        (
            "rater,item,year,A\nann,choir,1990,40\n",
            "Rater ann, item choir, condition year: 1990",
        ),
        ("rater,A,B\nann,4,5\n", "column 'A' is not called item/condition"),
        ("rater,x/y/A\nann,4\n", "column 'x/y/A' is not called item/condition, with one slash"),
        ("rater,item,A,A\nann,x,4,5\n", "There are several columns called A"),
        ("rater,item,A\nann,x,4\nann,x,5\n", "1 rating is in the table more than once"),
    ],
)
def test_what_is_no_wide_table_is_refused_with_the_place(tmp_path, text, message):
    with pytest.raises(RatingsError, match=message):
        read_ratings(written(tmp_path, text), layout="wide")
