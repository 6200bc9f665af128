"""Rules that a study switches on, fields for numbers, and comments, as a rater meets them."""

import re

import pytest
from playwright.sync_api import expect

from listening import sessions
from listening.models import Rating
from listening.protocol import read
from tests.e2e.conftest import Desk

pytestmark = pytest.mark.e2e


@pytest.fixture
def enter(page, live_server, opened):
    """A rater at the training page of a study with this protocol; a fifth of a second counts as heard."""

    def at(**protocol):
        opened.protocol = read(protocol)
        opened.heard_seconds = 0.2
        opened.save()
        session = sessions.start(opened, outside_ids={}, locale="en", browser="")
        for left in ("consent", "instructions"):
            sessions.advance(session, left)
        page.goto(live_server.url + session.rater.get_absolute_url())
        return Desk(page).ready()

    return at


def stored(slot):
    return Rating.objects.get(trial__training=True, slot=slot)


def missing(desk):
    return expect(desk.page.locator("#missing"))


def heard(desk, slot):
    return expect(desk.page.locator(f".signal[data-slot='{slot}']"))


@pytest.mark.slow
def test_the_whole_clip_is_heard_when_each_part_was_and_a_reload_forgets_none(enter):
    desk = enter(rules={"share_heard": 1.0, "all_rated": False})
    desk.page.keyboard.press("Shift+ArrowRight")  # the clip has 1.2 s
    desk.page.keyboard.press("o")
    desk.play(1)
    desk.page.wait_for_timeout(2500)  # its first second, more than twice
    heard(desk, 1).not_to_have_class(re.compile("is-heard"))
    desk.page.get_by_test_id("stop").click()
    desk.saving("")
    desk.page.reload()
    desk.ready()
    missing(desk).to_have_text("Still to hear: 1–4.")
    desk.page.keyboard.press("Shift+ArrowRight")
    desk.page.keyboard.press("i")  # the last half second
    desk.play(1)
    heard(desk, 1).to_have_class(re.compile("is-heard"))
    missing(desk).to_have_text("Still to hear: 2–4.")
    desk.page.keyboard.press("w")
    for slot in (2, 3, 4):
        desk.play(slot)
        heard(desk, slot).to_have_class(re.compile("is-heard"))
    missing(desk).to_have_text("You can go on. Not rated: 1–4.")
    desk.next()
    assert stored(2).share_heard == 1.0


@pytest.mark.slow
def test_one_sound_must_have_100_and_the_page_stays_for_its_time(enter):
    desk = enter(rules={"one_at_100": True, "least_seconds": 12})
    desk.hear_all()
    for slot in (1, 2, 3, 4):
        desk.score(slot, 90)
    missing(desk).to_have_text(re.compile("^At least one sound must have 100."))
    desk.score(2, 100)
    expect(desk.page.get_by_test_id("next")).to_be_enabled()
    assert desk.page.locator("#wait").inner_text() == ""
    desk.next()
    expect(desk.page.locator("h1")).to_have_text("Page 1 of 2")
    missing(desk).to_contain_text("This page stays for at least 12 seconds.")
    expect(desk.page.locator("#wait")).to_have_text(re.compile(r"^\d+ s$"))


def test_only_the_sound_that_was_heard_last_is_rated(enter):
    desk = enter(rules={"only_playing": True})
    missing(desk).to_have_text("Still to hear: 1–4. Still to rate: 1–4. A sound can be rated once it plays.")
    sliders = [desk.slider(slot) for slot in (1, 2, 3, 4)]
    for slider in sliders:
        expect(slider).to_be_disabled()
    desk.page.keyboard.press("2")
    expect(sliders[1]).to_be_focused()
    desk.page.keyboard.press("ArrowUp")
    desk.page.keyboard.press("r")
    expect(sliders[1]).to_be_enabled()  # against the reference
    desk.page.keyboard.press("PageUp")
    desk.play(3)
    expect(sliders[1]).to_be_disabled()
    expect(sliders[2]).to_be_focused()
    desk.page.keyboard.press("Home")
    desk.saving("Saved")
    assert [(stored(slot).score, stored(slot).plays) for slot in (2, 3)] == [(61, 1), (0, 1)]


def test_numbers_are_typed_and_what_is_no_score_is_said_and_not_kept(enter):
    desk = enter(rating={"input": "numbers"})
    field, word = desk.slider(1), desk.page.locator(".signal[data-slot='1'] .word")
    assert (field.get_attribute("type"), field.input_value()) == ("number", "")
    expect(word).to_have_text("not rated")
    field.click()
    desk.page.keyboard.type("64")
    expect(word).to_have_text("Good")
    desk.page.keyboard.type("0")
    expect(word).to_have_text("0 to 100")
    expect(field).to_have_attribute("aria-invalid", "true")
    desk.page.keyboard.press("Tab")
    expect(field).to_have_value("64")
    expect(field).to_have_attribute("aria-invalid", "false")
    desk.saving("Saved")
    assert stored(1).score == 64
    expect(desk.page.locator(".play[aria-pressed=true]")).to_have_count(0)  # digits were written, and played nothing
    desk.page.reload()
    desk.ready()
    expect(field).to_have_value("64")


@pytest.mark.slow
def test_numbers_by_keys_alone(enter):
    desk = enter(rating={"input": "numbers"})
    press = desk.page.keyboard.press
    press("3")
    expect(desk.page.get_by_test_id("play-slot-3")).to_be_focused()
    press("ArrowUp")
    press("PageUp")
    expect(desk.slider(3)).to_have_value("61")
    press("4")
    desk.page.keyboard.type("t100")
    press("Enter")
    press("2")
    expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.type("t7n")
    expect(desk.page.get_by_test_id("play-slot-3")).to_have_attribute("aria-pressed", "true")
    desk.saving("Saved")
    assert [stored(slot).score for slot in (2, 3, 4)] == [7, 61, 100]
    press("s")
    order = desk.page.locator(".signal").evaluate_all("(all) => all.map((each) => each.dataset.slot)")
    assert order == ["4", "3", "2", "1"]


def test_a_comment_is_written_without_leaving_the_keys_and_comes_back(enter):
    desk = enter(rating={"comments": True})
    desk.page.keyboard.press("2")
    desk.page.keyboard.press("m")
    field = desk.page.get_by_role("textbox", name="Comment on sound 2")
    expect(field).to_be_focused()
    desk.page.keyboard.type("Rings at 1 and 3, no bass")  # none of these is a key of the page
    expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.press("Escape")
    button = desk.page.get_by_role("button", name="Comment on sound 2")
    expect(button).to_be_focused()
    expect(field).to_be_hidden()
    expect(button).to_have_class(re.compile("written"))
    desk.score(2, 40)
    desk.saving("Saved")
    assert (stored(2).comment, stored(2).score) == ("Rings at 1 and 3, no bass", 40)
    desk.page.reload()
    desk.ready()
    button.click()
    expect(field).to_have_value("Rings at 1 and 3, no bass")


@pytest.mark.slow
def test_a_comment_written_without_a_line_is_sent_when_the_line_is_back(enter, context):
    desk = enter(rating={"comments": True})
    context.set_offline(True)
    desk.page.get_by_role("button", name="Comment on sound 3").click()
    desk.page.keyboard.type("Pre-echo")
    desk.saving("No connection. Kept on this device.")
    desk.page.get_by_role("button", name="Close").click()
    desk.score(3, 20)
    context.set_offline(False)
    desk.saving("Saved")
    assert (stored(3).comment, stored(3).score) == ("Pre-echo", 20)


@pytest.mark.slow
def test_a_comment_from_another_tab_shows_and_is_not_undone_by_a_slider_here(enter, context):
    desk = enter(rating={"comments": True})
    other = Desk(context.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    desk.page.get_by_role("button", name="Comment on sound 1").click()
    desk.page.keyboard.type("Nice")
    desk.saving("Saved")
    other.score(1, 77)
    other.saving("Saved")
    assert (stored(1).comment, stored(1).score) == ("Nice", 77)


@pytest.mark.slow
def test_a_comment_of_another_device_is_not_undone_by_one_that_does_not_know_it(enter, browser):
    desk = enter(rating={"comments": True})
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    other = Desk(phone.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    desk.page.get_by_role("button", name="Comment on sound 1").click()
    desk.page.keyboard.type("Here")
    desk.saving("Saved")
    other.score(1, 12)
    other.saving("Saved")
    assert (stored(1).comment, stored(1).score) == ("Here", 12)
    phone.close()
