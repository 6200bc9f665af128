"""Each sound plays as soon as it is there; rating starts when all are; what can't be had is said."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_a_sound_that_fails_once_is_fetched_again(desk):
    failed = []

    def fail_once(route):
        if route.request.url in failed:
            return route.continue_()
        failed.append(route.request.url)
        return route.abort() if len(failed) % 2 else route.fulfill(status=503, body="{}")

    desk.page.route("**/audio/*", fail_once)
    desk.page.reload()
    desk.ready()
    assert len(failed) >= 5  # those of the next page may have come after them


@pytest.mark.slow
def test_a_sound_that_cannot_be_had_is_said_and_can_be_tried_again(desk):
    desk.page.route("**/audio/*", lambda route: route.abort())
    desk.page.reload()
    failed = desk.page.locator("#loading")
    said = "Some sounds could not be loaded. Check your connection"
    expect(failed).to_contain_text(said, timeout=40_000)  # after six tries
    expect(failed).to_be_visible()
    expect(desk.page.get_by_test_id("play-reference")).to_be_disabled()
    desk.page.unroute("**/audio/*")
    desk.page.get_by_role("button", name="Try again").click()
    desk.ready()


@pytest.mark.slow
def test_sounds_that_lie_in_the_cache_under_another_mask_are_fetched_again(desk, settings):
    desk.page.wait_for_load_state("networkidle")
    settings.SECRET_KEY = "another since the page was loaded"
    desk.page.reload()
    desk.ready()


@pytest.mark.slow
def test_a_page_whose_keys_are_no_longer_right_asks_for_a_reload(desk, settings):
    desk.page.route("**/audio/*", lambda route: route.abort())
    desk.page.reload()
    again = desk.page.get_by_role("button", name="Try again")
    expect(again).to_be_visible(timeout=40_000)
    desk.page.context.new_cdp_session(desk.page).send("Network.clearBrowserCache")
    settings.SECRET_KEY = "another since the page was loaded"
    desk.page.unroute("**/audio/*")
    again.click()
    expect(desk.page.locator("#loading")).to_contain_text("The sounds of this page have changed.")
    desk.page.get_by_role("button", name="Reload the page").click()
    desk.ready()


def test_a_page_that_was_left_on_another_device_asks_for_a_reload(desk):
    """Its sounds are refused for good: waiting would not help."""
    desk.page.route(
        "**/audio/*",
        lambda route: route.fulfill(status=404, json={"error": "This sound does not belong to the page."}),
    )
    desk.page.reload()
    expect(desk.page.locator("#loading")).to_contain_text("This sound does not belong to the page.")
    desk.page.unroute("**/audio/*")
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


LINE = """async (steps) => {
    let now = 0;
    performance.now = () => now;
    const { LoadingLine } = await import("/static/listening/loading-line.js");
    const element = document.createElement("p");
    const line = new LoadingLine(element);
    return steps.map(([seconds, loaded]) => {
        now = 1000 * seconds;
        line.show(loaded, 8_000_000);
        return element.textContent;
    });
}"""


def test_a_slow_line_is_told_in_megabytes_and_time_left_and_a_fast_one_is_not(desk):
    slow = desk.page.evaluate(LINE, [[1, 20_000], [2, 100_000], [4, 1_000_000], [30, 7_500_000]])
    assert slow == [
        "",
        "0.1 of 8.0 MB. About 3 min left.",
        "1.0 of 8.0 MB. About 30 s left.",
        "7.5 of 8.0 MB. About 5 s left.",
    ]
    assert desk.page.evaluate(LINE, [[1, 2_000_000], [2, 6_000_000], [2.5, 8_000_000]]) == ["", "", ""]


@pytest.mark.slow
def test_a_page_on_a_slow_line_shows_how_much_has_come(desk):
    """The line is slow for the sounds alone: the scripts before them would take longer than the sounds do."""
    network = desk.page.context.new_cdp_session(desk.page)
    network.send("Network.enable")
    held = []
    desk.page.wait_for_load_state("networkidle")
    desk.page.route("**/audio/*", lambda route: held.append(route))
    desk.page.reload()
    wait_until(desk.page, lambda: len(held) >= 1)
    network.send("Network.clearBrowserCache")
    slow = {"offline": False, "latency": 0, "downloadThroughput": 10_000, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    held.pop().continue_()
    desk.page.unroute("**/audio/*")
    amount = desk.page.locator("#loading-amount")
    expect(amount).to_have_text(re.compile(r"^0\.\d of 0\.\d MB\. About \d+ s left\.$"))
    network.send("Network.emulateNetworkConditions", {**slow, "downloadThroughput": -1})
    desk.ready()


def test_nothing_sounds_and_no_sound_engine_exists_before_the_first_click(desk):
    desk.page.add_init_script(
        """window.contexts = 0;
        window.AudioContext = class extends AudioContext {
            constructor(wishes) { super(wishes); window.contexts += wishes ? 1 : 0; } // without any: asks for the rate
        };"""
    )
    desk.page.reload()
    desk.ready()
    assert desk.page.evaluate("window.contexts") == 0
    desk.listen(0)
    assert desk.page.evaluate("window.contexts") == 1


def test_what_has_come_can_be_heard_while_the_rest_is_on_its_way(desk):
    desk.page.wait_for_load_state("networkidle")
    held = []
    desk.page.route("**/audio/*", lambda route: held.append(route))
    desk.page.reload()
    wait_until(desk.page, lambda: len(held) >= 1)
    assert len(held) == 1, "the reference comes first, alone"
    held.pop().continue_()
    expect(desk.page.get_by_test_id("play-reference")).to_be_enabled()
    desk.listen(0)
    expect(desk.page.get_by_test_id("play-slot-1")).to_be_disabled()
    expect(desk.slider(1)).to_be_disabled()
    expect(desk.page.locator("#missing")).to_contain_text("Rating starts when all are")
    places = [each.bounding_box() for each in desk.page.locator(".desk button:visible").all()]
    wait_until(desk.page, lambda: len(held) >= 3)
    assert len(held) == 3
    held.pop(0).continue_()
    expect(desk.page.get_by_test_id("play-slot-1")).to_be_enabled()
    desk.listen(1)
    expect(desk.slider(1)).to_be_disabled()
    for _ in range(3):
        wait_until(desk.page, lambda: len(held) >= 1)
        held.pop(0).continue_()
    desk.ready()
    expect(desk.slider(1)).to_be_enabled()
    now = [each.bounding_box() for each in desk.page.locator(".desk button:visible").all()]
    assert now == places, "nothing moves when the last sound has come"
    expect(desk.page.get_by_test_id("play-slot-1")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_what_has_come_is_not_fetched_again_after_a_failure(desk):
    desk.page.wait_for_load_state("networkidle")
    asked = []

    def only_the_first_two(route):
        asked.append(route.request.url)
        return route.continue_() if len(set(asked)) <= 2 and asked.count(asked[-1]) == 1 else route.abort()

    desk.page.route("**/audio/*", only_the_first_two)
    desk.page.reload()
    expect(desk.page.get_by_role("button", name="Try again")).to_be_visible(timeout=40_000)
    first = asked[:2]
    asked.clear()
    desk.page.unroute("**/audio/*")
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.get_by_role("button", name="Try again").click()
    desk.ready()
    assert not set(first) & set(asked)


def test_the_next_page_needs_no_line_for_its_sounds(desk):
    """They came while this page was rated, and are taken from the browser's own store."""
    desk.hear_all()
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.saving("Saved")
    desk.page.wait_for_load_state("networkidle")
    asked = []
    desk.page.on("response", lambda answer: "/audio/" in answer.url and asked.append(answer))
    desk.next().ready()
    here = [answer for answer in asked if answer.from_service_worker is False]
    timings = desk.page.evaluate(
        """performance.getEntriesByType("resource").filter((each) => each.name.includes("/audio/"))
            .map((each) => each.transferSize)"""
    )
    assert len(here) >= 5
    assert timings[:5] == [0] * 5
