"""A file that comes in parts, over a line that breaks."""

import errno
import hashlib
import io
import os
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from django.utils import timezone

from listening import clips, studies, tasks, uploads
from listening.models import Clip, Upload
from listening.storage import AtomicFileSystemStorage


@pytest.fixture(scope="module")
def content():
    """A WAV file of one second of noise: 96,044 bytes."""
    buffer = io.BytesIO()
    samples = np.random.default_rng(7).normal(0, 0.1, 48000)
    soundfile.write(buffer, samples, 48000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


@pytest.fixture
def study(researcher, settings, monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", 40_000)
    return studies.create_study(researcher, "Empty")


def begun(study, content, **other):
    values = {"name": "noise.wav", "size": len(content), "modified": 5, "start_sha256": "ab", **other}
    return uploads.begin(study, study.owner, Upload(**values))


def parts(content):
    return [(at, content[at : at + 40_000]) for at in range(0, len(content), 40_000)]


def stored(media):
    return sum(len(files) for _, _, files in os.walk(media / "uploads"))


def test_a_file_in_parts_becomes_the_same_clip_as_the_whole(study, content, media):
    upload = begun(study, content, category="noise", licence="CC0")
    for at, part in parts(content):
        uploads.add_part(upload, at, part, hashlib.sha256(part).hexdigest())
    clip = uploads.finish(upload)
    assert clip.original_sha256 == hashlib.sha256(content).hexdigest()
    assert (clip.name, clip.category, clip.licence) == ("noise", "noise", "CC0")
    assert stored(media) == 0
    assert uploads.finish(Upload.objects.get()) == clip  # an answer that was lost is asked for again
    assert study.clips.count() == 1


def test_the_same_file_chosen_again_goes_on_where_it_stopped_and_another_does_not(study, content):
    upload = begun(study, content)
    uploads.add_part(upload, *parts(content)[0])
    assert begun(study, content).received == 40_000
    for other in ({"name": "b.wav"}, {"modified": 6}, {"start_sha256": "cd"}, {"size": len(content) + 1}):
        assert begun(study, content, **other).received == 0


def test_parts_that_come_twice_or_out_of_order_or_damaged_do_no_harm(study, content):
    upload, (first, second, third) = begun(study, content), parts(content)
    uploads.add_part(upload, *first)
    stale = Upload.objects.get(pk=upload.pk)  # another tab, which knows only the first part
    with pytest.raises(uploads.WrongPlace) as refused:
        uploads.add_part(upload, *third)
    assert refused.value.received == 40_000
    with pytest.raises(uploads.WrongPlace, match="damaged"):
        uploads.add_part(upload, *second, sha256="0" * 64)
    assert uploads.add_part(upload, *second) == 80_000
    assert uploads.add_part(stale, *second) == 80_000
    assert uploads.add_part(upload, *first) == 80_000
    uploads.add_part(stale, *third)
    upload.refresh_from_db()
    assert uploads.finish(upload).original_sha256 == hashlib.sha256(content).hexdigest()


def test_what_is_too_much_is_refused_before_and_while_it_comes(study, content, settings):
    settings.MAX_UPLOAD_MB = 0.05
    with pytest.raises(uploads.UploadError, match="more than the 0.05 MB allowed"):
        begun(study, content)
    settings.MAX_UPLOAD_MB = 1
    upload = begun(study, content)
    for at, part in ((0, b"x" * 40_001), (90_000, b"x" * 10_000), (0, b""), (-1, b"x")):
        with pytest.raises(uploads.UploadError, match="A part has"):
            uploads.add_part(upload, at, part)
    settings.MAX_UPLOAD_MB = 0.05
    with pytest.raises(uploads.UploadError, match="allowed"):
        uploads.add_part(upload, *parts(content)[0])


def test_a_full_disk_is_said_and_loses_nothing_that_arrived(study, content, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = begun(study, content)
    uploads.add_part(upload, *parts(content)[0])
    with monkeypatch.context() as patch:
        patch.setattr(AtomicFileSystemStorage, "_save", full)
        with pytest.raises(uploads.NoRoom, match="its disk is full. What has arrived is kept"):
            uploads.add_part(upload, *parts(content)[1])
    assert begun(study, content).received == 40_000
    for at, part in parts(content)[1:]:
        uploads.add_part(upload, at, part)
    with monkeypatch.context() as patch:
        patch.setattr(AtomicFileSystemStorage, "_save", full)
        with pytest.raises(uploads.NoRoom):
            uploads.finish(upload)
    assert uploads.finish(upload) == Clip.objects.get()


def test_a_part_that_was_lost_or_spoilt_on_the_disk_is_asked_for_again(study, content, media):
    upload = begun(study, content)
    for at, part in parts(content):
        uploads.add_part(upload, at, part)
    damaged = media / "uploads" / upload.token / upload.parts[1]
    damaged.write_bytes(b"x" * 40_000)
    with pytest.raises(uploads.WrongPlace) as refused:
        uploads.finish(upload)
    assert refused.value.received == 40_000
    upload.refresh_from_db()
    for at, part in parts(content)[1:]:
        uploads.add_part(upload, at, part)
    assert uploads.finish(upload).original_sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_no_sound_is_refused_and_forgotten(study, media):
    text = b"Dear sir, this is a letter." * 40
    upload = begun(study, text)
    uploads.add_part(upload, 0, text)
    with pytest.raises(clips.ClipError, match="not audio"):
        uploads.finish(upload)
    assert (Upload.objects.count(), stored(media)) == (0, 0)


def test_the_sweep_removes_what_nobody_went_on_with(study, content, media, settings):
    old, new = begun(study, content), begun(study, content, name="b.wav")
    for upload in (old, new):
        uploads.add_part(upload, *parts(content)[0])
    Upload.objects.filter(pk=old.pk).update(touched_at=timezone.now() - timedelta(hours=49))
    tasks.sweep()
    assert list(Upload.objects.all()) == [new]
    assert stored(media) == 1


def test_a_study_that_was_opened_meanwhile_takes_nothing_more(study, content):
    upload = begun(study, content)
    type(study).objects.filter(pk=study.pk).update(state="open")
    upload.study.refresh_from_db()
    with pytest.raises(uploads.UploadError, match="open: its clips are fixed"):
        uploads.add_part(upload, *parts(content)[0])
