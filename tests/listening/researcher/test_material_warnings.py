"""Warnings about the material are given wherever a study is judged."""

import io
import json

import numpy as np
import pytest
import soundfile
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from listening import clips, cloning, material, presets, registration, reporting, studies, tokens
from listening.models import Condition

RATE = 48000
LOWPASSED = "Band-limited: almost nothing above 7 kHz, so the mid anchor will sound like the reference."


def add(study, samples, name, rate=RATE, subtype="PCM_24"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return clips.add_clip(study, SimpleUploadedFile(name, file.getvalue()))


@pytest.fixture
def flawed(researcher):
    """A draft of six clips, each with another flaw."""
    study = studies.create_study(researcher, "Flawed")
    noise = np.random.default_rng(5).normal(0, 0.1, (7, 3 * RATE))
    time = np.arange(3 * RATE) / RATE
    add(study, np.clip(20 * noise[0], -1, 1), "clipped.wav")
    add(study, noise[1], "mu-law.wav", subtype="ULAW")
    add(study, noise[2] + 0.05, "offset.wav")
    add(study, noise[3][:RATE], "16k.wav", rate=16000)
    add(study, 0.1 * np.sin(2 * np.pi * 5000 * time) * np.sin(3 * time), "tone.wav")
    add(study, 10 ** (-35 / 20) * 0.7 * noise[4], "quiet.wav")
    add(study, noise[5], "cd.wav", rate=44100)
    return study


EXPECTED = {
    ("warning", "clipped", "Clipped at"),
    ("warning", "mu-law", "From a lossy source"),
    ("warning", "offset", "Has a constant offset (DC)"),
    ("warning", "16k", "At 16 kHz the reference ends below 8 kHz"),
    ("warning", "tone", LOWPASSED),
    ("warning", "quiet", "Quiet: it needs 3"),
    ("note", "cd", "Recorded at 44.1 kHz"),
}


def given(findings):
    """Which of the expected findings are among those given."""
    return {
        (grade, about, text)
        for grade, about, text in EXPECTED
        if any((each["grade"], each["about"]) == (grade, about) and each["text"].startswith(text) for each in findings)
    }


def test_one_list_has_every_warning_and_note_with_its_clip(flawed):
    assert given([vars(each) for each in material.findings(flawed)]) == EXPECTED
    assert {each.about for each in material.findings(flawed) if each.grade == "note"} == {"cd"}


def test_the_checks_of_the_api_have_them(flawed, researcher):
    token = tokens.create(researcher, "test", "write", 1, by=researcher)[1]
    script = Client(headers={"Authorization": f"Bearer {token}"})
    checks = script.get(f"/api/v1/studies/{flawed.slug}/checks").json()
    assert given(checks["material"]) == EXPECTED
    notes = {clip["name"]: clip["notes"] for clip in script.get(f"/api/v1/studies/{flawed.slug}/clips").json()}
    assert notes["cd"] == ["Recorded at 44.1 kHz, below the study's 48 kHz."]


def test_the_pre_registration_has_them(flawed):
    assert given(yaml.safe_load(registration.text_of(flawed, None))["material"]) == EXPECTED


def test_the_report_has_them(flawed):
    said = reporting.design_of(flawed)["excerpts"]
    assert f"“tone”: {LOWPASSED}" in said
    assert "Notes about the material: “cd”: Recorded at 44.1 kHz, below the study's 48 kHz." in said


def test_the_pages_before_opening_have_them(page, ready):
    ready.clips.update(warnings=["Clipped at 3 places."], notes=["Stereo: mixed to mono."])
    for address in (ready.get_absolute_url(), reverse("open_study", args=[ready.slug])):
        text = page.get(address).content.decode()
        assert "<li>speech_en_prompts: Clipped at 3 places.</li>" in text
        assert "speech_en_prompts: Stereo: mixed to mono." in text


@pytest.fixture
def without_encodec(monkeypatch, tmp_path):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))


SPEECH = ["EnCodec at 1.5 kbps", "EnCodec at 3 kbps", "EnCodec at 6 kbps", "EnCodec at 12 kbps", "Lyra v2 at 3 kbps"]


def test_a_preset_names_every_condition_that_stands_for_another(page, draft, without_encodec):
    banner = page.post(reverse("conditions", args=[draft.slug]), {"preset": "encodec-speech"}, follow=True)
    text = banner.content.decode()
    assert "The conditions are those of “Speech as in the EnCodec paper”, except 5 that stand in for others." in text
    stand_ins = draft.conditions.exclude(stands_for="")
    assert [each.stands_for for each in stand_ins] == SPEECH
    for each in stand_ins:
        assert f"{each.title} stands in for {each.stands_for}." in text
    assert draft.conditions.get(spec="opus@6").stands_for == ""


def test_a_substitution_stays_with_the_study(page, draft, researcher, without_encodec):
    page.post(reverse("conditions", args=[draft.slug]), {"preset": "encodec-speech"})
    assert "stands in for EnCodec at 6 kbps" in page.get(draft.get_absolute_url()).content.decode()
    registered = yaml.safe_load(registration.text_of(draft, None))["conditions"]
    assert [each["stands_for"] for each in registered if "stands_for" in each] == SPEECH
    assert "stands in for EnCodec at 6 kbps." in reporting.design_of(draft)["stimuli"]
    kept = [spec for spec in draft.conditions.values_list("spec", flat=True) if spec != "opus@12"]
    page.post(reverse("conditions", args=[draft.slug]), {"specs": kept})
    copy = cloning.clone_study(draft, researcher)
    assert [each.stands_for for each in copy.conditions.exclude(stands_for="")] == SPEECH


def test_the_page_that_opens_a_study_names_substitutions(page, ready):
    ready.conditions.filter(spec="opus@12").update(stands_for="EnCodec at 12 kbps")
    text = page.get(reverse("open_study", args=[ready.slug])).content.decode()
    assert "Opus 12 kbps stands in for EnCodec at 12 kbps." in text


def test_the_api_names_substitutions(draft, researcher, without_encodec):
    token = tokens.create(researcher, "test", "write", 1, by=researcher)[1]
    script = Client(headers={"Authorization": f"Bearer {token}"})
    address = f"/api/v1/studies/{draft.slug}/conditions"
    answer = script.put(address, json.dumps({"preset": "encodec-speech"}), content_type="application/json").json()
    assert [each["stands_for"] for each in answer["conditions"] if each["stands_for"]] == SPEECH
    assert script.get(address).json()["conditions"] == answer["conditions"]


def test_every_preset_names_its_stand_ins(researcher, without_encodec):
    for preset in presets.PRESETS:
        study = studies.create_study(researcher, preset.title, channels=preset.channels)
        chosen = presets.choose(preset)
        studies.set_conditions(study, list(chosen.specs))
        presets.note_substitutions(study, chosen)
        neural = Condition.objects.filter(study=study, spec__startswith="spectral")
        assert neural.count() == 4
        assert all(each.stands_for.startswith("EnCodec ") for each in neural)
