"""Questionnaires in a browser: filled in by keyboard, mended, and not lost with the line or the tab."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from listening import protocol, sessions
from listening.models import Session

pytestmark = pytest.mark.e2e

ASKED = """
questionnaires:
  - ready: equipment
  - name: before
    at: start
    title: Before you begin
    questions:
      - {kind: number, name: hours, text: Hours of listening today, least: 0, most: 24, unit: hours}
      - {kind: likert, name: rested, text: "How rested are you?", points: 7, low: Not at all, high: Very}
      - {kind: choice, name: styles, text: "What do you listen to?", several: true, options: [Speech, Music, Games]}
      - {kind: text, name: notes, text: "Anything else?", optional: true}
"""


@pytest.fixture
def rater(page: Page, live_server, opened):
    """A rater behind the consent, at the first questionnaire: the session, and their tab."""
    opened.protocol = protocol.read_yaml(ASKED)
    opened.save()
    session = sessions.start(opened, outside_ids={}, locale="en", browser="")
    sessions.advance(session, "consent")
    page.goto(live_server.url + session.rater.get_absolute_url())
    return session, page


def to_the_second(session: Session, page: Page) -> None:
    given = {"answer/device": "in-ear", "answer/connection": "wired", "answer/room": "quiet"}
    sessions.advance(session, "questions-1", given)
    page.reload()
    expect(page.get_by_role("heading", name="Before you begin")).to_be_visible()


@pytest.mark.slow
def test_a_questionnaire_is_filled_in_by_keyboard_alone(rater):
    session, page = rater
    to_the_second(session, page)
    press = page.keyboard.press
    page.locator("h1").click()  # as reading begins; from here on there is no pointer
    press("Tab")
    page.keyboard.type("30")
    press("Enter")

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(3)
    expect(page.get_by_label("Hours of listening today")).to_have_value("30")
    press("Tab")
    press("Enter")
    expect(page.get_by_label("Hours of listening today")).to_be_focused()
    expect(page.get_by_label("Hours of listening today")).to_have_accessible_description(
        "Please give a number from 0 to 24. hours"
    )
    press("Control+a")
    page.keyboard.type("3")
    press("Tab")
    expect(page.get_by_role("radio", name="1 Not at all")).to_be_focused()
    for _ in range(4):
        press("ArrowRight")
    press("Tab")
    press("Space")
    press("Tab")
    press("Tab")
    press("Space")
    press("Tab")
    page.keyboard.type("That is all.")
    press("Tab")
    expect(page.get_by_test_id("begin")).to_be_focused()
    with page.expect_navigation():
        press("Enter")
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    kept = dict(session.answers.filter(questionnaire="before").values_list("question", "value"))
    assert kept == {"hours": "3", "rested": "5", "styles": "speech;games", "notes": "That is all."}


def test_what_was_typed_outlives_a_lost_line_and_a_closed_tab(rater, context):
    session, page = rater
    to_the_second(session, page)
    address = page.url
    page.get_by_label("Hours of listening today").fill("5")
    page.get_by_role("radio", name="6", exact=True).check()
    page.get_by_label("Games").check()
    page.get_by_label("Anything else?").fill("lots")
    context.set_offline(True)
    page.get_by_test_id("begin").click()
    page.wait_for_timeout(500)
    page.close()
    context.set_offline(False)

    page = context.new_page()
    page.goto(address)
    expect(page.get_by_label("Hours of listening today")).to_have_value("5")
    expect(page.get_by_role("radio", name="6", exact=True)).to_be_checked()
    expect(page.get_by_label("Games")).to_be_checked()
    expect(page.get_by_label("Speech")).not_to_be_checked()
    expect(page.get_by_label("Anything else?")).to_have_value("lots")
    page.get_by_test_id("begin").click()
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft'))") == []
    assert session.answers.get(question="notes").value == "lots"


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
def test_nothing_of_a_questionnaire_is_cut_off(rater, width):
    session, page = rater
    page.set_viewport_size({"width": width, "height": 844})
    for step in range(2):
        page.get_by_test_id("begin").click()
        expect(page.get_by_role("alert")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        heights = page.locator(".choices label").evaluate_all("all => all.map((each) => each.offsetHeight)")
        assert min(heights) >= 40
        if step == 0:
            to_the_second(session, page)
