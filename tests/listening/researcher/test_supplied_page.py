"""Files of one's own, given on the condition's page."""

import io

import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from listening import clips, rendering, studies
from listening.matching import match
from listening.models import Condition, Rendering, SuppliedFile


@pytest.fixture
def condition(page, draft) -> Condition:
    """A condition for files, made on the page of the conditions."""
    page.post(reverse("add_supplied", args=[draft.slug]), {"title": "My codec"})
    return draft.conditions.get(title="My codec")


def address(condition, name="supplied", *more):
    return reverse(name, args=[condition.study.slug, condition.pk, *more])


def made_elsewhere(clip, name, late=0.0, gain=1.0, cut=0):
    """A clip's own recording as a codec elsewhere might return it."""
    sound = clips.original(clip)
    samples = np.roll(sound.samples.T, round(late * sound.rate), axis=0) * gain
    file = io.BytesIO()
    soundfile.write(file, samples[: len(samples) - cut], sound.rate, format="WAV", subtype="PCM_16")
    return SimpleUploadedFile(name, file.getvalue())


@pytest.fixture
def pulses(draft, tmp_path):
    """Both clips of the study anew: one is loud at its beginning, the other at its end."""
    draft.clips.all().delete()
    noise = np.random.default_rng(3).normal(0, 0.1, 48000)
    for name, ramp in (("falling", np.linspace(1, 0.01, 48000)), ("rising", np.linspace(0.01, 1, 48000))):
        soundfile.write(tmp_path / f"{name}.wav", noise * ramp, 48000, subtype="PCM_16")
        clips.add_clip(draft, SimpleUploadedFile(f"{name}.wav", (tmp_path / f"{name}.wav").read_bytes()))


def upload(page, condition, *files, **more):
    return page.post(address(condition), {"files": files, **more}, follow=True).content.decode()


def test_files_find_their_clips_by_name_and_are_checked_against_them(page, condition):
    first, second = condition.study.clips.all()
    text = upload(
        page,
        condition,
        made_elsewhere(second, "x_SPEECH-ga-words.6k.wav"),
        made_elsewhere(first, f"{first.name}_mine.wav", late=0.02, gain=0.7, cut=4800),
        made_elsewhere(first, "noise.wav"),
    )
    assert "noise.wav: no clip has such a name." in text
    assert "Every clip has its file." in text
    found = {file.clip.name: file for file in SuppliedFile.objects.all()}
    assert found[second.name].warnings == []
    assert found[second.name].level == pytest.approx(0, abs=0.01)
    assert found[first.name].delay == pytest.approx(0.02, abs=0.0005)
    said = " ".join(found[first.name].warnings)
    for expected in ("s shorter than its clip.", "20.0 ms late: brought in line.", "LU quieter than its reference"):
        assert expected in said
        assert expected in text


def test_a_missing_file_is_named_and_stands_in_the_way(page, condition):
    first, second = condition.study.clips.all()
    upload(page, condition, made_elsewhere(first, f"{first.name}.wav"))
    text = page.get(address(condition)).content.decode()
    assert f"Missing for 1 of 2 clips: {second.name}." in text
    assert any(f"“{second.name}” has no file of My codec." in each for each in studies.problems(condition.study))
    assert "1 of 2 files" in page.get(reverse("conditions", args=[condition.study.slug])).content.decode()


def test_a_file_of_the_wrong_clip_is_noticed_and_given_to_the_right_one(page, pulses, condition):
    first, second = condition.study.clips.all()
    upload(page, condition, made_elsewhere(second, "a.wav"), clip=first.pk)
    text = upload(page, condition, made_elsewhere(first, "b.wav"), clip=second.pk)
    assert text.count("It has little in common with its clip") >= 2
    page.post(address(condition, "change_supplied", first.supplied_files.get().pk), {"clip": second.pk})
    assert {file.name: file.clip for file in SuppliedFile.objects.all()} == {"a.wav": second, "b.wav": first}
    assert all(file.warnings == [] for file in SuppliedFile.objects.all())


def test_a_script_gets_clips_for_names_and_an_answer_for_each_file(page, condition):
    first = condition.study.clips.first()
    as_script = {"Accept": "application/json"}
    asked = {"files": [f"{first.name}_1.wav", "zzz.wav"]}
    answer = page.get(address(condition), asked, headers=as_script).json()
    assert answer == {"clips": {f"{first.name}_1.wav": first.pk, "zzz.wav": None}}
    bad = {"files": SimpleUploadedFile("x.wav", b"no audio"), "clip": first.pk}
    answer = page.post(address(condition), bad, headers=as_script)
    assert (answer.status_code, "not audio" in answer.json()["error"]) == (422, True)


def test_a_replaced_or_deleted_file_takes_its_stimulus_along_and_a_deleted_condition_its_files(page, condition):
    study, (first, second) = condition.study, condition.study.clips.all()
    for clip in (first, second):
        upload(page, condition, made_elsewhere(clip, f"{clip.name}.wav"))
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        rendering.render(row.pk)
    studies.settle(study)
    assert study.state == "ready"
    page.post(address(condition, "change_supplied", first.supplied_files.get().pk), {"delete": "1", "confirm": "1"})
    study.refresh_from_db()
    assert study.state == "draft"
    assert not Rendering.objects.filter(condition=condition, clip=first).exists()
    page.post(address(condition, "delete_condition"), {"confirm": "1"})
    assert not SuppliedFile.objects.exists()
    assert not study.conditions.filter(title="My codec").exists()


@pytest.mark.parametrize(
    ("files", "clips", "found"),
    [
        (["talk1_6k.wav", "talk10_6k.wav"], ["talk1", "talk10"], ["talk1", "talk10"]),
        (["opus/01 Song.flac"], ["01_song", "02_song"], ["01_song"]),
        (["speech_fr.wav"], ["speech_de_a", "speech_en_b"], [None]),
        (["a_talk.wav", "b_talk.wav"], ["talk"], [None, None]),
        (["prompts.wav"], ["speech_en_prompts", "speech_en_words"], ["speech_en_prompts"]),
    ],
    ids=["numbers", "spelling", "common beginning", "two for one", "a part of the name"],
)
def test_names_match_where_nothing_else_is_as_near(files, clips, found):
    assert list(match(files, clips).values()) == found
