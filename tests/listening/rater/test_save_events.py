"""Events of a rater's pages: each is stored once, whatever way it comes, and nothing bad gets in."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

import listening
from listening import events
from listening.models import EventBlock, Session
from listening.ratings import Refused

PAGE = "a1b2c3d4e5"
STATIC = Path(listening.__file__).parent / "static" / "listening"


def send(walker, start=1, n=3, **changes):
    """A block as the page's script sends it; event `k` happened in millisecond `k`."""
    found = [[k, "switch", k % 5, 0.25] for k in range(start, start + n)]
    body = {"page": PAGE, "trial": walker.setup["trial"], "first": start, "events": found, **changes}
    return post(walker, json.dumps(body))


def post(walker, body):
    answer = walker.client.post(f"{walker.url}events/", body, content_type="application/json")
    walker.seen.append(answer)
    return answer


def stored(page=PAGE):
    """Numbers and milliseconds of everything that is stored of a page."""
    found = []
    for block in EventBlock.objects.filter(page=page):
        found += [(number, event[0]) for number, event in enumerate(block.events, start=block.first)]
    return sorted(found)


def numbers(first, last):
    return [(k, k) for k in range(first, last + 1)]


def test_events_are_stored_with_their_trial(at_trial):
    answer = send(at_trial)
    assert (answer.status_code, answer.json()) == (200, {"new": 3})
    block = EventBlock.objects.get()
    assert (block.trial.token, block.first, block.count) == (at_trial.setup["trial"], 1, 3)
    assert block.events == [(1, "switch", 1, 0.25), (2, "switch", 2, 0.25), (3, "switch", 3, 0.25)]


def test_pages_without_a_trial_have_events_too(walker):
    body = {"page": PAGE, "trial": "", "first": 1, "events": [[0, "page_shown", None, "consent"]]}
    assert post(walker, json.dumps(body)).json() == {"new": 1}
    assert EventBlock.objects.get().trial is None


def test_a_block_sent_twice_is_stored_once(at_trial):
    send(at_trial)
    before = list(EventBlock.objects.values())
    assert send(at_trial).json() == {"new": 0}
    assert list(EventBlock.objects.values()) == before


@pytest.mark.parametrize(
    ("blocks", "last"),
    [
        ([(1, 3), (2, 4)], 5),
        ([(1, 6), (2, 2)], 6),
        ([(2, 2), (1, 6)], 6),
        ([(3, 1), (5, 1), (1, 6), (1, 6)], 6),
        ([(4, 3), (1, 3), (3, 2)], 6),
    ],
)
def test_blocks_that_overlap_store_each_event_once(at_trial, blocks, last):
    new = [send(at_trial, first, n).json()["new"] for first, n in blocks]
    assert sum(new) == last
    assert stored() == numbers(1, last)


def test_a_late_block_fills_its_gap(at_trial):
    send(at_trial, 10, 5)
    assert send(at_trial, 1, 9).json() == {"new": 9}
    assert stored() == numbers(1, 14)


def test_numbers_count_by_page(at_trial):
    send(at_trial)
    assert send(at_trial, page="another-page").json() == {"new": 3}


def test_events_of_an_earlier_trial_come_late_and_are_kept(at_trial):
    earlier = at_trial.session.trials.get(position=0).token
    assert send(at_trial, trial=earlier).json() == {"new": 3}
    assert EventBlock.objects.get().trial.position == 0


def test_no_cookie_is_needed(at_trial, client):
    body = {"page": PAGE, "trial": "", "first": 1, "events": [[0, "hidden", None, None]]}
    answer = client.post(f"{at_trial.url}events/", json.dumps(body), content_type="application/json")
    assert answer.json() == {"new": 1}


def test_another_sessions_trial_is_refused(at_trial, arrive):
    other = arrive().to_trials()
    refused(send(at_trial, trial=other.setup["trial"]), 403, "does not belong to your link")


def test_a_closed_study_takes_no_events(at_trial, close):
    send(at_trial)
    token = at_trial.setup["trial"]
    close()
    body = {"page": PAGE, "trial": token, "first": 4, "events": [[9, "hidden", None, None]]}
    answer = post(at_trial, json.dumps(body))
    assert (answer.status_code, answer.json()["error"]) == (410, "This study has ended. It takes no more events.")
    assert stored() == numbers(1, 3)


def test_thirty_thousand_events_at_once_are_not_taken(at_trial, settings):
    settings.EVENTS_PER_MINUTE = 900
    answers = [send(at_trial, start, 300) for start in range(1, 3000, 300)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 7
    assert "Send them later" in answers[-1].json()["error"]
    assert stored() == numbers(1, 900)
    assert at_trial.save(1, 70).status_code == 200  # ratings have a way of their own
    assert send(at_trial, 1, 300).json() == {"new": 0}  # what is there is no event more


def test_an_hour_offline_comes_whole_and_at_once(at_trial, settings):
    settings.EVENTS_PER_MINUTE = 100
    Session.objects.filter(pk=at_trial.session.pk).update(started_at=timezone.now() - timedelta(hours=1))
    assert [send(at_trial, start, 500).status_code for start in range(1, 6000, 500)] == [200] * 12
    assert stored() == numbers(1, 6000)


def test_the_page_keeps_events_that_come_too_fast_for_later():
    """429 is no final answer of the page's script: it goes on to keep them, and tries again."""
    script = (STATIC / "events.js").read_text()
    final = json.loads(re.search(r"const FINAL = (\[.*?\]);", script)[1])
    assert 413 in final
    assert 429 not in final


def test_a_session_that_was_deleted_meanwhile_is_an_unknown_link(at_trial):
    """Between the look at the link and the lock: the page's last block may come while a study is being deleted."""
    session = at_trial.session
    block = events.Block(PAGE, "", 1, ((1, "hidden", None, None),))
    Session.objects.filter(pk=session.pk).delete()
    with pytest.raises(Refused, match="not known") as caught:
        events.keep(session, block)
    assert caught.value.status == 404


def test_a_forged_link_is_refused(client, db):
    answer = client.post("/r/forged/events/", "{}", content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, {"error": "This link is not known."})


def test_events_come_by_post_only(at_trial):
    assert at_trial.client.get(f"{at_trial.url}events/").status_code == 405


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "[" * 1900, b"\xff\xfe", "{}", "x" * 200_000])
def test_a_body_that_is_no_block_is_refused(at_trial, body):
    refused(post(at_trial, body), 400, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("page", value) for value in (None, 5, "", "x", "y" * 41, "a b c d e f", "é" * 12)],
        *[("trial", value) for value in (None, 5, "\x00")],
        *[("first", value) for value in (None, 0, -1, "1", 1.0, True, 10**9)],
        *[("events", value) for value in (None, {}, [], "x", [[0, "hidden", None, None]] * 501)],
    ],
)
def test_a_field_that_makes_no_sense_is_refused_with_its_name(at_trial, name, value):
    refused(send(at_trial, **{name: value}), 400, name)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        *[(event, "An event is a list") for event in (None, 5, {}, [], [0, "stop", None])],
        *[([at, "stop", None, None], "milliseconds") for at in (-1, None, 0.5, "1", True, 10**11)],
        *[([0, kind, None, None], "kind") for kind in (None, "", "Stop", "a b", "=x", "x" * 31, 5)],
        *[([0, "stop", slot, None], "slot") for slot in (-1, 1001, "1", 1.0, True)],
        *[([0, "stop", None, value], "value") for value in ("x" * 101, "a\nb", "\x00", [], {}, 1e999, True, 2**60)],
    ],
)
def test_an_event_that_is_none_is_refused_with_what_is_wrong(at_trial, event, words):
    refused(send(at_trial, events=[[0, "stop", None, None], event]), 400, words)


def test_a_session_has_only_so_many_events(at_trial, monkeypatch):
    monkeypatch.setattr(events, "MOST_EVENTS", 10)
    send(at_trial, 1, 8)
    answer = send(at_trial, 9, 3)
    assert (answer.status_code, "as many events as are kept" in answer.json()["error"]) == (413, True)
    assert send(at_trial, 1, 10).json() == {"new": 2}
    assert stored() == numbers(1, 10)


def test_an_answer_is_the_same_whatever_slot_it_is_about(at_trial):
    bodies = set()
    for slot in range(1, 5):
        answer = send(at_trial, page=f"page-of-{slot}", events=[[0, "play", slot, 0]])
        bodies.add((answer.content, tuple(sorted({**answer.headers, "Expires": ""}.items()))))
    assert len(bodies) == 1


def refused(answer, status, words):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    assert words in answer.json()["error"]
    assert not EventBlock.objects.exists()
