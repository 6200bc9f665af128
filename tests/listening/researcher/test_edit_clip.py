import pytest
from django.urls import reverse

from listening import studies
from listening.clips import preparation_key
from listening.models import Clip, Study


@pytest.fixture
def clip(draft):
    return draft.clips.first()


def edit(page, clip, **changes):
    form = {"name": clip.name, "category": clip.category, "start": clip.start, "length": clip.length} | changes
    return page.post(reverse("edit_clip", args=[clip.study.slug, clip.pk]), form)


def test_excerpt_name_and_category_can_be_set(page, clip):
    response = edit(page, clip, name="prompts", category="read speech", start="0.2", length="0.8")
    assert response.url == reverse("upload_clip", args=["speech"])
    clip.refresh_from_db()
    assert (clip.name, clip.category, clip.start, clip.length) == ("prompts", "read speech", 0.2, 0.8)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "speech_ga_words"}, "name", "Another clip is called “speech_ga_words”."),
        ({"start": "-1"}, "start", "greater than or equal to 0"),
        ({"start": "5"}, "start", "The recording ends at 1.20 s."),
        ({"length": "0.1"}, "length", "greater than or equal to 0.5"),
        ({"length": "13"}, "length", "less than or equal to 12"),
        ({"length": "2"}, "length", "The recording ends at 1.20 s."),
        ({"length": "inf"}, "length", "Enter a number"),
        ({"category": "x" * 41}, "category", "at most 40 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_of_that_clip(page, clip, changes, field, said):
    response = edit(page, clip, **changes)
    assert response.status_code == 422
    text = response.content.decode()
    at = text.index(f'id="id_clip{clip.pk}_{field}_error"')
    assert said in text[at : at + 300]
    assert text.count("errorlist") == 1
    before = clip.name, clip.start, clip.length
    clip.refresh_from_db()
    assert (clip.name, clip.start, clip.length) == before


def test_a_form_saved_as_it_was_shown_leaves_the_stimuli_alone(page, ready):
    Clip.objects.update(length=1.0 - 1e-5)  # as floats come from files
    for clip in ready.clips.all():
        clip.prepared_for = preparation_key(clip)
        clip.save()
    clip = ready.clips.first()
    shown = page.get(reverse("upload_clip", args=[ready.slug])).context["entries"][0]["form"]
    edit(page, clip, start=shown["start"].value(), length=shown["length"].value(), category="other")
    clip.refresh_from_db()
    assert (clip.category, clip.length) == ("other", 1.0 - 1e-5)
    assert Study.objects.get().state == Study.State.READY


def test_a_new_excerpt_of_a_rendered_study_must_be_rendered(page, ready):
    edit(page, ready.clips.first(), length="0.7")
    assert Study.objects.get().state == Study.State.DRAFT


def test_a_clip_is_deleted(page, clip, draft):
    response = page.post(reverse("delete_clip", args=[draft.slug, clip.pk]), {"confirm": "1"}, follow=True)
    assert f"“{clip.name}” is deleted." in response.content.decode()
    assert not Clip.objects.filter(pk=clip.pk).exists()
    assert draft.clips.count() == 1


def test_the_clips_of_an_open_study_stay(page, opened):
    clip = opened.clips.first()
    response = page.post(reverse("delete_clip", args=[opened.slug, clip.pk]), follow=True)
    assert "its clips are fixed" in response.content.decode()
    response = edit(page, clip, name="Other")
    assert response.status_code == 422
    assert "its clips are fixed" in response.content.decode()
    clip.refresh_from_db()
    assert clip.name != "Other"


def test_a_clip_is_reached_through_its_own_study_only(page, clip, researcher):
    other = studies.create_study(researcher, "Other")
    for name in ("edit_clip", "delete_clip"):
        assert page.post(reverse(name, args=[other.slug, clip.pk])).status_code == 404
    assert page.get(reverse("reference", args=[other.slug, clip.pk])).status_code == 404


def test_a_reference_that_no_longer_fits_is_not_offered_to_the_ear(page, ready):
    address = reverse("upload_clip", args=[ready.slug])
    assert page.get(address).content.decode().count("<audio") == 2
    edit(page, ready.clips.first(), length="0.7")
    assert page.get(address).content.decode().count("<audio") == 1


def test_a_script_gets_the_card_as_it_is_kept_with_what_is_wrong(page, clip):
    address = reverse("edit_clip", args=[clip.study.slug, clip.pk])
    form = {"name": "prompts", "category": "", "licence": "GPL-2", "start": 0.2, "length": 0.8}
    saved = page.post(address, form, headers={"Accept": "application/json"})
    assert (saved.status_code, saved.json()["said"]) == (200, "“prompts” is saved.")
    assert "GPL-2" in saved.json()["row"]
    refused = page.post(address, form | {"name": "other", "length": 5}, headers={"Accept": "application/json"})
    assert refused.status_code == 422
    assert "<h3>prompts</h3>" in refused.json()["row"]
    assert "The recording ends at 1.20 s." in refused.json()["row"]
