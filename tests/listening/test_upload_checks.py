"""What happens to a file that a researcher brings."""

import io
import os

import numpy as np
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile

from listening import clips, flaws
from listening.models import Clip
from tests.conftest import CLIPS, wav_upload

RATE = 48000


def upload(samples, rate=RATE, name="clip.wav", subtype="PCM_16"):
    """A WAV upload of samples (n,) or (n, channels)."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
    return SimpleUploadedFile(name, buffer.getvalue())


def noise(seconds=1.0, rate=RATE, channels=1, level=0.1):
    """Noise, (n, channels)."""
    return np.random.default_rng(1).normal(0, level, (round(seconds * rate), channels)).clip(-1, 1)


@pytest.fixture
def stored(media):
    """Number of files under MEDIA_ROOT, when called."""
    return lambda: sum(len(files) for _, _, files in os.walk(media))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (SimpleUploadedFile("a.wav", b""), "0 bytes"),
        (SimpleUploadedFile("a.wav", b"Dear sir, this is a letter." * 40), "not audio"),
        (upload(np.zeros((RATE, 1))), "silent throughout"),
        (upload(noise(0.1)), "at least 0.5 s"),
        (upload(noise(rate=8000), 8000), "16 kHz"),
        (upload(noise(rate=192000, channels=6), 192000), "6 channels"),
        (upload(np.where(np.arange(RATE) == 500, np.nan, 0.1), subtype="FLOAT"), "NaN"),
    ],
    ids=["0 bytes", "text", "silence", "too short", "8 kHz", "192 kHz, 6 channels", "NaN"],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason_and_nothing_is_stored(draft, stored, file, message):
    before, files = draft.clips.count(), stored()
    with pytest.raises(clips.ClipError, match=message):
        clips.add_clip(draft, file)
    assert (draft.clips.count(), stored()) == (before, files)


def test_a_file_over_the_limit_is_refused_with_the_limit(draft, settings):
    settings.MAX_UPLOAD_MB = 1
    with pytest.raises(clips.ClipError, match="more than the 1 MB allowed"):
        clips.add_clip(draft, upload(noise(12)))


def test_an_hour_is_refused_before_it_is_decoded(draft):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(3600 * 16000, np.uint8).astype(np.int16), 16000, format="FLAC")
    with pytest.raises(clips.ClipError, match="3600.0 s long"):
        clips.add_clip(draft, SimpleUploadedFile("hour.flac", buffer.getvalue()))


@pytest.mark.parametrize(
    ("samples", "rate", "warning"),
    [
        (np.sign(np.sin(np.arange(2 * RATE) * 0.01)), RATE, "Clipped"),
        (noise(2) + 0.2, RATE, "offset"),
        (noise(2, rate=16000), 16000, "below the study's 48 kHz"),
        (noise(2) * [1, -1], RATE, "cancel"),
        (np.sin(np.arange(2 * RATE) * 0.05) * 0.3, RATE, "almost nothing above 3.5 kHz, so both anchors"),
        (np.sin(np.arange(2 * RATE) * 0.6) * 0.3, RATE, "almost nothing above 7 kHz, so the mid anchor"),
        (
            noise(2, rate=16000),
            16000,
            "At 16 kHz the reference ends below 8 kHz: the 7 kHz mid anchor is",
        ),
        (noise(2) * 0.01, RATE, "Quiet: it needs 31 dB of gain"),
        (noise(1), RATE, "Shorter than 2 s"),
    ],
    ids=["clipping", "DC", "low rate", "antiphase", "no anchors", "no mid anchor", "16 kHz", "quiet", "short"],
)
def test_a_flawed_clip_is_taken_with_a_warning(draft, samples, rate, warning):
    clip = clips.add_clip(draft, upload(samples, rate))
    assert any(warning in text for text in clip.warnings), clip.warnings


def test_a_good_clip_has_no_warning(draft):
    clip = clips.add_clip(draft, upload(noise(3)))
    assert (clip.warnings, clip.notes) == ([], [])


def test_what_spoils_nothing_is_a_note(draft):
    clip = clips.add_clip(draft, upload(noise(3, rate=44100, channels=2), 44100))
    assert clip.warnings == []
    assert clip.notes == ["Recorded at 44.1 kHz, below the study's 48 kHz.", "Stereo: mixed to mono."]


def test_float_audio_above_full_scale_is_not_clipped(draft):
    buffer = io.BytesIO()
    peaks = noise(3)
    soundfile.write(buffer, 3.6 * peaks / np.abs(peaks).max(), RATE, format="WAV", subtype="FLOAT")
    clip = clips.add_clip(draft, SimpleUploadedFile("loud.wav", buffer.getvalue()))
    assert clip.warnings == []
    clips.prepare(clip)
    reference = clips.reference_samples(clip)
    peaks = peaks.reshape(reference.shape)
    assert np.abs(reference / np.abs(reference).max() - peaks / np.abs(peaks).max()).max() < 1e-3
    preview, _ = soundfile.read(io.BytesIO(clips.excerpt_as_wav(clip)))
    assert flaws.clipped_runs(preview[None]) == 0
    assert np.abs(preview).max() == pytest.approx(1, abs=1e-4)


def test_float_audio_that_was_clipped_before_it_was_raised_is_clipped():
    tone = np.clip(2 * np.sin(np.arange(RATE) * 0.01), -1, 1)[None]
    assert flaws.clipped_runs(3.6 * tone) > 100
    assert flaws.clipped_runs(tone) == flaws.clipped_runs(3.6 * tone)


def test_a_file_that_was_cut_off_is_taken_with_a_warning_that_stays(draft):
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(4), RATE, format="WAV")
    clip = clips.add_clip(draft, SimpleUploadedFile("cut.wav", buffer.getvalue()[: 2 * 3 * RATE + 44]))
    says = ["Shorter than its header claims: 3.00 s of 4.00 s are there. Is it cut off?"]
    assert (clip.original_seconds, clip.warnings) == (3.0, says)
    clips.set_excerpt(clip, start=0.5, length=2, name="cut", category="")
    assert clip.warnings == says


@pytest.mark.parametrize(
    ("format", "subtype", "lossy"),
    [("WAV", "ULAW", True), ("WAV", "PCM_16", False), ("CAF", "ALAC_16", False), ("AU", "ALAW", True)],
)
def test_a_lossy_source_is_known_by_its_coding(draft, format, subtype, lossy):
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(3), RATE, format=format, subtype=subtype)
    clip = clips.add_clip(draft, SimpleUploadedFile("a", buffer.getvalue()))
    assert clip.lossy_source is lossy
    assert any("lossy source" in text for text in clip.warnings) == lossy


def test_the_guitar_is_known_to_have_nothing_for_the_mid_anchor(draft):
    file = SimpleUploadedFile("guitar.flac", (CLIPS / "music_guitar.flac").read_bytes())
    assert any("7 kHz" in text for text in clips.add_clip(draft, file).warnings)


@pytest.mark.parametrize(
    ("name", "shown"), [("../../x.wav", "x"), ("ä&+%.wav", "ä&+%"), (".wav", "wav"), ("<script>.wav", "<script>")]
)
def test_hostile_names_stay_names(draft, media, name, shown):
    clip = clips.add_clip(draft, upload(noise(2), name=name))
    assert clip.name == shown
    assert (media / clip.original.name).resolve().is_relative_to(media)
    assert clip.original_sha256 in clip.original.name


def test_the_same_file_is_refused_a_second_time(draft, tmp_path):
    with pytest.raises(clips.ClipError, match="already in the study, as “speech_ga_words”"):
        clips.add_clip(draft, wav_upload("speech_ga_words", tmp_path, 1.0, name="other.wav"))


def test_two_files_of_one_name_get_two_names(draft):
    first = clips.add_clip(draft, upload(noise(2), name="a.wav"))
    second = clips.add_clip(draft, upload(noise(3), name="a.wav"))
    assert (first.name, second.name) == ("a", "a (2)")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_other_formats_are_read(draft, name):
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(2), RATE, format=name[2:].upper())
    clip = clips.add_clip(draft, SimpleUploadedFile(name, buffer.getvalue()))
    assert abs(clip.original_seconds - 2) < 0.1
    assert any("lossy" in text for text in clip.warnings) == (name != "a.flac")


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 13), (0.5, 1.0), (0, 0.1), (0, float("nan"))])
def test_an_excerpt_outside_the_file_or_the_limits_is_refused(draft, start, length):
    clip = draft.clips.first()
    with pytest.raises(clips.ClipError):
        clips.set_excerpt(clip, start=start, length=length, name="a", category="")
    clip.refresh_from_db()
    assert (clip.start, clip.name) == (0, "speech_en_prompts")


def test_a_silent_excerpt_is_said_and_stops_the_rendering(draft):
    from listening import studies

    clip = clips.add_clip(draft, upload(np.concatenate([np.zeros((RATE, 1)), noise(1)])))
    clips.set_excerpt(clip, start=0, length=0.9, name="quiet", category="")
    assert clip.silent
    with pytest.raises(studies.StudyError, match="“quiet” is silent"):
        studies.start_rendering(draft)


def test_clips_of_an_open_study_are_fixed(opened):
    clip = opened.clips.first()
    for deed in (
        lambda: clips.delete(clip, confirmed=True),
        lambda: clips.add_clip(opened, upload(noise())),
        lambda: clips.set_excerpt(clip, start=0, length=0.6, name="x", category=""),
    ):
        with pytest.raises(clips.ClipError, match="open"):
            deed()
    assert Clip.objects.filter(study=opened).count() == 2
