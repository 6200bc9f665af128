"""A whole session in Firefox, with all that a study can ask for: the other engine that raters come with."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from listening import headphone_check, sessions
from listening.models import Answer, Session
from listening.protocol import read
from tests.e2e.conftest import Desk
from tests.e2e.test_accessibility import ASKED, everything  # noqa: F401, a fixture
from tests.robot import FIREFOX_CONTEXT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser(firefox):
    return firefox


@pytest.fixture
def context(browser):
    found = browser.new_context(viewport={"width": 1280, "height": 900}, **FIREFOX_CONTEXT)
    found.set_default_timeout(30_000)
    yield found
    found.close()


class Rater:
    """Goes through whatever page comes, with what a hand can do: clicks and keys.

    Attributes
    ----------
    page : Page
    seen : list of str
        Steps as they came.
    set : dict
        (position of the trial, slot) -> score.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seen: list[str] = []
        self.set: dict[tuple[int, int], int] = {}

    def go(self) -> str:
        """From the invite link to the completion code."""
        self.seen.append("consent")
        self.leave()
        for _ in range(30):
            session = Session.objects.get()
            trial = sessions.current_trial(session)
            step = "trial" if trial else sessions.step_of(session).split("-")[0]
            self.seen.append(step)
            if session.ended:
                return self.page.get_by_test_id("completion-code").inner_text()
            if trial:
                self.trial(trial.position)
            else:
                getattr(self, step, lambda: None)()
                self.leave()
        raise AssertionError(self.seen)

    def leave(self) -> None:
        with self.page.expect_navigation():
            self.page.locator("[data-testid=begin], [data-testid=finish]").click()

    def level(self) -> None:
        self.page.get_by_test_id("play").click()
        self.page.get_by_test_id("level").press("ArrowRight")
        expect(self.page.locator("#level-now")).to_have_text("−15 dB")

    def headphones(self) -> None:
        attempt = headphone_check.current(Session.objects.get())
        assert attempt is not None
        for at, right in enumerate(attempt.right_answers, start=1):
            expect(self.page.locator("#number")).to_have_text(f"Question {at} of 6")
            self.page.get_by_test_id("play").click()
            self.page.get_by_test_id(f"answer-{right}").check()
            self.page.get_by_test_id("answer").click()

    def questions(self) -> None:
        page = self.page
        if page.get_by_role("heading", level=1).inner_text() == "How it was":
            page.get_by_label("Hours of listening").fill("2")
            page.get_by_role("radiogroup", name="Tired?").get_by_role("radio").nth(3).check()
            page.get_by_label("Echo").check()
            page.get_by_label("Anything else?").fill("Naïve – 音")
            page.wait_for_timeout(500)  # what was typed is kept on the device
            page.reload()
            expect(page.get_by_label("Anything else?")).to_have_value("Naïve – 音")
        else:
            for group in page.get_by_role("radiogroup").all():
                group.get_by_role("radio").first.check()

    def trial(self, at: int) -> None:
        desk = Desk(self.page).ready()
        for slot in range(1, desk.page.locator("[data-testid^=play-slot-]").count() + 1):
            desk.listen(slot)
            score = self.set[at, slot] = (31 * slot + 7 * at) % 90 + 5
            if slot % 2:
                desk.page.keyboard.type(f"t{score}")
                desk.page.keyboard.press("Enter")
            else:
                box = desk.slider(slot).bounding_box()
                assert box is not None
                upright = box["height"] > box["width"]
                start, end = 20 / 100, score / 100
                place = lambda share, box=box, upright=upright: (  # noqa: E731
                    box["x"] + box["width"] * (0.5 if upright else share),
                    box["y"] + box["height"] * (1 - share if upright else 0.5),
                )
                desk.page.mouse.move(*place(start))
                desk.page.mouse.down()
                desk.page.mouse.move(*place(end), steps=5)
                desk.page.mouse.up()
                reached = int(desk.slider(slot).input_value())
                assert abs(reached - score) <= 3
                self.set[at, slot] = reached
            expect(desk.page.locator(f".signal[data-slot='{slot}']")).to_have_class(re.compile("is-heard"))
            if (at, slot) == (1, 2):
                self.come_again(desk, at)
        desk.saving("Saved")
        desk.next()

    def come_again(self, desk: Desk, at: int) -> None:
        """A tab that was closed: its rater comes back by the link, and finds what was set."""
        desk.saving("Saved")
        link = self.page.url
        context = self.page.context
        self.page.close()
        desk.page = self.page = context.new_page()
        self.page.goto(link)
        desk.ready()
        for slot in (1, 2):
            expect(desk.slider(slot)).to_have_value(str(self.set[at, slot]))


@pytest.mark.slow
def test_a_session_with_everything_in_firefox(page, live_server, everything, short):  # noqa: F811
    everything.heard_seconds = 0.2
    everything.save()
    page.goto(f"{live_server.url}{everything.invite_path}?PROLIFIC_PID=p7")
    rater = Rater(page)
    code = rater.go()
    session = Session.objects.get()
    assert (session.completion_code, session.state, session.level_db) == (code, Session.State.FINISHED, -15)
    assert {"consent", "level", "headphones", "questions", "instructions", "trial", "comments"} < set(rater.seen)
    stored = session.trials.values_list("position", "ratings__slot", "ratings__score")
    assert {(position, slot): score for position, slot, score in stored} == rater.set
    given = dict(Answer.objects.values_list("question", "value"))
    assert given["t"] == "Naïve – 音"


@pytest.mark.slow
def test_a_line_that_drops_in_firefox_loses_nothing(page, live_server, opened):
    opened.protocol = read({})
    opened.save()
    session = sessions.start(opened, outside_ids={}, locale="en", browser="")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    page.goto(live_server.url + session.rater.get_absolute_url())
    desk = Desk(page).ready()
    down = lambda route: route.abort()  # noqa: E731
    page.route("**/*", down)
    for score in (20, 40, 60):
        for slot in range(1, 5):
            desk.score(slot, score + slot)
    desk.saving("No connection. Kept on this device.")
    page.unroute("**/*", down)
    expect(page.locator("#saving")).to_have_text(
        "Saved", timeout=40_000
    )  # it asks again by itself, at longer intervals
    scores = dict(session.trials.get(position=0).ratings.values_list("slot", "score"))
    assert scores == {slot: 60 + slot for slot in range(1, 5)}
