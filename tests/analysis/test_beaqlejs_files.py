"""Results of BeaqleJS, a file for each rater, are read together from their folder."""

import json

import pytest

from analysis.frame import RatingsError
from analysis.readers import read_ratings


def result(user: str, sets: dict[str, dict[str, object] | None], runtime: int = 61234) -> list[dict[str, object]]:
    """What BeaqleJS saves: test set -> label -> score, or None for a set that was not shown."""
    parts: list[dict[str, object]] = [
        {"TestID": name} if rating is None else {"TestID": name, "Runtime": runtime, "rating": rating, "filename": {}}
        for name, rating in sets.items()
    ]
    return [*parts, {"UserName": user, "UserEmail": f"{user}@example.org", "UserComment": "a, b & c"}]


def save(path, found):
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["20260102-1200_ann0.txt", "ann.json"])
def test_a_file_is_one_rater(tmp_path, name):
    path = save(tmp_path / name, result("ann", {"choir": {"Reference": 100, "anchor": 12, "new": 66.5}}))
    frame = read_ratings(path)
    assert frame[["rater", "item", "condition", "role", "score"]].values.tolist() == [
        ["ann", "choir", "Reference", "hidden_reference", 100.0],
        ["ann", "choir", "anchor", "low_anchor", 12.0],
        ["ann", "choir", "new", "system", 66.5],
    ]
    assert "example.org" not in frame.to_csv()


def test_a_folder_is_all_raters(tmp_path):
    save(tmp_path / "1.txt", result("ann", {"choir": {"Reference": 100, "new": 60}, "piano": None}))
    save(tmp_path / "2.json", result("Zoë", {"choir": None, "piano": {"Reference": 90, "new": 50}}))
    (tmp_path / ".htaccess").write_text("deny from all")
    frame = read_ratings(tmp_path)
    assert frame[["rater", "item"]].drop_duplicates().values.tolist() == [["ann", "choir"], ["Zoë", "piano"]]


def test_raters_without_a_name_or_of_one_name_are_called_by_their_files(tmp_path):
    for number, user in enumerate(["", "test", "test", "ann"]):
        save(tmp_path / f"{number}.txt", result(user, {"choir": {"Reference": 90 + number}}))
    assert read_ratings(tmp_path)["rater"].tolist() == ["0", "1", "2", "ann"]


def test_a_file_called_as_another_rater_is_not_taken_for_that_rater(tmp_path):
    save(tmp_path / "ann.json", result("", {"choir": {"Reference": 91}}))
    save(tmp_path / "2.txt", result("ann", {"piano": {"Reference": 92}}))
    assert sorted(read_ratings(tmp_path)["rater"]) == ["2.txt", "ann.json"]


def test_results_sent_twice_are_refused(tmp_path):
    sets = {"choir": {"Reference": 100, "new": 60}}
    save(tmp_path / "1.txt", result("ann", sets))
    save(tmp_path / "2.txt", result("ann again", sets))
    with pytest.raises(RatingsError, match="2.txt is a copy of 1.txt. Remove one of them."):
        read_ratings(tmp_path)


def test_equal_scores_of_two_raters_are_no_copy(tmp_path):
    save(tmp_path / "1.txt", result("ann", {"choir": {"Reference": 100}}, runtime=61001))
    save(tmp_path / "2.txt", result("ben", {"choir": {"Reference": 100}}, runtime=58444))
    assert len(read_ratings(tmp_path)) == 2


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([{"TestID": "a", "rating": {"x": 1}}, {"TestID": "a", "rating": {"x": 2}}], "has the TestID a twice"),
        ([{"TestID": "a", "rating": True}], "TestID a: rating is True, and not a score for each file"),
        ([{"TestID": "a", "rating": {"x": True}}], "TestID a, x: True is no score"),
        ([{"TestID": "a", "rating": {"x": "loud"}}], "TestID a, x: 'loud' is no score"),
        (
            [{"TestID": "a", "rating": {"x": 101}}],
            "range from 101 to 101, .* item a, condition x: 101",
        ),
        ([{"TestID": "a"}, True], "has something else than test sets with a TestID: True"),
        ([{"TestID": "a"}, {"UserName": "ann"}], "No ratings found: no test set has a rating"),
    ],
)
def test_other_tests_and_broken_results_are_refused_with_the_place(tmp_path, found, message):
    with pytest.raises(RatingsError, match=message):
        read_ratings(save(tmp_path / "r.txt", found))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "2.txt: The file is not JSON"),
        ("", "2.txt: .*empty"),
        ("[1]", "2.txt is no result"),
        ("a,b\n", "2.txt is"),
    ],
)
def test_a_folder_with_something_else_names_it(tmp_path, content, message):
    save(tmp_path / "1.txt", result("ann", {"choir": {"Reference": 100}}))
    (tmp_path / "2.txt").write_text(content)
    with pytest.raises(RatingsError, match=message):
        read_ratings(tmp_path)


def test_the_layout_may_be_named_and_is_then_held_to(tmp_path):
    path = save(tmp_path / "r.json", result("ann", {"choir": {"Reference": 100}}))
    assert len(read_ratings(path, layout="beaqlejs")) == 1
    save(path, [{"rater": "ann", "item": "x", "condition": "A", "score": 1}])
    with pytest.raises(RatingsError, match="no result of BeaqleJS"):
        read_ratings(path, layout="beaqlejs")
    with pytest.raises(RatingsError, match="not a file but a folder"):
        read_ratings(tmp_path, layout="webmushra")
