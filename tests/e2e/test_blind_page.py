"""What a browser shows and keeps of a trial, beside what comes over the line: the same for every slot."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

CANVAS = "document.querySelector('#timeline canvas').toDataURL()"


def test_the_console_says_nothing_from_the_link_to_the_next_page(page, desk):
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.reload()
    desk.ready().hear_all()
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.saving("Saved")
    desk.next().ready()
    assert said == []


@pytest.mark.slow
def test_what_the_console_says_of_a_sound_that_cannot_be_had_is_its_address_alone(page, desk):
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.route("**/audio/*", lambda route: route.fulfill(status=503, body="{}"))
    page.reload()
    expect(page.get_by_role("button", name="Try again")).to_be_visible(timeout=60_000)
    kinds = {re.sub(r"(?s)\n.*", "", text) for text in said}
    assert kinds <= {
        "Failed to load resource: the server responded with a status of 503 (Service Unavailable)",
        "Error: No connection.",
        "NoSound: The server answered 503.",
        "Error: The server answered 503.",
    }


@pytest.mark.slow
def test_the_waveform_is_the_references_whatever_plays(page, desk):
    before = page.evaluate(CANVAS)
    for slot in range(5):
        desk.listen(slot)
        page.wait_for_timeout(300)
        assert page.evaluate(CANVAS) == before
    desk.listen(1)
    page.get_by_test_id("stop").click()
    assert page.evaluate(CANVAS) == before


def test_the_browsers_own_record_of_fetches_is_the_same_for_every_sound(page, desk):
    found = page.evaluate(
        """performance.getEntriesByType("resource").filter((each) => each.name.includes("/audio/")).slice(0, 5)
            .map((each) => [each.encodedBodySize, each.decodedBodySize, each.serverTiming.length])"""
    )
    assert len(found) == 5
    assert all(each == found[0] for each in found)


def test_names_and_values_for_screen_readers_are_those_of_the_slots_number(page, desk):
    rows = [page.locator(f".signal[data-slot='{slot}']").aria_snapshot() for slot in range(1, 5)]
    assert len({re.sub(rf"\b{slot}\b", "N", row) for slot, row in enumerate(rows, start=1)}) == 1
