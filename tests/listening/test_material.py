"""What is found in a recording: its picture, its flaws, its twins and its most critical excerpt."""

import io

import matplotlib.image
import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile

from audiocodecs import audio
from audiocodecs.registry import get_codec
from listening import clip_words, clips, duplicates, excerpts, flaws, overviews, spectrograms, studies
from listening.reporting import design_of
from tests.conftest import CLIPS

RATE = 48000


def noise(seconds, level=0.1, rate=RATE, seed=1):
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate))


def sound(samples, rate=RATE):
    return audio.Audio(np.atleast_2d(np.asarray(samples, np.float32)), rate, "WAV", "PCM_16")


def overview(samples, rate=RATE, sha="ab" * 32):
    return overviews.keep(sha, sound(samples, rate))


def tone(seconds, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture
def demo():
    """A part of one of the project's clips, mono."""

    def read(name, seconds=4.0, start=1.0):
        data, rate = soundfile.read(CLIPS / f"{name}.flac", always_2d=True, dtype="float32")
        return sound(data[round(start * rate) : round((start + seconds) * rate)].mean(axis=1), rate)

    return read


def test_the_waveform_has_the_lowest_and_highest_sample_of_each_column():
    samples = np.zeros(48000)
    samples[24000], samples[24001] = 0.5, -0.25
    found = overview(samples)
    assert found.peaks.shape == (overviews.COLUMNS, 2)
    assert np.flatnonzero(found.peaks.any(axis=1)).tolist() == [overviews.COLUMNS // 2]
    assert found.peaks[240].tolist() == pytest.approx([-0.5, 1.0], abs=0.01)
    path = overviews.path(found)
    assert "L240 0L" in path
    assert "L240 75L" in path


def test_an_overview_is_stored_once_and_read_again(media):
    made = overview(noise(1))
    read = overviews.stored("ab" * 32)
    assert np.array_equal(made.levels, read.levels)
    assert np.array_equal(made.peaks, read.peaks)
    assert overviews.stored("cd" * 32) is None


def test_a_spectrogram_shows_a_tone_at_its_frequency_as_a_picture_that_can_be_read():
    pixels = spectrograms.levels(sound(tone(1, 12000)))
    assert pixels.shape == (spectrograms.ROWS, spectrograms.COLUMNS)
    assert np.argmax(pixels[:, 400]) == pytest.approx(spectrograms.ROWS / 2, abs=1)
    assert pixels[10, 400] == 0
    picture = matplotlib.image.imread(io.BytesIO(spectrograms.png(pixels)))
    assert picture.shape[:2] == pixels.shape
    assert picture[80, 400, :3].sum() > picture[10, 400, :3].sum()


@pytest.mark.parametrize(
    "samples",
    [np.full(RATE, 0.3), tone(1), np.zeros(RATE), noise(0.5), np.stack([tone(1), -tone(1)])],
    ids=["constant", "tone", "silence", "short", "antiphase"],
)
def test_no_signal_breaks_what_looks_at_it(samples):
    found = sound(samples)
    made = overview(samples)
    assert np.isfinite(made.levels).all()
    assert excerpts.suggest(made, 0.4) <= 0.6
    assert spectrograms.levels(found).dtype == np.uint8
    assert flaws.noise_distance(found.samples, RATE) is None
    assert flaws.spectral_edge(found.samples, RATE) is None
    shape = duplicates.shape(made, 0, 1)
    assert 0 <= duplicates.likeness(shape, duplicates.shape(overview(noise(1, seed=2), sha="ef" * 32), 0, 1)) < 0.5


def test_the_most_critical_excerpt_is_the_dense_one_that_changes():
    steady, bursts = noise(8), noise(4) * (np.arange(4 * RATE) // 4800 % 2)
    assert excerpts.suggest(overview(np.concatenate([tone(6), bursts, tone(6)])), 4.0) == pytest.approx(6, abs=0.4)
    # As loud and as changing, in one narrow band: noise in all bands is denser.
    beeps = tone(4) * (np.arange(4 * RATE) // 4800 % 2)
    found = excerpts.suggest(overview(np.concatenate([beeps, noise(2) * 0, bursts]), sha="cd" * 32), 4.0)
    assert found == pytest.approx(6, abs=0.4)
    quieter = np.concatenate([bursts * 0.1, noise(2) * 0, bursts])
    assert excerpts.suggest(overview(quieter, sha="ef" * 32), 4.0) == pytest.approx(6, abs=0.4)
    assert excerpts.suggest(overview(steady, sha="01" * 32), 4.0) <= excerpts.QUIET_START + 4
    assert excerpts.suggest(overview(steady, sha="01" * 32), 9.0) == 0


def test_an_excerpt_begins_where_no_sound_is_cut():
    words = noise(20) * (np.arange(20 * RATE) % 48000 < 38400)  # 0.8 s of sound, 0.2 s of silence
    words[: 8 * RATE] *= 0.05
    start = excerpts.suggest(overview(words), 5.0)
    assert 0.75 <= start % 1 <= 0.96 or start % 1 < 0.01


def test_noise_is_told_from_clean_speech_and_from_music(demo):
    for name in ("speech_en_prompts", "speech_ga_words", "speech_ro_words", "music_guitar", "music_metal"):
        found = demo(name, 8.0)
        distance = flaws.noise_distance(found.samples, found.rate)
        assert distance is None or distance > flaws.LEAST_RANGE, (name, distance)
    clean = demo("speech_en_prompts", 8.0)
    level = float(np.sqrt(np.mean(clean.samples**2)))
    hiss = noise(8.0, level * 10 ** (-20 / 20)).astype(np.float32)
    assert flaws.noise_distance(clean.samples + hiss, clean.rate) < flaws.LEAST_RANGE
    room = demo("speech_noisy_da", 8.0)
    assert flaws.noise_distance(room.samples, room.rate) < flaws.LEAST_RANGE


def test_a_lossy_source_is_known_by_its_edge(demo):
    codec = get_codec("mp3@64")
    for name in ("music_tabla", "speech_ro_words"):
        found = demo(name, 3.0)
        assert flaws.spectral_edge(found.samples, found.rate) is None
        decoded, rate = codec.decode(codec.encode(found.samples, found.rate))
        assert 10000 < flaws.spectral_edge(decoded, rate) < 17500
    up = audio.resample(audio.resample(found.samples, found.rate, 22050), 22050, RATE)
    assert flaws.spectral_edge(up, RATE) == pytest.approx(10600, abs=400)


def test_a_copy_is_known_at_another_level_rate_and_format_and_no_other_clip_is(demo):
    def shape(found, start=0.0, sha="ab"):
        return duplicates.shape(overview(found.samples, found.rate, sha * 32), start, 3.0)

    one = demo("speech_ga_words", 3.0)
    mine = shape(one)
    codec = get_codec("mp3@64")
    decoded, rate = codec.decode(codec.encode(one.samples * 0.2, one.rate))
    assert duplicates.likeness(mine, shape(sound(decoded, rate), sha="cd")) > duplicates.ALIKE
    resampled = sound(audio.resample(one.samples, one.rate, 16000), 16000)
    assert duplicates.likeness(mine, shape(resampled, sha="ef")) > duplicates.ALIKE
    later = demo("speech_ga_words", 3.0, start=1.5)
    assert duplicates.likeness(mine, shape(later, sha="01")) > duplicates.ALIKE
    for i, name in enumerate(("speech_da_phrases", "speech_en_prompts", "music_tabla")):
        assert duplicates.likeness(mine, shape(demo(name, 3.0), sha=f"a{i}")) < 0.6


def upload(samples, name, rate=RATE):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.asarray(samples).T, rate, format="WAV")
    return SimpleUploadedFile(name, buffer.getvalue())


def test_twins_are_known_to_each_other_until_one_is_gone(researcher):
    study = studies.create_study(researcher, "Twins")
    words = noise(3) * (np.arange(3 * RATE) // 9600 % 2)
    one = clips.add_clip(study, upload(words, "one.wav"))
    two = clips.add_clip(study, upload(audio.resample(np.float32([words * 0.3]), RATE, 32000)[0], "two.wav", 32000))
    three = clips.add_clip(study, upload(noise(3, seed=3) * np.linspace(0, 1, 3 * RATE), "three.wav"))
    found = duplicates.twins(study.clips.all())
    assert {pk: [twin.clip for twin in twins] for pk, twins in found.items()} == {one.pk: [two], two.pk: [one]}
    clips.delete(two, confirmed=True)
    assert duplicates.twins(study.clips.all()) == {}
    assert duplicates.twins_of(three) == []


def test_a_long_upload_begins_at_its_critical_part_and_a_plain_one_at_its_start(researcher):
    study = studies.create_study(researcher, "Long")
    samples = np.concatenate([tone(5) * 0.1, noise(10) * (np.arange(10 * RATE) // 4800 % 2)])
    suggested = clips.add_clip(study, upload(samples, "a.wav"), suggest=True)
    assert suggested.start == pytest.approx(5, abs=0.4)
    assert suggested.start + suggested.length <= suggested.original_seconds
    assert clips.add_clip(study, upload(samples * 0.9, "b.wav")).start == 0
    assert clips.add_clip(study, upload(samples[-11 * RATE :], "c.wav"), suggest=True).start == 0


def test_loudness_and_peak_of_a_clip_are_those_of_its_excerpt(researcher):
    study = studies.create_study(researcher, "Levels")
    clip = clips.add_clip(study, upload(np.concatenate([tone(2, 1000), tone(2, 1000) * 0.1]), "a.wav"))
    clips.set_excerpt(clip, start=2, length=2, name="a", category="", licence="CC0")
    assert clip.source_true_peak == pytest.approx(20 * np.log10(0.03), abs=0.1)
    assert clip.source_loudness == pytest.approx(-33.5, abs=0.5)
    assert clip.licence == "CC0"


def test_the_page_says_what_will_happen_to_a_file(researcher):
    study = studies.create_study(researcher, "Stereo", channels=2)
    clip = clips.add_clip(study, upload(noise(2, rate=32000), "a.wav", 32000), "", "CC BY 4.0")
    said = "both channels made the same, as it is mono, resampled from 32 to 48 kHz; nothing is gained above its own"
    assert said in clip_words.fate(clip)
    assert clip_words.licences(study) == "Licences of the material: CC BY 4.0 (1)."


def test_the_report_says_which_loudness_the_references_have(researcher):
    study = studies.create_study(researcher, "Peaks")
    for name in ("a", "b", "c"):
        clips.add_clip(study, upload(tone(2, 1000 + ord(name)), f"{name}.wav"))
    study.clips.update(loudness=-23.0)
    assert clip_words.loudness(study) == "references at −23 LUFS"
    loud = study.clips.get(name="b")
    loud.loudness = -24.2
    loud.save()
    said = "references brought to −23 LUFS as far as their peaks allow; 1 of 3 reached −24.2 LUFS"
    assert clip_words.loudness(study) == said
    assert said in design_of(study)["stimuli"]
    assert clip_words.fate(loud).endswith("brought to −24.2 LUFS, as its peaks allow no more.")
