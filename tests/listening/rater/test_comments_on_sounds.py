"""Comments on single sounds, saved and exported."""

import json

import pytest

from listening import export, sessions
from listening.models import Rating
from listening.protocol import read
from tests.listening.rater.conftest import come


@pytest.fixture
def at_trial(walked):
    """A rater on the first page that counts, in a study that takes comments."""

    def go(study):
        study.protocol = read({"rating": {"comments": True}})
        study.save()
        return come(study).to_trials()

    return walked("may comment", go)


def stored(walker, slot=1):
    return Rating.objects.get(trial=sessions.current_trial(walker.session), slot=slot).comment


def test_a_comment_is_saved_with_its_slot_and_comes_back(at_trial):
    answer = at_trial.save(1, None, 1, comment="Sizzles.\nÉtrange 🎧")
    assert answer.json()["comment"] == stored(at_trial) == "Sizzles.\nÉtrange 🎧"
    at_trial.open()
    assert [each.get("comment") for each in at_trial.setup["slots"]] == ["Sizzles.\nÉtrange 🎧", None, None, None]


def test_a_write_without_a_comment_leaves_it_and_an_empty_one_takes_it_away(at_trial):
    at_trial.save(1, 50, 1, comment="Dull")
    at_trial.save(1, 60, 2)
    assert stored(at_trial) == "Dull"
    at_trial.save(1, 60, 3, comment="")
    assert stored(at_trial) == ""


def test_a_late_comment_does_not_undo_a_later_one(at_trial):
    at_trial.save(1, 50, 7, comment="second")
    assert at_trial.save(1, 50, 6, comment="first").json()["comment"] == "second"


@pytest.mark.parametrize("comment", [5, True, ["x"], "x" * 1001])
def test_what_is_no_comment_is_refused(at_trial, comment):
    answer = at_trial.save(1, 50, 1, comment=comment)
    assert answer.status_code == 400
    assert "at most 1000 characters" in answer.json()["error"]


def test_the_longest_comment_in_any_script_fits(at_trial):
    assert at_trial.save(1, 50, 1, comment="𝄞" * 1000).status_code == 400  # as a script that escapes it: 12 bytes each
    body = {"trial": at_trial.setup["trial"], "slot": 1, "score": 50, "plays": 1, "seconds_heard": 1, "revision": 1}
    text = json.dumps({**body, "comment": "𝄞" * 1000}, ensure_ascii=False)  # as browsers write it
    assert at_trial.post_write(text.encode()).status_code == 200
    assert stored(at_trial) == "𝄞" * 1000


def test_what_a_database_does_not_take_is_left_out(at_trial):
    assert at_trial.save(1, 50, 1, comment="a\x00b\ud83dc").status_code == 200
    assert stored(at_trial) == "ab\ufffdc"


def test_comments_are_a_table_of_their_own_and_the_ratings_keep_their_columns(opened, at_trial):
    at_trial.save(2, 70, 1, comment="Muffled")
    at_trial.save(3, None, 1, comment="=cmd")
    rows = [dict(zip(export.COMMENTS, row, strict=True)) for row in export.comment_rows(opened)]
    assert [(row["slot"], row["score"], row["comment"], row["trial_position"]) for row in rows] == [
        (2, 70, "Muffled", 1),
        (3, None, "=cmd", 1),
    ]
    assert rows[0]["rater"] == at_trial.session.rater.code
    assert "comment" not in export.RATINGS


def test_comments_made_in_training_are_not_exported(opened, walker):
    opened.protocol = read({"rating": {"comments": True}})
    opened.save()
    walker.to_training().save(1, 50, 1, comment="practice")
    assert list(export.comment_rows(opened)) == []


def test_a_study_without_comments_shows_no_field_for_them(opened, walker):
    walker.to_training()
    assert "textarea" not in walker.text
    opened.protocol = read({"rating": {"comments": True}})
    opened.save()
    walker.open()
    assert walker.text.count('maxlength="1000"') == 4
