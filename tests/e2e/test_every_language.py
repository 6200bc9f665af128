"""Every word of a rater's pages passes through translation, and a whole session runs in each language."""

from __future__ import annotations

import re
from functools import partial

import pytest
from django.utils.translation.trans_real import DjangoTranslation
from playwright.sync_api import Browser, Page, Route, expect

from listening import sessions, studies, translating
from listening.languages import NAMES
from listening.models import FailedTries, Session, Study
from listening.protocol import read
from tests.e2e.conftest import Desk
from tests.e2e.test_accessibility import ASKED, begin, everything, pages  # noqa: F401, a fixture
from tests.e2e.words import pseudo_catalogue, untranslated
from tests.robot import Robot

pytestmark = pytest.mark.e2e

PSEUDO = "de"
PHONE = {"width": 390, "height": 844}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
EACH = [pytest.param(each, marks=pytest.mark.slow) for each in NAMES]
"""One in `make test`, every one in `make verify`."""


def texts_in(found: object) -> set[str]:
    """All texts of a nested value."""
    if isinstance(found, str):
        return {found}
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ()
    return set().union(*map(texts_in, inner))


OWN = {*NAMES.values(), *texts_in(ASKED), "PROLIFIC_PID (p1)", "PROLIFIC_PID", "The results will be published."}
"""Languages in their own words, the study's own texts, what the link says."""
CODES = {"OUT", "LATE", "CODE"}


@pytest.fixture
def pseudo(settings, tmp_path):
    """Puts every message in brackets in the place of its German."""

    def speak(without: str = "") -> None:
        pseudo_catalogue(tmp_path / "pseudo", PSEUDO, without)
        settings.LOCALE_PATHS = [tmp_path / "pseudo"]
        translating.catalogue.cache_clear()

    yield speak
    translating.catalogue.cache_clear()


@pytest.fixture
def german(browser: Browser):
    """A tab of a browser that asks for German."""
    context = browser.new_context(locale=PSEUDO, permissions=["clipboard-write"])
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def go(german, live_server):
    """Opens the page of a session, and gives it when all of its sounds are there."""

    def open_page(session: Session) -> Page:
        german.goto(live_server.url + session.rater.get_absolute_url())
        if german.locator("#loading").count():
            german.locator("#loading").wait_for(state="hidden")
        return german

    return open_page


def bare(page: Page, session: Session | None = None) -> list[tuple[str, str]]:
    """What of a page was not translated."""
    codes = {session.completion_code} if session else set()
    return untranslated(page, OWN | CODES | codes | set(Session.objects.values_list("resume_code", flat=True)))


def to_trial(study: Study) -> Session:
    """A session whose rater is at the training."""
    session = begin(study, PSEUDO)
    for name in pages(session):
        if name.startswith("trial"):
            return session
    raise AssertionError


def test_every_word_of_every_page_is_translated(go, everything, pseudo):  # noqa: F811
    pseudo()
    session = begin(everything, PSEUDO)
    seen = []
    for name in pages(session):
        page = go(session)
        assert bare(page, session) == [], name
        if name.startswith("questions"):
            page.get_by_test_id("begin").click()
            page.locator("#faults").wait_for()
            assert bare(page) == [], f"{name} with faults"
        seen.append(name.split("-")[0])
    assert {"consent", "questions", "instructions", "trial", "break", "comments", "finished"} <= set(seen)
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("⟦Copied⟧")
    for state in (Session.State.SCREENED_OUT, Session.State.TIMED_OUT, Session.State.CLOSED):
        Session.objects.filter(pk=session.pk).update(state=state, completion_code="CODE")
        assert bare(go(session)) == [], state
    Session.objects.filter(pk=session.pk).update(state=Session.State.FINISHED, cannot_have_listened="no sound was sent")
    assert bare(go(session), session) == []


@pytest.mark.slow
def test_what_the_trial_page_says_while_it_is_used_is_translated(go, everything, pseudo):  # noqa: F811
    pseudo()
    session = to_trial(everything)
    page = go(session)
    desk = Desk(page)
    desk.play(1)
    desk.score(1, 61)
    page.locator("#saving[data-state=saved]").wait_for()
    assert bare(page) == []
    for key in ("s", "i", "o", "?"):
        page.keyboard.press(key)
        assert bare(page) == [], key
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    desk.score(1, 62)
    page.locator("#saving[data-state=offline]").wait_for()
    assert bare(page) == []
    page.context.set_offline(False)
    page.locator("#saving[data-state=saved]").wait_for()
    with page.expect_navigation():
        page.evaluate("document.getElementById('onward').submit()")
    assert page.locator("[role=alert]:visible").inner_text().startswith("⟦Still to hear")
    assert bare(page) == []
    page.locator("#loading").wait_for(state="hidden")
    studies.close_study(everything, everything.owner)
    desk.score(1, 63)
    page.locator("#notice").wait_for()
    assert bare(page) == []


def answer(route: Route, status: int, body: str) -> None:
    """In place of the server."""
    route.fulfill(status=status, body=body)


@pytest.mark.slow
def test_sounds_that_do_not_come_are_said_in_translation(german, live_server, everything, pseudo):  # noqa: F811
    pseudo()
    session = to_trial(everything)
    for status, body in ((404, '{"error": "⟦gone⟧"}'), (503, "{}")):
        german.route("**/audio/*", partial(answer, status=status, body=body))
        german.clock.install()
        german.goto(live_server.url + session.rater.get_absolute_url())
        for _ in range(100):  # between two tries it waits, longer each time
            if german.locator("#loading.failed").count():
                break
            german.clock.run_for(2000)
            german.wait_for_timeout(50)
        german.locator("#loading.failed").wait_for()
        assert bare(german) == [], status


@pytest.mark.slow
def test_numbers_and_comments_are_asked_for_in_translation(go, opened, pseudo):
    pseudo()
    opened.protocol = read(
        {"rating": {"input": "numbers", "comments": True}, "rules": {"one_at_100": True, "least_seconds": 9}}
    )
    opened.save()
    page = go(to_trial(opened))
    page.get_by_test_id("score-slot-1").fill("777")
    page.keyboard.press("Tab")
    page.locator(".remark").first.click()
    assert bare(page) == []


def test_pages_that_belong_to_no_session_are_translated(german, live_server, opened, pseudo):
    pseudo()
    opened.protocol = read({"identity": {"names": ["PROLIFIC_PID"], "required": True, "one_attempt": True}})
    opened.save()
    Session.objects.filter(pk=begin(opened, PSEUDO).pk).update(identity="PROLIFIC_PID=1")
    paths = ["/t/nothing/", "/r/nobody/", "/t/no%20study/at/all", opened.invite_path, f"{opened.invite_path}resume/"]
    paths += [f"{opened.invite_path}?signed=0", f"{opened.invite_path}?PROLIFIC_PID=1"]
    for path in paths:
        german.goto(live_server.url + path)
        assert bare(german) == [], path
    german.goto(f"{live_server.url}{opened.invite_path}resume/")
    for refusal in ("No rater of this test", "Too many wrong codes"):
        german.locator("#code").fill("WRONG")
        german.get_by_test_id("resume").click()
        expect(german.get_by_role("alert")).to_contain_text(refusal)
        assert bare(german) == []
        FailedTries.objects.update(count=99)
    for state in (Study.State.CLOSED, Study.State.READY):
        Study.objects.update(state=state)
        german.goto(live_server.url + opened.invite_path)
        assert bare(german) == [], state


def test_a_word_that_is_not_marked_is_found(go, everything, pseudo):  # noqa: F811
    """A message that is not in brackets, texts that are written past the catalogue, and one that a style draws."""
    pseudo(without="Loop")
    page = go(to_trial(everything))
    assert {text for _, text in bare(page)} == {"Schleife"}
    page.evaluate("""() => {
        document.querySelector("#missing").textContent += " Two more.";
        document.querySelector("#stop").setAttribute("aria-label", "Halt");
        document.body.insertAdjacentHTML("beforeend", "<p hidden>Later</p><noscript><p>Never</p></noscript>");
        document.head.insertAdjacentHTML("beforeend", "<style>#clock::after { content: 'sec' }</style>");
        document.title = "Wave";
    }""")
    assert {text for _, text in bare(page)} == {"Schleife", "Two more.", "Halt", "Later", "Never", "sec", "Wave"}


@pytest.mark.parametrize("language", EACH)
def test_a_whole_session_runs_in_its_language(browser, live_server, opened, language):
    context = browser.new_context(locale=language, viewport=PHONE)
    tab = context.new_page()
    seen = []

    def look(name: str) -> None:
        root = tab.locator("html")
        expect(root).to_have_attribute("lang", language)
        expect(root).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
        assert tab.evaluate(WIDER) == 0, name
        assert tab.evaluate("document.body.scrollWidth - document.body.clientWidth") == 0, name
        seen.append(tab.locator("h1").inner_text())

    try:
        robot = Robot(tab, score=lambda page, slot: 20 * slot, look=look)
        assert robot.go(live_server.url + opened.invite_path)
    finally:
        context.close()
    session = Session.objects.get()
    assert (session.language, session.state) == (language, Session.State.FINISHED)
    ours = DjangoTranslation(language).gettext
    assert (seen[0], seen[-1]) == (ours("A listening test"), ours("Thank you"))
    scores = session.trials.exclude(training=True).values_list("position", "ratings__slot", "ratings__score")
    assert {(page, slot): score for page, slot, score in scores} == robot.given


@pytest.mark.parametrize(
    "language", [pytest.param(each, marks=[] if each in ("fr", "ar") else pytest.mark.slow) for each in NAMES]
)
def test_scripts_and_server_agree_on_plurals_and_write_numbers_alike(page, live_server, opened, language):
    session = begin(opened, language)
    page.goto(live_server.url + session.rater.get_absolute_url())
    one, many = "This page stays for at least %(seconds)s second.", "This page stays for at least %(seconds)s seconds."
    counts = [*range(130), 200, 1000, 1_000_000]
    said = page.evaluate(
        """async ([one, many, counts]) => {
            const { ngettext, number } = await import("/static/listening/i18n.js");
            return [counts.map((n) => ngettext(one, many, n)), number(1234.5, 1)];
        }""",
        [one, many, counts],
    )
    words = DjangoTranslation(language, domain="djangojs")
    assert said[0] == [words.ngettext(one, many, n) for n in counts]
    assert said[1] == ("1234,5" if language in ("fr", "de", "es") else "1234.5")


def test_right_to_left_sliders_are_mirrored_and_time_is_not(page, live_server, opened):
    page.set_viewport_size(PHONE)
    session = begin(opened, "ar")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    page.goto(live_server.url + session.rater.get_absolute_url())
    desk = Desk(page).ready()
    desk.score(1, 40)
    slider = desk.slider(1)
    slider.press("ArrowLeft")
    expect(slider).to_have_value("41")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(slider).to_have_value("39")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    assert int(slider.input_value()) > 80
    words = page.locator(".scale span")
    assert words.first.bounding_box()["x"] < words.last.bounding_box()["x"]  # excellent on the left
    wave = page.locator("#timeline").bounding_box()
    page.mouse.click(wave["x"] + 0.75 * wave["width"], wave["y"] + wave["height"] / 2)
    expect(page.locator("#clock")).to_have_text(re.compile(r"(0\.[6-9]|1\.\d)"))
    start, end = (page.locator(f".handle.{each}").bounding_box()["x"] for each in ("start", "end"))
    assert start < end
