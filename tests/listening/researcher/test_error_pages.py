"""What went wrong is said on a page of ours, without a word of the server's inside."""

from django.test import Client
from django.urls import reverse


def test_a_page_that_is_not_there(page, client):
    for browser in (page, Client()):
        response = browser.get("/studies/nothing/here/at/all/")
        assert response.status_code == 404
        assert "There is no such page" in response.content.decode()


def test_a_form_from_a_page_that_is_too_old(researcher, draft):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(researcher)
    response = strict.post(reverse("render_study", args=[draft.slug]))
    assert response.status_code == 403
    assert "Nothing was changed." in response.content.decode()
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_a_fault_of_the_server(page, draft):
    page.raise_request_exception = False
    draft.conditions.filter(spec="opus@12").update(spec="???", weights="gone")
    response = page.get(draft.get_absolute_url())
    assert response.status_code == 500
    assert "The server failed" in response.content.decode()
    assert "???" not in response.content.decode()
