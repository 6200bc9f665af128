"""A study as a file: out of one installation, into another, the same to the bit."""

import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from listening import studies
from listening.archive.writing import write
from listening.models import AuditLine, Rater, Session, Study, Trial
from listening.protocol import read
from tests.listening.files.conftest import everything, inside, rate

ROOT = Path(__file__).parents[3]


def export(study, path, **options):
    said = io.StringIO()
    call_command("export_study", study.slug, output=path, stderr=said, **options)
    return said.getvalue()


def load(path, **options):
    out, said = io.StringIO(), io.StringIO()
    call_command("import_study", path, stdout=out, stderr=said, **options)
    return out.getvalue() + said.getvalue()


def test_the_same_study_gives_the_same_bytes(ready, tmp_path):
    export(ready, tmp_path / "a.zip")
    export(ready, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert not AuditLine.objects.filter(what__contains="exported").exists()


def test_an_imported_study_is_the_exported_one(exported, before, owner, media):
    assert not any(path.is_file() for path in media.rglob("*"))
    assert "speech: 2 clips, 4 conditions, 4 sessions; closed." in load(exported, owner="grace")
    after = everything(Study.objects.get(slug="speech"))
    assert {row["outside_ids"] for row in after["sessions"]} == {"{}"}
    for name, found in before.items():
        kept = [{**row, "outside_ids": "{}"} for row in found] if name == "sessions" else found
        assert after[name] == kept, name
    assert before["answers"][0]["answer"].startswith("=1+1 \u2028 日本")
    for name, sha256, packed, *_ in after["stimuli"]:
        assert hashlib.sha256((media / name).read_bytes()).hexdigest() == sha256
        assert (media / packed).exists()


def test_the_file_of_the_imported_study_is_the_same_but_for_a_line_in_its_log(exported, owner, tmp_path):
    load(exported)
    export(Study.objects.get(), tmp_path / "again.zip")
    first, second = inside(exported), inside(tmp_path / "again.zip")
    assert set(first) == set(second)
    differ = {name for name in first if first[name] != second[name]}
    assert differ == {"data/log.jsonl", "SHA256SUMS"}
    assert second["data/log.jsonl"].startswith(first["data/log.jsonl"])
    last = json.loads(second["data/log.jsonl"].decode().splitlines()[-1])
    assert (last["who"], last["what"][:30]) == ("grace", "imported from a file of speech")


def test_its_checksums_are_those_of_sha256sum(exported, tmp_path):
    for name, content in inside(exported).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "report/tests.json").read_text())["screening"]["raters"] == 4
    assert "opus@12" in json.loads((tmp_path / "versions.json").read_text())["codecs"]


def test_no_link_of_a_rater_and_no_name_at_a_panel_is_in_the_file(exported, secrets):
    text = b"".join(inside(exported).values())
    assert len(secrets) == 4
    assert not any(f'"{secret}"'.encode() in text for each in secrets for secret in each)


def test_with_links_a_rater_goes_on_elsewhere(ready, researcher, tmp_path, media):
    ready.protocol = read({"identity": {"names": ["PID"], "one_attempt": True}})
    ready.save()
    studies.open_study(ready, researcher)
    left = rate(ready, 1, trials=1)
    token, trial = left.rater.token, left.trials.get(position=2).token
    assert "Warning: speech is open" in export(ready, tmp_path / "s.zip", with_links=True)
    assert AuditLine.objects.filter(what__contains="exported as a file").count() == 1
    assert f'"{token}"'.encode() in inside(tmp_path / "s.zip")["data/raters.jsonl"]
    Rater.objects.all().delete()
    ready.delete()
    load(tmp_path / "s.zip")
    session = Session.objects.get(rater__token=token)
    assert session.study.state == Study.State.OPEN
    # An identity of an earlier version gets the name of its ID.
    assert (session.state, session.identity) == (Session.State.TRIALS, "PID=p1")
    assert session.resume_code == left.resume_code
    assert Trial.objects.get(token=trial).finished_at is None
    with pytest.raises(CommandError, match="links that lead to raters of a study here"):
        load(tmp_path / "s.zip", slug="twice")


def test_without_raters_it_is_the_material_ready_to_open(imported, tmp_path):
    export(imported, tmp_path / "s.zip", without_raters=True)
    assert "4 conditions, 0 sessions; ready." in load(tmp_path / "s.zip", slug="material")
    found = Study.objects.get(slug="material")
    studies.open_study(found, found.owner)
    packed = list(found.clips.values_list("packed", flat=True))
    assert packed == list(imported.clips.values_list("packed", flat=True))


def test_a_taken_short_name_is_said_and_another_one_taken(exported, owner):
    load(exported)
    with pytest.raises(CommandError, match="a study “speech” here already. .*--slug NAME. Nothing was imported"):
        load(exported)
    assert "4 raters have other codes than in the file" in load(exported, slug="speech-2")
    assert Study.objects.count() == 2
    with pytest.raises(CommandError, match="“new” here already"):
        load(exported, slug="new")
    with pytest.raises(CommandError, match="is no short name"):
        load(exported, slug="a b")


def test_a_study_that_is_being_rendered_is_not_exported(draft, tmp_path):
    studies.start_rendering(draft)
    with pytest.raises(CommandError, match="is being rendered"):
        export(draft, tmp_path / "s.zip")
    assert list(tmp_path.glob("*s.zip*")) == []


def test_a_file_that_is_gone_from_the_storage_is_named_and_nothing_is_written(imported, tmp_path, media):
    gone = imported.clips.first().reference
    (media / gone.name).unlink()
    with pytest.raises(CommandError, match=f"{gone.name} is gone from the storage"):
        export(imported, tmp_path / "s.zip")
    assert list(tmp_path.glob("*s.zip*")) == []


def test_a_full_disk_leaves_the_file_that_was_there(imported, tmp_path):
    (tmp_path / "s.zip").write_text("before")
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, old[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(imported, tmp_path / "s.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "s.zip").read_text() == "before"
    assert [path.name for path in tmp_path.glob("*s.zip*")] == ["s.zip"]


@pytest.mark.slow  # the same is compared in one process by the other tests
def test_a_second_installation_with_nothing_in_it_gets_the_same_study(exported, before, tmp_path):
    there = {**os.environ, "VAR_DIR": str(tmp_path / "var"), "PYTHONPATH": f"{ROOT}/codecs:{ROOT}"}
    for name in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "MEDIA_ROOT"):
        there.pop(name, None)
    program = (
        "import os, sys, json, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'evalapp.settings'; django.setup()\n"
        "from django.core.management import call_command\n"
        "from django.contrib.auth import get_user_model\n"
        "call_command('migrate', verbosity=0); get_user_model().objects.create_user('linus')\n"
        "call_command('import_study', sys.argv[1])\n"
        "call_command('export_results', study='speech', output=__import__('pathlib').Path(sys.argv[2]))\n"
        "from listening.models import Study; from listening.reporting import report_of\n"
        "print(json.dumps(report_of(Study.objects.get()).tests()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(exported), str(tmp_path / "ratings.csv")],
        cwd=ROOT,
        env=there,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(inside(exported)["report/tests.json"])
    assert len((tmp_path / "ratings.csv").read_text().splitlines()) == 1 + len(before["ratings"])
