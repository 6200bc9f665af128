"""The report of a study says who listened and how many of those who began are in it."""

from django.utils import timezone

from listening import reporting, withdrawing
from listening.models import Answer, Session


def steps(study) -> dict[str, int]:
    attrition = reporting.report_of(study).listeners.attrition
    return dict(zip(attrition["step"], attrition["n"], strict=True))


def test_the_report_counts_raters_by_how_far_they_came(rated):
    assert steps(rated.study) == {
        "invited": None,
        "began": 4,
        "started": 4,
        "screened out": 0,
        "withdrawn": 0,
        "timed out": 0,
        "left": 1,
        "finished": 3,
        "excluded": 1,  # the careless one
        "analysed": 2,
    }


def test_a_rater_who_was_deleted_is_counted_as_withdrawn(rated):
    withdrawing.delete_rater(rated.study, rated.early.rater.code, None, confirmed=True)
    rated.study.refresh_from_db()
    found = steps(rated.study)
    assert (found["began"], found["withdrawn"], found["left"]) == (4, 1, 0)


def test_answers_and_headphone_tests_describe_the_listeners(rated):
    for session, age in ((rated.careful, "25-34"), (rated.careless, "45-54")):
        asked = {"questionnaire": "equipment", "occurrence": 1, "question": "age", "kind": "choice"}
        Answer.objects.create(session=session, value=age, answered_at=timezone.now(), **asked)
    Session.objects.filter(pk=rated.careful.pk).update(language="en")
    found = reporting.report_of(rated.study).listeners
    rows = found.traits.set_index(["trait", "value"])
    assert rows.loc[("equipment: age", "25-34"), ["n_analysed", "n_started"]].tolist() == [1, 1]
    assert rows.loc[("equipment: age", "45-54"), ["n_analysed", "n_started"]].tolist() == [0, 1]
    assert rows.loc[("device of the browser", "computer"), "n_started"] == 4
    assert found.amounts["trait"].tolist()[0] == "duration, minutes"
