"""The pages fit the screens that raters have."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk

pytestmark = pytest.mark.e2e

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HIGHER = "document.documentElement.scrollHeight - document.documentElement.clientHeight"


def test_twelve_signals_fit_a_small_laptop_without_scrolling(page, live_server, twelve):
    desk = Desk(page).enter(live_server.url + twelve.invite_path)
    assert page.evaluate(WIDER) == 0
    assert page.evaluate(HIGHER) == 0
    for slot in range(1, 13):
        box = desk.slider(slot).bounding_box()
        assert box["height"] > 300
        assert box["width"] >= 40
    expect(page.get_by_test_id("next")).to_be_in_viewport()


OTHER_SIZES = [pytest.param(size, marks=pytest.mark.slow) for size in ((390, 844), (768, 1024), (3840, 2160))]


@pytest.mark.parametrize("size", [(320, 568), (844, 390), *OTHER_SIZES])
def test_nothing_is_cut_off_or_too_small_to_touch(page, live_server, twelve, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(live_server.url + twelve.invite_path)
    for _ in range(2):
        assert page.evaluate(WIDER) == 0
        page.get_by_test_id("begin").click()
    desk = Desk(page).ready()
    assert page.evaluate(WIDER) == 0
    for slot in (1, 12):
        button, slider = page.get_by_test_id(f"play-slot-{slot}"), desk.slider(slot)
        button.scroll_into_view_if_needed()
        for box in (button.bounding_box(), slider.bounding_box()):
            assert min(box["width"], box["height"]) >= 36
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size[0]
    expect(page.get_by_test_id("next")).to_be_in_viewport()
