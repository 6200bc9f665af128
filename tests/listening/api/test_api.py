"""The JSON API: a whole study by a script, its description, its errors."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from listening import rendering, report_files, sessions, studies, tokens
from listening.models import Clip, FailedTries, Rating, Rendering, Session, Study
from tests.conftest import wav_upload
from tests.listen import listen

ROOT = Path(__file__).parents[3]


class Script:
    """What a script sends and gets."""

    def __init__(self, token: str) -> None:
        self._browser = Client(headers={"Authorization": f"Bearer {token}"})

    def __call__(self, method: str, path: str, body: object = None, **form: object):
        send = getattr(self._browser, method.lower())
        more = {"data": form} if form else {"content_type": "application/json"}
        if body is not None:
            more = {"data": json.dumps(body), "content_type": "application/json"}
        return send(f"/api/v1/{path}", **more)


@pytest.fixture
def script(researcher) -> Script:
    return Script(tokens.create(researcher, "test", "write", 1, by=researcher)[1])


def rate_all(study: Study, scores: dict[str, int]) -> None:
    """A rater who goes through the whole study."""
    session = sessions.start(study, outside_ids={}, locale="en", browser="", language="en")
    while not session.ended:
        listen(session)
        if (trial := sessions.current_trial(session)) is not None:
            for rating in trial.ratings.select_related("condition"):
                score = scores.get(rating.condition.spec, 50)
                Rating.objects.filter(pk=rating.pk).update(score=score, plays=1, seconds_heard=2.0)
        sessions.advance(session, sessions.step_of(session))
    assert session.state == Session.State.FINISHED


@pytest.mark.django_db(transaction=True)
def test_the_script_of_the_docs_opens_a_study_from_a_folder_of_recordings(live_server, researcher, tmp_path):
    (tmp_path / "recordings").mkdir()
    for clip in ("speech_en_prompts", "speech_ga_words"):
        wav_upload(clip, tmp_path / "recordings", 1.0)
    out = io.StringIO()
    call_command("create_token", "ada", stdout=out)
    environment = {**os.environ, "EVALAPP_URL": live_server.url, "EVALAPP_TOKEN": out.getvalue().strip()}
    command = [sys.executable, str(ROOT / "docs/open_a_study.py"), str(tmp_path / "recordings"), "--title", "By script"]
    with subprocess.Popen(
        [*command, "--spec", "opus@12"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        while running.poll() is None:  # this process is the worker meanwhile
            for row in Rendering.objects.filter(state=Rendering.State.QUEUED):
                rendering.render(row.pk)
                studies.settle(row.clip.study)
            time.sleep(0.05)
        said = running.stdout.read()
    study = Study.objects.get()
    assert study.state == Study.State.OPEN, said
    assert f"{live_server.url}/t/by-script/" in said
    assert "Caution: 2 clips for 1 system:" in said
    assert study.audit_lines.filter(what__contains="(by the token “command line”)").count() >= 4


def test_results_and_files_come_when_the_study_is_closed(script, opened, monkeypatch):
    # A report takes seconds: test_results_page.py has real ones.
    report = SimpleNamespace(html="<html>", tests=lambda: {"settings": {}})
    monkeypatch.setattr(report_files, "report_of", lambda study: report)
    monkeypatch.setattr(report_files, "FORMS", {"html": lambda found: found.html})
    here = f"studies/{opened.slug}"
    for score in (30, 40):
        rate_all(opened, {"reference": 100, "opus@12": score, "lowpass@7000": 20, "lowpass@3500": 5})
    seen = script("GET", f"{here}/raters").json()
    assert (seen["started"], seen["finished"], seen["raters"][0]["trials_done"]) == (2, 2, 2)
    for path in ("results", "report.html", "tables/ratings.csv"):
        early = script("GET", f"{here}/{path}")
        assert early.status_code == 409
        assert "stay hidden until the study is closed" in early.json()["error"]
    file = b"".join(script("GET", f"{here}/file").streaming_content)  # its material alone: the study is open
    again = script("POST", "study-files", file=SimpleUploadedFile("s.zip", file), slug="again").json()["study"]
    assert (again["state"], again["clips"], again["raters_started"]) == ("ready", 2, 0)
    assert script("POST", f"{here}/close").json()["state"] == "closed"

    assert script("GET", f"{here}/results").json() == report.tests()
    page = script("GET", f"{here}/report.html")
    assert page.content == b"<html>"
    assert page.headers["Content-Disposition"] == 'attachment; filename="speech-report.html"'
    as_csv = b"".join(script("GET", f"{here}/tables/ratings.csv").streaming_content)
    as_json = b"".join(script("GET", f"{here}/tables/ratings.json").streaming_content)
    as_parquet = script("GET", f"{here}/tables/ratings.parquet").content
    frames = [
        pd.read_csv(io.BytesIO(as_csv)),
        pd.DataFrame(json.loads(as_json)),
        pd.read_parquet(io.BytesIO(as_parquet)),
    ]
    assert {tuple(sorted(frame["score"])) for frame in frames} == {tuple(sorted(frames[0]["score"]))}
    assert len(frames[0]) == 16
    assert script("GET", f"{here}/tables/secrets.csv").status_code == 404

    clone = script("POST", f"{here}/clone", {"slug": "once-more"}).json()
    assert (clone["state"], clone["raters_started"]) == ("ready", 0)
    whats = [line["what"] for line in script("GET", f"{here}/log").json()]
    assert "ratings exported as CSV (by the token “test”)" in whats


def test_the_primary_claim_is_declared_and_withdrawn_until_the_study_opens(script, draft):
    here = f"studies/{draft.slug}"
    script("PUT", f"{here}/conditions", {"specs": ["reference", "opus@6", "opus@12", "mp3@64"]})
    claim = {"system": "opus@12", "statement": "no worse", "against": "mp3@64"}
    assert "needs a margin" in script("PUT", f"{here}/primary-claim", claim).json()["error"]
    script("PATCH", here, {"margin": 5})
    in_words = "Opus 12 kbps is not worse than MP3 64 kbps by more than 5 points"
    assert script("PUT", f"{here}/primary-claim", claim).json() == claim | {"in_words": in_words}
    assert script("GET", f"{here}/primary-claim").json()["in_words"] == in_words
    refused = script("PATCH", here, {"margin": None})
    assert (refused.status_code, in_words in refused.json()["error"]) == (409, True)
    assert script("PUT", f"{here}/primary-claim", claim | {"against": "evs@9.6"}).status_code == 422
    assert script("DELETE", f"{here}/primary-claim").json()["in_words"] == ""
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    assert script("PUT", f"{here}/primary-claim", claim).status_code == 409
    assert script("DELETE", f"{here}/primary-claim").status_code == 409


def test_settings_clips_and_conditions_change_by_the_rules_of_the_pages(script, draft):
    here = f"studies/{draft.slug}"
    assert script("PATCH", here, {"margin": 5, "title": "Renamed"}).json()["margin"] == 5
    wrong = script("PATCH", here, {"loudness": -5, "screening": ["nonsense"]})
    assert wrong.status_code == 422
    assert {fault.partition(":")[0] for fault in wrong.json()["faults"]} == {"loudness", "screening"}
    assert script("PATCH", here, {"colour": "red"}).json()["error"] == "colour: there is no such field."
    assert script("PUT", f"{here}/protocol", {"repeats": 1}).json() == {"repeats": 1}
    assert "repeat" in script("PUT", f"{here}/protocol", {"repeat": 1}).json()["error"]

    clip = draft.clips.first()
    at = f"{here}/clips/{clip.pk}"
    assert script("PATCH", at, {"start": 0.2}).json()["length"] == pytest.approx(1.0)
    assert script("PATCH", at, {"start": 99}).status_code == 422
    no_sound = script("POST", f"{here}/clips", file=SimpleUploadedFile("x.wav", b"no audio"))
    assert no_sound.status_code == 422
    assert script("POST", f"{here}/clips").json()["error"] == "file is missing."
    assert script("DELETE", f"{at}?confirm=true").status_code == 204
    assert script("GET", at).json()["error"] == f"This study has no clip {clip.pk}."

    offers = script("GET", f"{here}/codecs").json()
    assert {"opus@12", "lowpass@3500"} <= {offer["spec"] for offer in offers["codecs"] if offer["chosen"]}
    assert script("PUT", f"{here}/conditions", {"specs": ["reference", "opus@999"]}).status_code == 422
    assert "music-mp3" not in [each["name"] for each in offers["presets"]]
    assert "encodec-speech" in script("PUT", f"{here}/conditions", {"preset": "music-mp3"}).json()["error"]
    chosen = script("PUT", f"{here}/conditions", {"specs": ["reference", "lowpass@3500", "opus@6"]}).json()
    assert [each["spec"] for each in chosen["conditions"]] == ["reference", "lowpass@3500", "opus@6"]

    whats = list(draft.audit_lines.values_list("what", flat=True))
    assert "settings changed: title Speech → Renamed; margin None → 5.0 (by the token “test”)" in whats
    assert "conditions set: reference, lowpass@3500, opus@6 (by the token “test”)" in whats
    assert [what.split()[0] for what in whats if "deleted" in what] == ["deleted:", "clip"]
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    for method, path, body in (
        ("PATCH", here, {"margin": 6}),
        ("PUT", f"{here}/conditions", {"specs": ["reference"]}),
        ("POST", f"{here}/rendering", None),
        ("POST", f"{here}/rendering/retry", None),
    ):
        assert script(method, path, body).status_code == 409, path


def test_a_failure_is_told_in_the_codecs_words_and_retried(script, draft):
    clip, condition = draft.clips.first(), draft.conditions.last()
    Rendering.objects.create(clip=clip, condition=condition, state=Rendering.State.FAILED, error="Opus: no such rate.")
    seen = script("GET", f"studies/{draft.slug}/rendering").json()
    assert [(each["error"], each["clip"]) for each in seen["stimuli"]] == [("Opus: no such rate.", clip.name)]
    again = script("POST", f"studies/{draft.slug}/rendering/retry").json()
    assert (again["study_state"], again["failed"], again["queued"]) == ("rendering", 0, 1)


def test_a_study_is_made_of_its_form_and_files_that_are_sent_and_of_no_others(script, tmp_path):
    form = {"title": "By form", "slug": "by-form", "conditions": ["reference", "opus@12"], "clips": ["*.wav"]}
    (tmp_path / "secret.wav").write_bytes(wav_upload("speech_en_prompts", tmp_path, 1.0).read())
    for path in (str(tmp_path / "secret.wav"), "../secret.wav"):
        upload = wav_upload("speech_en_prompts", tmp_path, 1.0)
        refused = script("POST", "study-forms", study=yaml.safe_dump({**form, "clips": [path]}), files=upload)
        assert refused.status_code == 422
        assert "name a file that is sent along" in refused.json()["error"]
    assert not Study.objects.exists()
    upload = wav_upload("speech_en_prompts", tmp_path, 1.0)
    made = script("POST", "study-forms", study=json.dumps(form), files=upload)
    assert (made.status_code, made.json()["study"]["clips"]) == (201, 1)
    nothing = script("POST", "study-forms", study="clips: [y.wav]\nconditions: [reference]", files=upload).json()
    assert nothing["error"].startswith("clips: there is no sound y.wav among the files that were sent.")


def test_many_wrong_tokens_have_to_wait_and_a_right_one_does_not_help(script, draft, stopped_clock):
    wrong = Script("evalapp_wrong")
    for _ in range(20):
        assert wrong("GET", "me").status_code == 401
    late = wrong("GET", "me")
    assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
    assert script("GET", "me").status_code == 429
    FailedTries.objects.update(last_at="2026-01-01T00:00Z")
    assert script("GET", "me").json()["user"] == "ada"


def test_the_description_in_the_docs_is_that_of_the_server(client):
    out = io.StringIO()
    call_command("openapi", stdout=out)
    assert (ROOT / "docs/openapi.json").read_text() == out.getvalue(), "manage.py openapi > docs/openapi.json"
    served = client.get("/api/v1/openapi.json").json()
    assert served == json.loads(out.getvalue())
    assert served["openapi"] == "3.1.0"
    written = (ROOT / "docs/api.md").read_text()
    for path, operations in served["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path.removeprefix('/api/v1/')}`" in written, (method, path)


def test_a_clip_whose_excerpt_is_refused_is_not_kept(script, draft, tmp_path):
    Clip.objects.all().delete()
    upload = wav_upload("speech_en_prompts", tmp_path, 1.0)
    refused = script("POST", f"studies/{draft.slug}/clips", file=upload, start="40", length="2")
    assert (refused.status_code, Clip.objects.count()) == (422, 0)
