"""The reference that every condition of a clip is made from."""

import io

import numpy as np
import pytest
import soundfile

from audiocodecs import audio
from listening import clips, studies
from tests.listening.test_upload_checks import RATE, noise, upload


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_has_the_rate_channels_length_and_loudness_of_the_study(researcher, rate, channels):
    study = studies.create_study(researcher, "S", rate=rate, channels=channels, loudness=-24)
    clip = clips.add_clip(study, upload(noise(2, rate=44100, channels=2), 44100))
    clips.set_excerpt(clip, start=0.25, length=1.5, name="n", category="")
    clips.prepare(clip)
    with clip.reference.open("rb") as file:
        found = audio.read(file)
    assert (found.rate, found.samples.shape, found.subtype) == (rate, (channels, round(1.5 * rate)), "PCM_16")
    assert audio.loudness(found.samples, rate) == pytest.approx(-24, abs=0.1)
    assert clip.frames == found.samples.shape[1]


def test_loudness_stops_where_it_would_clip_and_says_so(draft):
    spiky = noise(2, level=0.001)
    spiky[::4800] = 0.5
    clip = clips.add_clip(draft, upload(spiky))
    clips.prepare(clip)
    assert clip.true_peak <= clips.PEAK_LIMIT + 0.1
    assert any("quieter than the target" in text for text in clip.warnings)


def test_cut_edges_are_faded_and_uncut_ones_are_not(draft):
    tone = np.full((3 * RATE, 1), 0.1) * np.sign(np.cos(np.arange(3 * RATE)))[:, None]
    clip = clips.add_clip(draft, upload(tone))
    clips.set_excerpt(clip, start=1.0, length=1.0, name="cut", category="")
    clips.prepare(clip)
    cut = np.abs(clips.reference_samples(clip)[0])
    assert cut[0] < 0.01 * np.median(cut)
    assert cut[-1] < 0.01 * np.median(cut)
    clips.set_excerpt(clip, start=0, length=3.0, name="whole", category="")
    clips.prepare(clip)
    whole = np.abs(clips.reference_samples(clip)[0])
    assert whole[0] > 0.9 * np.median(whole)


def test_preparing_twice_makes_the_same_file_and_writes_nothing(draft, media):
    clip = draft.clips.first()
    clips.prepare(clip)
    name, written = clip.reference.name, (media / clip.reference.name).stat().st_mtime_ns
    clip.state = clip.State.UPLOADED
    clips.prepare(clip)
    assert (clip.reference.name, (media / name).stat().st_mtime_ns) == (name, written)


def test_a_changed_target_makes_a_new_reference(draft):
    clip = draft.clips.first()
    clips.prepare(clip)
    before = clip.reference_sha256
    draft.loudness = -30
    draft.save()
    clip.study.refresh_from_db()
    clips.prepare(clip)
    assert clip.reference_sha256 != before


def test_it_is_a_plain_wav_of_44_header_bytes(draft):
    clip = draft.clips.first()
    clips.prepare(clip)
    with clip.reference.open("rb") as file:
        content = file.read()
    assert len(content) == 44 + 2 * clip.frames
    assert soundfile.info(io.BytesIO(content)).subtype == "PCM_16"
