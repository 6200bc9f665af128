import pytest
from django.urls import reverse

from listening import rendering, studies
from listening.estimates import USUAL_PACE, estimate, pace
from listening.models import Clip, Rendering


def test_an_estimate_counts_what_is_still_to_be_rendered(draft):
    found = estimate(draft)
    assert found.stimuli == 8
    seconds = [clip.length for clip in Clip.objects.all()]
    assert found.size == pytest.approx(4 * 2 * draft.rate * draft.channels * sum(seconds) * 1.65, rel=1e-3)
    studies.start_rendering(draft)
    rows = studies.progress(draft).rows
    Rendering.objects.filter(pk__in=[rows[0].pk, rows[1].pk]).update(state=Rendering.State.FAILED)
    assert estimate(draft).stimuli == 2


def test_the_size_is_near_what_the_files_take(ready):
    estimated = estimate_of_all(ready)
    wav = sum(row.stimulus.size for row in Rendering.objects.all())
    assert estimated.size == pytest.approx(1.65 * wav, rel=0.01)


def estimate_of_all(study):
    Rendering.objects.update(state=Rendering.State.FAILED)
    try:
        return estimate(study)
    finally:
        Rendering.objects.update(state=Rendering.State.DONE)


def test_the_pace_is_the_one_seen_here_where_there_is_one(draft):
    assert pace("opus@12") == USUAL_PACE["opus"]
    studies.start_rendering(draft)
    for row in studies.progress(draft).rows:
        rendering.render(row.pk)
    frames = Clip.objects.first().frames
    Rendering.objects.filter(condition__spec="opus@12").update(encode_seconds=2.0, decode_seconds=1.0)
    Clip.objects.update(frames=frames)
    assert pace("opus@12") == pytest.approx(3.0 * draft.rate / frames)
    assert pace("opus@24") == pace("opus@12")  # another rate of a codec that was seen
    assert pace("mp3@64") == USUAL_PACE["mp3"]


def test_the_page_says_time_and_room_before_the_start_and_not_after(page, draft):
    address = reverse("rendering", args=[draft.slug])
    text = page.get(address).content.decode()
    assert "<strong>8 stimuli</strong>: about 1 minute on this machine" in text
    assert "MB of disk" in text
    studies.start_rendering(draft)
    assert "of disk" not in page.get(address).content.decode()
