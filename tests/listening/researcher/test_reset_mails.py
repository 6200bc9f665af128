"""Links for forgotten passwords: few of them, and never to a site that the sender of a request names."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client
from django.urls import reverse

from listening.models import FailedTries, Invitation


@pytest.fixture
def by_mail(settings, researcher):
    settings.EMAIL_HOST, settings.SITE_URL = "mail.example.org", "https://listening.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    researcher.email = "ada@example.org"
    researcher.save()


def ask(email: str = "ada@example.org", address: str = "192.0.2.1"):
    return Client(REMOTE_ADDR=address).post(reverse("password_reset"), {"email": email})


def pass_by(seconds: float) -> None:
    FailedTries.objects.update(last_at=F("last_at") - timedelta(seconds=seconds))


def test_thirty_requests_send_two_mails(by_mail):
    statuses = [ask(email).status_code for email in ["ada@example.org", " ADA@example.org ", "Ada@Example.org"] * 10]
    assert statuses == [302, 302, *[429] * 28]
    assert len(mail.outbox) == 2


def test_requests_from_many_addresses_send_two_mails_to_an_account(by_mail):
    for number in range(30):
        ask(address=f"198.51.100.{number}")
    assert len(mail.outbox) == 2


def test_one_address_asks_for_ten_accounts_at_most(by_mail):
    statuses = [ask(f"person{number}@example.org").status_code for number in range(30)]
    assert statuses == [302] * 10 + [429] * 20
    assert ask(address="192.0.2.2").status_code == 302  # another address is let through


def test_the_page_says_how_long_to_wait_and_each_wait_is_twice_as_long(by_mail):
    for _ in range(2):
        ask()
    waits = []
    for _ in range(5):
        answer = ask()
        assert "A mailed link works for three days." in answer.content.decode()
        waits.append(int(answer.headers["Retry-After"]))
        pass_by(waits[-1])
        assert ask().status_code == 302
    assert waits == [300, 600, 1200, 2400, 3600]


def test_an_unknown_account_waits_as_a_known_one_does(by_mail):
    assert [ask("nobody@example.org").status_code for _ in range(4)] == [302, 302, 429, 429]
    assert mail.outbox == []


def test_a_mail_links_to_the_site_whatever_the_request_calls_it(by_mail):
    Client().post(reverse("password_reset"), {"email": "ada@example.org"}, headers={"Host": "evil.example"})
    letter = mail.outbox[0]
    assert "https://listening.example.org/password/reset/" in letter.body
    assert "evil" not in letter.body + letter.subject


def test_without_the_site_s_own_address_no_mail_is_sent(by_mail, settings):
    settings.SITE_URL = ""
    assert "This server sends no mail" in ask().content.decode()
    assert mail.outbox == []


def test_links_to_be_copied_begin_with_the_site_s_own_address(by_mail, page, draft):
    page.defaults["HTTP_HOST"] = "evil.example"
    made = page.post(reverse("people", args=[draft.slug]), {"role": Invitation._meta.get_field("role").choices[0][0]})
    assert made.status_code == 201
    tokens = page.get(reverse("api_tokens"))
    for answer, start in ((made, "/invitation/"), (tokens, "/api/v1/")):
        text = answer.content.decode()
        assert f"https://listening.example.org{start}" in text
        assert "evil.example" not in text
