"""Cookies at the end of a session: gone, but for what one attempt needs."""

from __future__ import annotations

import pytest
from django.utils import timezone

from listening import sessions
from listening.models import Session, Study
from listening.protocol import read
from listening.views.rater import cookie_of

ENDS = Session.ENDS


def last_page(client, study, state, **changes):
    """The page of a session that has ended, in a browser that still has its cookies."""
    session = sessions.start(study, outside_ids={}, locale="", browser="")
    Session.objects.filter(pk=session.pk).update(state=state, completion_code="CODE", **changes)
    client.cookies.load({cookie_of(study): session.rater.token})
    return client.get(session.rater.get_absolute_url())


@pytest.mark.parametrize("state", ENDS)
def test_the_last_page_removes_every_cookie(client, opened, state):
    assert last_page(client, opened, state).status_code == 200
    assert {name: cookie.value for name, cookie in client.cookies.items() if cookie.value} == {}
    assert client.cookies[cookie_of(opened)]["path"] == opened.invite_path


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("reason", ["", "none of 5 rated sounds was played"])
def test_every_last_page_empties_the_browsers_storage(client, opened, state, reason, close):
    if close:
        Study.objects.update(state=Study.State.CLOSED, closed_at=timezone.now())
    page = last_page(client, opened, state, cannot_have_listened=reason).content.decode()
    assert "listening/forget.js" in page
    assert '<script id="rater"' in page


def test_where_one_attempt_is_allowed_the_browser_stays_known_and_the_note_says_so(client, opened):
    opened.protocol = read({"identity": {"names": ["ID"], "one_attempt": True}})
    opened.save()
    last_page(client, opened, Session.State.FINISHED)
    assert [name for name, cookie in client.cookies.items() if cookie.value] == [cookie_of(opened)]
    consent = sessions.start(opened, outside_ids={}, locale="", browser="")
    page = client.get(consent.rater.get_absolute_url()).content.decode()
    assert "keeps anybody from taking the test twice" in page


def test_no_page_of_a_rater_sets_a_cookie_but_the_one_that_the_note_names(client, opened):
    client.get(opened.invite_path)
    client.post(opened.invite_path, {"from": "consent"}, follow=True)
    assert set(client.cookies) == {cookie_of(opened)}
