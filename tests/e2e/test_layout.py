"""The pages fit the screens that raters have."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from matplotlib.image import imread
from playwright.sync_api import Browser, expect

from listening import sessions
from listening.languages import NAMES
from listening.protocol import read
from tests.e2e.conftest import Desk
from tests.e2e.test_accessibility import begin, everything, pages  # noqa: F401, a fixture
from tests.e2e.width import WIDE_FONT, overflows

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


OTHER_SIZES = [
    pytest.param(size, marks=pytest.mark.slow) for size in ((844, 390), (390, 844), (768, 1024), (3840, 2160))
]


@pytest.mark.parametrize("size", [(320, 568), *OTHER_SIZES])
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


LANGUAGES = [pytest.param(name, marks=[] if name == "de" else pytest.mark.slow) for name in NAMES]
"""German, whose words are longest, in `make test`; every one in `make verify`."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_of_a_rater_is_wider_than_the_screen(page, live_server, everything, language):  # noqa: F811
    """In a font that is much wider than the machine's as well: no layout may just fit."""
    session = begin(everything, language)
    wide = []
    for name in pages(session):
        page.goto(live_server.url + session.rater.get_absolute_url())
        wide += [f"{name}, {each}" for each in overflows(page, (320, 390, 844))]
    assert not wide, "\n".join(wide)


def to_training(study, language="en"):
    session = begin(study, language)
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    return session


WORDS = """() => [...document.querySelectorAll(".scale span")].map((word) => {
    const range = document.createRange();
    range.selectNodeContents(word);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    return [left, right, top, bottom, word.textContent];
})"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_the_scale_never_collide(page, live_server, opened, language):
    page.goto(live_server.url + to_training(opened, language).rater.get_absolute_url())
    for font in ("machine's", "wide"):
        if font == "wide":
            page.add_style_tag(content=WIDE_FONT)
        for width in (320, 390, 844):
            page.set_viewport_size({"width": width, "height": 568})
            for one, other in combinations(page.evaluate(WORDS), 2):
                apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
                assert apart, (font, width, one, other)


def test_a_score_of_100_stands_in_one_line_beside_its_slider(page, live_server, opened):
    opened.protocol = read({"rating": {"comments": True}})
    opened.save()
    page.goto(live_server.url + to_training(opened).rater.get_absolute_url())
    desk = Desk(page).ready()
    desk.score(1, 100)
    for font in ("machine's", "wide"):
        if font == "wide":
            page.add_style_tag(content=WIDE_FONT)
        for width in (320, 390):
            page.set_viewport_size({"width": width, "height": 568})
            number, figure, comment = page.evaluate(NUMBER)
            assert number["height"] < 1.9 * number["size"], (font, width)
            assert figure["left"] - 1 <= number["left"], (font, width)
            assert number["right"] <= comment["left"] + 1, (font, width)


NUMBER = """() => {
    const signal = document.querySelector(".signal[data-slot='1']");
    const parts = [".number", ".figure", "[aria-controls^=comment]"];
    const [number, figure, comment] = parts.map((part) => signal.querySelector(part));
    const range = document.createRange();
    range.selectNodeContents(number);
    const { left, right, height } = range.getBoundingClientRect();
    const size = parseFloat(getComputedStyle(number).fontSize);
    return [{ left, right, height, size }, figure.getBoundingClientRect(), comment.getBoundingClientRect()];
}"""


@pytest.mark.parametrize("size", [(844, 390), pytest.param((640, 360), marks=pytest.mark.slow)])
def test_reference_and_scale_stay_in_sight_on_a_low_screen(page, live_server, twelve, size):
    """A phone on its side, and a laptop's page at 200%."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(live_server.url + to_training(twelve).rater.get_absolute_url())
    desk = Desk(page).ready()
    for slot in (6, 12):
        desk.slider(slot).focus()
        page.wait_for_function("new Promise((drawn) => requestAnimationFrame(() => drawn(true)))")
        for seen in (page.get_by_test_id("play-reference"), page.locator(".scale span").first, desk.slider(slot)):
            expect(seen).to_be_in_viewport(ratio=1)
        assert desk.slider(slot).evaluate(
            """(slider) => {
                const box = slider.getBoundingClientRect();
                return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === slider;
            }"""
        ), "something covers the slider"


def dark_runs(line: np.ndarray) -> int:
    """Number of dark stretches of a line of pixels."""
    dark = line < 0.5
    return int(dark[0]) + int(np.count_nonzero(dark[1:] & ~dark[:-1]))


def test_forced_colours_leave_a_slider_not_yet_rated_its_track_thumb_and_bands(browser: Browser, live_server, opened):
    context = browser.new_context(forced_colors="active", viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(live_server.url + to_training(opened).rater.get_absolute_url())
        slider = Desk(page).ready().slider(2)
        pixels = imread(io.BytesIO(slider.screenshot(scale="css")))[..., :3].mean(axis=2)
    finally:
        context.close()
    height, width = pixels.shape
    inside = pixels[4:-4, 4:-4]
    assert dark_runs(inside[:, width // 4]) == 4, "lines between five bands"
    assert dark_runs(inside[height // 8]) == 1, "the track"
    assert dark_runs(inside[height // 2 - 6]) == 2, "the edges of the thumb"
