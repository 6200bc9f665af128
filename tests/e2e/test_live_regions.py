"""Screen readers say nothing over the sound under test: failures and the first save alone, once it is silent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

LISTEN = """() => {
    const LIVE = "[role=status], [role=alert], [role=log], [aria-live], output";
    window.spoken = [];
    const look = (changes) => {
        for (const { target, addedNodes } of changes) {
            const region = (target.nodeType === 1 ? target : target.parentElement)?.closest(LIVE);
            if (!region || region.getAttribute("aria-live") === "off") continue;
            const read = region.getAttribute("aria-atomic") === "false" ? [...addedNodes] : [region];
            window.spoken.push(...read.map((each) => each.textContent.trim()).filter(Boolean));
        }
    };
    const what = { subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"] };
    new MutationObserver(look).observe(document, what);
}"""
OFFLINE = "No connection. Kept on this device."


def test_nothing_is_announced_while_a_sound_plays_and_the_first_save_after_it(desk, context):
    desk.page.evaluate(LISTEN)
    for slot in (1, 2):
        desk.listen(slot)
        desk.score(slot, 20 * slot)
        desk.saving("Saved")
    for key in ("s", "i", "l", "l", "Control+Enter"):
        desk.page.keyboard.press(key)
    expect(desk.page.locator(".signal[data-slot='2']")).to_have_class(re.compile("is-heard"))
    context.set_offline(True)
    desk.score(2, 50)
    desk.saving(OFFLINE)
    context.set_offline(False)
    desk.saving("Saved")
    expect(desk.page.get_by_test_id("stop")).to_be_enabled()
    assert desk.page.evaluate("window.spoken") == []
    desk.page.get_by_test_id("stop").click()
    (spoken,) = desk.page.evaluate("window.spoken")
    assert "Saved" in spoken
    assert "No connection" not in spoken, "over by then"


def test_in_silence_the_first_save_and_every_failure_are_announced(desk, context):
    desk.page.evaluate(LISTEN)
    for score in (10, 20, 30):
        desk.score(1, score)
        desk.saving("Saved")
    assert desk.page.evaluate("window.spoken") == ["Saved"]
    for score in (40, 50):
        context.set_offline(True)
        desk.score(1, score)
        desk.saving(OFFLINE)
        with desk.page.expect_event("requestfailed"):
            desk.score(1, score + 1)
        context.set_offline(False)
        desk.saving("Saved")
    assert desk.page.evaluate("window.spoken") == ["Saved", OFFLINE, OFFLINE], "once for each failure, not each try"


@pytest.mark.slow
def test_a_failure_while_a_sound_plays_is_announced_when_it_stops(desk, context):
    desk.page.evaluate(LISTEN)
    desk.listen(1)
    context.set_offline(True)
    desk.score(1, 50)
    desk.saving(OFFLINE)
    assert desk.page.evaluate("window.spoken") == []
    desk.page.get_by_test_id("stop").click()
    assert desk.page.evaluate("window.spoken") == [OFFLINE]


def test_an_answer_stays_readable_when_the_first_save_comes_right_after_it(desk):
    desk.score(1, 50)
    desk.page.keyboard.press("s")
    desk.saving("Saved")
    expect(desk.page.locator("#told")).to_contain_text("Saved")
    expect(desk.page.locator("#told")).to_contain_text("Sorted by score: 1")
