"""Recruiting in a browser: a link that is copied, a rater who withdraws, and what axe-core finds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from listening import recruiting
from listening.models import Panel, Session, Study
from tests.e2e.test_accessibility import SIZES, faults
from tests.e2e.test_people_and_account import log_in

pytestmark = pytest.mark.e2e


@pytest.fixture
def study(opened) -> Study:
    recruiting.change(opened, None, notices={"en": "The study pauses until Monday."}, forget_after_days=30)
    recruiting.change_panel(opened, None, "students", quota=12, opens_at=None, closes_at=timezone.now())
    return opened


@pytest.mark.slow
def test_a_quota_is_set_and_a_rater_withdraws_in_a_browser(page, live_server, study):
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("recruiting", args=[study.slug]))
    page.get_by_label("Name of the new panel").fill("guests")
    page.get_by_label("Quota: the new panel").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    link = page.get_by_label("Invite link of guests").input_value()
    assert Panel.objects.get(name="guests").quota == 1

    page.goto(link)
    expect(page.get_by_text("The study pauses until Monday.")).to_be_visible()
    page.get_by_test_id("begin").click()
    page.wait_for_url("**/r/**")
    page.evaluate("localStorage.setItem('listening/' + location.pathname.split('/')[2] + '/write/x/1', '{}')")
    page.get_by_role("link", name="Withdraw from this test").click()
    page.get_by_test_id("withdraw").click()
    expect(page.get_by_role("heading", name="You have withdrawn")).to_be_visible()
    page.wait_for_function("Object.keys(localStorage).every((key) => !key.startsWith('listening/'))")
    assert not Session.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_axe_finds_nothing_on_the_pages_of_recruiting(browser, live_server, study, size, scheme):
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()

    def look(address: str) -> None:
        page.goto(live_server.url + address)
        assert faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address

    look(study.invite_path)
    page.get_by_test_id("begin").click()
    page.wait_for_url("**/r/**")
    rater = Session.objects.get().rater
    look(reverse("withdraw", args=[rater.token]))
    log_in(page, live_server.url)
    look(reverse("delete_rater", args=[study.slug, rater.code]))
    for name in ("raters", "recruiting"):
        look(reverse(name, args=[study.slug]))
    recruiting.change(study, None, opens_at=timezone.now() + timedelta(days=1))
    look(f"{study.invite_path}?new=1")
    context.close()
