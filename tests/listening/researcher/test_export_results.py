import csv
import io
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from analysis.readers import read_ratings
from analysis.report import build_report
from listening import studies
from listening.export import RATINGS, SESSIONS, rating_rows
from listening.models import AuditLine, Clip, Condition, Rating, Rendering, Study
from listening.reporting import report_of

ROOT = Path(__file__).parents[3]
HEADER = (
    "study,session,session_state,rater,clip,category,condition,role,spec,weights,kbps,score,repeat,trial_position,slot,"
    "plays,seconds_heard,started_at,rated_at,excluded"
)
COLUMNS = HEADER.split(",")


def exported(**options):
    out = io.StringIO()
    call_command("export_results", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_columns_are_the_promised_ones_in_their_order(closed):
    assert exported(study="speech").splitlines()[0] == HEADER


def test_there_is_a_row_for_each_counted_score(closed):
    rows = rows_of(exported(study="speech"))
    assert len(rows) == 3 * 2 * 4 + 4  # three raters with two trials of four signals, one who left after the first
    assert {row["session_state"] for row in rows} == {"finished", "closed"}


def test_training_is_not_in_it(closed):
    assert Rating.objects.filter(trial__training=True, score__isnull=False).count() == 16
    assert {row["trial_position"] for row in rows_of(exported(study="speech"))} == {"1", "2"}


def test_each_row_says_what_was_rated_and_how(closed):
    rating = Rating.objects.filter(trial__session=closed.careful, trial__position=1, condition__spec="opus@12").get()
    rendering = Rendering.objects.get(clip=rating.trial.clip, condition=rating.condition)
    rows = rows_of(exported(study="speech"))
    row = next(
        row
        for row in rows
        if row["rater"] == closed.careful.rater.code and row["spec"] == "opus@12" and row["trial_position"] == "1"
    )
    assert (row["study"], row["session"], row["clip"]) == ("speech", str(closed.careful.pk), rating.trial.clip.name)
    assert (row["condition"], row["role"], row["category"]) == ("Opus 12 kbps", "system", "speech")
    assert float(row["kbps"]) == rendering.kbps
    assert (row["score"], row["repeat"], row["slot"]) == ("70", "0", str(rating.slot))
    assert (row["plays"], row["seconds_heard"]) == ("2", "3.5")
    assert datetime.fromisoformat(row["rated_at"]).utcoffset() == timedelta(0)
    assert abs(datetime.fromisoformat(row["rated_at"]) - rating.rated_at) < timedelta(milliseconds=1)
    assert datetime.fromisoformat(row["started_at"]) <= datetime.fromisoformat(row["rated_at"])


def test_what_codes_nothing_has_no_bitrate(closed):
    rows = rows_of(exported(study="speech"))
    assert {row["kbps"] for row in rows if row["role"] != "system"} == {""}


def test_raters_go_by_their_code_and_never_by_their_token(closed):
    for table in ("ratings", "sessions"):
        text = exported(study="speech", table=table)
        assert closed.careful.rater.code in text
        for session in closed.study.sessions.all():
            assert session.rater.token not in text


def test_who_is_excluded_is_marked_with_the_reason(closed):
    rows = rows_of(exported(study="speech"))
    why = {row["rater"]: row["excluded"] for row in rows}
    assert why[closed.careful.rater.code] == ""
    assert why[closed.careless.rater.code].startswith("bs1534_hidden_reference: hidden reference below 90 in 2 of 2")
    assert why[closed.early.rater.code] == "session not finished (4 ratings given)"


def test_rules_on_listening_mark_in_the_export_whom_they_exclude_from_the_report(closed):
    Study.objects.update(screening=["not_heard", "too_fast"])
    given = Rating.objects.filter(trial__session__study__slug="speech", score__isnull=False)
    for rating in given.select_related("trial"):
        rating.trial.started_at = rating.rated_at - timedelta(seconds=30)
        rating.trial.save()
    given.update(seconds_heard=3)
    given.filter(trial__session=closed.careless).update(seconds_heard=0.2)
    why = {row["rater"]: row["excluded"] for row in rows_of(exported(study="speech"))}
    assert why[closed.careful.rater.code] == ""
    assert why[closed.careless.rater.code].startswith("not_heard: rated after less than 1 s of it were heard in 8 of 8")
    report = report_of(Study.objects.get(slug="speech"))
    assert set(report.screening.excluded) == {rater for rater, reason in why.items() if reason}
    assert not any("not_heard" in note or "too_fast" in note for note in report.screening.notes)


def test_a_study_without_screening_excludes_nobody_who_finished(closed):
    Study.objects.update(screening=[])
    why = {row["rater"]: row["excluded"] for row in rows_of(exported(study="speech"))}
    assert why[closed.careless.rater.code] == ""
    assert why[closed.early.rater.code] != ""


def test_the_report_from_the_export_excludes_whom_the_study_does(closed, tmp_path):
    exported(study="speech", output=tmp_path / "ratings.csv")
    report = build_report(read_ratings(tmp_path / "ratings.csv"))
    assert set(report.screening.excluded) == {closed.careless.rater.code, closed.early.rater.code}
    means = report.conditions.set_index("condition")["mean"]
    assert means["Opus 12 kbps"] == (70 + 62) / 2


def test_all_formats_say_the_same(closed, tmp_path):
    as_csv = rows_of(exported(study="speech"))
    as_json = json.loads(exported(study="speech", format="json"))
    exported(study="speech", output=tmp_path / "ratings.parquet")
    as_parquet = parquet.read_table(tmp_path / "ratings.parquet").to_pylist()
    assert len(as_csv) == len(as_json) == len(as_parquet)
    for text, plain, typed in zip(as_csv, as_json, as_parquet, strict=True):
        assert list(text) == list(plain) == list(typed) == COLUMNS
        assert text == {name: "" if value is None else str(value) for name, value in plain.items()}
        stamp = typed["rated_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert typed | {"rated_at": stamp, "started_at": plain["started_at"]} == plain


def test_parquet_has_types(closed, tmp_path):
    exported(study="speech", output=tmp_path / "ratings.parquet")
    schema = parquet.read_schema(tmp_path / "ratings.parquet")
    assert schema.field("score").type == pa.int64()
    assert schema.field("kbps").type == pa.float64()
    assert schema.field("rated_at").type == pa.timestamp("us", tz="UTC")


def test_json_of_nothing_is_an_empty_list(opened):
    assert json.loads(exported(study="speech", format="json")) == []


def test_the_table_of_sessions_has_everyone_who_came(closed):
    rows = {row["rater"]: row for row in rows_of(exported(study="speech", table="sessions"))}
    assert list(next(iter(rows.values()))) == list(SESSIONS)
    assert len(rows) == 4
    row = rows[closed.careful.rater.code]
    assert (row["session_state"], row["trials_done"], row["trials"], row["ratings"]) == ("finished", "2", "2", "8")
    assert (row["plays"], row["seconds_heard"], row["browser"]) == ("16", "28.0", "Firefox")
    assert json.loads(row["outside_ids"]) == {"PROLIFIC_PID": "p1"}
    assert (row["completion_code"], row["seed"]) == (closed.careful.completion_code, str(closed.careful.seed))
    early = rows[closed.early.rater.code]
    assert (early["trials_done"], early["trials"], early["ratings"], early["session_state"]) == (
        "1",
        "2",
        "4",
        "closed",
    )
    assert early["excluded"] == "session not finished (4 ratings given)"


def test_who_only_opened_the_link_is_a_session_without_trials(opened):
    from listening import sessions

    sessions.start(opened, outside_ids={}, locale="", browser="")
    (row,) = rows_of(exported(study="speech", table="sessions"))
    assert (row["session_state"], row["trials"], row["ratings"], row["plays"]) == ("consent", "0", "0", "0")
    assert row["excluded"] == "session not finished (0 ratings given)"


def test_what_people_typed_is_no_formula_in_a_spreadsheet(closed):
    Clip.objects.filter(pk=closed.study.clips.first().pk).update(name="=HYPERLINK(1)", category="@sum")
    text = exported(study="speech")
    assert ",'=HYPERLINK(1),'@sum," in text
    assert ",=HYPERLINK" not in text
    comments = {row["comment"] for row in rows_of(exported(study="speech", table="sessions"))}
    assert comments == {"'=1+1 thank you", ""}
    names = {row["clip"] for row in json.loads(exported(study="speech", format="json"))}
    assert "=HYPERLINK(1)" in names  # formulas are a matter of spreadsheets only


def test_an_export_while_the_study_is_open_warns_and_is_noted(rated):
    err = io.StringIO()
    call_command("export_results", study="speech", stdout=io.StringIO(), stderr=err)
    assert "speech is open" in err.getvalue()
    line = AuditLine.objects.latest("id")
    assert (line.study, line.user) == (rated.study, None)
    assert line.what == "ratings exported on the command line while the study was open"


def test_an_export_of_a_closed_study_warns_of_nothing_and_is_noted(closed):
    before = AuditLine.objects.count()
    err = io.StringIO()
    call_command("export_results", study="speech", stdout=io.StringIO(), stderr=err)
    assert (err.getvalue(), AuditLine.objects.count()) == ("", before + 1)
    line = AuditLine.objects.last()
    assert (line.who, line.what) == ("command line", "ratings exported on the command line")


def test_without_a_study_all_are_written(closed, researcher):
    studies.create_study(researcher, "Other")
    rows = rows_of(exported())
    assert {row["study"] for row in rows} == {"speech"}
    assert len(rows) == 28


def test_an_unknown_study_is_answered_with_those_there_are(closed, researcher):
    studies.create_study(researcher, "Other")
    with pytest.raises(CommandError, match="There is no study 'speach'. Studies: speech, other."):
        exported(study="speach")


def test_a_file_is_there_whole_or_not_at_all(closed, tmp_path):
    target = tmp_path / "ratings.csv"
    target.write_text("what was there")
    Study.objects.update(screening=["no_such_rule"])
    with pytest.raises(CommandError, match="There is no screening rule no_such_rule"):
        exported(study="speech", output=target)
    assert target.read_text() == "what was there"
    Study.objects.update(screening=[])
    exported(study="speech", output=target)
    assert len(rows_of(target.read_text())) == 28
    assert list(tmp_path.glob(".*part*")) == []


def test_a_full_disk_is_said_in_words(closed):
    with pytest.raises(CommandError, match="/dev/full can't be written: No space left on device."):
        exported(study="speech", output=Path("/dev/full"))


@pytest.mark.parametrize(
    ("output", "said"), [("nowhere/ratings.csv", "There is no folder .*/nowhere"), (".", "is a folder")]
)
def test_a_place_that_cannot_be_written_is_said_in_words(closed, tmp_path, output, said):
    with pytest.raises(CommandError, match=said):
        exported(study="speech", output=tmp_path / output)


def test_parquet_needs_a_file(closed):
    with pytest.raises(CommandError, match="Name a file with --output FILE"):
        exported(study="speech", format="parquet")


def test_rows_stream_in_blocks(closed, django_assert_num_queries):
    with django_assert_num_queries(3):  # screening, bitrates, rows
        rows = list(rating_rows(closed.study))
    assert all(len(row) == len(RATINGS) for row in rows)


def test_two_conditions_of_one_codec_are_told_apart(opened):
    titles = list(opened.conditions.values_list("title", flat=True))
    assert len(set(titles)) == len(titles) == Condition.objects.count()


def shown(frame):
    """What must be the same; of the reference and the anchors the role is, not the name."""
    system = frame["condition"].where(frame["role"] == "system", "")
    columns = ["study", "rater", "item", "repeat", "role", "system", "score", "finished", "marks"]
    return frame.assign(system=system)[columns].sort_values(columns[:6]).reset_index(drop=True)


@pytest.mark.parametrize("chosen", ["webmushra", "pymushra"])
def test_ratings_for_other_programs_come_back_the_same(closed, tmp_path, chosen):
    Clip.objects.filter(pk=closed.study.clips.first().pk).update(name='"Piano", forte; R&B é')
    exported(study="speech", output=tmp_path / "ratings.csv")
    err = io.StringIO()
    call_command("export_results", study="speech", format=chosen, output=tmp_path / "other.csv", stderr=err)
    assert "28 ratings written to" in err.getvalue()
    expected, read = read_ratings(tmp_path / "ratings.csv"), read_ratings(tmp_path / "other.csv")
    pd.testing.assert_frame_equal(shown(read), shown(expected))
    assert set(read["marks"]) == set(expected["marks"]) != {""}


def test_webmushra_to_the_standard_output_begins_with_its_columns(closed):
    header, first, *_ = exported(study="speech", format="webmushra").splitlines()
    assert header.startswith("session_test_id,")
    assert header.endswith("session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment")
    assert first.startswith("speech,")


@pytest.mark.parametrize("table", ["sessions", "answers", "events", "comments"])
@pytest.mark.parametrize("chosen", ["webmushra", "pymushra"])
def test_other_tables_for_other_programs_are_refused(closed, tmp_path, table, chosen):
    with pytest.raises(CommandError, match=f"A file of {chosen} holds ratings only, no {table}. Leave out --table"):
        exported(study="speech", format=chosen, table=table, output=tmp_path / "r.csv")
    assert not list(tmp_path.glob("*r.csv*"))


def test_ratings_for_other_programs_need_ratings(opened, tmp_path):
    with pytest.raises(CommandError, match="No ratings found"):
        exported(study="speech", format="webmushra", output=tmp_path / "r.csv")
    assert not list(tmp_path.glob("*r.csv*"))


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path):
    """As in `manage.py export_results | head -1`."""
    environment = os.environ | {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "evalapp.settings"}
    manage = f"{sys.executable} {ROOT / 'manage.py'}"
    script = f"{manage} migrate -v0 --skip-checks && {manage} export_results --skip-checks | true"
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
