"""A device that forgets, has no room or sleeps loses no rating either."""

import pytest
from playwright.sync_api import expect

from listening.models import Rating, Session

pytestmark = pytest.mark.e2e

OFFLINE = "No connection. Kept on this device."
NO_FETCH = "void (window.fetch = () => Promise.reject(new TypeError('no line')))"
FULL = """() => {
    let text = "x".repeat(1 << 20);
    for (let n = 0; text; n++) {
        try { localStorage.setItem(`full-${n}`, text); } catch { text = text.slice(0, text.length / 2); }
    }
}"""
BLOCKED = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
FORGET = """async () => {
    localStorage.clear();
    await new Promise((resolve) => (indexedDB.deleteDatabase("listening").onsuccess = resolve));
}"""


def stored():
    """Scores of the page where the only rater is."""
    return list(Rating.objects.filter(trial=Session.objects.get().trials.first()).values_list("score", flat=True))


def come_again(desk, context):
    """A new tab at the rater's link."""
    again = type(desk)(context.new_page())
    again.page.goto(desk.page.url)
    return again.ready()


@pytest.mark.parametrize("trouble", ["full", pytest.param("switched off", marks=pytest.mark.slow)])
def test_what_has_no_place_in_one_store_is_kept_in_the_other(desk, context, trouble):
    if trouble == "full":
        desk.page.evaluate(FULL)
    else:
        context.add_init_script(BLOCKED)
    tab = come_again(desk, context)
    context.set_offline(True)
    tab.score(2, 41)
    tab.score(2, 42)
    tab.score(3, 43)
    tab.saving(OFFLINE)
    tab.page.evaluate(NO_FETCH)
    tab.page.close()
    context.set_offline(False)
    assert stored() == [None] * 4
    again = come_again(desk, context)
    expect(again.slider(2)).to_have_value("42")
    expect(again.slider(3)).to_have_value("43")
    again.saving("Saved")
    assert stored() == [None, 42, 43, None]
    again.score(2, 20)
    again.saving("Saved")
    again.page.reload()
    expect(again.ready().slider(2)).to_have_value("20")
    assert stored() == [None, 20, 43, None]


def test_without_cookies_and_storage_the_link_still_resumes(desk, context):
    for slot in (1, 2):
        desk.score(slot, 30 * slot)
    desk.saving("Saved")
    context.clear_cookies()
    desk.page.evaluate(FORGET)
    desk.score(1, 31)  # the page that is open has not forgotten
    desk.saving("Saved")
    context.clear_cookies()
    desk.page.evaluate(FORGET)
    desk.page.reload()
    desk.ready()
    expect(desk.slider(1)).to_have_value("31")
    desk.score(2, 61)
    desk.saving("Saved")
    assert stored() == [31, 61, None, None]


@pytest.mark.slow
def test_a_laptop_that_was_closed_for_a_day_sends_what_it_kept(desk, context):
    tab = type(desk)(context.new_page())
    tab.page.clock.install()
    tab.page.goto(desk.page.url)
    tab.ready()
    context.set_offline(True)
    tab.score(1, 12)
    tab.saving(OFFLINE)
    tab.page.clock.fast_forward("24:00:00")  # timers that were due come at most once, as after a sleep
    tab.score(2, 23)
    tab.saving(OFFLINE)
    context.set_offline(False)
    tab.saving("Saved")
    assert stored() == [12, 23, None, None]
    tab.score(1, 13)
    tab.saving("Saved")
    assert stored() == [13, 23, None, None]


@pytest.mark.slow
def test_a_page_that_the_browser_froze_goes_on_where_it_was(desk, context):
    browser = context.new_cdp_session(desk.page)
    desk.score(1, 50)
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    desk.page.wait_for_timeout(1500)
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    desk.score(1, 51)
    desk.saving("Saved")
    assert stored()[0] == 51
