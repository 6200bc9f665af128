"""The report says who listened, and where those went who are not in the results."""

import json

import pandas as pd
import pytest

from analysis.listeners import ListenerTables, listeners
from analysis.report import build_report

from .studies import FEW, exported
from .test_report import text_of

STATES = {
    "R01": "finished",
    "R02": "finished",
    "R03": "finished",
    "R04": "trials",
    "R05": "screened_out",
    "R06": "timed_out",
    "R07": "consent",
    "R08": "closed",
}
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari/537.36"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def tables(**options) -> ListenerTables:
    sessions = pd.DataFrame({"rater": list(STATES), "session_state": list(STATES.values())})
    sessions["consented_at"] = ["" if state == "consent" else "2026-03-01T10:00:00+00:00" for state in STATES.values()]
    minutes = iter((20, 30, 60))
    sessions["finished_at"] = [
        f"{pd.Timestamp('2026-03-01T10:00Z') + pd.Timedelta(minutes=next(minutes)):%Y-%m-%dT%H:%M:%S+00:00}"
        if state == "finished"
        else ""
        for state in STATES.values()
    ]
    sessions["language"] = ["en", "de", "en", "de", "en", "en", "en", ""]
    sessions["browser"] = [DESKTOP, PHONE, DESKTOP, "", DESKTOP, DESKTOP, DESKTOP, PHONE]
    sessions["headphones"] = ["passed", "passed", "passed", "", "failed", "passed", "", "passed"]
    rows = [
        ("R01", "equipment", 1, "age", "choice", "25-34"),
        ("R02", "equipment", 1, "age", "choice", "35-44"),
        ("R03", "equipment", 1, "age", "choice", "25-34"),
        ("R04", "equipment", 1, "age", "choice", ""),
        ("R01", "equipment", 1, "model", "text", "Ann's own headphones"),
        ("R01", "mine", 1, "years", "number", "4"),
        ("R02", "mine", 1, "years", "number", "10"),
        ("R01", "mine", 2, "years", "number", "40"),
        ("R01", "mine", 1, "plays", "choice", "piano;drums"),
        ("R07", "mine", 1, "plays", "choice", "piano"),
    ]
    answers = pd.DataFrame(rows, columns=["rater", "questionnaire", "occurrence", "question", "kind", "answer"])
    return ListenerTables(sessions, answers, **options)


def counted(found) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (row["trait"], row["value"]): (row["n_analysed"], row["n_started"]) for row in found.traits.to_dict("records")
    }


def test_each_listener_who_began_is_in_one_step():
    found = listeners(tables(withdrawn=2, invited=30), analysed=["R01", "R02"])
    n = dict(zip(found.attrition["step"], found.attrition["n"], strict=True))
    assert n == {
        "invited": 30,
        "began": 10,
        "started": 9,
        "screened out": 1,
        "withdrawn": 2,
        "timed out": 1,
        "left": 2,
        "finished": 3,
        "excluded": 1,
        "analysed": 2,
    }
    assert n["started"] == sum(n[step] for step in ("screened out", "withdrawn", "timed out", "left", "finished"))


def test_traits_come_from_sessions_and_questionnaires():
    found = listeners(tables(), analysed=["R01", "R02"])
    n = counted(found)
    assert n["language", "en"] == (1, 4)
    assert n["language", "de"] == (1, 2)
    assert n["device of the browser", "phone or tablet"] == (1, 2)
    assert n["headphone test", "passed"] == (2, 5)
    assert n["headphone test", "failed"] == (0, 1)
    assert n["headphone test", "not taken"] == (0, 1)
    assert n["equipment: age", "25-34"] == (1, 2)
    assert n["mine: plays", "piano"] == n["mine: plays", "drums"] == (1, 1)


def test_numbers_have_their_median_and_range_and_count_once():
    found = listeners(tables(), analysed=["R01", "R02"]).amounts.set_index(["trait", "group"])
    assert found.loc[("duration, minutes", "started")].tolist() == [3, 30, 20, 60]
    assert found.loc[("duration, minutes", "analysed")].tolist() == [2, 25, 20, 30]
    assert found.loc[("mine: years", "analysed")].tolist() == [2, 7, 4, 10]


def test_what_a_listener_wrote_is_not_in_it():
    found = listeners(tables(), analysed=["R01"])
    assert "Ann" not in f"{found.traits.to_csv()} {found.amounts.to_csv()}"


def test_sessions_alone_suffice_and_what_they_lack_is_left_out():
    sessions = tables().sessions[["rater", "session_state"]]
    found = listeners(ListenerTables(sessions), analysed=["R01"])
    assert dict(zip(found.attrition["step"], found.attrition["n"], strict=True))["finished"] == 3
    assert found.traits.empty
    assert found.amounts.empty


@pytest.fixture(scope="module")
def report():
    return build_report(exported(3, 5, conditions=FEW), screening=["none"], listener_tables=tables(withdrawn=1))


def test_the_report_has_a_section_on_listeners(report, tmp_path):
    text = text_of(report.html)
    for words in (
        "Listeners, from the invitation to the results.",
        "Invited not recorded Began at the study's link 9",
        "Screened out before the trials 1 Withdrew; their data were deleted 1",
        "Analysed 3",
        "headphone test passed 3 5",
        "equipment: age 25-34 2 2",
        "duration, minutes analysed 3 30.0 20.0 to 60.0",
    ):
        assert words in text
    report.save(tmp_path)
    found = json.loads((tmp_path / "tests.json").read_text())["listeners"]
    assert found["attrition"][0] == {"step": "invited", "n": None}
    assert len(pd.read_csv(tmp_path / "listeners.csv")) == len(report.listeners.traits)
    assert report.pdf


def test_without_sessions_the_report_has_no_such_section():
    report = build_report(exported(3, 5, conditions=FEW), screening=["none"])
    assert "Listeners" not in [section.title for section in report.document.sections]
    assert "listeners.csv" not in report.tables()
    assert report.tests()["listeners"] is None
