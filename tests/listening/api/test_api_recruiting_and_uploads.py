"""By script: recordings in parts, excerpts, recruiting, pre-registration, raters who withdraw."""

from __future__ import annotations

import hashlib
import json

import pytest
import yaml
from django.test import Client

from listening import sessions, studies, tokens, uploads
from listening.models import Clip, Session
from tests.conftest import wav_upload


@pytest.fixture
def send(db, django_user_model):
    """What a script sends to an address of a study, JSON or bytes; its token is made when the study is there."""
    browser = Client()

    def sent(method: str, path: str, body: object = None, **headers: str):
        if "HTTP_AUTHORIZATION" not in browser.defaults:
            ada = django_user_model.objects.get(username="ada")
            browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {tokens.create(ada, 'test', 'write', 1, by=ada)[1]}"
        raw = isinstance(body, bytes)
        kind = "application/octet-stream" if raw else "application/json"
        data = body if raw else "" if body is None else json.dumps(body)
        return getattr(browser, method.lower())(f"/api/v1/{path}", data=data, content_type=kind, headers=headers)

    return sent


def test_a_recording_comes_in_parts_over_a_broken_line(send, draft, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", 50_000)
    content = wav_upload("speech_ro_words", tmp_path, 2.0).read()
    here, start = f"studies/{draft.slug}", hashlib.sha256(content[:65536]).hexdigest()
    wanted = {"name": "talk.wav", "size": len(content), "start_sha256": start, "licence": "CC0"}
    begun = send("POST", f"{here}/uploads", wanted).json()
    at = f"{here}/uploads/{begun['upload']}"
    assert (begun["received"], begun["part_bytes"]) == (0, 50_000)
    assert send("PUT", f"{at}?offset=0", content[:50_000]).json()["received"] == 50_000
    assert send("PUT", f"{at}?offset=0", content[:50_000]).json()["received"] == 50_000  # twice
    gap = send("PUT", f"{at}?offset=100000", content[100_000:150_000])
    assert (gap.status_code, "up to byte 50000" in gap.json()["error"]) == (409, True)
    damaged = send("PUT", f"{at}?offset=50000", content[50_000:100_000], **{"X-Part-SHA256": "0" * 64})
    assert damaged.status_code == 409
    assert send("POST", f"{at}/finish").status_code == 409
    assert send("POST", f"{here}/uploads", wanted).json()["received"] == 50_000  # as after a broken line
    received = send("GET", at).json()["received"]
    while received < len(content):
        received = send("PUT", f"{at}?offset={received}", content[received:][:50_000]).json()["received"]
    made = send("POST", f"{at}/finish")
    assert made.status_code == 201, made.content
    clip = Clip.objects.get(pk=made.json()["id"])
    assert clip.original_sha256 == hashlib.sha256(content).hexdigest()
    assert (clip.licence, made.json()["licence"]) == ("CC0", "CC0")
    assert send("POST", f"{at}/finish").json() == made.json()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "../.."}, "name: the file needs a name."),
        ({"size": 0}, "size"),
        ({"size": 10**12}, "more than the 100 MB allowed"),
        ({"start_sha256": "abc"}, "start_sha256"),
        ({"colour": "red"}, "colour: there is no such field."),
    ],
)
def test_what_is_no_upload_is_refused_before_it_is_sent(send, draft, changes, said):
    wanted = {"name": "talk.wav", "size": 1000, "start_sha256": "0" * 64, **changes}
    answer = send("POST", f"studies/{draft.slug}/uploads", wanted)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert not draft.uploads.exists()


def test_no_sound_is_refused_at_the_end_and_another_persons_upload_is_none(send, draft, django_user_model):
    begun = send("POST", f"studies/{draft.slug}/uploads", {"name": "x.wav", "size": 8, "start_sha256": "0" * 64}).json()
    at = f"studies/{draft.slug}/uploads/{begun['upload']}"
    assert send("PUT", f"{at}?offset=0", b"no audio").json()["received"] == 8
    draft.uploads.update(user=django_user_model.objects.create_user("eve"))
    assert send("GET", at).status_code == 404
    draft.uploads.update(user=draft.owner)
    assert send("POST", f"{at}/finish").status_code == 422
    assert not draft.uploads.exists()


def test_an_excerpt_is_suggested_and_a_licence_kept(send, draft):
    clip = draft.clips.first()
    at = f"studies/{draft.slug}/clips/{clip.pk}"
    found = send("GET", f"{at}/suggestion?length=0.6").json()
    assert found["length"] == 0.6
    assert 0 <= found["start"] <= clip.original_seconds - 0.6
    assert send("GET", f"{at}/suggestion?length=99").status_code == 422
    changed = send("PATCH", at, {**found, "licence": "CC BY 4.0"}).json()
    assert (changed["licence"], changed["start"]) == ("CC BY 4.0", pytest.approx(found["start"]))
    assert changed["source_loudness"] < 0


def test_recruiting_is_read_and_changed_while_the_study_is_open(send, opened):
    at = f"studies/{opened.slug}/recruiting"
    changes = {
        "time_zone": "Europe/Berlin",
        "closes_at": "2036-12-24T12:00",
        "panels": {"students": {"quota": 20, "identity": {"names": ["seat", "RID"]}}},
        "notices": {"en": "Back on Monday."},
    }
    found = send("PATCH", at, changes).json()
    assert found["closes_at"] in ("2036-12-24T11:00:00Z", "2036-12-24T12:00:00+01:00")
    panels = {panel["name"]: panel for panel in found["panels"]}
    assert (panels["students"]["quota"], panels["students"]["full"]) == (20, False)
    assert panels["students"]["link"].endswith(f"/t/{opened.slug}/?RID=[%RID%]&panel=students")
    assert panels["students"]["identity"]["names"] == ["seat", "RID"]
    again = send("PATCH", at, {"forget_after_days": 90, "panels": {"students": {"closes_at": "2036-01-01T00:00Z"}}})
    assert again.json()["notices"] == {"en": "Back on Monday."}  # what is not said stays
    assert (students := opened.panels.get(name="students")).quota == 20
    assert students.identity == {"names": ["seat", "RID"]}
    assert send("GET", at).json() == again.json()
    early = send("PATCH", at, {"opens_at": "2037-01-01T00:00"})
    assert (early.status_code, "would close before opening" in early.json()["error"]) == (422, True)
    assert send("PATCH", at, {"time_zone": "Mars/Olympus"}).status_code == 422
    assert send("PATCH", at, {"panels": {"no good name": {}}}).status_code == 422

    assert send("DELETE", f"{at}/panels/students").status_code == 204
    assert send("DELETE", f"{at}/panels/students").status_code == 404


def test_a_panel_with_raters_is_not_removed_and_a_rater_is_deleted_on_request(send, opened):
    at = f"studies/{opened.slug}"
    send("PATCH", f"{at}/recruiting", {"panels": {"students": {"quota": 20}}})
    session = sessions.start(opened, outside_ids={}, locale="en", browser="", language="en", panel="students")
    refused = send("DELETE", f"{at}/recruiting/panels/students")
    assert (refused.status_code, "Raters came by" in refused.json()["error"]) == (409, True)
    assert send("DELETE", f"{at}/raters/{session.rater.code}?confirm=true").status_code == 204
    assert not Session.objects.exists()
    assert send("DELETE", f"{at}/raters/{session.rater.code}").status_code == 404
    assert send("GET", f"{at}/recruiting").json()["withdrawn"] == 1


def test_the_pre_registration_is_a_draft_until_the_study_opens(send, ready):
    at = f"studies/{ready.slug}/preregistration.yaml"
    draft = yaml.safe_load(send("GET", at).content)
    studies.open_study(ready, ready.owner)
    assert draft == {**yaml.safe_load(send("GET", at).content), "fixed_at": None}


def test_there_is_nothing_to_register_before_the_stimuli_are_there(send, draft):
    assert send("GET", f"studies/{draft.slug}/preregistration.yaml").status_code == 409
