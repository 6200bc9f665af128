"""A rater who is done leaves nothing in the browser, and was told before what is kept there."""

from __future__ import annotations

import pytest

from listening.models import Session, Study
from tests.e2e.conftest import Desk
from tests.e2e.test_events import rows

pytestmark = pytest.mark.e2e

KEPT = """async () => {
    const open = (name) => new Promise((resolve) => {
        const request = indexedDB.open("listening", 1);
        request.onsuccess = () => resolve(request.result);
    });
    const database = await open();
    const count = (name) => new Promise((resolve) => {
        const request = database.transaction(name).objectStore(name).count();
        request.onsuccess = () => resolve(request.result);
    });
    const found = { events: await count("events"), writes: await count("writes"), storage: Object.keys(localStorage) };
    database.close();
    return found;
}"""
NOTHING = {"events": 0, "writes": 0, "storage": []}


def test_every_cookie_is_in_the_privacy_note_and_the_last_page_removes_all(page, context, live_server, opened):
    Study.objects.filter(pk=opened.pk).update(heard_seconds=0)
    desk = Desk(page).enter(live_server.url + opened.invite_path)
    session = Session.objects.get()
    cookies = {cookie["name"] for cookie in context.cookies()}
    assert cookies, "nothing to name"
    desk.listen(1)
    desk.score(1, 50)
    desk.saving("Saved")
    desk.page.keyboard.press("?")
    desk.page.locator("#keys-on").uncheck()
    assert page.evaluate(KEPT) != NOTHING
    Session.objects.filter(pk=session.pk).update(state=Session.State.CONSENT)
    page.goto(live_server.url + session.rater.get_absolute_url())
    note = page.locator(".privacy").text_content()
    assert [name for name in cookies if name not in note] == []

    Session.objects.filter(pk=session.pk).update(state=Session.State.FINISHED, completion_code="CODE")
    page.goto(live_server.url + session.rater.get_absolute_url())
    page.wait_for_function(
        f'async () => JSON.stringify(await ({KEPT})()) === \'{{"events":0,"writes":0,"storage":[]}}\''
    )
    assert context.cookies() == []
    kinds = {event["event"] for event in rows()}
    assert {"play", "score", "page_shown"} <= kinds, "what was not yet sent is sent before it goes"
