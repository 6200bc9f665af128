"""What the page of the clips shows and plays of each recording."""

import io

import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile

from listening import clips, studies

RATE = 48000


def tone(seconds, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def bursts(seconds, seed=1):
    at = np.arange(round(seconds * RATE))
    return np.random.default_rng(seed).normal(0, 0.1, len(at)) * (at // 4800 % 2)


def wav(samples, name):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T, RATE, format="WAV")
    return SimpleUploadedFile(name, buffer.getvalue())


def test_a_card_shows_waveform_excerpt_level_twin_and_what_will_happen(page, researcher):
    study = studies.create_study(researcher, "Cards")
    for name, gain in (("one", 1.0), ("two", 0.5)):
        clips.add_clip(study, wav(bursts(2) * gain, f"{name}.wav"), licence="CC0")
    text = page.get(f"/studies/{study.slug}/clips/").content.decode()
    assert text.count('<path d="M0 ') == 2
    for said in ("CC0", "dBTP", "stays mono, stays at 48 kHz", "0.00 to 2.00 s", "nearly the same as “one”"):
        assert said in text


def test_excerpt_and_pictures_are_served(page, researcher):
    study = studies.create_study(researcher, "Served")
    clip = clips.add_clip(study, wav(np.stack([tone(2), tone(2, 900)]), "a.wav"))
    at = f"/studies/{study.slug}/clips/{clip.pk}"
    samples, rate = soundfile.read(io.BytesIO(page.get(f"{at}/excerpt.wav?start=0.5&length=0.75").content))
    assert (samples.shape, rate) == ((36000, 2), RATE)
    for query in ("", "?start=nan&length=-1", "?start=x"):
        assert soundfile.info(io.BytesIO(page.get(f"{at}/excerpt.wav{query}").content)).frames == 2 * RATE
    first, again = (page.get(f"{at}/spectrogram.png").content for _ in range(2))
    assert first == again
    assert first.startswith(b"\x89PNG")
    assert page.get(f"{at}/suggestion/?length=0.5").json()["length"] == 0.5
    clip.original.storage.delete(clip.original.name)
    assert page.get(f"{at}/excerpt.wav").status_code == 404


def test_suggest_works_without_a_script(page, researcher):
    study = studies.create_study(researcher, "Plain")
    samples = np.concatenate([tone(2) * 0.1, bursts(1)])
    clip = clips.add_clip(study, wav(samples, "a.wav"))
    form = {"name": "a", "category": "", "licence": "", "start": "0", "length": "1", "suggest": "1"}
    page.post(f"/studies/{study.slug}/clips/{clip.pk}/", form)
    clip.refresh_from_db()
    assert clip.start == pytest.approx(2, abs=0.35)
