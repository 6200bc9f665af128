"""Objective metrics of stimuli: in the worker, after all rendering, and on the page."""

import os
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from listening import clips, measuring, rendering, studies, tasks
from listening.models import Clip, Measurement, Rendering, Study
from tests.conftest import wav_upload


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.MEASURE_STIMULI = True


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """What was queued for measuring: the broker is not here."""
    found = []
    monkeypatch.setattr(tasks.measure, "apply_async", lambda args, countdown, **_: found.append((args[0], countdown)))
    return found


def one(study: Study, spec: str) -> Rendering:
    return Rendering.objects.select_related("clip__study", "condition").filter(clip__study=study, condition__spec=spec)[
        0
    ]


def test_speech_is_measured_by_speech_metrics_and_the_reference_by_none(ready):
    assert measuring.wanted(one(ready, "opus@12").clip, one(ready, "opus@12").condition) == [
        "visqol_speech",
        "pesq",
        "stoi",
        "si_sdr",
    ]
    assert measuring.wanted(one(ready, "reference").clip, one(ready, "reference").condition) == []
    Clip.objects.update(category="Rock")
    assert measuring.wanted(one(ready, "opus@12").clip, one(ready, "opus@12").condition) == ["visqol", "si_sdr"]


@pytest.mark.slow
def test_a_measured_stimulus_has_a_figure_of_each_metric_and_is_not_measured_again(ready):
    row = one(ready, "opus@12")
    tasks.measure(row.pk)
    found = {each.metric: each.value for each in Measurement.objects.all()}
    assert 1 < found["visqol_speech"] < 5
    assert 1 < found["pesq"] < 4.65
    assert 0.7 < found["stoi"] < 1
    assert 0 < found["si_sdr"] < 25
    before = list(Measurement.objects.values_list("pk", flat=True))
    tasks.measure(row.pk)
    assert list(Measurement.objects.values_list("pk", flat=True)) == before


@pytest.mark.slow
def test_the_same_stimulus_in_another_study_has_its_figures_at_once(ready, researcher, tmp_path):
    tasks.measure(one(ready, "opus@12").pk)
    second = studies.create_study(researcher, "Again", slug="again", loudness=-26)
    clips.add_clip(second, wav_upload("speech_en_prompts", tmp_path, 1.2), "speech")
    studies.set_conditions(second, ["reference", "opus@12"])
    studies.start_rendering(second)
    for row in studies.progress(second).rows:
        rendering.render(row.pk)
    studies.settle(second)
    assert measuring.left_of(second) == []
    assert len(measuring.figures([one(second, "opus@12")])[one(second, "opus@12").pk]) == 4


def test_what_a_metric_cannot_measure_is_kept_with_the_reason(ready):
    row = one(ready, "lowpass@3500")
    Clip.objects.filter(pk=row.clip_id).update(category="speech")
    with row.stimulus.open("rb") as file:
        silent = file.read()
    path = row.stimulus.path
    os.unlink(path)  # other tests have a link to the same file
    with open(path, "wb") as file:
        file.write(silent[:44] + bytes(len(silent) - 44))
    tasks.measure(row.pk)
    found = Measurement.objects.get(metric="pesq")
    assert found.value is None
    assert len(found.reason) > 20
    assert row.pk not in measuring.left_of(ready)


def test_measuring_is_queued_when_the_last_stimulus_is_done_and_not_before(
    draft, sent, django_capture_on_commit_callbacks
):
    studies.start_rendering(draft)
    rows = studies.progress(draft).rows
    with django_capture_on_commit_callbacks(execute=True):
        for row in rows[:-1]:
            tasks.render(row.pk)
    assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        tasks.render(rows[-1].pk)
    expected = {row.pk for row in rows if row.condition.spec != "reference"}
    assert {pk for pk, _ in sent} == expected


def test_a_rendering_that_waits_goes_first(ready, sent, django_capture_on_commit_callbacks):
    row = one(ready, "opus@12")
    Rendering.objects.filter(pk=one(ready, "lowpass@3500").pk).update(state=Rendering.State.QUEUED)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.measure(row.pk)
    assert sent == [(row.pk, tasks.MEASURING_WAITS)]
    assert not Measurement.objects.exists()


def test_the_sweep_finds_what_was_forgotten_once_nothing_moves(ready, sent, django_capture_on_commit_callbacks):
    rendered = Rendering.objects.latest("finished_at").finished_at
    assert measuring.forgotten(rendered + timedelta(seconds=1)) == []  # messages are on their way
    later = rendered + timedelta(hours=1)
    assert len(measuring.forgotten(later)) == 6
    Rendering.objects.filter(pk=one(ready, "reference").pk).update(state=Rendering.State.QUEUED)
    assert measuring.forgotten(later) == []


def test_where_the_operator_switched_it_off_nothing_is_measured(ready, settings):
    settings.MEASURE_STIMULI = False
    assert measuring.left_of(ready) == []
    assert measuring.forgotten(timezone.now() + timedelta(hours=1)) == []


def test_a_clip_that_was_deleted_meanwhile_disturbs_nobody(ready):
    row = one(ready, "opus@12")
    row.clip.delete()
    tasks.measure(row.pk)
    assert not Measurement.objects.exists()


@pytest.mark.slow
def test_the_page_shows_figures_by_condition_and_by_stimulus_and_how_many_are_to_come(client, researcher, ready):
    client.force_login(researcher)
    address = reverse("rendering", args=[ready.slug])
    text = client.get(address).content.decode()
    assert "6 stimuli still to be measured." in text
    assert 'data-unmeasured="6"' in text
    for row in Rendering.objects.filter(condition__spec="opus@12"):
        tasks.measure(row.pk)
    text = client.get(address).content.decode()
    assert "4 stimuli still to be measured." in text
    assert client.get(reverse("progress", args=[ready.slug])).json()["unmeasured"] == 4
    overview = text[text.index("By condition") : text.index('id="stimuli-heading"')]
    opus = overview[overview.index("Opus 12 kbps") :]
    shown = float(re.search(r"PESQ (\d\.\d\d)", opus)[1])
    values = Measurement.objects.filter(metric="pesq").values_list("value", flat=True)
    assert shown == pytest.approx(sum(values) / len(values), abs=0.006)
    assert "× <span" in opus


def test_the_codec_s_processor_time_is_recorded(ready):
    row = one(ready, "opus@12")
    assert row.cpu_seconds > 0
