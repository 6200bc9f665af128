"""Every page of a rater, looked at by axe-core for WCAG 2.2 A and AA: two widths, light and dark, both directions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from listening import headphone_check, ratings, sessions
from listening.models import Session, Study
from listening.protocol import read
from tests.listen import listen

pytestmark = pytest.mark.e2e

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
APPEARANCES = pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("phone", "dark"),
        pytest.param("desktop", "light", marks=pytest.mark.slow),
        pytest.param("desktop", "dark", marks=pytest.mark.slow),
        pytest.param("phone", "light", marks=pytest.mark.slow),
    ],
)

ASKED = {
    "name": "each-kind",
    "title": "How it was",
    "questions": [
        {"kind": "number", "name": "n", "text": "Hours of listening", "unit": "hours", "help": "Today."},
        {"kind": "likert", "name": "l", "text": "Tired?", "low": "No", "high": "Very"},
        {"kind": "choice", "name": "c", "text": "What did you hear?", "several": True, "options": ["Noise", "Echo"]},
        {"kind": "text", "name": "t", "text": "Anything else?"},
    ],
}
ANSWERS = {
    "answer/device": "in-ear",
    "answer/connection": "wired",
    "answer/room": "quiet",
    "answer/n": "1",
    "answer/l": "2",
    "answer/c/echo": "on",
    "answer/t": "No.",
}
State = Session.State
LAST = 10**9  # number of a write that comes after all of the page's own


@pytest.fixture
def shown(browser):
    """Opens a window of a size and colour scheme."""
    found = []

    def show(size: str = "desktop", scheme: str = "light"):
        width, height = SIZES[size]
        found.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme))
        return found[-1].new_page()

    yield show
    for context in found:
        context.close()


@pytest.fixture
def everything(opened) -> Study:
    """The open study with all that a protocol can ask for."""
    opened.protocol = read(
        {
            "level": True,
            "headphones": {"tests": ["antiphase", "huggins"]},
            "repeats": 1,
            "attention": 1,
            "pause": {"after_minutes": 10},
            "time_limit_minutes": 600,
            "questionnaires": [{"ready": "equipment"}, ASKED],
            "texts": {"en": {"ending": "The results will be published."}},
            "ends": {
                "completed": {"url": "https://panel.example/?cc={code}"},
                "screened_out": {"code": "OUT", "url": "https://panel.example/?cc={code}"},
                "timed_out": {"code": "LATE"},
            },
        }
    )
    opened.save()
    return opened


def begin(study: Study, language: str = "en") -> Session:
    return sessions.start(study, outside_ids={"PROLIFIC_PID": "p1"}, locale=language, browser="", language=language)


def pages(session: Session):
    """Name of each page of a session, which is left when the next one is asked for.

    Of the trials only the training and the first: the others have the same page.
    """
    rested = False
    while True:
        trial = sessions.current_trial(session)
        if not trial or trial.position < 2:
            yield f"trial-{trial.position}" if trial else sessions.step_of(session)
        if session.ended:
            return
        if trial:
            listen(session)
            for rating in trial.ratings.all():
                ratings.save(session, ratings.Write(trial.token, rating.slot, 50, 1, 2.0, LAST))
            if trial.position == 1 and not rested:
                session.trials.filter(position=1).update(started_at=timezone.now() - timedelta(minutes=11))
                rested = True
        while (attempt := headphone_check.current(session)) is not None and not attempt.over:
            at = len(attempt.answers)
            sessions.answer_headphones(session, attempt.number, at, attempt.right_answers[at])
        sessions.advance(session, sessions.step_of(session), ANSWERS | {"level": "-16"})


def faults(page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def look(page, name: str) -> None:
    """Wait until the page is all there, and run axe."""
    if name.startswith(("trial", "level", "headphones")):
        page.locator("#loading").wait_for(state="hidden")
    assert faults(page) == [], name


@APPEARANCES
def test_axe_finds_nothing_on_any_page(shown, live_server, everything, size, scheme):
    page = shown(size, scheme)
    session = begin(everything)
    seen = []
    for name in pages(session):
        page.goto(live_server.url + session.rater.get_absolute_url())
        look(page, name)
        seen.append(name)
        if name.startswith("questions"):
            page.get_by_test_id("begin").click()
            page.locator("#faults").wait_for()
            look(page, f"{name} with faults")
        if name == "trial-1":
            page.get_by_test_id("play-slot-1").click()
            page.get_by_test_id("score-slot-1").press("ArrowUp")
            page.keyboard.press("?")
            look(page, "trial-1 with its help open")
    assert {"consent", "level", "instructions", "trial-0", "trial-1", "comments", "finished"} < set(seen)
    assert any(name.startswith("break") for name in seen)
    Session.objects.filter(pk=session.pk).update(state=State.SCREENED_OUT, completion_code="CODE")
    page.goto(live_server.url + session.rater.get_absolute_url())
    look(page, State.SCREENED_OUT)
    page.goto(f"{live_server.url}/r/nobody/")
    look(page, "no rater")


@pytest.mark.slow
@APPEARANCES
def test_axe_finds_nothing_on_any_page_after_or_outside_a_session(shown, live_server, everything, size, scheme):
    page = shown(size, scheme)
    session = begin(everything)
    for state in (State.TIMED_OUT, State.CLOSED):
        Session.objects.filter(pk=session.pk).update(state=state, completion_code="CODE")
        page.goto(live_server.url + session.rater.get_absolute_url())
        look(page, state)
    Session.objects.filter(pk=session.pk).update(state=State.FINISHED, cannot_have_listened="no sound was sent")
    page.goto(live_server.url + session.rater.get_absolute_url())
    look(page, "not listened")
    invite = everything.invite_path
    for path in ("/t/nothing/", f"{invite}?panel=a%20b", f"{invite}?PROLIFIC_PID=1", f"{invite}resume/"):
        page.goto(live_server.url + path)
        look(page, path)
    Study.objects.update(state=Study.State.CLOSED)
    page.goto(live_server.url + everything.invite_path)
    look(page, "closed")


@pytest.mark.slow
@APPEARANCES
def test_axe_finds_nothing_in_fields_for_numbers_and_comments(shown, live_server, opened, size, scheme):
    opened.protocol = read({"rating": {"input": "numbers", "comments": True}, "rules": {"least_seconds": 60}})
    opened.save()
    page = shown(size, scheme)
    session = begin(opened)
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    page.goto(live_server.url + session.rater.get_absolute_url())
    page.locator("#loading").wait_for(state="hidden")
    for slot in range(1, 5):
        page.get_by_test_id(f"score-slot-{slot}").fill(str(25 * slot))
    page.get_by_test_id("score-slot-1").fill("101")
    look(page, "trial with numbers")
    page.get_by_role("button", name="Comment on sound 2").click()
    look(page, "trial with a comment open")


CONTROLS = {"button", "slider", "textbox", "link", "radio", "checkbox", "spinbutton", "combobox", "DisclosureTriangle"}


def test_a_screen_reader_finds_a_name_for_every_control_and_a_heading_that_says_where_it_is(
    shown, live_server, everything
):
    page = shown()
    reader = page.context.new_cdp_session(page)
    headings = {}
    session = begin(everything)
    for name in pages(session):
        page.goto(live_server.url + session.rater.get_absolute_url())
        if name.startswith("trial"):
            page.locator("#loading").wait_for(state="hidden")
        nodes = [each for each in reader.send("Accessibility.getFullAXTree")["nodes"] if not each["ignored"]]
        told = [(each["role"]["value"], each.get("name", {}).get("value", "")) for each in nodes]
        assert [what for what, called in told if what in CONTROLS and not called.strip()] == [], name
        assert [what for what, _ in told].count("main") == 1, name
        (headings[name],) = [each.inner_text() for each in page.get_by_role("heading", level=1).all()]
        if name.startswith("trial"):
            sliders = [called for what, called in told if what == "slider" and "Score" in called]
            assert sliders == [f"Score of sound {slot}" for slot in range(1, 5)]
            buttons = [called for what, called in told if what == "button"]
            assert [f"Play sound {slot}" for slot in range(1, 5)] == [each for each in buttons if "Play sound" in each]
    assert len(set(headings.values())) == len(headings)


@pytest.mark.slow
def test_axe_finds_nothing_in_a_right_to_left_language(shown, live_server, everything):
    page = shown("phone")
    session = begin(everything, "ar")
    for name in pages(session):
        page.goto(live_server.url + session.rater.get_absolute_url())
        look(page, name)


def test_a_fault_is_noticed(shown, live_server, everything):
    page = shown()
    page.goto(live_server.url + begin(everything).rater.get_absolute_url())
    page.evaluate("document.querySelector('h1').style.color = '#999'")
    page.evaluate("document.body.append(document.createElement('input'))")
    found = " ".join(faults(page))
    assert "color-contrast" in found
    assert "label" in found
