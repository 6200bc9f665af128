"""Codec programs that crash, hang or return garbage. EVS is run from outside, so it can be any program."""

import sys

import pytest

from listening import rendering, studies, tasks
from listening.models import Rendering, Study

State = Rendering.State

ENCODES_NOTHING_WELL = """
target = sys.argv[-1]
frames = os.path.getsize(sys.argv[-2]) // (2 * 640)
open(target, "wb").write(b"#!EVS_MC1.0\\n\\0\\0\\0\\1" + (b"\\x03" + bytes(24)) * frames)
"""


def program(folder, name, body):
    """An executable of these lines of Python."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def with_evs(draft, tmp_path, monkeypatch):
    """Make the study's one clip go through EVS programs of these bodies; returns the rendering."""

    def make(encoder, decoder="sys.exit(1)") -> Rendering:
        monkeypatch.setenv("EVS_ENCODER", program(tmp_path, "encoder", encoder))
        monkeypatch.setenv("EVS_DECODER", program(tmp_path, "decoder", decoder))
        draft.clips.last().delete()
        studies.set_conditions(draft, ["reference", "evs@9.6"])
        studies.start_rendering(draft)
        return Rendering.objects.get(condition__spec="evs@9.6")

    return make


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        ("sys.exit('no licence found')", "", "no licence found"),
        ("os.abort()", "", "ended with -6"),
        ("pass", "", "wrote no file"),
        ("open(sys.argv[-1], 'wb').write(os.urandom(999))", "", "not an EVS file"),
        (ENCODES_NOTHING_WELL, "open(sys.argv[-1], 'wb').write(b'ab')", "wrote 1 samples"),
        (ENCODES_NOTHING_WELL, "open(sys.argv[-1], 'wb').write(bytes(GOOD))", "returned silence"),
    ],
    ids=["refuses", "crashes", "writes nothing", "random bytes", "too short", "silence"],
)
def test_the_rendering_fails_with_the_programs_own_words(with_evs, encoder, decoder, message):
    size = "(os.path.getsize(sys.argv[-2]) - 16) // 25 * 1280"
    row = with_evs(encoder, decoder.replace("GOOD", size))
    tasks.render(row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.FAILED, 1)
    assert message in row.error
    assert not row.stimulus


def test_the_study_goes_back_to_draft_and_a_retry_starts_anew(with_evs, draft, tmp_path):
    row = with_evs("sys.exit('broken')")
    for each in studies.progress(draft).rows:
        tasks.render(each.pk)
    draft.refresh_from_db()
    assert draft.state == Study.State.DRAFT
    row.refresh_from_db()
    studies.retry(row)
    row.refresh_from_db()
    draft.refresh_from_db()
    assert (row.state, row.attempts, row.error, draft.state) == (State.QUEUED, 0, "", Study.State.RENDERING)


def test_without_the_programs_the_condition_cannot_be_chosen_and_says_why(draft, monkeypatch):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    with pytest.raises(studies.StudyError, match="EVS_ENCODER is not set"):
        studies.set_conditions(draft, ["reference", "evs@9.6"])
    assert draft.conditions.filter(spec="opus@12").exists()


def test_programs_that_vanish_are_said_before_rendering(with_evs, draft, monkeypatch):
    row = with_evs("pass")
    monkeypatch.delenv("EVS_DECODER")
    assert any("EVS_DECODER is not set" in text for text in studies.problems(draft))
    assert rendering.render(row.pk).state == State.FAILED
