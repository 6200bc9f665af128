"""One's own account: the second step of a login, passwords, the e-mail address, and the operator's commands."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from listening import two_factor
from listening.views import account

PASSWORD = "correct horse battery"


def code_of(device: TOTPDevice) -> str:
    """What an app with the device's secret shows."""
    return f"{totp(device.bin_key, device.step, device.t0, device.digits):06d}"


def fresh_code(user) -> str:
    """A code as of half a minute later: each counts once."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1, drift=0)
    return code_of(TOTPDevice.objects.get(user=user))


@pytest.fixture
def protected(researcher) -> list[str]:
    """Ada with a second step; its recovery codes."""
    return two_factor.switch_on(researcher, code_of(two_factor.begin(researcher)))


def first_step(client: Client, **more: str):
    return client.post(reverse("login"), {"username": "ada", "password": PASSWORD, **more})


def logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_switching_on_takes_a_code_of_the_app_and_shows_ten_recovery_codes_once(page, researcher):
    shown = page.get(reverse("two_factor")).content.decode()
    device = TOTPDevice.objects.get()
    assert "<svg" in shown
    assert two_factor.secret(device) in shown
    assert two_factor.secret(device) in page.get(reverse("two_factor")).content.decode()  # reloading changes nothing
    wrong = page.post(reverse("two_factor"), {"code": "000000" if code_of(device) != "000000" else "000001"})
    assert "The code is wrong" in wrong.content.decode()
    assert not two_factor.is_on(researcher)
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    done = page.post(reverse("two_factor"), {"code": code_of(device)}).content.decode()
    assert two_factor.is_on(researcher)
    codes = re.findall(r"<li><code>(\w+)</code></li>", done)
    assert len(set(codes)) == 10
    assert codes[0] not in page.get(reverse("account")).content.decode()
    assert "10 recovery codes left" in page.get(reverse("account")).content.decode()


def test_the_picture_holds_the_secret_for_the_app(researcher):
    device = two_factor.begin(researcher)
    assert device.config_url.startswith("otpauth://totp/evalapp%3Aada?secret=")
    assert 'role="img"' not in two_factor.picture(device)
    assert two_factor.picture(device).startswith("<svg")


def test_a_login_takes_the_password_and_then_a_code(client, researcher, protected, draft):
    wanted = reverse("conditions", args=[draft.slug])
    asked = first_step(client, next=wanted)
    assert asked.url.startswith(reverse("login_code"))
    assert not logged_in(client)
    assert client.get(wanted).url.startswith(reverse("login"))
    assert wanted in client.get(asked.url).content.decode()
    done = client.post(reverse("login_code"), {"code": fresh_code(researcher), "next": wanted})
    assert done.url == wanted
    assert logged_in(client)


def test_nobody_is_led_elsewhere_after_the_code(client, researcher, protected):
    asked = first_step(client, next="https://evil.example/")
    assert "evil" not in asked.url
    done = client.post(reverse("login_code"), {"code": fresh_code(researcher), "next": "https://evil.example/"})
    assert done.url == reverse("studies")


def test_an_account_without_a_second_step_is_not_asked_for_one(client, researcher):
    assert first_step(client).url == reverse("studies")
    assert logged_in(client)


def test_a_wrong_code_lets_nobody_in_and_the_next_try_has_to_wait(client, researcher, protected):
    first_step(client)
    right = fresh_code(researcher)
    wrong = f"{(int(right) + 123456) % 1000000:06d}"
    assert client.post(reverse("login_code"), {"code": wrong}).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=5)  # the wait doubles: 16 s now
    refused = client.post(reverse("login_code"), {"code": right})
    assert "There were wrong codes before. Wait" in refused.content.decode()
    assert not logged_in(client)
    TOTPDevice.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(seconds=20))
    client.post(reverse("login_code"), {"code": right})
    assert logged_in(client)


def test_a_code_counts_once(researcher, protected):
    code = fresh_code(researcher)
    two_factor.check(researcher, code)
    with pytest.raises(two_factor.WrongCode):
        two_factor.check(researcher, code)


def test_a_recovery_code_logs_in_once_however_it_is_typed(client, researcher, protected):
    first_step(client)
    code = f" {protected[3][:4].upper()}-{protected[3][4:]} "
    client.post(reverse("login_code"), {"code": code})
    assert logged_in(client)
    assert two_factor.recovery_codes_left(researcher) == 9
    again = Client()
    first_step(again)
    assert again.post(reverse("login_code"), {"code": code}).status_code == 422


def test_without_the_first_step_there_is_no_second(client, researcher, protected):
    response = client.post(reverse("login_code"), {"code": fresh_code(researcher)})
    assert response.url == reverse("login")
    assert not logged_in(client)


def test_a_first_step_does_not_wait_for_ever(client, researcher, protected, monkeypatch):
    first_step(client)
    monkeypatch.setattr(account, "PENDING_SECONDS", -1)
    assert client.post(reverse("login_code"), {"code": fresh_code(researcher)}).url == reverse("login")


def test_a_password_that_changes_between_the_steps_ends_the_login(client, researcher, protected):
    first_step(client)
    researcher.set_password("another good password")
    researcher.save()
    assert client.post(reverse("login_code"), {"code": fresh_code(researcher)}).url == reverse("login")


def test_switching_off_takes_password_and_code(page, researcher, protected):
    off = reverse("two_factor_off")
    assert page.post(off, {"password": PASSWORD, "code": "nothing1"}).status_code == 422
    assert page.post(off, {"password": "wrong", "code": protected[0]}).status_code == 422
    assert two_factor.is_on(researcher)
    StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert page.post(off, {"password": PASSWORD, "code": protected[0]}).url == reverse("account")
    assert not two_factor.is_on(researcher)
    assert two_factor.recovery_codes_left(researcher) == 0


def test_new_recovery_codes_make_the_old_ones_void(page, researcher, protected):
    done = page.post(reverse("recovery_codes"), {"password": PASSWORD, "code": fresh_code(researcher)})
    codes = re.findall(r"<li><code>(\w+)</code></li>", done.content.decode())
    with pytest.raises(two_factor.WrongCode):
        two_factor.check(researcher, protected[0])
    StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    two_factor.check(researcher, codes[0])


def test_the_operator_switches_the_second_step_off(researcher, protected):
    said = io.StringIO()
    call_command("two_factor", "ada", stdout=said)
    assert "On, with 10 recovery codes left." in said.getvalue()
    assert two_factor.is_on(researcher)
    call_command("two_factor", "ada", reset=True, stdout=said)
    assert not two_factor.is_on(researcher)
    call_command("two_factor", "ada", reset=True, stdout=said)
    assert "It was off already." in said.getvalue()
    with pytest.raises(CommandError, match="no account 'eve'"):
        call_command("two_factor", "eve")


def test_a_password_is_changed_by_who_knows_the_old_one_and_other_browsers_are_logged_out(page, researcher):
    elsewhere = Client()
    elsewhere.force_login(researcher)
    fields = {"new_password1": "another good password", "new_password2": "another good password"}
    assert page.post(reverse("change_password"), {"old_password": "wrong", **fields}).status_code == 200
    assert page.post(reverse("change_password"), {"old_password": PASSWORD, **fields}).url == reverse("account")
    researcher.refresh_from_db()
    assert researcher.check_password("another good password")
    assert page.get(reverse("account")).status_code == 200
    assert elsewhere.get(reverse("account")).status_code == 302


def test_an_address_for_mail_is_changed_with_the_password(page, researcher):
    page.post(reverse("account"), {"email": "eve@example.org", "password": "wrong"})
    researcher.refresh_from_db()
    assert researcher.email == ""
    page.post(reverse("account"), {"email": "ada@example.org", "password": PASSWORD})
    researcher.refresh_from_db()
    assert researcher.email == "ada@example.org"


@pytest.fixture
def by_mail(settings, researcher):
    settings.EMAIL_HOST, settings.SITE_URL = "mail.example.org", "https://listening.example.org"
    researcher.email = "ada@example.org"
    researcher.save()


def test_a_forgotten_password_is_set_anew_through_a_link_by_mail(client, researcher, by_mail):
    assert reverse("password_reset") in client.get(reverse("login")).content.decode()
    sent = client.post(reverse("password_reset"), {"email": "ada@example.org"}, follow=True)
    assert "Look into your mail" in sent.content.decode()
    letter = mail.outbox[0]
    assert letter.subject == "New password for evalapp at listening.example.org"
    link = re.search(r"https://listening\.example\.org(\S+)", letter.body)[1]
    form = client.get(link, follow=True)
    fields = {"new_password1": "another good password", "new_password2": "another good password"}
    done = client.post(form.redirect_chain[-1][0], fields, follow=True)
    assert "The password is changed. Log in with it." in done.content.decode()
    researcher.refresh_from_db()
    assert researcher.check_password("another good password")
    assert "This link is over" in Client().get(link, follow=True).content.decode()


def test_a_link_by_mail_does_not_go_around_the_second_step(client, researcher, by_mail, protected):
    client.post(reverse("password_reset"), {"email": "ada@example.org"})
    link = re.search(r"https://listening\.example\.org(\S+)", mail.outbox[0].body)[1]
    form = client.get(link, follow=True)
    fields = {"new_password1": "another good password", "new_password2": "another good password"}
    client.post(form.redirect_chain[-1][0], fields)
    assert not logged_in(client)
    asked = client.post(reverse("login"), {"username": "ada", "password": "another good password"})
    assert asked.url == reverse("login_code")


def test_whether_there_is_an_account_with_an_address_is_not_told(client, by_mail):
    answers = [
        client.post(reverse("password_reset"), {"email": each}, follow=True) for each in ("ada@example.org", "x@y.org")
    ]
    assert answers[0].content == answers[1].content
    assert len(mail.outbox) == 1


def test_a_server_without_mail_says_whom_to_ask(client, researcher):
    login = client.get(reverse("login")).content.decode()
    assert "Ask whoever runs this server" in login
    assert reverse("password_reset") not in login
    for response in (
        client.get(reverse("password_reset")),
        client.post(reverse("password_reset"), {"email": "a@b.org"}),
    ):
        assert "This server sends no mail" in response.content.decode()
    assert mail.outbox == []


def test_the_operator_makes_an_account_that_is_no_staff(db, monkeypatch):
    monkeypatch.setenv("RESEARCHER_PASSWORD", "a good long password")
    call_command("add_researcher", "grace", email="grace@example.org", stdout=io.StringIO())
    made = get_user_model().objects.get()
    assert (made.username, made.email, made.is_staff, made.is_superuser) == ("grace", "grace@example.org", False, False)
    assert made.check_password("a good long password")
    with pytest.raises(CommandError, match="already exists"):
        call_command("add_researcher", "grace")
    monkeypatch.setenv("RESEARCHER_PASSWORD", "short")
    with pytest.raises(CommandError, match="at least 10 characters"):
        call_command("add_researcher", "alan")
    assert get_user_model().objects.count() == 1
