"""A real browser, Debian's Chromium, at a server of our own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from listening import headphones, sessions, studies
from listening.models import Study
from tests.conftest import render_all
from tests.robot import SET_SCORE, chromium_of, firefox_of, missing_chromium, missing_firefox

PATIENCE = 30_000  # ms; on a busy machine a page may be late, and only a test that fails waits for so long
expect.set_options(timeout=PATIENCE)


def wait_until(page: Page, done: Callable[[], object]) -> None:
    """Wait until `done()` is true, and let the browser and its routes go on meanwhile."""
    for _ in range(PATIENCE // 50):
        if done():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not done after {PATIENCE / 1000:g} s")


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives browsers, for all tests of this folder.

    Playwright runs an event loop in this thread, in which Django refuses its database
    unless told otherwise; both end with the folder, so that no other test notices.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield found


def started(launch: AbstractContextManager[Browser], missing: str) -> Iterator[Browser]:
    """A browser, ended after its tests; where its Debian packages are missing, they are skipped and name them."""
    if missing:
        pytest.skip(missing)
    with launch as found:
        yield found


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests of this folder: a start costs as much as a test."""
    yield from started(chromium_of(playwright), missing_chromium())


@pytest.fixture(scope="module")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    """One Firefox for a file of tests: recordings get one that has played nothing before."""
    yield from started(firefox_of(playwright), missing_firefox())


@pytest.fixture(scope="package")
def browser(chromium: Browser) -> Browser:
    """The browser of every test that names no other."""
    return chromium


@pytest.fixture
def short(monkeypatch):
    """Headphone tests of intervals of 0.25 s: what a question is like, in a quarter of the time."""
    for name, seconds in (("SECONDS", 0.25), ("TONE_GAP", 0.1), ("NOISE_GAP", 0.1), ("SILENCE", 0.1)):
        monkeypatch.setattr(headphones, name, seconds)


@pytest.fixture
def context(browser: Browser):
    """A browser as a person has it: cookies and storage of its own."""
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    found.set_default_timeout(PATIENCE)
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab in it; what a script throws fails the test."""
    tab = context.new_page()
    thrown: list[str] = []
    tab.on("pageerror", lambda error: thrown.append(str(error)))
    yield tab
    assert thrown == []


@pytest.fixture
def twelve(once) -> Study:
    """An open study with as many signals as a trial may have."""
    specs = ["reference", "lowpass@7000", "lowpass@3500", "opus@6", "opus@12", "opus@24"]
    specs += ["mp3@64", "mp3@128", "lyra@3.2", "lyra@6", "lyra@9.2", "opus@32"]

    def change(study: Study) -> None:
        studies.set_conditions(study, specs)
        render_all(study)

    study = once("twelve", change)
    studies.open_study(study, study.owner)
    return study


class Desk:
    """A rater's trial page, by its test ids.

    Attributes
    ----------
    page : Page
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def enter(self, url: str) -> Desk:
        """From an invite link to the training, whose sounds are loaded."""
        self.page.goto(url)
        for _ in range(2):
            self.page.get_by_test_id("begin").click()
        return self.ready()

    def ready(self) -> Desk:
        expect(self.page.locator("#loading")).to_be_hidden()
        return self

    def play(self, slot: int) -> None:
        """Press a play button; 0 is the reference. The first sound waits for the browser's output."""
        self._play_button(slot).click()

    def listen(self, slot: int) -> None:
        """Press a play button, and wait until its sound plays."""
        self.play(slot)
        expect(self._play_button(slot)).to_have_attribute("aria-pressed", "true")

    def hear(self, slot: int) -> None:
        """Play a slot for as long as the page asks."""
        self.play(slot)
        expect(self.page.locator(f".signal[data-slot='{slot}']")).to_have_class(re.compile("is-heard"))

    def _play_button(self, slot: int) -> Locator:
        return self.page.get_by_test_id(f"play-slot-{slot}" if slot else "play-reference")

    def slider(self, slot: int) -> Locator:
        return self.page.get_by_test_id(f"score-slot-{slot}")

    def score(self, slot: int, score: int) -> None:
        """Drag a slider and let it go."""
        self.slider(slot).evaluate(SET_SCORE, str(score))

    def hear_all(self) -> Desk:
        """The same of every slot, then stop."""
        for slot in range(1, self.page.locator("[data-testid^=play-slot-]").count() + 1):
            self.hear(slot)
        self.page.get_by_test_id("stop").click()
        return self

    def saving(self, text: str) -> None:
        """Wait until the sign of the state says so."""
        expect(self.page.locator("#saving")).to_have_text(text)

    def next(self) -> Desk:
        with self.page.expect_navigation():
            self.page.get_by_test_id("next").click()
        return self


@pytest.fixture
def desk(page: Page, live_server, opened) -> Desk:
    """A rater at the training page of a study in which a fifth of a second counts as heard."""
    Study.objects.filter(pk=opened.pk).update(heard_seconds=0.2)
    session = sessions.start(opened, outside_ids={}, locale="en", browser="")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    page.goto(live_server.url + session.rater.get_absolute_url())
    return Desk(page).ready()
