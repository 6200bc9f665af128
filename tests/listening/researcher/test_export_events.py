"""What raters did, as a table."""

import csv
import io
import re
from datetime import datetime
from pathlib import Path

from django.core.management import call_command
from pyarrow import parquet

from listening import events
from listening.models import EventBlock, Rating

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "listening" / "static" / "listening"
HEADER = "study,session,rater,trial_position,page,number,at_ms,received_at,event,slot,condition,value"


def exported(**options):
    out = io.StringIO()
    call_command("export_results", study="speech", table="events", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def rows():
    return list(csv.DictReader(io.StringIO(exported())))


def keep(session, page, first, *found, trial=""):
    events.keep(session, events.Block(page, trial, first, found))


def test_each_event_is_a_row_with_what_lies_behind_its_slot(rated):
    trial = rated.early.trials.get(position=2)
    keep(rated.early, "page-one", 1, (0, "page_shown", None, "consent"))
    keep(
        rated.early,
        "page-two",
        1,
        (0, "play", 0, 0),
        (900, "switch", 3, 0.9),
        (950, "gain", None, -3.5),
        trial=trial.token,
    )
    assert exported().splitlines()[0] == HEADER
    shown, play, switch, gain = rows()
    assert (shown["study"], shown["session"], shown["rater"]) == ("speech", str(rated.early.pk), rated.early.rater.code)
    assert (shown["trial_position"], shown["page"], shown["number"], shown["value"]) == ("", "1", "1", "consent")
    assert (play["trial_position"], play["page"], play["number"], play["slot"]) == ("2", "2", "1", "0")
    assert play["condition"] == ""
    assert (switch["at_ms"], switch["event"], switch["slot"], switch["value"]) == ("900", "switch", "3", "0.9")
    assert switch["condition"] == Rating.objects.get(trial=trial, slot=3).condition.title
    assert gain["value"] == "-3.5"
    received = datetime.fromisoformat(gain["received_at"])
    assert abs((received - EventBlock.objects.last().received_at).total_seconds()) < 0.001


def test_rows_stand_in_the_order_in_which_things_happened(rated):
    keep(rated.careful, "page-one", 4, (40, "stop", None, None))
    keep(rated.early, "page-of-another", 1, (5, "hidden", None, None))
    keep(rated.careful, "page-two", 1, (1, "page_shown", None, "trials"))
    keep(rated.careful, "page-one", 1, *[(10 * k, "play", 1, 0) for k in (1, 2, 3)])
    found = [(row["session"], row["page"], row["number"]) for row in rows()]
    first, second = (str(session.pk) for session in (rated.careful, rated.early))
    assert sorted(found) == found
    assert found == [*[(first, "1", str(k)) for k in (1, 2, 3, 4)], (first, "2", "1"), (second, "1", "1")]


def test_parquet_has_types(rated, tmp_path):
    keep(rated.early, "page-one", 1, (0, "play", 1, 0), (7, "passage", None, "0.5 1.0"))
    exported(output=tmp_path / "events.parquet")
    play, passage = parquet.read_table(tmp_path / "events.parquet").to_pylist()
    assert (play["number"], play["at_ms"], play["slot"], play["value"]) == (1, 0, 1, "0")
    assert (passage["slot"], passage["value"]) == (None, "0.5 1.0")


def test_a_thousand_events_are_a_few_kilobytes(rated):
    found = [(250 * k, "switch", k % 12, round(k * 0.37 % 10, 3)) for k in range(1000)]
    for first in range(0, 1000, 40):
        keep(rated.early, "page-one", first + 1, *found[first : first + 40])
    assert sum(len(block.packed) for block in EventBlock.objects.all()) < 12_000
    assert len(rows()) == 1000


def test_blocks_are_read_session_by_session(rated, django_assert_num_queries):
    for session in (rated.careful, rated.early):
        for page in ("page-one", "page-two"):
            keep(session, page, 1, (0, "hidden", None, None))
    with django_assert_num_queries(1 + 2):  # the blocks, and the slots of each session
        assert len(list(rows_of(rated.study))) == 4


def rows_of(study):
    from listening.export import event_rows

    return event_rows(study)


def test_researchers_can_look_up_every_event_that_pages_tell():
    text = (ROOT / "docs" / "researchers.md").read_text()
    told = set()
    for script in STATIC.glob("*.js"):
        for call in re.findall(r"\bnote\(([^;]*?)\)[;,]", script.read_text()):
            told |= set(re.findall(r'"([a-z_]+)"', call))
    assert len(told) > 15
    assert {kind for kind in told if f"`{kind}`" not in text} == set()
