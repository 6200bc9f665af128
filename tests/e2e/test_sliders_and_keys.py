"""Sliders and keys, for hands, keyboards and screen readers."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def told(desk, slot):
    """What a screen reader says of a slider."""
    return desk.slider(slot).get_attribute("aria-valuetext")


def sounding(desk):
    return desk.page.locator(".play[aria-pressed=true]").evaluate_all(
        "(found) => found.map((button) => button.dataset.testid)"
    )


def test_a_click_sets_a_slider_where_it_falls(desk):
    box = desk.slider(1).bounding_box()
    desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8 + 0.25 * (box["height"] - 16))
    assert 73 <= int(desk.slider(1).input_value()) <= 77
    desk.saving("Saved")


def test_a_click_right_on_the_middle_is_a_score_too(desk):
    box = desk.slider(1).bounding_box()
    assert told(desk, 1) == "not rated"
    desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert told(desk, 1) == "50, Fair"


def test_arrows_move_by_one_and_page_keys_by_ten(desk):
    desk.score(1, 60)
    desk.slider(1).focus()
    steps = [("ArrowUp", 61), ("ArrowRight", 62), ("ArrowDown", 61), ("ArrowLeft", 60), ("PageUp", 70)]
    steps += [("PageDown", 60), ("End", 100), ("ArrowUp", 100), ("Home", 0), ("PageDown", 0), ("ArrowUp", 1)]
    for key, score in steps:
        desk.page.keyboard.press(key)
        assert int(desk.slider(1).input_value()) == score, key
    assert told(desk, 1) == "1, Bad"


def test_the_score_is_told_with_its_word(desk):
    words = {0: "Bad", 19: "Bad", 20: "Poor", 40: "Fair", 60: "Good", 80: "Excellent", 100: "Excellent"}
    for score, word in words.items():
        desk.score(2, score)
        assert told(desk, 2) == f"{score}, {word}"
        assert desk.page.locator(".signal[data-slot='2'] output").text_content().split() == [f"{score}{word}"]


def test_enter_takes_the_middle_for_an_unset_slider(desk):
    desk.slider(3).focus()
    assert told(desk, 3) == "not rated"
    desk.page.keyboard.press("Enter")
    assert told(desk, 3) == "50, Fair"


def test_keys_play_switch_stop_and_loop(desk):
    press = desk.page.keyboard.press
    for key, playing in (("r", "play-reference"), ("1", "play-slot-1"), ("4", "play-slot-4"), ("0", "play-reference")):
        press(key)
        expect(desk.page.get_by_test_id(playing)).to_have_attribute("aria-pressed", "true")
        assert sounding(desk) == [playing]
    press("5")  # there is no such sound
    assert sounding(desk) == ["play-reference"]
    press(" ")
    assert sounding(desk) == []
    press(" ")
    expect(desk.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "true")
    assert desk.page.get_by_test_id("loop").get_attribute("aria-pressed") == "true"
    press("l")
    assert desk.page.get_by_test_id("loop").get_attribute("aria-pressed") == "false"
    press("Control+1")  # the browser's own keys stay its own
    assert sounding(desk) == ["play-reference"]


@pytest.mark.slow
def test_switching_as_fast_as_fingers_can_ends_at_the_last_key(desk):
    for key in "1234" * 15 + "2":
        desk.page.keyboard.press(key)
    expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
    assert sounding(desk) == ["play-slot-2"]


def test_space_on_a_play_button_plays_it_and_on_the_one_that_plays_stops_it(desk):
    desk.play(1)
    desk.page.get_by_test_id("play-slot-2").focus()
    desk.page.keyboard.press(" ")
    expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.press(" ")
    assert sounding(desk) == []


def test_help_opens_by_its_key_and_keys_rest_while_it_is_open(desk):
    desk.page.keyboard.press("?")
    expect(desk.page.get_by_role("dialog")).to_be_visible()
    desk.page.keyboard.press("1")
    assert sounding(desk) == []
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.slow
def test_sounds_beyond_nine_have_keys_of_their_own(page, live_server, twelve):
    from tests.e2e.conftest import Desk

    desk = Desk(page).enter(live_server.url + twelve.invite_path)
    for key, slot in (("9", 9), ("a", 10), ("b", 11), ("c", 12)):
        desk.page.keyboard.press(key)
        expect(desk.page.get_by_test_id(f"play-slot-{slot}")).to_have_attribute("aria-pressed", "true")


def test_the_passage_is_chosen_by_keyboard_and_is_never_shorter_than_half_a_second(desk):
    start, end = desk.page.get_by_label("Start of the passage"), desk.page.get_by_label("End of the passage")
    start.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.page.keyboard.press("ArrowRight")
    assert start.get_attribute("aria-valuetext") == "0.2 seconds"
    end.focus()
    desk.page.keyboard.press("Home")
    assert end.get_attribute("aria-valuetext") == "0.7 seconds"
    desk.page.get_by_role("button", name="Whole clip").click()
    assert start.get_attribute("aria-valuenow") == "0.0"


def test_the_passage_begins_and_ends_where_the_sound_is_by_a_key(desk):
    start, end = desk.page.get_by_label("Start of the passage"), desk.page.get_by_label("End of the passage")
    length = float(end.get_attribute("aria-valuenow"))
    desk.page.keyboard.press("Shift+ArrowRight")
    desk.page.keyboard.press("i")
    assert float(start.get_attribute("aria-valuenow")) == pytest.approx(min(1.0, length - 0.5), abs=0.051)
    expect(desk.page.locator("#told")).to_contain_text(
        f"Passage from {start.get_attribute('aria-valuenow')} to {length} seconds"
    )
    desk.page.keyboard.press("w")
    assert start.get_attribute("aria-valuenow") == "0.0"
    desk.page.keyboard.press("o")
    assert float(end.get_attribute("aria-valuenow")) == pytest.approx(1.0, abs=0.051)


def test_the_passage_is_chosen_by_dragging(desk):
    line = desk.page.locator("#timeline").bounding_box()
    handle = desk.page.get_by_label("Start of the passage").bounding_box()
    seconds = float(desk.page.get_by_label("End of the passage").get_attribute("aria-valuenow"))
    desk.page.mouse.move(handle["x"] + 5, handle["y"] + 40)
    desk.page.mouse.down()
    desk.page.mouse.move(line["x"] + 0.25 * line["width"], handle["y"] + 40, steps=5)
    desk.page.mouse.up()
    chosen = float(desk.page.get_by_label("Start of the passage").get_attribute("aria-valuenow"))
    assert abs(chosen - 0.25 * seconds) < 0.06
    assert desk.page.get_by_role("button", name="Whole clip").is_visible()


@pytest.mark.slow
def test_letters_and_digits_can_be_switched_off_for_good(desk):
    for _ in range(2):
        desk.page.keyboard.press("?")
        box = desk.page.get_by_label("Letters, digits and signs are keys of this page")
        expect(box).to_be_checked()
        box.uncheck()
        desk.page.keyboard.press("Escape")
        desk.page.keyboard.press("2")
        desk.page.wait_for_timeout(300)
        assert sounding(desk) == []
        desk.page.reload()
        desk.ready()
        desk.page.keyboard.press("2")
        desk.page.wait_for_timeout(300)
        assert sounding(desk) == []
        desk.page.keyboard.press(" ")  # not a letter
        expect(desk.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "true")
        desk.page.keyboard.press(" ")
        desk.page.get_by_role("button", name="Help and keyboard shortcuts").click()
        box.check()
        desk.page.keyboard.press("Escape")


def test_keys_are_found_on_keyboards_of_other_countries(desk):
    for key, code in (("é", "Digit2"), ("2", "Digit2"), ("2", "Numpad2"), ("٢", "Digit2")):
        desk.page.evaluate(
            "(key) => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, bubbles: true}))",
            {"key": key, "code": code},
        )
        expect(desk.page.get_by_test_id("play-slot-2")).to_have_attribute("aria-pressed", "true")
        desk.page.get_by_test_id("stop").click()
        assert sounding(desk) == []


@pytest.mark.slow
def test_ctrl_enter_goes_on_once_the_page_allows_it(desk):
    desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator("#told")).to_contain_text("Still to hear: 1–4. Still to rate: 1–4.")
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.hear_all()
    with desk.page.expect_navigation():
        desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator("h1")).to_have_text("Page 1 of 2")
