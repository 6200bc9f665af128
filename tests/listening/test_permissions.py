"""docs/permissions.md is what the server does: every address, each method, as each kind of person."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from audiocodecs import audio
from listening import people, sessions, studies, tokens
from listening.models import (
    ApiToken,
    AuditLine,
    Clip,
    Condition,
    Heartbeat,
    Membership,
    Panel,
    Rendering,
    Session,
    Study,
    SuppliedFile,
    Upload,
    Webhook,
)
from listening.protocol import read

DOCS = Path(__file__).parents[2] / "docs" / "permissions.md"
ROLES = ["anonymous", "rater", "viewer", "collaborator", "owner", "other owner", "staff"]
METHODS = ["GET", "POST"]
API_METHODS = [*METHODS, "PUT", "PATCH", "DELETE"]
CELLS = {"yes", "login", "401", "403", "404"}
REFUSED = {"login", "401", "403", "404"}
WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "(?!django_session)')
ROW = re.compile(r"^\| `(?P<name>[\w-]+)` \| `(?P<address>[^`]+)` \| (?P<methods>[A-Z, ]+) \| (?P<cells>.+) \|$")


def table() -> dict[tuple[str, str], dict[str, str]]:
    """What the docs say: for each name and method what each role gets."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for line in DOCS.read_text().splitlines():
        if not (row := ROW.match(line)):
            continue
        cells = [cell.strip() for cell in row["cells"].split("|")]
        assert len(cells) == len(ROLES), line
        assert set(cells) <= CELLS, line
        for method in row["methods"].split(", "):
            key = (row["name"], method)
            assert key not in found, f"{key} is in the table twice"
            found[key] = dict(zip(ROLES, cells, strict=True))
    return found


_FILE = io.BytesIO()
audio.write_wav(_FILE, np.full((1, 100), 0.1, np.float32), 48000)
WAV = _FILE.getvalue()

PLACES = {
    "slug": "SLUG",
    "token": "TOKEN",
    "audio_token": "TOKEN",
    "upload_token": "TOKEN",
    "uidb64": "UID",
    "name": "NAME",
}
PLACES |= {"ending": "ENDING", "table": "TABLE", "kind": "KIND", "code": "CODE", "page": "PAGE"}


def addresses(patterns: list[URLPattern | URLResolver] | None = None, before: str = "/") -> Iterator[tuple[str, str]]:
    """Name of every address that the server has, included ones too, and the address as the table writes it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + re.sub(
            r"<(?:\w+:)?(\w+)>",
            lambda found: PLACES.get(found[1], "ID" if found[1].endswith("_id") else found[1]),
            str(pattern.pattern),
        )
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        else:
            yield pattern.name or "without a name", route


@dataclass
class World:
    """A study with everything, and the people around it.

    Attributes
    ----------
    clients : dict
        For each role, the cookies of its browser.
    bearers, token_ids : dict
        For each role with an account, a token of its script, and its key.
    """

    study: Study
    session: Session
    tokens: dict[str, str]
    ids: dict[str, int]
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    bearers: dict[str, str] = field(default_factory=dict)
    token_ids: dict[str, int] = field(default_factory=dict)

    def address(self, name: str, role: str) -> str:
        """An address of that name with real data in it; an upload is that of who asks."""
        study, rater = self.study, self.session.rater
        given = {
            "slug": study.slug,
            "token": rater.token,
            "audio_token": self.tokens["audio"],
            "name": "how",
            "upload_token": self.tokens[f"upload of {role}"],
            "ending": "html",
            "table": "sessions",
            "kind": "stimulus",
            "page": "consent",
            "code": rater.code,
            "uidb64": self.tokens["uid"],
            **self.ids,
        }
        given["token"] = {"invitation": self.tokens["invitation"], "password_reset_confirm": self.tokens["reset"]}.get(
            name, rater.token
        )
        api = is_api(name)
        known = get_resolver().namespace_dict["api"][1] if api else get_resolver()
        wanted = next(iter(known.reverse_dict.getlist(name)))[0][0][1]
        return reverse(f"api:{name}" if api else name, kwargs={each: given[each] for each in wanted})

    def body(self, name: str) -> dict:
        """A form that is filled in right, where there is something to fill in."""
        clip = self.study.clips.first()
        write = {"trial": self.tokens["trial"], "slot": 1, "score": 50, "plays": 1, "seconds_heard": 2.0, "revision": 1}
        scripts = {
            "save_rating": write,
            "save_events": {"page": "p1", "kind": "consent", "events": []},
            "save_level": {"db": -20},
            "answer_headphones": {"attempt": 1, "trial": 0, "answer": 1},
        }
        if name == "upload_part":
            return {"data": b"abc", "content_type": "application/octet-stream", "query_params": {"offset": "0"}}
        if name == "api_upload":
            return {"data": b"abc", "content_type": "application/octet-stream", "query_params": {"offset": "0"}}
        if name in scripts:
            return {"data": json.dumps(scripts[name]), "content_type": "application/json"}
        forms = {
            "invite": {"from": "consent"},
            "resume": {"code": self.session.resume_code},
            "step": {"from": "consent"},
            "rater_language": {"language": "en"},
            "create_study": {"title": "Another"},
            "study_settings": {"title": "Renamed", "rate": 48000, "channels": 1, "loudness": -23},
            "raters_way_yaml": {"text": "repeats: 1"},
            "upload_clip": {"files": SimpleUploadedFile("x.wav", b"no audio")},
            "begin_upload": {"name": "x.wav", "size": 3},
            "edit_clip": {"name": clip.name, "category": "", "start": 0, "length": 0.6},
            "conditions": {"specs": ["reference", "opus@12"], "confirm": "1"},
            "delete_clip": {"confirm": "1"},
            "delete_condition": {"confirm": "1"},
            "add_supplied": {"title": "Another codec"},
            "supplied": {"files": SimpleUploadedFile("x.wav", b"no audio")},
            "change_supplied": {"delete": "1", "confirm": "1"},
            "change_role": {"role": "collaborator"},
            "people": {"role": "viewer"},
            "recruiting": {"time_zone": "UTC", "panel-TOTAL_FORMS": "0", "panel-INITIAL_FORMS": "0"},
            "login": {"username": "ada", "password": "correct horse battery"},
            "account": {"email": "new@example.org", "password": "correct horse battery"},
            "password_reset": {"email": "ada@example.org"},
            "api_tokens": {"name": "new", "scope": "read", "days": "30", "password": "correct horse battery"},
            "webhooks": {"url": "https://127.0.0.1/", "events": ["study.closed"]},
            "api_clips": {"file": SimpleUploadedFile("x.wav", b"no audio")},
            "api_study_files": {"file": SimpleUploadedFile("x.zip", b"no zip")},
            "api_study_forms": {"study": "no: study", "files": SimpleUploadedFile("x.wav", b"no audio")},
        }
        bodies = {
            "api_studies": {"title": "Another"},
            "api_study": {"title": "Renamed"},
            "api_protocol": {"repeats": 1},
            "api_clip": {"name": "Renamed"},
            "api_conditions": {"specs": ["reference", "opus@12"]},
            "api_retry": {},
            "api_recruiting": {"forget_after_days": 30},
            "api_uploads": {"name": "x.wav", "size": 3, "start_sha256": "0" * 64},
            "api_webhooks": {"url": "https://127.0.0.1/", "events": ["study.closed"]},
            "api_clone": {},
        }
        if name in bodies:
            query = {"confirm": "true"} if name == "api_conditions" else None
            return {"data": json.dumps(bodies[name]), "content_type": "application/json", "query_params": query}
        return {"data": forms.get(name, {})}


STATES = dict.fromkeys(
    ["render_study", "retry", "upload_clip", "edit_clip", "delete_clip", "conditions", "study_settings"]
    + ["add_supplied", "supplied", "change_supplied", "delete_condition"]
    + ["begin_upload", "upload_part", "finish_upload", "discard_upload"],
    Study.State.DRAFT,
)
STATES |= dict.fromkeys(
    ["api_clips", "api_clip", "api_conditions", "api_study", "api_protocol", "api_rendering", "api_retry"]
    + ["api_uploads", "api_upload", "api_finish_upload"],
    Study.State.DRAFT,
)
STATES |= {"api_table": Study.State.CLOSED}
STATES |= {"raters_way": Study.State.DRAFT, "raters_way_yaml": Study.State.DRAFT, "download": Study.State.CLOSED}
"""In which state of the study an address has something to do; open otherwise."""


@pytest.fixture
def world(draft, tmp_path, settings) -> World:
    """No codec runs: what workers would make are rows with small files."""
    settings.EMAIL_HOST, settings.SITE_URL = "mail.example.org", "https://listening.example.org"
    owner, make = draft.owner, get_user_model().objects.create_user
    get_user_model().objects.filter(pk=owner.pk).update(email="ada@example.org")
    question = {"kind": "text", "name": "how", "text": "How?"}
    draft.protocol = read({"questionnaires": [{"name": "how", "title": "How", "at": "end", "questions": [question]}]})
    draft.save()
    for helper in ("worker", "beat"):
        Heartbeat.objects.create(helper=helper, at=timezone.now())
    for clip in draft.clips.all():
        clip.state, clip.frames = Clip.State.PREPARED, 100
        clip.reference.save("reference.wav", ContentFile(WAV))
        clip.packed.save("reference.flac", ContentFile(bytes(100)))
        for condition in draft.conditions.all():
            row = Rendering(clip=clip, condition=condition, state=Rendering.State.DONE)
            row.stimulus.save("stimulus.wav", ContentFile(WAV), save=False)
            row.packed.save("stimulus.flac", ContentFile(bytes(100)), save=False)
            row.save()
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN, opened_at="2026-01-01T00:00Z")
    draft.refresh_from_db()
    session = sessions.start(draft, outside_ids={}, locale="en", browser="", language="en")
    sessions.advance(session, "consent")
    sessions.advance(session, "instructions")
    trial = sessions.current_trial(session)
    assert trial is not None

    accounts = {name: make(name, password="correct horse battery") for name in ("vera", "cleo", "eve", "bob")}
    root = make("root", password="correct horse battery", is_staff=True)
    Membership.objects.create(study=draft, user=accounts["vera"], role="viewer")
    Membership.objects.create(study=draft, user=accounts["cleo"], role="collaborator")
    bystander = Membership.objects.create(study=draft, user=accounts["bob"], role="viewer")
    studies.create_study(accounts["eve"], "Of another")
    token = people.invite(draft, owner, "collaborator")
    Panel.objects.create(study=draft, name="how")
    condition = Condition.objects.create(study=draft, spec="supplied:name=own", title="Own", role="system", position=9)
    for clip in draft.clips.all():
        own = SuppliedFile(condition=condition, clip=clip, name="x.wav", sha256="0" * 64)
        own.file.save("x.wav", ContentFile(bytes(100)))
    found = World(
        study=draft,
        session=session,
        tokens={
            "trial": trial.token,
            "audio": trial.reference_token,
            "invitation": token,
            "uid": urlsafe_base64_encode(force_bytes(owner.pk)),
            "reset": default_token_generator.make_token(get_user_model().objects.get(pk=owner.pk)),
        },
        ids={
            "clip_id": draft.clips.first().pk,
            "condition_id": own.condition_id,
            "file_id": own.pk,
            "rendering_id": Rendering.objects.first().pk,
            "member_id": bystander.pk,
            "invitation_id": draft.invitations.get().pk,
            "webhook_id": Webhook.objects.create(study=draft, url="https://example.org", events=[]).pk,
        },
    )
    # Each person's own upload; who is not in may at most guess the owner's.
    mine = {**accounts, "ada": owner, "root": root}
    for role, name in zip(ROLES, ("ada", "ada", "vera", "cleo", "ada", "eve", "root"), strict=True):
        upload = Upload.objects.create(study=draft, user=mine[name], name="x.wav", size=3, touched_at=timezone.now())
        found.tokens[f"upload of {role}"] = upload.token
    rater = Client()
    rater.post(draft.invite_path, {"from": "consent"})
    found.cookies = {"anonymous": {}, "rater": {name: cookie.value for name, cookie in rater.cookies.items()}}
    users = {"viewer": accounts["vera"], "collaborator": accounts["cleo"], "owner": owner, "staff": root}
    for role, user in {**users, "other owner": accounts["eve"]}.items():
        client = Client()
        client.force_login(user)
        found.cookies[role] = {django_settings.SESSION_COOKIE_NAME: client.session.session_key}
        token, found.bearers[role] = tokens.create(user, "walk", "write", 1, by=user)
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=token.expires_at)  # its use is nothing to write
        found.token_ids[role] = token.pk
    return found


HANDLER = ClientHandler(enforce_csrf_checks=False)
"""The whole server below its socket. `Client` would copy what each template was given: twice the time of the walk."""


def is_api(name: str) -> bool:
    """Whether an address is a script's, who comes with a token and without cookies."""
    return name.startswith("api_") and name != "api_tokens" or name in ("api-root", "openapi-json")


def asked(
    world: World, role: str, name: str, method: str, *, bearer: str | None = None
) -> tuple[HttpResponse, list[str]]:
    """The answer, and what was written for it; afterwards the world is as before."""
    browser = RequestFactory()
    world.ids["token_id"] = world.token_ids.get(role, 0)
    bearer = world.bearers.get(role) if is_api(name) and bearer is None else bearer
    if bearer:
        browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
    else:
        browser.cookies.load(world.cookies[role])
    written: list[str] = []

    def noted(execute, sql, *more):
        if WRITES.match(sql):
            written.append(sql[:90])
        return execute(sql, *more)

    if HANDLER._middleware_chain is None:
        HANDLER.load_middleware()
    with transaction.atomic():
        if state := STATES.get(name):
            Study.objects.filter(pk=world.study.pk).update(state=state, closed_at="2026-02-01T00:00Z")
            if state == Study.State.DRAFT:
                world.study.sessions.all().delete()  # a draft has none
        body = {"query_params": {"confirm": "true"}} if method == "DELETE" else {}
        if method not in ("GET", "DELETE"):
            body = world.body(name)
        request = getattr(browser, method.lower())(world.address(name, role), **body)
        request._dont_enforce_csrf_checks = True
        with connection.execute_wrapper(noted):
            response = HANDLER.get_response(request)
            if response.streaming:
                b"".join(response.streaming_content)
        transaction.set_rollback(True)
    return response, written


def cell(response: HttpResponse, name: str) -> str:
    """What an answer is called in the table."""
    if response.status_code == 302 and response.url.startswith(reverse("login")):
        return "yes" if name == "logout" else "login"
    if response.status_code in (401, 403, 404, 405) or response.status_code >= 500:
        return str(response.status_code)
    return "yes"


def test_the_table_has_every_address_of_the_server_and_no_other():
    written = {(row["name"], row["address"]) for row in map(ROW.match, DOCS.read_text().splitlines()) if row}
    assert sorted(written) == sorted(set(addresses()))  # a method of the API is an address of its own


def test_each_person_gets_at_each_address_what_the_table_says_and_who_is_refused_changes_nothing(world):
    said, faults = table(), []
    for name in sorted({name for name, _ in said}):
        for method in API_METHODS if is_api(name) else METHODS:
            for role in ROLES if (name, method) in said or not is_api(name) else ["owner"]:
                response, written = asked(world, role, name, method)
                found, wanted = cell(response, name), said.get((name, method), {}).get(role, "405")
                # Who lacks the right to an address is told so before the method is looked at.
                if (
                    not is_api(name)
                    and wanted == "405"
                    and found in REFUSED
                    and found == said[(name, _other(method))][role]
                ):
                    continue
                if found != wanted:
                    faults.append(f"{method} {name} as {role}: {found}, the table says {wanted}")
                if found in REFUSED | {"405"} and written:
                    faults.append(f"{method} {name} as {role} was refused with {found} and wrote {written}")
    assert faults == []


def _other(method: str) -> str:
    return METHODS[1 - METHODS.index(method)]


def test_what_the_walk_sends_does_something_for_who_may(world):
    """Or the walk would prove little: each of these forms changes the data of the study, as its owner sends it."""
    names = ("render_study", "edit_clip", "delete_clip", "conditions", "study_settings", "raters_way_yaml")
    for name in (*names, "begin_upload", "upload_part", "discard_upload"):
        assert asked(world, "owner", name, "POST")[1], name
    for name in ("add_supplied", "change_supplied", "delete_condition", "api_uploads"):
        assert asked(world, "owner", name, "POST")[1], name
    assert asked(world, "owner", "api_upload", "PUT")[1]
    managed = ("people", "change_role", "remove_member", "hand_over", "revoke_invitation", "close_study")
    for name in (*managed, "recruiting", "delete_rater", "remove_webhook"):
        assert any(AuditLine._meta.db_table in sql for sql in asked(world, "owner", name, "POST")[1]), name
    for name, method in {
        "api_clip": "DELETE",
        "api_study": "PATCH",
        "api_conditions": "PUT",
        "api_close": "POST",
        "api_recruiting": "PATCH",
        "api_panel": "DELETE",
        "api_rater": "DELETE",
    }.items():
        assert any(AuditLine._meta.db_table in sql for sql in asked(world, "owner", name, method)[1]), name
    for name in ("leave_study", "invitation"):
        assert any(AuditLine._meta.db_table in sql for sql in asked(world, "viewer", name, "POST")[1]), name
    assert asked(world, "anonymous", "save_rating", "POST")[1]
    assert any(AuditLine._meta.db_table in sql for sql in asked(world, "anonymous", "withdraw", "POST")[1])


def test_the_api_opens_to_tokens_alone_and_one_that_reads_changes_nothing(world):
    """A login in a browser opens no address of the API: a page of others could send what it likes with its cookies."""
    reading = tokens.create(world.study.owner, "reading", "read", 1, by=None)[1]
    ApiToken.objects.update(last_used_at=timezone.now())
    for name, method in sorted(table()):
        if not name.startswith("api_") or not is_api(name):
            continue
        response, written = asked(world, "owner", name, method, bearer="")
        assert (response.status_code, written) == (401, []), (name, method)
        if method != "GET":
            response, written = asked(world, "owner", name, method, bearer=reading)
            assert (response.status_code, written) == (403, []), (name, method)


def test_a_walk_changes_nothing(world):
    """The world is rolled back after each request, so that no line of the table hides another."""
    before = (Study.objects.get(pk=world.study.pk).state, Membership.objects.count(), AuditLine.objects.count())
    for name in ("close_study", "remove_member", "hand_over", "people"):
        asked(world, "owner", name, "POST")
    after = (Study.objects.get(pk=world.study.pk).state, Membership.objects.count(), AuditLine.objects.count())
    assert after == before
