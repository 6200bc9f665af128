"""Every way in refuses the same files by their headers, before they are decoded."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from audiocodecs import audio
from listening import clips, sound_limits, study_form, supplied, uploads, webmushra
from listening.archive import reading
from listening.archive.tables import Fault
from listening.models import Upload

SECONDS = 30


def silence(channels: int, rate: int, seconds: float = SECONDS) -> bytes:
    """A FLAC of some kilobytes that has many samples."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="FLAC") as sound:
        block = np.zeros((rate, channels), np.int16)
        for _ in range(round(seconds)):
            sound.write(block)
    return file.getvalue()


@pytest.fixture(scope="session")
def eight_channels() -> bytes:
    return silence(8, 96_000)


def plain(study, content, folder):
    clips.add_clip(study, SimpleUploadedFile("a.flac", content))


def in_parts(study, content, folder):
    upload = uploads.begin(study, study.owner, Upload(name="a.flac", size=len(content), modified=0, start_sha256=""))
    for start in range(0, len(content), uploads.PART_BYTES):
        uploads.add_part(upload, start, content[start : start + uploads.PART_BYTES])
    uploads.finish(upload)


def supplied_file(study, content, folder):
    condition = supplied.add_condition(study, "Ours")
    supplied.add_file(condition, study.clips.first(), SimpleUploadedFile("a.flac", content))


def form(study, content, folder):
    (folder / "a.flac").write_bytes(content)
    text = "title: T\nconditions: [reference, lowpass@3500]\nclips: [a.flac]"
    study_form.create(study_form.read(text), folder, study.owner)


def from_webmushra(study, content, folder):
    (folder / "a.flac").write_bytes(content)
    (folder / "c.yaml").write_text("pages:\n- {type: mushra, name: P, reference: a.flac, stimuli: {C1: a.flac}}\n")
    webmushra.import_config(folder / "c.yaml", study.owner)


def study_file(study, content, folder):
    reading._check_sound("clips/a.flac", default_storage.save("clips/a.flac", ContentFile(content)))


REFUSALS = (clips.ClipError, study_form.FormError, Fault)


@pytest.mark.parametrize("way", [plain, in_parts, supplied_file, form, from_webmushra, study_file])
def test_a_small_file_of_many_channels_is_refused_from_its_header_in_little_memory(
    draft, eight_channels, way, tmp_path
):
    tracemalloc.start()
    try:
        with pytest.raises(REFUSALS, match="8 channels"):
            way(draft, eight_channels, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # its samples have 92 MB, and twice that while they are put together


@pytest.mark.parametrize(
    ("channels", "rate", "words"),
    [(1, 8000, "upload an original of at least 16 kHz"), (1, 384_000, "Export it at 192 kHz or less")],
)
def test_a_rate_outside_the_limits_is_refused(channels, rate, words):
    with pytest.raises(audio.AudioError, match=words):
        sound_limits.read(io.BytesIO(silence(channels, rate, 1)))


def test_above_48_khz_a_stereo_file_has_to_be_shorter(monkeypatch):
    monkeypatch.setattr(sound_limits, "MOST_SAMPLES", 10 * 2 * 48_000)
    assert sound_limits.read(io.BytesIO(silence(2, 48_000, 10))).seconds == 10
    for look in (sound_limits.read, sound_limits.probe):
        with pytest.raises(audio.AudioError, match="8.0 s long, more than the 5 s allowed"):
            look(io.BytesIO(silence(2, 96_000, 8)))


def test_a_file_whose_header_lies_is_decoded_up_to_the_limit_only(monkeypatch):
    monkeypatch.setattr(sound_limits, "MOST_SAMPLES", 48_000)
    content = bytearray(silence(1, 48_000, 60))
    decoded = []
    blocks = audio._Decoding.blocks

    def counted(decoding):
        for block in blocks(decoding):
            decoded.append(block.shape[1])
            yield block

    monkeypatch.setattr(audio._Decoding, "blocks", counted)
    monkeypatch.setattr(audio, "check_length", lambda *args: 1.0)  # as for a header that says less than there is
    with pytest.raises(audio.AudioError, match="longer than the 1 s allowed"):
        sound_limits.read(io.BytesIO(bytes(content)))
    assert sum(decoded) <= 48_000 + audio._BLOCK


def test_what_was_stored_is_decoded_within_the_same_limits(draft, monkeypatch):
    clip = draft.clips.first()
    monkeypatch.setattr(sound_limits, "MOST_SAMPLES", 1000)
    with pytest.raises(clips.ClipError, match="more than the .* s allowed"):
        clips.original(clip)
