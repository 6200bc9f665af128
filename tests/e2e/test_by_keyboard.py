"""A whole session without a mouse: real keys alone, from the link to the code."""

import re

import pytest
from playwright.sync_api import expect

from listening.models import Rating, Session, Study

pytestmark = pytest.mark.e2e

AT = "document.activeElement?.dataset.testid ?? ''"


def tab_to(page, test_id):
    """Press Tab until the focus is there, as a person would who sees it move."""
    for _ in range(60):
        if page.evaluate(AT) == test_id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {test_id}")


def leave(page, test_id, key):
    expect(page.get_by_test_id(test_id)).to_be_enabled()
    with page.expect_navigation():
        page.keyboard.press(key)


def sound_key(slot):
    return str(slot) if slot < 10 else "abc"[slot - 10]


def rate(page, slots, score):
    """Each sound by its key, its score by arrows or digits; twice the reference between, and back to a sound."""
    for slot in range(1, slots + 1):
        page.keyboard.press("r")
        page.keyboard.press(sound_key(slot))
        expect(page.get_by_test_id(f"play-slot-{slot}")).to_have_attribute("aria-pressed", "true")
        wanted = score(slot)
        if slot % 2:
            page.keyboard.type(f"t{wanted}")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("Home")
            for _ in range(wanted // 10):
                page.keyboard.press("PageUp")
            for _ in range(wanted % 10):
                page.keyboard.press("ArrowUp")
        expect(page.get_by_test_id(f"score-slot-{slot}")).to_have_value(str(wanted))
        expect(page.locator(f".signal[data-slot='{slot}']")).to_have_class(re.compile("is-heard"))
    page.keyboard.press(" ")
    expect(page.locator(".play[aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize("name", ["opened", pytest.param("twelve", marks=pytest.mark.slow)])
def test_a_session_by_keys_alone(request, page, live_server, name):
    study = request.getfixturevalue(name)
    Study.objects.filter(pk=study.pk).update(heard_seconds=0.2)
    slots = study.conditions.count()
    page.goto(live_server.url + study.invite_path)
    for _ in range(2):
        tab_to(page, "begin")
        leave(page, "begin", "Enter")
    for at in range(1 + study.clips.count()):
        expect(page.locator("#loading")).to_be_hidden()
        rate(page, slots, lambda slot, at=at: (31 * slot + 7 * at) % 101)
        if at == 1:  # on the first page that counts, all else that keys do
            for key, announced in (
                ("s", "Sorted by score"),
                ("s", "Sorted by number"),
                ("i", "Passage"),
                ("w", "Passage"),
            ):
                page.keyboard.press(key)
                expect(page.locator("#told")).to_contain_text(announced)
            page.keyboard.press("?")
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
            tab_to(page, "next")
            leave(page, "next", "Enter")
        else:
            leave(page, "next", "Control+Enter")
    tab_to(page, "finish")
    leave(page, "finish", "Enter")
    session = Session.objects.get()
    expect(page.get_by_test_id("completion-code")).to_have_text(session.completion_code)
    given = {
        (each.trial.position, each.slot): each.score
        for each in Rating.objects.filter(trial__session=session).select_related("trial")
    }
    assert given == {
        (at, slot): (31 * slot + 7 * at) % 101 for at in range(1 + study.clips.count()) for slot in range(1, slots + 1)
    }
