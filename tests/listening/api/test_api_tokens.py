"""Tokens: made by a person at a page, shown once, kept as a hash, ended in several ways."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from listening import tokens
from listening.models import ApiToken, Study
from listening.models.people import hash_of

PASSWORD = "correct horse battery"


def me(token: str, scheme: str = "Bearer"):
    return Client(headers={"Authorization": f"{scheme} {token}"}).get("/api/v1/me")


@pytest.fixture
def page(client, researcher) -> Client:
    client.force_login(researcher)
    return client


def test_a_token_is_shown_once_and_only_its_hash_is_kept(page, researcher):
    form = {"name": "laptop", "scope": "read", "days": "30"}
    assert page.post(reverse("api_tokens"), {**form, "password": "wrong"}).status_code == 422
    made = page.post(reverse("api_tokens"), {**form, "password": PASSWORD})
    token = re.search(r'value="(evalapp_[\w-]{43})"', made.content.decode())[1]
    row = ApiToken.objects.get()
    assert token not in str(list(ApiToken.objects.values()))
    assert row.token_hash == hash_of(token)
    assert token not in page.get(reverse("api_tokens")).content.decode()
    assert me(token).json() | {"expires_at": None} == {
        "user": "ada",
        "token": "laptop",
        "scope": "read",
        "expires_at": None,
    }
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert abs((row.expires_at - timezone.now()) - timedelta(days=30)) < timedelta(minutes=5)
    assert page.post(reverse("api_tokens"), {**form, "password": PASSWORD}).status_code == 422  # its name is taken

    page.post(reverse("revoke_token", args=[row.pk]))
    refused = me(token)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    shown = page.get(reverse("account")).content.decode()
    assert "token “laptop” made: read only" in shown
    assert "token “laptop” revoked" in shown


def test_a_token_ends_with_its_time_and_with_its_account(researcher):
    _, token = tokens.create(researcher, "laptop", "write", 30, by=None)
    assert me(token).status_code == 200
    ApiToken.objects.update(expires_at=timezone.now())
    assert me(token).status_code == 401
    ApiToken.objects.update(expires_at=None)
    assert me(token).status_code == 200
    get_user_model().objects.update(is_active=False)
    assert me(token).status_code == 401


def test_a_password_opens_nothing_and_nobody_revokes_anothers_token(page, researcher):
    assert me("YWRhOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==", "Basic").status_code == 401
    other = get_user_model().objects.create_user("eve", password=PASSWORD)
    made, token = tokens.create(other, "hers", "write", None, by=other)
    assert page.post(reverse("revoke_token", args=[made.pk])).status_code == 404
    assert me(token).json()["user"] == "eve"


def test_a_token_has_the_part_that_its_person_has_now(researcher, draft):
    _, token = tokens.create(researcher, "laptop", "write", None, by=None)
    script = Client(headers={"Authorization": f"Bearer {token}"})
    at = f"/api/v1/studies/{draft.slug}"
    assert script.get(at).json()["owner"] == "ada"
    Study.objects.update(owner=get_user_model().objects.create_user("eve"))
    assert script.get(at).json()["error"] == f"There is no study “{draft.slug}”, or you are none of its people."
    draft.memberships.create(user=researcher, role="viewer")
    refused = script.post(f"{at}/rendering")
    assert refused.json()["error"] == "You are a viewer of this study; this takes a collaborator. Ask eve."
    assert script.get("/api/v1/nothing").json()["error"].startswith("There is no such address.")


def test_the_operator_makes_a_token_on_the_command_line(researcher):
    out = io.StringIO()
    call_command("create_token", "ada", "--scope", "read", "--days", "0", stdout=out)
    assert me(out.getvalue().strip()).json()["expires_at"] is None
    assert researcher.account_lines.get().who == "command line"
    with pytest.raises(CommandError, match="There is no account 'bob'"):
        call_command("create_token", "bob")
