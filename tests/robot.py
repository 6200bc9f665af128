"""A rater who is a program: drives a real browser by the page's test ids alone, as a person would go through it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, expect, sync_playwright

Score = Callable[[int, int], int]
"""Page of the test (0 is the training) and slot -> the score to set."""

SET_SCORE = """(slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    slider.dispatchEvent(new Event("change", {bubbles: true}));
}"""


def missing_chromium() -> str:
    """Why no browser can be driven here; "" if one can."""
    if shutil.which("chromium"):
        return ""
    return "Chromium is not on this machine (apt-get install chromium)"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@dataclass
class Robot:
    """Goes through a session from an invite link.

    Attributes
    ----------
    page : Page
    score : callable
        What to give each slot of each page.
    reload_on : int
        Page of the test that is reloaded in the middle; -1 for none.
    look : callable
        Called with a name at each new page: for screenshots.
    code : str
        The completion code, at the end.
    given : dict
        (page, slot) -> score set, the training left out.
    """

    page: Page
    score: Score
    reload_on: int = -1
    look: Callable[[str], None] = lambda name: None
    code: str = ""
    given: dict[tuple[int, int], int] = field(default_factory=dict)

    def go(self, url: str) -> str:
        """From the link to the completion code."""
        self.page.goto(url)
        at = 0
        ends = self.page.locator(
            "[data-testid=begin], [data-testid=next], [data-testid=finish], [data-testid=completion-code]"
        )
        while True:
            expect(ends.first).to_be_visible(timeout=120_000)
            kind = ends.first.get_attribute("data-testid")
            if kind == "completion-code":
                self.look("end")
                self.code = self.page.get_by_test_id("completion-code").inner_text().strip()
                return self.code
            if kind == "next":
                self.rate(at)
                at += 1
            else:
                self.look(f"{kind}-{at}")
                self._leave(kind)

    def rate(self, at: int) -> None:
        """Hear everything on a trial's page, set every score, go on."""
        page = self.page
        slots = page.locator("[data-testid^=score-slot-]").count()
        expect(page.get_by_test_id("play-reference")).to_be_enabled(timeout=120_000)
        page.get_by_test_id("play-reference").click()
        for slot in range(1, slots + 1):
            page.get_by_test_id(f"play-slot-{slot}").click()
            page.wait_for_timeout(1100)
            self._set(at, slot)
            if at == self.reload_on and slot == slots // 2:
                self._reload(at, slot)
        page.get_by_test_id("stop").click()
        self.look(f"trial-{at}")
        expect(page.get_by_test_id("next")).to_be_enabled(timeout=60_000)
        self._leave("next")

    def _set(self, at: int, slot: int) -> None:
        value = self.score(at, slot)
        self.page.get_by_test_id(f"score-slot-{slot}").evaluate(SET_SCORE, str(value))
        if at > 0:
            self.given[at, slot] = value

    def _reload(self, at: int, slot: int) -> None:
        """What was set must be there again; nothing else may be."""
        self.page.wait_for_timeout(600)
        self.page.reload()
        expect(self.page.get_by_test_id("play-reference")).to_be_visible(timeout=120_000)
        for each in range(1, slot + 1):
            expect(self.page.get_by_test_id(f"score-slot-{each}")).to_have_value(str(self.score(at, each)))
        self.page.get_by_test_id("play-reference").click()

    def _leave(self, kind: str) -> None:
        button = self.page.get_by_test_id(kind)
        with self.page.expect_navigation(timeout=120_000):
            button.click()
