"""A rater who is a program: drives a real browser by the page's test ids alone, as a person would go through it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.stack import wait_for

Score = Callable[[int, int], int]
"""Page of the test (0 is the training) and slot -> the score to set."""

SET_SCORE = """(slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    slider.dispatchEvent(new Event("change", {bubbles: true}));
}"""


CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Debian's: without its windows it takes two thirds of the processor time, and is the same engine."""


def missing_chromium() -> str:
    """Why no browser can be driven here; "" if one can."""
    return "" if CHROMIUM else "Chromium is not on this machine (apt-get install chromium-headless-shell)"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright, chromium_of(playwright) as browser:
        yield browser


@contextlib.contextmanager
def chromium_of(playwright: Playwright) -> Iterator[Browser]:
    """The same, of a Playwright that runs: a thread can have only one."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
    )
    yield browser
    browser.close()


def missing_firefox() -> str:
    """Why Firefox can't be driven here; "" if it can."""
    names = [name for name in ("firefox-esr", "pulseaudio") if not shutil.which(name)]
    return f"not on this machine: {', '.join(names)} (apt-get install {' '.join(names)})" if names else ""


@contextlib.contextmanager
def firefox_of(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Firefox, headless, with a sound device that nobody hears: without one it plays nothing."""
    with sound_device() as runtime:
        browser = playwright.firefox.launch(
            channel="moz-firefox",
            executable_path=shutil.which("firefox-esr"),
            firefox_user_prefs={"media.autoplay.default": 0},
            env={**os.environ, "XDG_RUNTIME_DIR": runtime},
        )
        yield browser
        browser.close()


FIREFOX_CONTEXT = {"color_scheme": "null", "reduced_motion": "null", "forced_colors": "null", "contrast": "null"}
"""What `new_context` wants for Debian's Firefox: it can't be told any of these."""


@contextlib.contextmanager
def sound_device() -> Iterator[str]:
    """A PulseAudio of our own with a null sink; gives the folder that XDG_RUNTIME_DIR must name."""
    with tempfile.TemporaryDirectory(prefix="sound-") as runtime:  # made for its owner alone, as PulseAudio asks
        command = ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n", "-L", "module-native-protocol-unix"]
        command += ["-L", "module-null-sink sink_name=nobody rate=48000"]
        environment = {**os.environ, "XDG_RUNTIME_DIR": runtime, "HOME": runtime}
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as server:
            try:
                wait_for((Path(runtime) / "pulse" / "native").exists, 20, "PulseAudio listening")
                yield runtime
            finally:
                server.terminate()


def drop(page: Page, path: str) -> None:
    """Drop a file or folder on the page of the clips as a person does; the browser reads it from the disk."""
    box = page.locator(".drop").bounding_box()
    assert box, "nothing to drop on"
    place = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": [], "files": [path], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


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
