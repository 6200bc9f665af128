"""What a rater reads where something failed: in their language, on a page like the others."""

import pytest
from django.db import DatabaseError

GERMAN = {"Accept-Language": "de"}


@pytest.mark.parametrize("path", ["/r/", "/t/", "/r/a/b/c/", "/t/no%20slug/", "/t/study/more/"])
def test_an_address_that_is_mistyped_leads_to_the_raters_own_page(client, db, path):
    response = client.get(path, headers=GERMAN)
    assert response.status_code == 404
    assert "Unter dieser Adresse gibt es keinen Hörtest." in response.content.decode()


def test_a_server_that_failed_says_that_nothing_is_lost(client, walker, monkeypatch):
    def broken(token):
        raise DatabaseError("no connection")

    monkeypatch.setattr("listening.views.rater._session", broken)
    client.raise_request_exception = False
    response = client.get(walker.url, headers=GERMAN)
    assert response.status_code == 500
    assert "Der Server ist ausgefallen" in response.content.decode()
