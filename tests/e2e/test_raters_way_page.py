"""The page on which a researcher sets raters' way: a questionnaire is built without leaving it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from listening.models import Study

pytestmark = pytest.mark.e2e


@pytest.fixture
def at(live_server, context, page: Page, client, researcher, draft) -> Page:
    """The page of a draft, in the browser of its owner."""
    client.force_login(researcher)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page.goto(live_server.url + reverse("raters_way", args=[draft.slug]))
    return page


def test_a_questionnaire_is_built_by_keyboard_and_saved(at):
    at.locator("#section-questionnaires > summary").focus()
    at.keyboard.press("Enter")
    at.get_by_role("button", name="Add your own questionnaire").focus()
    at.keyboard.press("Enter")
    expect(at.get_by_label("Title", exact=True)).to_be_focused()
    at.keyboard.type("After the test")
    at.get_by_label("Question", exact=True).fill("How tired are you?")
    at.get_by_label("Kind of answer").select_option("Points of a line")
    expect(at.get_by_label("Options, one a line")).to_be_hidden()
    at.get_by_label("Points", exact=True).fill("7")
    at.get_by_label("Words at 1").fill("Not at all")

    at.get_by_role("button", name="Add a question", exact=True).press("Enter")
    second = at.get_by_role("group", name="Question 2")
    expect(second.get_by_label("Question", exact=True)).to_be_focused()
    at.keyboard.type("What did you hear?")
    second.get_by_label("Kind of answer").select_option("Choice")
    second.get_by_label("Options, one a line").fill("Noise\nEcho\nNothing")
    second.get_by_label("Several may be chosen").check()
    second.get_by_role("button", name="Move this question up").press("Enter")
    expect(at.get_by_role("group", name="Question 1").get_by_label("Question", exact=True)).to_have_value(
        "What did you hear?"
    )
    assert Study.objects.get().raters_way == {}

    with at.expect_navigation():
        at.get_by_role("button", name="Save").last.press("Enter")
    expect(at.get_by_text("Raters' way is saved.")).to_be_visible()
    (found,) = Study.objects.get().protocol.questionnaires
    assert (found.name, [question.name for question in found.questions]) == (
        "after-the-test",
        ["what-did-you-hear", "how-tired-are-you"],
    )
    assert found.questions[1].points == 7
    assert found.questions[0].several


@pytest.mark.slow
def test_a_fault_leads_to_its_field_in_a_section_that_was_folded(at):
    at.locator("#section-repeats > summary").click()
    at.get_by_label("Pages that come a second time").fill("99")
    with at.expect_navigation():
        at.get_by_role("button", name="Save").last.click()
    summary = at.locator("#faults")
    expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(at.get_by_label("Pages that come a second time")).to_be_focused()
    expect(at.get_by_label("Pages that come a second time")).to_have_value("99")


@pytest.mark.slow
def test_the_page_fits_a_phone(at):
    at.set_viewport_size({"width": 390, "height": 844})
    at.locator("#section-questionnaires > summary").click()
    at.get_by_role("button", name="Add your own questionnaire").click()
    at.get_by_label("Kind of answer").select_option("Number")
    at.locator("details").evaluate_all("all => all.forEach((each) => (each.open = true))")
    assert at.evaluate("document.documentElement.scrollWidth") == 390
