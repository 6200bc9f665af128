"""Scores by digits, and what digits do where they are not meant for a score."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def shown(desk, slot):
    """The score as the eye sees it."""
    return desk.page.locator(f".signal[data-slot='{slot}'] output .number")


def test_digits_on_a_slider_are_its_score(desk):
    desk.slider(2).focus()
    for digits, score in (("73", "73"), ("100", "100"), ("05", "5"), ("00", "0"), ("99", "99")):
        desk.page.keyboard.type(digits)
        assert desk.slider(2).input_value() == score, digits
    assert desk.slider(2).get_attribute("aria-valuetext") == "99, Excellent"
    expect(desk.page.locator(".play[aria-pressed=true]")).to_have_count(0)


@pytest.mark.slow
def test_a_score_that_could_go_on_is_shown_and_taken_after_a_moment(desk):
    desk.slider(1).focus()
    desk.page.clock.install(time=0)
    desk.page.clock.pause_at(1000)
    desk.page.keyboard.press("7")
    expect(shown(desk, 1)).to_have_text("7")
    assert desk.slider(1).get_attribute("aria-valuetext") == "not rated"
    desk.page.clock.run_for(1000)
    expect(desk.slider(1)).to_have_attribute("aria-valuetext", "7, Bad")
    desk.page.keyboard.type("10")
    desk.page.clock.run_for(1000)
    expect(desk.slider(1)).to_have_value("10")


@pytest.mark.slow
def test_enter_takes_a_typed_score_at_once_and_escape_forgets_it(desk):
    desk.slider(1).focus()
    desk.page.keyboard.type("4")
    desk.page.keyboard.press("Enter")
    assert desk.slider(1).input_value() == "4"
    desk.page.keyboard.type("9")
    desk.page.keyboard.press("Escape")
    desk.page.wait_for_timeout(1200)
    assert (desk.slider(1).input_value(), shown(desk, 1).inner_text()) == ("4", "4")


def test_a_half_typed_score_counts_when_the_rater_goes_elsewhere(desk):
    desk.slider(1).focus()
    desk.page.keyboard.type("8")
    desk.page.keyboard.press("Tab")
    assert desk.slider(1).input_value() == "8"
    desk.slider(2).focus()
    desk.page.keyboard.type("6")
    desk.page.reload()
    desk.ready()
    expect(desk.slider(2)).to_have_value("6")


def test_a_sound_chosen_by_key_is_rated_by_arrows_and_digits_go_on_choosing(desk):
    press = desk.page.keyboard.press
    for key, steps in (("2", 1), ("3", 2), ("1", 3)):
        press(key)
        expect(desk.slider(int(key))).to_be_focused()
        for _ in range(steps):
            press("ArrowUp")
    assert [desk.slider(slot).input_value() for slot in (1, 2, 3)] == ["53", "51", "52"]
    press("r")  # the reference is heard against sound 1, whose slider stays at hand
    expect(desk.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "true")
    press("PageUp")
    assert desk.slider(1).input_value() == "63"


@pytest.mark.slow
def test_t_makes_the_next_digits_a_score_and_no_more(desk):
    desk.page.keyboard.press("4")
    desk.page.keyboard.type("t88")
    assert desk.slider(4).input_value() == "88"
    desk.page.keyboard.press("2")
    expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.type("tr3")  # who hears something else has done with typing
    expect(desk.page.get_by_test_id("play-slot-3")).to_have_attribute("aria-pressed", "true")
    desk.page.wait_for_timeout(1200)
    assert [desk.slider(slot).input_value() for slot in (2, 3, 4)] == ["50", "50", "88"]
    assert desk.slider(2).get_attribute("aria-valuetext") == "not rated"


@pytest.mark.slow
def test_a_digit_after_a_drag_chooses_a_sound_and_leaves_the_score(desk):
    box = desk.slider(1).bounding_box()
    desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8 + 0.25 * (box["height"] - 16))
    before = desk.slider(1).input_value()
    desk.page.keyboard.press("3")
    expect(desk.page.get_by_test_id("play-slot-3")).to_have_attribute("aria-pressed", "true")
    desk.page.wait_for_timeout(1200)
    assert desk.slider(1).input_value() == before


def test_a_mouse_that_plays_a_sound_leaves_its_slider_to_the_arrows(desk):
    desk.play(3)
    desk.page.keyboard.press("PageDown")
    assert desk.slider(3).input_value() == "40"
    expect(desk.page.locator(".signal[data-slot='3'] output")).not_to_have_class(re.compile("types"))
