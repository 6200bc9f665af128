"""A real browser, Debian's Chromium, at a server of our own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from listening import rendering, studies
from listening.models import Study
from tests.robot import chromium, missing_chromium


@pytest.fixture(scope="module")
def browser():
    """One Chromium for a file of tests.

    Playwright runs an event loop in this thread, in which Django refuses its database
    unless told otherwise; both end with the file, so that no other test notices.
    """
    if reason := missing_chromium():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield found


@pytest.fixture
def context(browser: Browser):
    """A browser as a person has it: cookies and storage of its own."""
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    found.set_default_timeout(15_000)
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
def twelve(draft) -> Study:
    """An open study with as many signals as a trial may have."""
    specs = ["reference", "lowpass@7000", "lowpass@3500", "opus@6", "opus@12", "opus@24"]
    specs += ["mp3@64", "mp3@128", "lyra@3.2", "lyra@6", "lyra@9.2", "opus@32"]
    studies.set_conditions(draft, specs)
    studies.start_rendering(draft)
    for row in studies.progress(draft).rows:
        rendering.render(row.pk)
    studies.open_study(draft, draft.owner)
    return draft
