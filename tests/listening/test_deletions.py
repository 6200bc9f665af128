"""What nobody can render again is deleted only after somebody was told what goes; the log lists it."""

import ast
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import get_resolver, reverse

import listening
from listening import commands, losses, presets, studies, supplied, tokens
from listening.api import api
from listening.models import AuditLine, Clip, Condition, Rater, Rating, Session, SuppliedFile, Trial

PLACES = {
    "clips.delete": "asks",
    "condition_changes.remove_condition": "asks",
    "studies.set_conditions": "asks",
    "supplied.add_file": "asks; beside that renderings, which can be made again",
    "supplied.delete_file": "asks",
    "supplied.move_file": "writes the same files again, of other clips",
    "withdrawing._delete": "its two callers ask: the researcher's page, and the rater's own",
    "people.remove": "a membership; the log says whose",
    "primary_claims.withdraw": "a statement; the log says so",
    "people.hand_over": "the membership of the new owner",
    "recruiting.remove_panel": "a panel that nobody came by; the log says its quota",
    "sessions.begin": "a rater who could not begin, and has given nothing",
    "session_limit.count": "counts of addresses that are an hour old",
    "webhooks.remove": "an address and its messages; the log says which",
    "webhooks._queue": "messages above the last 50",
    "uploads.begin": "of 50 files that came half-way, the one that was left longest",
    "uploads.finish": "parts of a file that can be no clip",
    "uploads.sweep": "files that came half-way, after UPLOAD_KEEP_HOURS",
    "uploads._assemble": "a part that arrived damaged",
    "views.researcher.uploads.discard_upload": "a file that came half-way; the log says which",
    "rehearsals._delete": "a researcher's own rehearsal, in no data",
    "failed_tries.note_failure": "counts of wrong tries, after an hour",
    "failed_tries.forget": "counts of wrong tries, after a right one",
    "two_factor.switch_on": "an earlier device of the person, who gives a code",
    "two_factor.new_recovery_codes": "recovery codes of the person, who gives password and code",
    "two_factor.switch_off": "the person gives password and code; the operator has the command line",
    "storage.delete_folder": "parts of an upload that became a clip",
    "archive.reading._take_back": "what a failed import stored and no study names",
}
"""Every function that deletes rows or stored files, and what keeps it from losing something."""

ADDRESSES = {
    "delete_clip": "asks",
    "delete_condition": "asks",
    "delete_rater": "asks on its own page",
    "discard_upload": "a file that came half-way",
    "remove_member": "a membership",
    "remove_webhook": "an address",
    "leave_study": "a membership",
    "revoke_invitation": "an invitation",
    "revoke_token": "a token",
    "two_factor_off": "asks for password and code",
    "withdraw": "asks on its own page",
}
"""Every address whose name says that it takes something away."""

OPERATIONS = {
    ("DELETE", "delete_clip"): "asks",
    ("DELETE", "delete_rater"): "asks",
    ("DELETE", "remove_panel"): "a panel that nobody came by",
    ("DELETE", "remove_webhook"): "an address",
    ("DELETE", "withdraw_claim"): "a statement",
    ("PUT", "declare_claim"): "a statement; the log has both",
    ("PUT", "set_conditions"): "asks",
    ("PUT", "set_protocol"): "settings; the log says which questionnaires are gone",
    ("PUT", "send_part"): "adds",
}
"""Every operation of the API that deletes or replaces."""


def test_every_place_that_deletes_is_declared():
    root, found = Path(listening.__file__).parent, set()
    for path in root.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for function in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)):
            inside = (node for statement in function.body for node in ast.walk(statement))  # not its decorators
            calls = (node.func for node in inside if isinstance(node, ast.Call))
            if any(isinstance(each, ast.Attribute) and each.attr == "delete" for each in calls):
                found.add(f"{module}.{function.name}")
    found -= {"views.researcher.clips.delete_clip", "api.clips.delete_clip", "api.clips.add_clip"}  # call clips.delete
    assert found == set(PLACES)


def test_every_address_that_takes_something_away_is_declared():
    names = {str(each) for each in get_resolver().reverse_dict if isinstance(each, str)}
    words = ("delete", "remove", "discard", "revoke", "leave", "withdraw", "_off", "reset_study", "clear")
    assert {name for name in names if any(word in name for word in words)} == set(ADDRESSES)


def test_every_operation_that_deletes_or_replaces_is_declared_and_those_that_ask_take_confirm():
    found, confirm = set(), set()
    for operations in api.get_openapi_schema()["paths"].values():
        for method, operation in operations.items():
            if method in ("delete", "put"):
                key = (method.upper(), operation["operationId"])
                found.add(key)
                confirm |= {key} if any(each["name"] == "confirm" for each in operation["parameters"]) else set()
    assert found == set(OPERATIONS)
    assert confirm == {key for key, what in OPERATIONS.items() if what == "asks"}


def sound(seed: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, 48_000), 48_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture
def own(draft) -> Condition:
    """A system with a file for each clip."""
    condition = supplied.add_condition(draft, "Ours")
    for number, clip in enumerate(draft.clips.all()):
        supplied.add_file(condition, clip, SimpleUploadedFile(f"{clip.name}_ours.wav", sound(number)))
    return condition


@pytest.fixture
def page(client, researcher) -> Client:
    client.force_login(researcher)
    return client


@pytest.fixture
def script(researcher):
    token = tokens.create(researcher, "test", "write", 1, by=researcher)[1]

    def send(method: str, path: str, body: object = None):
        more = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        ask = getattr(Client(headers={"Authorization": f"Bearer {token}"}), method.lower())
        return ask(f"/api/v1/studies/{path}", **more)

    return send


def lines(study) -> str:
    return "\n".join(AuditLine.objects.filter(study=study).values_list("what", flat=True))


def test_a_preset_keeps_files_and_command_lines_and_says_so(page, draft, own, settings):
    studies.set_conditions(draft, ["reference", "opus@24", own.spec])
    address = reverse("conditions", args=[draft.slug])
    shown = page.get(address).content.decode()
    assert "Opus 6 kbps, Opus 12 kbps" in shown
    assert "Removes Opus 24 kbps: these can be rendered again." in shown
    assert "Keeps Ours." in shown
    answer = page.post(address, {"preset": "encodec-speech"}, follow=True)
    assert "Kept beside them: Ours." in answer.content.decode()
    assert SuppliedFile.objects.filter(condition=own).count() == 2
    titles = list(draft.conditions.values_list("title", flat=True))
    assert titles[-1] == "Ours"
    assert "Opus 12 kbps" in titles
    assert "Opus 24 kbps" not in titles
    assert "deleted" not in lines(draft)
    settings.CODEC_PROGRAMS = ["/usr/bin/true"]
    own.delete()
    commands.add_condition(draft, "Theirs", "true {input} {output}", "", None)
    assert presets.plan(draft, presets.PRESETS[0]).keeps == ["Theirs"]


def test_a_preset_over_the_api_keeps_them_too(script, draft, own):
    answer = script("PUT", f"{draft.slug}/conditions", {"preset": "encodec-speech"})
    assert answer.status_code == 200
    assert SuppliedFile.objects.filter(condition=own).count() == 2


def test_a_preset_that_does_not_fit_beside_them_changes_nothing(page, draft, own):
    for number in range(3):
        supplied.add_condition(draft, f"Another {number}")
    before = list(draft.conditions.values_list("spec", flat=True))
    shown = page.get(reverse("conditions", args=[draft.slug])).content.decode()
    assert "A trial would then have 15 signals, and 12 at most fit: first remove 3 of those that it keeps." in shown
    answer = page.post(reverse("conditions", args=[draft.slug]), {"preset": "encodec-speech"}, follow=True)
    assert "signals are too many" in answer.content.decode()
    assert list(draft.conditions.values_list("spec", flat=True)) == before


@pytest.mark.parametrize("what", ["clip", "condition", "file", "ticks"])
def test_a_page_asks_first_and_names_files_sizes_and_checksums(page, draft, own, what):
    clip, file = draft.clips.first(), own.supplied_files.first()
    address, form, gone = {
        "clip": (reverse("delete_clip", args=[draft.slug, clip.pk]), {}, Clip.objects.filter(pk=clip.pk)),
        "condition": (reverse("delete_condition", args=[draft.slug, own.pk]), {}, SuppliedFile.objects.all()),
        "file": (
            reverse("change_supplied", args=[draft.slug, own.pk, file.pk]),
            {"delete": "1", "clip": clip.pk},
            SuppliedFile.objects.filter(pk=file.pk),
        ),
        "ticks": (
            reverse("conditions", args=[draft.slug]),
            {"specs": ["reference", "opus@12"]},
            SuppliedFile.objects.all(),
        ),
    }[what]
    asked = page.post(address, form)
    text = asked.content.decode()
    assert asked.status_code == 409
    assert "Nothing is deleted yet." in text
    size = f"{len(sound(0)):,} bytes, SHA-256 {hashlib.sha256(sound(0)).hexdigest()}".replace(",", " ", 1)
    assert f"file {clip.name}_ours.wav of Ours for “{clip.name}”, {size}" in text
    assert gone.exists()
    fields = asked.context["fields"]
    sent = {name: [value for other, value in fields if other == name] for name, _ in fields}
    assert sent == {name: value if isinstance(value, list) else [str(value)] for name, value in form.items()}
    done = page.post(address, {**sent, "confirm": "1"}, follow=True)
    assert done.status_code == 200
    assert not gone.exists()
    assert f"deleted: file {clip.name}_ours.wav of Ours for “{clip.name}”, {size}" in lines(draft)
    if what == "clip":
        assert f"deleted: recording {clip.original_name} of “{clip.name}”" in lines(draft)
        assert clip.original_sha256 in lines(draft)


def test_what_can_be_rendered_again_is_removed_at_once(page, draft):
    opus = draft.conditions.get(spec="opus@12")
    page.post(reverse("delete_condition", args=[draft.slug, opus.pk]))
    assert not draft.conditions.filter(spec="opus@12").exists()
    assert "condition Opus 12 kbps removed, with 0 renderings" in lines(draft)


def test_a_file_is_replaced_only_where_the_form_says_so(page, draft, own):
    clip, address = draft.clips.first(), reverse("supplied", args=[draft.slug, own.pk])
    new = {"files": SimpleUploadedFile("new.wav", sound(9)), "clip": clip.pk}
    answer = page.post(address, new, headers={"Accept": "application/json"})
    assert (answer.status_code, "tick “Replace existing files”" in answer.json()["error"]) == (422, True)
    assert own.supplied_files.get(clip=clip).name == f"{clip.name}_ours.wav"
    same = {"files": SimpleUploadedFile("same.wav", sound(0)), "clip": clip.pk}
    assert page.post(address, same, headers={"Accept": "application/json"}).status_code == 201
    new["files"].seek(0)
    assert page.post(address, {**new, "replace": "1"}, headers={"Accept": "application/json"}).status_code == 201
    assert own.supplied_files.get(clip=clip).name == "new.wav"
    assert "deleted: file same.wav of Ours" in lines(draft)


def test_a_command_line_is_named_before_it_goes(page, draft, settings):
    settings.CODEC_PROGRAMS = ["/usr/bin/true"]
    made = commands.add_condition(draft, "Theirs", "true {input} {output}", "", None)
    address = reverse("delete_condition", args=[draft.slug, made.pk])
    assert "command line of Theirs: true {input} {output}" in page.post(address).content.decode()
    page.post(address, {"confirm": "1"})
    assert "deleted: command line of Theirs: true {input} {output}" in lines(draft)


@pytest.mark.parametrize("what", ["clip", "conditions"])
def test_the_api_deletes_with_confirm_alone_and_lists_what_would_go(script, draft, own, what):
    clip = draft.clips.first()
    method, path, body = {
        "clip": ("DELETE", f"{draft.slug}/clips/{clip.pk}", None),
        "conditions": ("PUT", f"{draft.slug}/conditions", {"specs": ["reference", "opus@12"]}),
    }[what]
    refused = script(method, path, body)
    assert refused.status_code == 409
    assert "confirm=true" in refused.json()["error"]
    assert any(f"{clip.name}_ours.wav" in each for each in refused.json()["would_delete"])
    assert SuppliedFile.objects.count() == 2
    assert script(method, f"{path}?confirm=true", body).status_code in (200, 204)
    assert SuppliedFile.objects.count() == (1 if what == "clip" else 0)
    assert "(by the token “test”)" in lines(draft)


def test_ratings_are_counted_before_they_go_and_in_the_log(script, page, draft):
    session = Session.objects.create(study=draft, rater=Rater.objects.create())
    trial = Trial.objects.create(session=session, clip=draft.clips.first(), position=0)
    for slot, condition in enumerate(draft.conditions.all()[:3]):
        Rating.objects.create(trial=trial, condition=condition, slot=slot, token=f"t{slot}", score=50)
    code = session.rater.code
    assert losses.of_rater(session) == ["3 ratings", "0 answers"]
    assert "3 ratings" in page.get(reverse("delete_rater", args=[draft.slug, code])).content.decode()
    refused = script("DELETE", f"{draft.slug}/raters/{code}")
    assert (refused.status_code, refused.json()["would_delete"]) == (409, ["3 ratings", "0 answers"])
    with pytest.raises(CommandError, match="3 ratings"):
        call_command("delete_rater", draft.slug, code)
    assert Rating.objects.count() == 3
    assert script("DELETE", f"{draft.slug}/raters/{code}?confirm=true").status_code == 204
    assert "3 ratings, 0 answers" in lines(draft)
    assert code not in lines(draft)
