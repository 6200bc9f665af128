"""Sounds in the order of their scores."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def order(desk):
    """Sounds from left to right, as the eye sees them."""
    return desk.page.locator(".signal").evaluate_all(
        """(rows) => rows.map((row) => [row.getBoundingClientRect().x, Number(row.dataset.slot)])
            .sort((a, b) => a[0] - b[0]).map(([, slot]) => slot)"""
    )


@pytest.fixture
def rated(desk):
    """Sounds 1, 3 and 4 rated, at a page that does not glide."""
    desk.page.emulate_media(reduced_motion="reduce")
    for slot, score in ((1, 20), (3, 90), (4, 50)):
        desk.score(slot, score)
    return desk


def test_a_press_sorts_by_score_and_another_brings_the_numbers_order_back(rated):
    button = rated.page.get_by_role("button", name="Sort by score")
    button.click()
    assert order(rated) == [3, 4, 1, 2]  # 2 is not rated
    assert button.get_attribute("aria-pressed") == "true"
    expect(rated.page.locator("#told")).to_contain_text("Sorted by score: 3, 4, 1, 2")
    assert [rated.slider(slot).input_value() for slot in (1, 3, 4)] == ["20", "90", "50"]
    rated.page.keyboard.press("s")
    assert order(rated) == [1, 2, 3, 4]
    expect(rated.page.locator("#told")).to_contain_text("Sorted by number")


@pytest.mark.slow
def test_what_plays_and_where_the_focus_is_stay(rated):
    press = rated.page.keyboard.press
    press("4")
    expect(rated.page.get_by_test_id("play-slot-4")).to_have_attribute("aria-pressed", "true")
    for _ in range(2):
        press("s")
        expect(rated.slider(4)).to_be_focused()
        expect(rated.page.get_by_test_id("play-slot-4")).to_have_attribute("aria-pressed", "true")
        press("ArrowUp")
    assert rated.slider(4).input_value() == "52"


@pytest.mark.slow
def test_the_next_sound_is_the_next_on_the_page(rated):
    press = rated.page.keyboard.press
    press("s")
    seen = []
    for key in "nnnnnpp":
        press(key)
        playing = rated.page.locator(".signal.current")
        seen.append(int(playing.get_attribute("data-slot")))
    assert seen == [3, 4, 1, 2, 3, 2, 1]


def test_tab_follows_the_order_on_the_page(rated):
    rated.page.keyboard.press("s")
    rated.slider(3).focus()
    rated.page.keyboard.press("Tab")
    expect(rated.page.get_by_test_id("play-slot-4")).to_be_focused()


@pytest.mark.slow
def test_sounds_glide_to_their_places_unless_the_rater_wants_no_motion(desk):
    desk.score(4, 90)
    desk.page.evaluate(
        """() => {
            const animate = Element.prototype.animate;
            window.glides = 0;
            Element.prototype.animate = function (...how) { window.glides++; return animate.apply(this, how); };
        }"""
    )
    desk.page.keyboard.press("s")
    assert desk.page.evaluate("window.glides") == 4
    desk.page.emulate_media(reduced_motion="reduce")
    desk.page.keyboard.press("s")
    assert desk.page.evaluate("window.glides") == 4
    assert order(desk) == [1, 2, 3, 4]
