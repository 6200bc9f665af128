import io
import re

import pytest
import soundfile
from django.urls import reverse

from listening import rendering, studies
from listening.models import Rendering, Study


def text_of(page, study):
    return page.get(reverse("rendering", args=[study.slug])).content.decode()


@pytest.fixture
def one_failed(draft):
    """Rendered but for one stimulus, with a text that tries to be markup."""
    studies.start_rendering(draft)
    rows = studies.progress(draft).rows
    for row in rows[1:]:
        rendering.render(row.pk)
    Rendering.objects.filter(pk=rows[0].pk).update(
        state="failed", attempts=4, error="The <b>encoder</b> crashed. Run `make models`."
    )
    studies.settle(draft)
    return draft


def test_rendering_is_started_from_the_page(page, draft):
    assert "Render the stimuli" in text_of(page, draft)
    response = page.post(reverse("render_study", args=[draft.slug]))
    assert response.url == reverse("rendering", args=[draft.slug])
    assert Study.objects.get().state == Study.State.RENDERING
    assert Rendering.objects.filter(state=Rendering.State.QUEUED).count() == 8


def test_what_stands_in_the_way_is_said_instead_of_a_button(page, researcher):
    study = studies.create_study(researcher, "Empty")
    text = text_of(page, study)
    assert "There are no clips." in text
    assert "Render the stimuli" not in text
    response = page.post(reverse("render_study", args=[study.slug]), follow=True)
    assert "There are no clips." in response.content.decode()
    assert Study.objects.get().state == Study.State.DRAFT


def test_progress_counts_and_names_each_rendering(page, draft):
    page.post(reverse("render_study", args=[draft.slug]))
    first = studies.progress(draft).rows[0]
    rendering.render(first.pk)
    found = page.get(reverse("progress", args=[draft.slug]), headers={"Accept": "application/json"}).json()
    assert (found["study_state"], found["total"], found["done"], found["queued"]) == ("rendering", 8, 1, 7)
    assert {"id": first.pk, "state": "done", "attempts": 1} in found["renderings"]


def test_the_map_has_a_cell_for_each_clip_and_condition(page, ready):
    text = text_of(page, ready)
    cells = re.findall(r'data-rendering="(\d+)"\s+data-state="(\w+)"', text)
    assert len(cells) == 8
    assert {state for _, state in cells} == {"done"}


def test_a_failure_is_shown_in_words_with_a_button_to_retry(page, one_failed):
    failed = Rendering.objects.get(state="failed")
    text = text_of(page, one_failed)
    assert "The &lt;b&gt;encoder&lt;/b&gt; crashed. Run <code>make models</code>." in text
    assert "after 4 attempts" in text
    assert reverse("retry", args=[one_failed.slug, failed.pk]) in text


def test_a_retry_queues_the_failed_one_alone(page, one_failed):
    failed = Rendering.objects.get(state="failed")
    page.post(reverse("retry", args=[one_failed.slug, failed.pk]))
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.error) == (Rendering.State.QUEUED, 0, "")
    assert Rendering.objects.filter(state=Rendering.State.DONE).count() == 7


def test_a_rendering_is_retried_through_its_own_study_only(page, one_failed, researcher):
    failed = Rendering.objects.get(state="failed")
    other = studies.create_study(researcher, "Other")
    assert page.post(reverse("retry", args=[other.slug, failed.pk])).status_code == 404
    assert Rendering.objects.get(pk=failed.pk).state == Rendering.State.FAILED


def test_what_was_measured_is_in_the_table(page, ready):
    row = Rendering.objects.filter(condition__spec="opus@12").first()
    text = text_of(page, ready)
    line = text[text.index(reverse("stimulus", args=[ready.slug, row.pk])) - 2500 :][:2500]
    words = " ".join(re.sub(r"<[^>]+>", " ", line).split())
    assert f"{row.kbps:.2f} of 12" in words
    assert f"{row.peak:.1f} dBFS" in words
    assert row.codec_version in words
    assert f"{row.encode_seconds:.2f} s" in words


def test_weights_are_named_beside_each_neural_stimulus(page, draft):
    studies.set_conditions(draft, ["reference", "lyra@6"])
    page.post(reverse("render_study", args=[draft.slug]))
    for row in studies.progress(draft).rows:
        rendering.render(row.pk)
    weights = draft.conditions.get(spec__startswith="lyra").weights
    assert text_of(page, draft).count(f"weights: {weights}") == 2  # one for each clip


def test_any_stimulus_and_its_reference_can_be_listened_to(page, ready):
    text = text_of(page, ready)
    sounds = re.findall(r'<audio controls\s+preload="none"\s+src="([^"]+)"', text)
    assert len(sounds) == 2 + 8
    lengths = {}
    for address in sounds:
        response = page.get(address)
        assert response["Content-Type"] == "audio/wav"
        samples, rate = soundfile.read(io.BytesIO(b"".join(response.streaming_content)))
        lengths.setdefault(len(samples), []).append(rate)
    assert sorted(map(len, lengths.values())) == [5, 5]  # each clip: reference and four stimuli of one length


def test_what_is_not_rendered_cannot_be_listened_to(page, draft):
    studies.start_rendering(draft)
    row = studies.progress(draft).rows[0]
    assert page.get(reverse("stimulus", args=[draft.slug, row.pk])).status_code == 404
    assert page.get(reverse("reference", args=[draft.slug, row.clip_id])).status_code == 404


def test_a_file_gone_from_the_storage_is_no_server_error(page, ready):
    row = Rendering.objects.first()
    row.stimulus.storage.delete(row.stimulus.name)
    assert page.get(reverse("stimulus", args=[ready.slug, row.pk])).status_code == 404
