"""Who guesses a password has to wait; whose account it is gets in all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from listening import failed_tries
from listening.models import FailedTries

pytestmark = pytest.mark.usefixtures("stopped_clock")

RIGHT = "correct horse battery"


def attempt(password: str, address: str = "192.0.2.1", name: str = "ada", **headers: str):
    browser = Client(REMOTE_ADDR=address, headers=headers or None)
    answer = browser.post(reverse("login"), {"username": name, "password": password})
    return answer.status_code, "_auth_user_id" in browser.session, answer


def pass_by(seconds: float) -> None:
    FailedTries.objects.update(last_at=F("last_at") - timedelta(seconds=seconds))


def test_after_five_wrong_passwords_each_further_one_waits_twice_as_long(researcher):
    for _ in range(5):
        assert attempt("wrong")[:2] == (200, False)
    status, inside, answer = attempt(RIGHT)
    assert (status, inside, answer.headers["Retry-After"]) == (429, False, "1")
    assert "Wait 1 second, then try again" in answer.content.decode()
    waits = []
    for _ in range(12):
        pass_by(1000)
        assert attempt("wrong", name=" ADA")[0] == 200  # however it is written
        waits.append(failed_tries.seconds_to_wait(failed_tries.doors_of_login(answer.wsgi_request, "ada")))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    line = researcher.account_lines.get()
    assert (line.who, line.what) == ("login", "5 wrong passwords in a row, the last from 192.0.2.1")


def test_waiting_makes_no_wait_longer_and_a_right_password_ends_it(researcher):
    for _ in range(5):
        attempt("wrong")
    count = FailedTries.objects.order_by("pk").first().count
    for _ in range(3):
        assert attempt("wrong")[0] == 429
    assert FailedTries.objects.order_by("pk").first().count == count
    pass_by(2)
    assert attempt(RIGHT)[:2] == (302, True)
    assert [attempt("wrong")[0] for _ in range(4)] == [200] * 4


def test_a_stranger_who_guesses_elsewhere_costs_the_person_a_minute_at_most(researcher):
    for number in range(30):
        attempt("wrong", f"198.51.100.{number}")
        pass_by(61)
    attempt("wrong", "198.51.100.99")
    status, _, answer = attempt(RIGHT)
    assert (status, int(answer.headers["Retry-After"]) <= 60) == (429, True)
    pass_by(60)
    assert attempt(RIGHT)[:2] == (302, True)


@pytest.mark.parametrize(
    ("proxies", "said", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),  # without a proxy of ours anybody may write the header
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (1, "", "192.0.2.1"),
    ],
)
def test_the_address_is_what_our_own_proxies_say(rf, settings, proxies, said, address):
    settings.PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": said})
    assert failed_tries.address_of(request) == address
