"""A NUL, which Postgres takes in no text, is nobody's address and nobody's text."""

import json

import pytest
from django.urls import get_resolver

from listening import tokens
from listening.protocol import ProtocolError, read


def addresses(patterns, start="/"):
    """Every address, with what it names replaced."""
    for each in patterns:
        route = start + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from addresses(each.url_patterns, route)
        else:
            yield route


def test_no_address_with_a_nul_is_asked_for_in_the_database(client, researcher, db):
    client.force_login(researcher)
    routes = [route for route in addresses(get_resolver().url_patterns) if "<str:" in route or "<path:" in route]
    assert len(routes) > 15
    for route in routes:
        parts = ["%00" if "str:" in part or "path:" in part else "1" for part in route.split("/") if part]
        assert client.get(f"/{'/'.join(parts)}/").status_code == 404, route


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "studies", {"title": "a\x00b"}),
        ("patch", "studies/{slug}", {"consent_text": "a\x00"}),
        ("patch", "studies/{slug}/recruiting", {"notices": {"en": "a\x00"}}),
        ("post", "studies/{slug}/webhooks", {"url": "https://example.org/\x00", "events": ["rendered"]}),
    ],
)
def test_the_api_refuses_a_text_with_a_nul_and_says_so(client, researcher, draft, method, path, body):
    token = tokens.create(researcher, "test", "write", 1, by=researcher)[1]
    answer = getattr(client, method)(
        f"/api/v1/{path.format(slug=draft.slug)}",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 422, answer.content
    assert "NUL" in answer.json()["error"]


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"consent": {"contact": "a\x00"}}, "consent.contact"),
        ({"texts": {"en": {"consent": "a\x00b"}}}, "texts.en.consent"),
        ({"training": {"clips": ["a\x00"]}}, "training.clips"),
    ],
)
def test_a_protocol_names_the_place_of_a_nul(part, place):
    with pytest.raises(ProtocolError, match="without the character NUL") as error:
        read(part)
    assert list(error.value.places) == [place]
