"""What a rater does is kept for the analyst, whatever happens to the line or the tab."""

import pytest
from playwright.sync_api import expect

from listening import studies
from listening.export import EVENTS, event_rows
from listening.models import EventBlock, Session, Study
from tests.stack import wait_for

pytestmark = pytest.mark.e2e

DRAG = """async (slider) => {
    for (let value = 1; value <= 60; value++) {
        slider.value = value;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    slider.dispatchEvent(new Event("change", { bubbles: true }));
}"""

HELD = """async (slider, [steps, blocked]) => {
    for (let n = 0; n < steps; n++) {
        const how = { key: "ArrowUp", repeat: n > 0, bubbles: true, cancelable: true };
        slider.dispatchEvent(new KeyboardEvent("keydown", how));
        for (const until = performance.now() + blocked; performance.now() < until; );
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}"""

WAITING = """() => new Promise((resolve) => {
    const request = indexedDB.open("listening", 1);
    request.onsuccess = () => {
        const count = request.result.transaction("events").objectStore("events").count();
        count.onsuccess = () => { request.result.close(); resolve(count.result); };
    };
})"""


def rows():
    """The exported events of the only study, as dicts."""
    return [dict(zip(EVENTS, row, strict=True)) for row in event_rows(Study.objects.get())]


def told(*names):
    """(event, slot) of all events of these kinds, in their order."""
    return [(row["event"], row["slot"]) for row in rows() if row["event"] in names]


def leave(page):
    """Go away: what is left to send is sent on the way out."""
    page.goto("about:blank")
    wait_for(lambda: any(row["event"] == "page_left" for row in rows()), 10, "the last events of a page that was left")


def each_once():
    """Numbers of each page follow each other without a gap, and its clock never goes back."""
    pages = {}
    for row in rows():
        pages.setdefault(row["page"], []).append(row)
    for page in pages.values():
        assert [row["number"] for row in page] == list(range(1, len(page) + 1))
        assert [row["at_ms"] for row in page] == sorted(row["at_ms"] for row in page)
    return len(pages)


def test_sound_is_told_as_it_was_used(desk):
    for slot in (0, 2, 3):
        desk.listen(slot)
    desk.page.get_by_test_id("loop").click()
    desk.page.keyboard.press("l")
    desk.page.get_by_test_id("stop").click()
    desk.page.locator(".handle.start").press("PageUp")
    desk.page.locator("#timeline").click(position={"x": 300, "y": 10})
    leave(desk.page)
    used = told("play", "switch", "stop", "loop_off", "loop_on", "passage", "seek")
    assert used[:-2] == [("play", 0), ("switch", 2), ("switch", 3), ("loop_off", None), ("loop_on", None), ("stop", 3)]
    assert sorted(used[-2:]) == [("passage", None), ("seek", None)]
    passage = next(row["value"] for row in rows() if row["event"] == "passage")
    assert [float(part) for part in passage.split()][0] > 0.4
    assert each_once() == 1


def test_sorting_is_told_with_the_order(desk):
    for slot in (1, 2, 3, 4):
        desk.score(slot, 10 * slot)
    desk.page.locator("#sort").click()
    desk.page.locator("#sort").click()
    leave(desk.page)
    found = [(row["event"], row["value"]) for row in rows() if "sorted" in row["event"]]
    assert found == [("sorted", "4 3 2 1"), ("unsorted", "1 2 3 4")]


def test_a_page_tells_when_it_was_shown_hidden_and_left(desk):
    desk.page.evaluate("""() => {
        for (const state of [true, false]) {
            Object.defineProperty(document, "hidden", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }
    }""")
    leave(desk.page)
    shown, clock, hidden, visible, left = rows()
    assert (shown["event"], shown["value"], shown["trial_position"]) == ("page_shown", "training", 0)
    assert clock["event"] == "page_clock"
    assert clock["value"].endswith("Z")
    assert [row["event"] for row in (hidden, visible, left)] == ["hidden", "visible", "page_left"]


def test_of_a_drag_a_few_values_are_told_and_the_last(desk):
    desk.slider(2).evaluate(DRAG)
    desk.saving("Saved")
    leave(desk.page)
    moved = [row for row in rows() if row["event"] in ("move", "score")]
    assert {row["slot"] for row in moved} == {2}
    assert (moved[0]["event"], moved[0]["value"]) == ("move", "1")
    assert (moved[-1]["event"], moved[-1]["value"]) == ("score", "60")
    assert 4 <= len(moved) <= 15
    times = [row["at_ms"] for row in moved[:-1]]
    assert all(later - sooner >= 250 for sooner, later in zip(times, times[1:], strict=False))
    assert {row["condition"] for row in moved} == {
        Session.objects.get().trials.first().ratings.get(slot=2).condition.title
    }


def test_a_key_held_down_tells_where_it_came_to_rest(desk):
    desk.slider(1).evaluate(HELD, [30, 0])
    expect(desk.slider(1)).to_have_value("80")
    leave(desk.page)
    assert [row["value"] for row in rows() if row["event"] == "score"] == ["80"], rows()


def test_a_busy_page_takes_no_pause_of_a_held_key_for_its_end(desk):
    desk.slider(1).evaluate(HELD, [3, 600])
    desk.slider(1).press("ArrowUp")
    leave(desk.page)
    assert [row["value"] for row in rows() if row["event"] == "score"] == ["54"], rows()


def test_a_page_that_is_left_finishes_its_scores_before_it_sends(desk):
    desk.slider(1).evaluate(HELD, [3, 0])
    desk.page.get_by_test_id("score-slot-2").focus()
    desk.page.keyboard.press("7")
    leave(desk.page)
    *_, one, other, last = [(row["event"], row["slot"], row["value"]) for row in rows()]
    assert {one, other} == {("score", 1, "53"), ("score", 2, "7")}
    assert last == ("page_left", None, None)
    ratings = Session.objects.get().trials.first().ratings
    wait_for(lambda: ratings.get(slot=2).score == 7, 10, "the score that was being typed")


@pytest.mark.slow
def test_what_another_tab_rated_is_told_by_that_tab_alone(desk, context):
    other = type(desk)(context.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    other.score(1, 30)
    expect(desk.slider(1)).to_have_value("30")
    desk.listen(1)
    desk.page.get_by_test_id("stop").click()
    leave(desk.page)
    other.page.close()
    wait_for(lambda: told("score"), 10, "the other tab's events")
    scored = [row for row in rows() if row["event"] == "score"]
    played = [row for row in rows() if row["event"] == "play"]
    assert len(scored) == len(played) == 1
    assert scored[0]["page"] != played[0]["page"]


def test_events_without_a_line_come_in_order_when_it_is_back(desk, context):
    context.set_offline(True)
    for slot in (1, 2, 3, 4):
        desk.score(slot, 10 * slot)
    desk.saving("No connection. Kept on this device.")
    context.set_offline(False)
    desk.saving("Saved")
    wait_for(lambda: told("line_back"), 20, "events when the line was back")
    assert [kind for kind, _ in told("line_lost", "score", "line_back")] == ["line_lost", *["score"] * 4, "line_back"]
    assert each_once() == 1
    wait_for(lambda: desk.page.evaluate(WAITING) == 0, 10, "an empty store")


@pytest.mark.slow
def test_events_of_a_tab_that_was_killed_come_with_the_next_page(desk, context):
    url = desk.page.url
    context.set_offline(True)
    desk.score(1, 11)
    desk.score(2, 22)
    wait_for(lambda: desk.page.evaluate(WAITING) >= 6, 10, "events kept on the device")
    desk.page.evaluate("void (window.fetch = () => Promise.reject(new TypeError('no line')))")
    desk.page.close()
    context.set_offline(False)
    assert not EventBlock.objects.exists()
    again = type(desk)(context.new_page())
    again.page.goto(url)
    again.ready()
    wait_for(lambda: ("score", 2) in told("score"), 20, "events of the tab before")
    assert told("score") == [("score", 1), ("score", 2)]
    assert each_once() >= 1


@pytest.mark.slow
def test_a_lost_answer_stores_events_once(desk):
    answers = []

    def lose_first(route):
        answer = route.fetch()
        answers.append(answer.json())
        if len(answers) == 1:
            route.fulfill(status=200, body="<html>A hotel's login</html>")
        else:
            route.fulfill(response=answer)

    desk.page.route("**/events/", lose_first)
    desk.score(1, 40)
    for _ in range(2):
        with desk.page.expect_response("**/events/"):
            desk.page.evaluate("dispatchEvent(new Event('offline')), dispatchEvent(new Event('online'))")
        desk.page.wait_for_timeout(300)
    wait_for(lambda: desk.page.evaluate(WAITING) == 0, 20, "an empty store")
    assert answers[0]["new"] > 0
    assert each_once() == 1
    assert told("score") == [("score", 1)]


@pytest.mark.slow
def test_without_the_browsers_database_events_come_all_the_same(context, desk):
    context.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    page = context.new_page()
    page.goto(desk.page.url)
    other = type(desk)(page).ready()
    other.score(3, 33)
    other.saving("Saved")
    leave(page)
    assert told("score") == [("score", 3)]


@pytest.mark.slow
def test_what_the_browsers_database_fails_to_read_is_told_from_memory(desk):
    desk.page.evaluate("void (IDBIndex.prototype.getAll = () => { throw new DOMException('busy', 'UnknownError'); })")
    desk.score(1, 11)
    with desk.page.expect_response("**/events/"):
        desk.page.evaluate("dispatchEvent(new Event('offline')), dispatchEvent(new Event('online'))")
    desk.score(2, 22)
    wait_for(lambda: ("score", 1) in told("score"), 10, "the first score")
    leave(desk.page)
    assert told("score") == [("score", 1), ("score", 2)]
    assert each_once() == 1


def test_a_closed_study_is_told_nothing_more_and_the_device_forgets(desk, context):
    context.set_offline(True)
    desk.score(1, 50)
    desk.saving("No connection. Kept on this device.")
    study = Study.objects.get()
    studies.close_study(study, study.owner)
    context.set_offline(False)
    wait_for(lambda: desk.page.evaluate(WAITING) == 0, 20, "an empty store")
    desk.listen(1)
    desk.page.get_by_test_id("stop").click()
    assert desk.page.evaluate(WAITING) == 0
    assert told("score", "play") == []


@pytest.mark.slow
def test_every_page_of_a_session_is_there_from_instructions_to_code(page, live_server, opened):
    Study.objects.filter(pk=opened.pk).update(heard_seconds=0.2)
    from tests.robot import Robot

    Robot(page, lambda at, slot: 20 * slot).go(live_server.url + opened.invite_path)
    page.goto("about:blank")
    wait_for(lambda: len([1 for row in rows() if row["event"] == "page_left"]) >= 6, 20, "all pages left")
    shown = [(row["page"], row["value"], row["trial_position"]) for row in rows() if row["event"] == "page_shown"]
    steps = [value for _, value, _ in shown]
    assert list(dict.fromkeys(steps)) == ["instructions", "training", "trials", "comments", "finished"]
    assert [position for *_, position in shown if position] == [1, 2]
    assert each_once() == len(shown)
    assert len(told("score")) == 3 * 4
