"""A condition that comes twice in each trial."""

import pandas as pd
import pytest
from django.urls import reverse

from analysis import agreement
from analysis.frame import tidy
from listening import condition_changes, rendering, studies
from listening.archive.reading import import_study
from listening.archive.writing import write
from listening.export import RATINGS, rating_rows
from listening.models import Condition, Rendering, Study
from tests.listening.files.conftest import rate


@pytest.fixture
def twice(draft) -> Study:
    """The study of the drafts, Opus rated twice, all rendered."""
    condition_changes.rate_twice(draft.conditions.get(spec="opus@12"))
    studies.start_rendering(draft)
    for row in studies.progress(draft).rows:
        rendering.render(row.pk)
    studies.settle(draft)
    return draft


def test_it_is_asked_for_on_the_page_and_taken_back_there(client, researcher, draft):
    client.force_login(researcher)
    address = reverse("conditions", args=[draft.slug])
    opus = draft.conditions.get(spec="opus@12")
    text = client.post(address, {"twice": opus.pk}, follow=True).content.decode()
    assert "comes twice in each trial" in text
    assert client.post(address, {"twice": opus.pk}, follow=True).content.decode().count("rated twice already") == 1
    client.post(address, {"specs": ["reference", "lowpass@3500", "opus@12"]})
    assert list(draft.conditions.values_list("spec", "repeat")).count(("opus@12", 1)) == 1
    again = draft.conditions.get(repeat=1)
    client.post(reverse("delete_condition", args=[draft.slug, again.pk]))
    assert list(draft.conditions.filter(spec="opus@12").values_list("repeat", flat=True)) == [0]


def test_a_condition_that_goes_takes_its_repeat_along_and_anchors_have_none(draft):
    condition_changes.rate_twice(draft.conditions.get(spec="opus@12"))
    with pytest.raises(studies.StudyError, match="Only systems"):
        condition_changes.rate_twice(draft.conditions.get(spec="lowpass@3500"))
    studies.set_conditions(draft, ["reference", "opus@24"])
    assert not Condition.objects.filter(repeat=1).exists()


def test_raters_rate_the_same_sound_twice_and_exports_tell_the_two_apart(twice):
    one, other = Rendering.objects.filter(clip=twice.clips.first(), condition__spec="opus@12")
    assert one.stimulus_sha256 == other.stimulus_sha256
    studies.open_study(twice, twice.owner)
    session = rate(twice, 1)
    for trial in session.trials.all():
        assert trial.ratings.count() == 5
        assert len(set(trial.ratings.values_list("token", flat=True))) == 5
    frame = pd.DataFrame(rating_rows(twice), columns=list(RATINGS))
    opus = frame[frame["spec"] == "opus@12"]
    assert sorted(opus["repeat"]) == [0, 0, 2, 2]
    assert set(frame[frame["spec"] != "opus@12"]["repeat"]) == {0}
    assert set(opus["condition"]) == {"Opus 12 kbps"}


def test_the_reliability_of_raters_uses_it(twice):
    studies.open_study(twice, twice.owner)
    rate(twice, 1)
    frame = tidy(pd.DataFrame(rating_rows(twice), columns=list(RATINGS)))
    found = agreement.raters(frame)
    assert list(found["n_repeated"]) == [2]


def test_a_study_file_keeps_it(twice, tmp_path):
    path = tmp_path / "study.zip"
    write(twice, path)
    made = import_study(path, twice.owner, slug="other").study
    assert sorted(made.conditions.values_list("spec", "repeat")) == sorted(
        twice.conditions.values_list("spec", "repeat")
    )
    assert made.state == Study.State.READY
