"""Cookies at the end of a session: gone, but for what one attempt needs."""

from __future__ import annotations

import pytest

from listening import sessions
from listening.models import Session
from listening.protocol import read
from listening.views.rater import cookie_of

ENDS = [Session.State.FINISHED, Session.State.SCREENED_OUT, Session.State.TIMED_OUT]


def last_page(client, study, state):
    """The page of a session that has ended, in a browser that still has its cookies."""
    session = sessions.start(study, outside_ids={}, locale="", browser="")
    Session.objects.filter(pk=session.pk).update(state=state, completion_code="CODE")
    client.cookies.load({cookie_of(study): session.rater.token, "csrftoken": "0" * 32})
    return client.get(session.rater.get_absolute_url())


@pytest.mark.parametrize("state", ENDS)
def test_the_last_page_removes_every_cookie(client, opened, state):
    assert last_page(client, opened, state).status_code == 200
    assert {name: cookie.value for name, cookie in client.cookies.items() if cookie.value} == {}
    assert client.cookies[cookie_of(opened)]["path"] == opened.invite_path


def test_where_one_attempt_is_allowed_the_browser_stays_known_and_the_note_says_so(client, opened):
    opened.protocol = read({"identity": {"names": ["ID"], "one_attempt": True}})
    opened.save()
    last_page(client, opened, Session.State.FINISHED)
    assert [name for name, cookie in client.cookies.items() if cookie.value] == [cookie_of(opened)]
    consent = sessions.start(opened, outside_ids={}, locale="", browser="")
    page = client.get(consent.rater.get_absolute_url()).content.decode()
    assert "keeps anybody from taking the test twice" in page


def test_a_researcher_who_tries_the_test_keeps_the_forms_cookie(client, opened, researcher):
    client.force_login(researcher)
    last_page(client, opened, Session.State.FINISHED)
    assert client.cookies["csrftoken"].value
