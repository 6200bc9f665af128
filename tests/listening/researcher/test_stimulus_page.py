"""A stimulus beside its reference, and how fast rendering goes."""

import io
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from django.urls import reverse
from django.utils import timezone

from listening import rendering, stimulus_pictures, studies, throughput
from listening.models import Rendering


def address(row, name, *more):
    return reverse(name, args=[row.clip.study.slug, row.pk, *more])


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_the_difference_is_stimulus_minus_reference_at_the_gain_that_is_said(page, ready):
    row = Rendering.objects.get(condition__spec="opus@12", clip=ready.clips.first())
    found = stimulus_pictures.difference_of(row)
    text = page.get(address(row, "compare")).content.decode()
    assert f"played at {found.gain_db:+.1f} dB" in text.replace("\u2212", "-")
    heard, rate = soundfile.read(io.BytesIO(body(page.get(address(row, "difference")))), always_2d=True)
    assert (rate, heard.shape[0]) == (48000, row.clip.frames)
    expected = (found.stimulus - found.reference).T * 10 ** (found.gain_db / 20)
    assert np.abs(heard - expected).max() < 1e-4
    assert 10 ** (-7.1 / 20) < np.abs(heard).max() < 1 or found.gain_db == stimulus_pictures.MOST_GAIN_DB


def test_equal_sounds_have_no_difference(page, ready):
    row = Rendering.objects.filter(condition__spec="reference").first()
    assert "equal to the sample" in page.get(address(row, "compare")).content.decode()


def test_pictures_are_drawn_once_and_of_the_reference_once_for_all_stimuli(page, ready, media):
    first, second = Rendering.objects.filter(clip=ready.clips.first())[:2]
    for row, kind in ((first, "reference"), (second, "reference"), (second, "stimulus"), (second, "difference")):
        assert page.get(address(row, "spectrogram", kind)).content.startswith(b"\x89PNG")
    assert len(list((media / "spectrograms").rglob("*.png"))) == 3
    assert page.get(address(first, "spectrogram", "other")).status_code == 404


def test_a_sine_at_full_scale_is_drawn_at_its_frequency_with_0_db():
    rate = 16000
    sine = np.sin(2 * np.pi * 3000 * np.arange(rate) / rate, dtype=np.float32)[None]
    found, step = stimulus_pictures.levels(sine, rate)
    column = found[:, round(0.5 / step)]
    assert column.max() == pytest.approx(0, abs=0.1)
    assert column.argmax() / (len(column) - 1) * rate / 2 == pytest.approx(3000, abs=20)


def test_throughput_and_time_left_come_from_what_was_rendered_of_late(page, draft):
    studies.start_rendering(draft)
    rows = studies.progress(draft).rows
    assert throughput.measured(rows, timezone.now()) is None
    for row in rows[:4]:
        rendering.render(row.pk)
    now = timezone.now()
    took = {"finished_at": now - timedelta(seconds=30), "encode_seconds": 14.6, "decode_seconds": 15, "cpu_seconds": 6}
    Rendering.objects.filter(state="done").update(**took)
    found = throughput.measured(studies.progress(draft).rows, now)
    # Four in the minute since the first of them began; each took 30 s with what is around it, as the other four will
    assert found.per_minute == pytest.approx(4, abs=0.1)
    assert found.cores_busy == pytest.approx(24 / 60, abs=0.01)
    assert found.seconds_left == pytest.approx(60, abs=1)
    answer = page.get(reverse("progress", args=[draft.slug])).json()
    assert "stimuli a minute" in answer["throughput"]
    assert set(answer["conditions"].values()) == {1}
