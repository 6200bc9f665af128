"""A whole session with one finger on a phone: real touches alone, from the link to the code."""

import re

import pytest
from playwright.sync_api import expect

from listening import sessions
from listening.models import Rating, Session, Study
from tests.e2e.conftest import Desk

pytestmark = pytest.mark.e2e

SCROLLED = "document.scrollingElement.scrollTop"


class Finger:
    """One finger on the screen of a page, through the browser's own input."""

    def __init__(self, page):
        self.page = page
        self.cdp = page.context.new_cdp_session(page)

    def drag(self, start, end, steps=12):
        """Put it down at one place, move it, and lift it at the other."""
        self._send("touchStart", start)
        for i in range(1, steps + 1):
            self._send("touchMove", tuple(a + (b - a) * i / steps for a, b in zip(start, end, strict=True)))
            self.page.wait_for_timeout(16)
        self.page.wait_for_timeout(100)  # it rests before it is lifted
        self.cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.page.wait_for_timeout(50)

    def _send(self, kind, at):
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}]})


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    context.set_default_timeout(15_000)
    tab = context.new_page()
    thrown: list[str] = []
    tab.on("pageerror", lambda error: thrown.append(str(error)))
    yield tab
    context.close()
    assert thrown == []


def at_score(slider, score):
    """Where on the screen a score lies."""
    box = slider.bounding_box()
    return box["x"] + 8 + (box["width"] - 16) * score / 100, box["y"] + box["height"] / 2


def at_training(study) -> str:
    """Address of a rater who has just come there."""
    session = sessions.start(study, outside_ids={}, locale="en", browser="")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    return session.rater.get_absolute_url()


def arrives(slider, score):
    """A busy browser hands the finger's last move on a little later."""
    expect(slider).to_have_value(re.compile("|".join(f"^{each}$" for each in range(score - 2, score + 3))))


def rate(desk, finger, slot, score):
    """Play a sound with a tap, drag its slider from somewhere else to about a score; say what it became."""
    slider = desk.slider(slot)
    slider.scroll_into_view_if_needed()
    desk.page.get_by_test_id(f"play-slot-{slot}").tap()
    expect(desk.page.get_by_test_id(f"play-slot-{slot}")).to_have_attribute("aria-pressed", "true")
    before = desk.page.evaluate(SCROLLED)
    start = score + 40 if score < 50 else score - 40
    finger.drag(at_score(slider, start), at_score(slider, score))
    assert desk.page.evaluate(SCROLLED) == before
    arrives(slider, score)
    expect(desk.page.locator(f".signal[data-slot='{slot}']")).to_have_class(re.compile("is-heard"))
    return int(slider.input_value())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["opened", "twelve"])
def test_a_session_by_touch_alone(request, phone, live_server, name):
    study = request.getfixturevalue(name)
    Study.objects.filter(pk=study.pk).update(heard_seconds=0.2)
    slots = study.conditions.count()
    phone.goto(live_server.url + study.invite_path)
    for _ in range(2):
        with phone.expect_navigation():
            phone.get_by_test_id("begin").tap()
    desk, finger, given = Desk(phone), Finger(phone), {}
    for at in range(1 + study.clips.count()):
        desk.ready()
        phone.get_by_test_id("play-reference").tap()
        for slot in range(1, slots + 1):
            given[at, slot] = rate(desk, finger, slot, 5 + (37 * slot + 11 * at) % 91)
        phone.get_by_test_id("stop").tap()
        expect(phone.get_by_test_id("next")).to_be_enabled()
        with phone.expect_navigation():
            phone.get_by_test_id("next").tap()
    with phone.expect_navigation():
        phone.get_by_test_id("finish").tap()
    session = Session.objects.get()
    expect(phone.get_by_test_id("completion-code")).to_have_text(session.completion_code)
    stored = Rating.objects.filter(trial__session=session).select_related("trial")
    assert {(each.trial.position, each.slot): each.score for each in stored} == given


def test_a_finger_that_scrolls_the_page_sets_no_slider(phone, live_server, twelve):
    desk, finger = Desk(phone).enter(live_server.url + twelve.invite_path), Finger(phone)
    x, y = at_score(desk.slider(5), 80)
    finger.drag((x, y), (x + 3, y - 200))
    assert phone.evaluate(SCROLLED) > 100
    for slot in range(1, 13):
        assert desk.slider(slot).get_attribute("aria-valuetext") == "not rated"
    assert not Rating.objects.filter(score__isnull=False).exists()


def test_a_tap_on_the_track_sets_the_slider_where_it_falls(phone, live_server, opened):
    desk = Desk(phone).enter(live_server.url + opened.invite_path)
    x, y = at_score(desk.slider(2), 30)
    phone.touchscreen.tap(x, y)
    arrives(desk.slider(2), 30)
    x, y = at_score(desk.slider(3), 50)
    phone.touchscreen.tap(x, y)
    expect(desk.slider(3)).to_have_attribute("aria-valuetext", re.compile("^(49|50|51), Fair"))


@pytest.mark.slow
def test_on_a_tablet_an_upright_slider_is_dragged_and_the_page_stays(browser, live_server, opened):
    context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    tablet = context.new_page()
    desk, finger = Desk(tablet).enter(live_server.url + opened.invite_path), Finger(tablet)
    box = desk.slider(1).bounding_box()
    middle = box["x"] + box["width"] / 2
    finger.drag((middle, box["y"] + box["height"] / 2), (middle, box["y"] + 8 + 0.1 * (box["height"] - 16)))
    arrives(desk.slider(1), 90)
    context.close()


def test_help_names_the_touches_where_there_is_a_touch_screen(phone, page, live_server, opened):
    """A mouse alone gets the keys alone."""
    for tab in (phone, page):
        tab.goto(live_server.url + at_training(opened))
        tab.get_by_role("button", name="Help and keyboard shortcuts").click()
        expect(tab.locator("#help")).to_contain_text("Keys")
    expect(phone.get_by_text("Tap the scale of a sound, or drag along it")).to_be_visible()
    expect(page.get_by_text("Tap the scale of a sound, or drag along it")).to_be_hidden()
