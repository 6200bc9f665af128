"""Studies from files written by hand."""

import io
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command

from analysis.screening import DEFAULT_RULES
from audiocodecs import audio
from listening import cloning, primary_claims, rendering, studies, supplied
from listening.models import Clip, Condition, Rendering, Session, Study, SuppliedFile
from tests.conftest import CLIPS
from tests.listening.files.conftest import rate

DOCS = (Path(__file__).parents[3] / "docs" / "researchers.md").read_text()
EXAMPLE = re.search(r"```yaml\n(title: .*?)```", DOCS, re.S)[1]


@pytest.fixture
def folder(tmp_path, researcher):
    """Two recordings, and what a codec elsewhere made of them: 10 ms late, 2 dB quieter."""
    for n, name in enumerate(("speech_en_prompts", "speech_ga_words")):
        data, hertz = soundfile.read(CLIPS / f"{name}.flac", always_2d=True)
        data = data[hertz : 3 * hertz, :1]
        for place, samples in (("clips", data), ("out", np.roll(data, 480, axis=0) * 0.8)):
            (tmp_path / place).mkdir(exist_ok=True)
            soundfile.write(tmp_path / place / f"talk{n}.wav", samples, hertz, subtype="PCM_16")
    return tmp_path


def create(folder, text, **options):
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    out, said = io.StringIO(), io.StringIO()
    call_command("create_study", folder / "study.yaml", stdout=out, stderr=said, **options)
    return out.getvalue() + said.getvalue()


def refused(folder, text):
    with pytest.raises(CommandError) as fault:
        create(folder, text)
    assert not Study.objects.exists()
    assert str(fault.value).endswith("No study was made.")
    return str(fault.value)


def rendered(study):
    """The study with its stimuli made, by the worker's own function."""
    if study.state == Study.State.DRAFT:
        studies.start_rendering(study)
    for row in studies.progress(study).rows:
        rendering.render(row.pk)
    studies.settle(study)
    return list(Rendering.objects.filter(clip__study=study).order_by("clip__position", "condition__position"))


def test_the_example_in_the_docs_is_made_rendered_and_rated(folder):
    said = create(folder, EXAMPLE, render=True)
    assert "codecs-on-talks: 2 clips, 5 conditions." in said
    assert "Its stimuli are queued" in said
    study = Study.objects.get(slug="codecs-on-talks")
    assert [(clip.name, clip.category, clip.start, clip.length) for clip in study.clips.all()] == [
        ("talk0", "speech", 0.5, 1.0),
        ("talk1", "speech", 0.5, 1.0),
    ]
    assert list(study.conditions.values_list("title", "role")) == [
        ("Reference", "hidden_reference"),
        ("Low-pass 7 kHz", "mid_anchor"),
        ("Low-pass 3.5 kHz", "low_anchor"),
        ("Opus 12 kbps", "system"),
        ("My codec", "system"),
    ]
    assert (study.margin, study.protocol.repeats) == (5, 1)
    assert primary_claims.in_words(study) == "My codec is not worse than Opus 12 kbps by more than 5 points"
    rows = rendered(study)
    assert {row.state for row in rows} == {"done"}, [row.error for row in rows]
    studies.open_study(study, study.owner)
    assert rate(study, 1).state == Session.State.FINISHED


RECRUITING = """
recruiting:
  time_zone: Europe/Berlin
  closes_at: 2026-12-24 12:00
  forget_after_days: 90
  notices: {en: "Back on Monday."}
  panels:
    students: {quota: 20}
    staff: {opens_at: "2026-12-01T09:00+00:00"}
"""


def test_recruiting_is_set_as_on_its_page(folder):
    create(folder, EXAMPLE + RECRUITING)
    study = Study.objects.get()
    own = study.recruiting
    assert (own.time_zone, own.forget_after_days, own.notices) == ("Europe/Berlin", 90, {"en": "Back on Monday."})
    assert own.closes_at == datetime(2026, 12, 24, 11, tzinfo=UTC)
    assert {panel.name: (panel.quota, panel.opens_at) for panel in study.panels.all()} == {
        "students": (20, None),
        "staff": (None, datetime(2026, 12, 1, 9, tzinfo=UTC)),
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Europe/Berlin", "Europe/Berlni", "no time zone"),
        ("quota: 20", "quota: 0", "recruiting.panels.students.quota"),
        ("quota: 20", "most: 20", "recruiting.panels.students.most: there is no such setting. There are: opens_at"),
        ("forget_after_days", "forget_after", "recruiting.forget_after: there is no such setting. There are: opens_at"),
        ("  closes_at: 2026", "  opens_at: 2027-01-01\n  closes_at: 2026", "its links would close before opening"),
    ],
)
def test_what_is_wrong_with_recruiting_is_said(folder, before, after, said):
    assert said in refused(folder, EXAMPLE + RECRUITING.replace(before, after))
    assert not Study.objects.exists()


def test_a_clone_keeps_panels_and_privacy_but_neither_times_nor_message(folder):
    create(folder, EXAMPLE + RECRUITING)
    study = Study.objects.get()
    clone = cloning.clone_study(study, study.owner)
    own = clone.recruiting
    assert (own.time_zone, own.forget_after_days, own.notices, own.closes_at) == ("Europe/Berlin", 90, {}, None)
    assert dict(clone.panels.values_list("name", "quota")) == {"students": 20, "staff": None}
    assert not clone.panels.exclude(opens_at=None).exists()


def test_a_supplied_file_gets_what_the_reference_gets(folder):
    create(folder, EXAMPLE.replace("out/{clip}.wav", "clips/{clip}.wav"))
    study = Study.objects.get()
    for row in rendered(study):
        if row.condition.title == "My codec":
            assert row.stimulus_sha256 == row.clip.reference_sha256
            assert (row.warnings, row.delay_samples, row.kbps) == ([], 0, None)


def test_what_is_wrong_with_a_supplied_file_is_said(folder):
    create(folder, EXAMPLE)
    first = next(row for row in rendered(Study.objects.get()) if row.condition.title == "My codec")
    assert first.delay_samples == 480
    assert first.warnings == ["10.0 ms late: brought in line.", "1.9 LU quieter than its reference: raters hear that."]
    with first.stimulus.open("rb") as file, first.clip.reference.open("rb") as whole:
        made, reference = audio.read(file), audio.read(whole)
    assert made.samples.shape == reference.samples.shape
    assert np.abs(made.samples - 0.8 * reference.samples).max() < 2e-4


def test_lengths_rates_and_channels_of_supplied_files(folder):
    data, hertz = soundfile.read(folder / "clips/talk0.wav", always_2d=True)
    soundfile.write(folder / "out/talk0.wav", data[: round(1.2 * hertz)], hertz)
    data, hertz = soundfile.read(folder / "clips/talk1.wav", always_2d=True)
    soundfile.write(folder / "out/talk1.wav", audio.resample(data.T, hertz, 16000).T, 16000)
    create(folder, EXAMPLE)
    rows = [row for row in rendered(Study.objects.get()) if row.condition.title == "My codec"]
    assert [row.state for row in rows] == ["done", "done"]
    assert "0.800 s shorter than its clip. It is filled up with silence." in rows[0].warnings
    assert "At 16 kHz, below the study's 48 kHz." in rows[1].warnings


def test_a_silent_supplied_file_is_refused(folder):
    soundfile.write(folder / "out/talk1.wav", np.zeros(48000), 48000)
    assert "My codec: The file is silent throughout" in refused(folder, EXAMPLE)


def test_a_clip_without_its_supplied_file_is_not_rendered(folder):
    create(folder, EXAMPLE)
    study = Study.objects.get()
    SuppliedFile.objects.first().delete()
    with pytest.raises(studies.StudyError, match="“talk0” has no file of My codec. Supply it"):
        studies.start_rendering(study)


def test_supplied_conditions_stay_when_others_are_ticked(folder, client):
    create(folder, EXAMPLE)
    study = Study.objects.get()
    client.force_login(study.owner)
    own = Condition.objects.get(title="My codec")
    assert supplied.is_supplied(own.spec)
    page = client.get(f"/studies/{study.slug}/conditions/").content.decode()
    assert f'value="{own.spec}"' in page
    client.post(f"/studies/{study.slug}/conditions/", {"specs": ["reference", "opus@12", own.spec]})
    assert set(study.conditions.values_list("spec", flat=True)) == {"reference", "opus@12", own.spec}
    assert own.supplied_files.count() == 2
    client.post(f"/studies/{study.slug}/conditions/", {"specs": ["reference", "opus@24"], "confirm": "1"})
    assert not SuppliedFile.objects.exists()


def test_clips_and_conditions_are_all_that_is_needed(folder):
    assert "study: 2 clips, 2 conditions." in create(folder, "clips: clips/*.wav\nconditions: [reference, opus@6]")
    study = Study.objects.get()
    assert (study.title, study.rate, study.screening) == ("Study", 48000, list(DEFAULT_RULES))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("title:", "titel:"), "titel: there is no such setting. There are: format, title, slug, rate"),
        (
            ("- opus@12", "- {spec: opus@12, bitrate: 6}"),
            "conditions.4.bitrate: there is no such setting. There are: spec",
        ),
        (("start: 0.5", "begin: 0.5"), "clips.1.begin: there is no such setting. There are: file, name"),
        (("length: 1.0", "length: 0.1"), "talk0.wav: An excerpt has 0.5 to 12 seconds, not 0.1"),
        (("length: 1.0", "length: 5"), "talk0.wav: 0.5 s to 5.5 s is not inside the file"),
        (("clips/*.wav", "clip/*.wav"), "there is no sound clip/*.wav in"),
        (("out/{clip}.wav", "off/{clip}.wav"), "There is no file off/talk0.wav in"),
        (("out/{clip}.wav", "out/talk0.wav"), "a path with {clip} in it"),
        (("- opus@12", "- warp@12"), "There is no codec 'warp'"),
        (("- opus@12", "- opus@3"), "opus@3 is not offered"),
        (("  - reference\n", ""), "Write reference as well"),
        (("title: My codec", "title: Opus 12 kbps"), "two of them are called Opus 12 kbps"),
        (("repeats: 1", "repeats: all"), "protocol.repeats: "),
        (("repeats: 1", "training: {clips: [talk7]}"), "protocol.training.clips: there is no clip talk7"),
        (("margin: 5", "margin: 500"), "margin: "),
        (("against: opus@12", "against: opus@13"), "names opus@13, which is not a condition of the study. There are: "),
        (("margin: 5\n", ""), "“no worse” needs a margin"),
        (("slug: codecs-on-talks", "slug: new"), "“new” is the address of another page"),
        (("slug: codecs-on-talks", "slug: a b"), "slug: "),
        (("margin: 5", "margin: [5"), "this is not YAML"),
        (("margin: 5", "margin: 5\nmargin: 6"), "margin stands there twice"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_and_nothing_made(change, words, folder):
    assert change[0] in EXAMPLE
    assert words in refused(folder, EXAMPLE.replace(*change, 1))


def test_no_clips_and_no_file(folder, tmp_path):
    assert "clips is missing" in refused(folder, "conditions: [reference]")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("create_study", tmp_path / "none.yaml")


def test_a_short_name_that_is_taken(folder):
    create(folder, EXAMPLE)
    with pytest.raises(CommandError, match="There is a study “codecs-on-talks” already"):
        create(folder, EXAMPLE)
    assert Study.objects.count() == 1


def test_an_exported_file_unpacked_is_a_file_to_make_a_study_of(folder, tmp_path):
    create(folder, EXAMPLE)
    first = Study.objects.get()
    rows = rendered(first)
    call_command("export_study", first.slug, output=tmp_path / "s.zip", stderr=io.StringIO())
    shutil.unpack_archive(tmp_path / "s.zip", tmp_path / "unpacked")
    text = (tmp_path / "unpacked/study.yaml").read_text(encoding="utf-8")
    create(tmp_path / "unpacked", text.replace("slug: codecs-on-talks", "slug: second"))
    again = rendered(Study.objects.get(slug="second"))
    assert [row.stimulus_sha256 for row in again] == [row.stimulus_sha256 for row in rows]


def test_supplied_files_are_in_a_studys_file(folder, tmp_path):
    create(folder, EXAMPLE)
    rendered(Study.objects.get())
    call_command("export_study", "codecs-on-talks", output=tmp_path / "s.zip", stderr=io.StringIO())
    call_command("import_study", tmp_path / "s.zip", slug="second", stdout=io.StringIO())
    first, second = (
        list(SuppliedFile.objects.filter(clip__study__slug=slug).values_list("clip__name", "file", "name", "sha256"))
        for slug in ("codecs-on-talks", "second")
    )
    assert first == second
    assert len(first) == 2


def test_a_clone_has_everything_but_the_raters_and_renders_nothing(folder):
    create(folder, EXAMPLE)
    study = Study.objects.get()
    rows = rendered(study)
    studies.open_study(study, study.owner)
    rate(study, 1)
    out = io.StringIO()
    call_command("clone_study", study.slug, stdout=out)
    assert out.getvalue() == "codecs-on-talks-2: a clone of codecs-on-talks; ready.\n"
    made = Study.objects.get(slug="codecs-on-talks-2")
    assert (made.title, made.raters_way, made.margin, made.opened_at) == (study.title, study.raters_way, 5, None)
    assert made.sessions.count() == 0
    copies = list(Rendering.objects.filter(clip__study=made).order_by("clip__position", "condition__position"))
    assert [(row.key, row.stimulus.name, row.finished_at) for row in copies] == [
        (row.key, row.stimulus.name, row.finished_at) for row in rows
    ]
    studies.open_study(made, made.owner)
    assert list(made.clips.values_list("packed", flat=True)) == list(study.clips.values_list("packed", flat=True))
    with pytest.raises(CommandError, match="“codecs-on-talks” already"):
        call_command("clone_study", study.slug, "--slug", study.slug)
    with pytest.raises(CommandError, match="There is no study 'none'"):
        call_command("clone_study", "none")


def test_a_clone_of_a_draft_is_a_draft(draft):
    made = cloning.clone_study(draft, draft.owner)
    assert made.state == Study.State.DRAFT
    assert Clip.objects.filter(study=made).count() == 2
    assert len(rendered(made)) == 8
    assert made.state == Study.State.READY
