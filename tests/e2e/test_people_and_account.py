"""People, log and account in a browser: an invitation, the second step of a login, and what axe-core finds."""

from __future__ import annotations

import base64
import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from listening import studies
from listening.models import Delivery, Membership, Study, Webhook
from tests.e2e.test_accessibility import SIZES, faults

pytestmark = pytest.mark.e2e


@pytest.fixture
def study(researcher, settings, live_server) -> Study:
    settings.EMAIL_HOST, settings.SITE_URL = "mail.example.org", live_server.url
    return studies.create_study(researcher, "Speech")


def log_in(page: Page, server: str, name: str = "ada") -> None:
    page.goto(server + reverse("login"))
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("correct horse battery")
    with page.expect_navigation():  # a page asked for before would stop the login
        page.get_by_role("button", name="Log in").click()


def test_an_invitation_goes_from_the_owner_to_a_colleague(browser, page, live_server, study):
    get_user_model().objects.create_user("eve", password="correct horse battery")
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("people", args=[study.slug]))
    page.get_by_label("Role").select_option("collaborator")
    page.get_by_role("button", name="Make an invitation link").click()
    link = page.get_by_label("Invitation link").input_value()

    theirs = browser.new_context()
    guest = theirs.new_page()
    guest.goto(link)
    guest.get_by_label("Username").fill("eve")
    guest.get_by_label("Password").fill("correct horse battery")
    guest.get_by_role("button", name="Log in").click()
    expect(guest.get_by_text("invites you to the study")).to_be_visible()
    guest.get_by_role("button", name="Accept").click()
    expect(guest.get_by_text("You are a collaborator of this study now.")).to_be_visible()
    theirs.close()

    page.goto(live_server.url + reverse("people", args=[study.slug]))
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Remove eve").click()
    assert Membership.objects.exists()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove eve").click()
    expect(page.get_by_text("eve is removed from the study.")).to_be_visible()
    assert not Membership.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_axe_finds_nothing_on_the_pages_of_people_and_account(browser, live_server, study, size, scheme):
    member = get_user_model().objects.create_user("vera", password="correct horse battery")
    membership = Membership.objects.create(study=study, user=member, role="viewer")
    webhook = Webhook.objects.create(study=study, url="https://lab.example.org/hook", events=["study.closed"])
    Delivery.objects.create(webhook=webhook, event="study.closed", body="{}", status=503, answer="not now", attempts=2)
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()

    def look(name: str, *args: object) -> None:
        page.goto(live_server.url + reverse(name, args=args))
        assert faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name

    for name in ("login", "password_reset", "password_reset_done"):
        look(name)
    look("password_reset_confirm", "MQ", "over")
    log_in(page, live_server.url)
    for name in ("people", "study_log", "webhooks"):
        look(name, study.slug)
    page.goto(live_server.url + reverse("people", args=[study.slug]))
    page.get_by_role("button", name="Make an invitation link").click()
    assert faults(page) == []
    invitation = page.get_by_label("Invitation link").input_value()
    look("hand_over", study.slug, membership.pk)
    for name in ("account", "change_password", "two_factor", "api_tokens"):
        look(name)

    page.goto(live_server.url + reverse("api_tokens"))
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Your password").fill("correct horse battery")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_label("Token", exact=True)).to_have_value(re.compile("^evalapp_"))
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    look("two_factor")

    # The app reads the secret off the page, and has the code.
    secret = page.locator("code.secret").text_content().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(f"{totp(base64.b32decode(secret)):06d}")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.text_content()
    assert faults(page) == []
    for name in ("account", "recovery_codes", "two_factor_off"):
        look(name)
    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()
    log_in(page, live_server.url)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("Code", exact=True).fill(recovery)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
    TOTPDevice.objects.all().delete()
    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()

    log_in(page, live_server.url, "vera")
    page.goto(invitation)
    assert faults(page) == []
    for name in ("people", "study", "upload_clip", "study_settings", "open_study"):
        look(name, study.slug)
    context.close()
