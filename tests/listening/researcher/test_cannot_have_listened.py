"""A session that cannot have listened: what the researcher sees of it, and what the statistics do with it."""

import csv
import io

import pandas as pd
import pytest
from django.urls import reverse

from analysis.readers import read_ratings
from analysis.report import build_report
from listening import export, reporting, studies
from listening.models import Session, Webhook

WHY = "8 of 8 rated sounds were never sent to the rater"


@pytest.fixture
def flagged(rated) -> Session:
    """One of the raters who finished, whose score of the hidden reference was right."""
    Session.objects.filter(pk=rated.second.pk).update(cannot_have_listened=WHY, completion_code="")
    return Session.objects.get(pk=rated.second.pk)


def table(name, study):
    columns, rows = export.TABLES[name].columns, export.TABLES[name].rows
    return [dict(zip(columns, row, strict=True)) for row in rows(study)]


def test_new_studies_leave_such_raters_out(draft):
    assert draft.screening == ["bs1534_hidden_reference", "cannot_have_listened"]


def test_the_raters_page_and_the_sessions_table_say_so(page, flagged):
    text = page.get(reverse("raters", args=[flagged.study.slug])).content.decode()
    assert text.count("cannot have listened") == text.count(WHY) == 1
    found = {row["session"]: row["cannot_have_listened"] for row in table("sessions", flagged.study)}
    assert found.pop(flagged.pk) == WHY
    assert set(found.values()) == {""}


def test_its_ratings_stay_in_the_export_and_are_left_out_of_the_report(page, flagged):
    studies.close_study(flagged.study, None)
    answer = page.get(reverse("download", args=[flagged.study.slug, "ratings"]))
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["session"] == str(flagged.pk)]
    assert len(rows) == 8
    assert {row["excluded"] for row in rows} == {f"cannot_have_listened: {WHY}"}
    flagged.study.refresh_from_db()
    report = reporting.report_of(flagged.study)
    reasons = report.screening.raters.set_index("rater")["reason"]
    assert reasons[flagged.rater.code] == f"cannot_have_listened: {WHY}"


def test_the_exported_file_leaves_out_the_same_raters_as_the_studys_report(flagged, tmp_path):
    columns, rows = export.TABLES["ratings"].columns, export.TABLES["ratings"].rows
    pd.DataFrame(rows(flagged.study), columns=list(columns)).to_csv(tmp_path / "ratings.csv", index=False)
    of_file = build_report(read_ratings(tmp_path / "ratings.csv"))
    of_study = reporting.report_of(flagged.study)
    assert flagged.rater.code in of_study.screening.excluded
    assert of_file.screening.excluded == of_study.screening.excluded
    figures = ["condition", "n_raters", "mean", "ci_low", "ci_high"]
    pd.testing.assert_frame_equal(of_file.conditions[figures], of_study.conditions[figures])


def test_a_study_may_do_without_the_rule(flagged):
    flagged.study.screening = ["bs1534_hidden_reference"]
    flagged.study.save()
    assert {row["excluded"] for row in table("ratings", flagged.study) if row["session"] == flagged.pk} == {""}
    assert {row["cannot_have_listened"] for row in table("sessions", flagged.study)} == {"", WHY}


def test_no_webhook_says_that_it_has_finished(opened, rate, monkeypatch):
    told = []
    monkeypatch.setattr("listening.webhooks.announce", lambda study, event, **facts: told.append((event, facts)))
    honest = rate(opened)
    assert [event for event, _ in told] == [Webhook.Event.RATER_FINISHED]
    monkeypatch.setattr("listening.hearing.why_impossible", lambda session: WHY)
    bot = rate(opened)
    assert (bot.state, bot.completion_code, bot.cannot_have_listened) == (Session.State.FINISHED, "", WHY)
    assert [facts["rater"] for _, facts in told] == [honest.rater.code]
