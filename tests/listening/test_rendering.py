"""One clip through one condition, as the worker does it."""

import errno
import io
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from audiocodecs import audio
from audiocodecs.packet_loss import for_clip, packet_loss
from audiocodecs.registry import get_codec, parse_spec
from listening import aligning, clips, rendering, studies, tasks
from listening.models import Rendering, Study
from listening.models.rendering import MAX_ATTEMPTS

State = Rendering.State


@pytest.fixture
def queued(draft) -> Study:
    """The draft study with its renderings queued."""
    studies.start_rendering(draft)
    return draft


def one(study: Study, spec: str) -> Rendering:
    """The first clip's rendering of a condition."""
    return Rendering.objects.filter(clip__study=study, condition__spec=spec).first()


def test_neighbours_in_the_queue_are_of_different_clips(draft, monkeypatch):
    """Two workers that begin together would otherwise both prepare the same clip."""
    published = []
    monkeypatch.setattr(tasks, "publish", published.extend)
    studies.start_rendering(draft)
    clip_of = dict(Rendering.objects.values_list("pk", "clip_id"))
    assert sorted(published) == sorted(clip_of)
    order = [clip_of[pk] for pk in published]
    assert len(set(order)) > 1
    assert all(before != after for before, after in zip(order, order[1:], strict=False))


def test_every_stimulus_has_the_length_rate_and_channels_of_its_reference(ready):
    for row in studies.progress(ready).rows:
        with row.stimulus.open("rb") as file:
            found = audio.read(file)
        assert (found.samples.shape, found.rate, found.subtype) == ((1, row.clip.frames), 48000, "PCM_16")
        assert row.stimulus_sha256 in row.stimulus.name


def test_the_hidden_reference_is_the_reference_bit_for_bit(ready):
    row = one(ready, "reference")
    assert row.stimulus_sha256 == row.clip.reference_sha256
    assert row.kbps is None


def test_what_was_measured_is_recorded(ready):
    row = one(ready, "opus@12")
    assert 9 < row.kbps < 16
    assert row.container_kbps > row.kbps
    assert row.encode_seconds > 0
    assert row.decode_seconds > 0
    assert abs(row.loudness_difference) < 2
    assert -30 < row.peak < 0
    assert "libavcodec" in row.codec_version
    assert (row.attempts, row.delay_samples, row.error) == (1, 0, "")


def test_a_study_is_ready_when_its_last_stimulus_is_done(queued):
    rows = studies.progress(queued).rows
    for row in rows[:-1]:
        tasks.render(row.pk)
    queued.refresh_from_db()
    assert queued.state == Study.State.RENDERING
    tasks.render(rows[-1].pk)
    queued.refresh_from_db()
    assert queued.state == Study.State.READY


def test_rendering_twice_changes_nothing(queued):
    row = one(queued, "opus@12")
    first = rendering.render(row.pk)
    assert rendering.render(row.pk) is None
    row.refresh_from_db()
    assert (row.attempts, row.finished_at) == (1, first.finished_at)


def test_two_workers_cannot_take_the_same_rendering(queued):
    row = one(queued, "opus@12")
    assert rendering.claim(row.pk) is not None
    assert rendering.claim(row.pk) is None


def test_a_rendering_whose_worker_died_is_taken_by_the_next(queued):
    row = one(queued, "opus@12")
    rendering.claim(row.pk)
    Rendering.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert row.pk in rendering.lost(timezone.now())
    assert rendering.render(row.pk).state == State.DONE
    row.refresh_from_db()
    assert row.attempts == 2


def test_a_worker_that_lost_its_lease_cannot_overwrite_the_result(queued):
    row = one(queued, "opus@12")
    slow = rendering.claim(row.pk)
    Rendering.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    rendering.render(row.pk)
    rendering._finish(slow, state=State.FAILED, error="too late")
    row.refresh_from_db()
    assert (row.state, row.error) == (State.DONE, "")


def test_a_rendering_that_kills_every_worker_fails_with_the_reason(queued):
    row = one(queued, "opus@12")
    for _ in range(MAX_ATTEMPTS):
        rendering.claim(row.pk)
        Rendering.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert rendering.render(row.pk).state == State.FAILED
    row.refresh_from_db()
    assert "died or ran out of time" in row.error


def test_a_lost_message_is_found_when_the_workers_are_quiet(queued):
    now = timezone.now()
    assert rendering.lost(now) == [] or queued  # what is published counts as under way
    Rendering.objects.update(published_at=now - timedelta(minutes=5))
    assert len(rendering.lost(now)) == 8
    busy = Rendering.objects.first()
    rendering.claim(busy.pk)
    assert rendering.lost(now) == []


def test_a_key_that_was_rendered_before_is_not_rendered_again(ready, researcher, tmp_path):
    from tests.conftest import wav_upload

    other = studies.create_study(researcher, "Other", loudness=-26)
    clips.add_clip(other, wav_upload("speech_en_prompts", tmp_path, 1.2), "speech")
    studies.set_conditions(other, ["reference", "opus@12"])
    studies.start_rendering(other)
    first = one(ready, "opus@12")
    second = rendering.render(one(other, "opus@12").pk)
    second.refresh_from_db()
    assert (second.key, second.stimulus.name) == (first.key, first.stimulus.name)
    assert second.encode_seconds == first.encode_seconds


def test_starting_a_finished_study_again_renders_nothing(ready):
    studies.start_rendering(ready)
    assert ready.state == Study.State.READY
    assert all(row.attempts == 1 for row in studies.progress(ready).rows)


def test_a_changed_excerpt_renders_that_clip_again_and_no_other(ready):
    clip = ready.clips.first()
    clips.set_excerpt(clip, start=0.1, length=1.0, name=clip.name, category="")
    ready.refresh_from_db()
    assert ready.state == Study.State.DRAFT
    studies.start_rendering(ready)
    queued = {row.clip_id for row in studies.progress(ready).rows if row.state == State.QUEUED}
    assert queued == {clip.pk}


def test_a_condition_taken_away_takes_its_renderings_along(ready):
    studies.set_conditions(ready, ["reference", "lowpass@3500", "opus@12"])
    assert studies.progress(ready).total == 6
    studies.start_rendering(ready)
    assert ready.state == Study.State.READY


def test_a_folder_that_cannot_be_written_is_tried_again_later_and_said(queued, media):
    row = one(queued, "opus@12")
    rendering.render(one(queued, "reference").pk)
    (media / "stimuli").rename(media / "away")
    (media / "stimuli").write_text("a file where the folder should be")
    after = rendering.render(row.pk)
    assert (after.state, after.attempts) == (State.QUEUED, 1)
    assert after.not_before > timezone.now()
    assert "tried again by itself" in after.error
    (media / "stimuli").unlink()
    (media / "away").rename(media / "stimuli")
    Rendering.objects.filter(pk=row.pk).update(not_before=None)
    assert rendering.render(row.pk).state == State.DONE


def test_a_full_disk_fails_no_rendering_however_long_it_lasts(queued, monkeypatch):
    row = one(queued, "opus@12")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "_work", full)
        for _ in range(2 * MAX_ATTEMPTS):
            after = rendering.render(row.pk)
            assert (after.state, after.attempts) == (State.QUEUED, 0)
            assert after.not_before > timezone.now()
            assert "disk is full" in after.error
            Rendering.objects.filter(pk=row.pk).update(not_before=None)
    assert rendering.render(row.pk).state == State.DONE


def test_work_that_the_broker_refuses_is_left_to_the_sweep(draft, monkeypatch, django_capture_on_commit_callbacks):
    def refuses(*_, **__):
        raise OperationalError("connection refused")

    sent = []
    with monkeypatch.context() as patch:
        patch.setattr(tasks.render, "apply_async", refuses)
        with django_capture_on_commit_callbacks(execute=True):
            studies.start_rendering(draft)
    monkeypatch.setattr(tasks.render, "apply_async", lambda arguments, **_: sent.extend(arguments))
    Rendering.objects.update(published_at=timezone.now() - timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()
    assert sorted(sent) == sorted(Rendering.objects.values_list("pk", flat=True))


def test_a_vanished_upload_fails_with_what_to_do(queued, media):
    clip = queued.clips.first()
    (media / clip.original.name).unlink()
    after = rendering.render(one(queued, "opus@12").pk)
    assert after.state == State.FAILED
    assert "Upload it again" in after.error


def test_a_delay_left_by_a_codec_is_removed_and_a_phase_shift_is_not():
    reference = aligning.Reference(audio.read(io.BytesIO(_speech())).samples, 48000)
    for shift, removed in ((480, 480), (20, 0), (-300, -300)):
        late = np.roll(reference.samples, shift, axis=1)
        assert reference.delay_of(late) == removed
        moved = aligning.moved(late, removed, late.shape[1])
        assert np.array_equal(moved[:, 500:-500], np.roll(late, -removed, axis=1)[:, 500:-500])


def _speech() -> bytes:
    from tests.conftest import CLIPS

    return (CLIPS / "speech_en_prompts.flac").read_bytes()


def test_each_clip_loses_packets_at_its_own_places_and_always_the_same_ones(draft):
    spec = "opus@24:burst=2:loss=10"
    studies.set_conditions(draft, ["reference", "opus@24", spec])
    studies.start_rendering(draft)
    rows = list(Rendering.objects.filter(clip__study=draft, condition__spec=spec))
    made = [rendering.render(row.pk) for row in rows]
    assert {row.state for row in made} == {State.DONE}
    for row in made:
        reference = clips.reference_of(row.clip)
        lossy = get_codec(str(for_clip(parse_spec(spec), row.clip.reference_sha256)))
        decoded, _ = lossy.decode(lossy.encode(reference.samples, 48000))
        with row.stimulus.open("rb") as file:
            stored = audio.read(file).samples
        assert np.abs(aligning.moved(decoded, row.delay_samples, stored.shape[1]) - stored).max() < 1e-4
    assert len({for_clip(parse_spec(spec), row.clip.reference_sha256) for row in made}) == len(made) > 1


def test_a_clip_that_lost_every_packet_says_so_and_what_to_change(draft):
    clip = draft.clips.first()
    studies.set_conditions(draft, ["reference", "opus@24"])
    clips.prepare(clip)
    specs = (f"opus@24:burst=50:loss=50:seed={seed}" for seed in range(2, 1000))
    spec = next(one for one in specs if _all_lost(one, clip.reference_sha256, round(clip.frames / 960) + 2))
    studies.set_conditions(draft, ["reference", spec])
    studies.start_rendering(draft)
    row = rendering.render(Rendering.objects.get(clip=clip, condition__spec=spec).pk)
    assert row.state == State.FAILED
    assert row.error == "Opus lost every packet of this clip. Use another seed, or a shorter burst."


def _all_lost(spec, sha256, packets):
    return packet_loss(for_clip(parse_spec(spec), sha256)).lost(packets).all()
