"""Before a trial starts, all of its sounds are there, or the rater is told."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def test_a_sound_that_fails_once_is_fetched_again(desk):
    failed = []

    def fail_once(route):
        if route.request.url in failed:
            return route.continue_()
        failed.append(route.request.url)
        return route.abort() if len(failed) % 2 else route.fulfill(status=503, body="{}")

    desk.page.route("**/audio/*.wav", fail_once)
    desk.page.reload()
    desk.ready()
    assert len(failed) == 5


def test_a_sound_that_cannot_be_had_is_said_and_can_be_tried_again(desk):
    desk.page.route("**/audio/*.wav", lambda route: route.abort())
    desk.page.reload()
    failed = desk.page.get_by_text("The sounds could not be loaded. Check your connection")
    expect(failed).to_be_visible(timeout=30_000)  # after five tries
    expect(desk.page.get_by_test_id("play-reference")).to_be_hidden()
    desk.page.unroute("**/audio/*.wav")
    desk.page.get_by_role("button", name="Try again").click()
    desk.ready()


def test_a_page_that_was_left_on_another_device_asks_for_a_reload(desk):
    """Its sounds are refused for good: waiting would not help."""
    desk.page.route(
        "**/audio/*.wav",
        lambda route: route.fulfill(status=404, json={"error": "This sound does not belong to the page."}),
    )
    desk.page.reload()
    expect(desk.page.locator("#loading")).to_contain_text("This sound does not belong to the page.")
    desk.page.unroute("**/audio/*.wav")
    desk.page.get_by_role("button", name="Reload the page").click()
    desk.ready()


def test_a_bar_shows_how_much_has_come(desk):
    desk.page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            const bar = document.getElementById("loading-bar");
            window.shown = [];
            const value = Object.getOwnPropertyDescriptor(HTMLProgressElement.prototype, "value");
            const note = function (share) { window.shown.push(share); value.set.call(this, share); };
            Object.defineProperty(bar, "value", { set: note });
        })"""
    )
    desk.page.reload()
    desk.ready()
    shown = desk.page.evaluate("window.shown")
    assert len(shown) >= 5
    assert 0 < shown[0] < 1
    assert shown[-1] == 1


def test_nothing_sounds_and_no_sound_engine_exists_before_the_first_click(desk):
    desk.page.add_init_script(
        """window.contexts = 0;
        window.AudioContext = class extends AudioContext { constructor(o) { super(o); window.contexts++; } };"""
    )
    desk.page.reload()
    desk.ready()
    assert desk.page.evaluate("window.contexts") == 0
    desk.play(0)
    expect(desk.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "true")
    assert desk.page.evaluate("window.contexts") == 1
