import pytest
from django.urls import reverse

from analysis.screening import DEFAULT_RULES
from listening.models import Condition, Study
from listening.models.study import CONSENT, INSTRUCTIONS

NEW = {"title": "Speech at low rates"}


def test_a_title_is_enough(page, researcher):
    response = page.post(reverse("create_study"), NEW)
    study = Study.objects.get()
    assert response.url == reverse("upload_clip", args=[study.slug])
    assert (study.owner, study.slug, study.rate, study.channels) == (researcher, "speech-at-low-rates", 48000, 1)
    assert (study.loudness, study.heard_seconds, study.margin) == (-23.0, 1.0, None)
    assert (study.consent_text, study.instructions_text) == (CONSENT, INSTRUCTIONS)


def test_a_new_study_has_hidden_reference_and_both_anchors(page):
    page.post(reverse("create_study"), NEW)
    roles = set(Study.objects.get().conditions.values_list("role", flat=True))
    assert roles == {Condition.Role.HIDDEN_REFERENCE, Condition.Role.LOW_ANCHOR, Condition.Role.MID_ANCHOR}


def test_everything_can_be_set(page):
    page.post(
        reverse("create_study"),
        NEW
        | {
            "slug": "music",
            "rate": "44100",
            "channels": "2",
            "loudness": "-30",
            "screening": ["bs1534_mid_anchor", "mpeg"],
            "margin": "5",
            "heard_seconds": "2.5",
            "consent_text": "I agree.",
            "instructions_text": "Listen.",
            "completion_code": "C0DE",
        },
    )
    study = Study.objects.get(slug="music")
    assert (study.rate, study.channels, study.loudness, study.margin) == (44100, 2, -30.0, 5.0)
    assert (study.screening, study.heard_seconds) == (["bs1534_mid_anchor", "mpeg"], 2.5)
    assert (study.consent_text, study.instructions_text, study.completion_code) == ("I agree.", "Listen.", "C0DE")


def test_the_page_proposes_the_defaults(page):
    form = page.get(reverse("create_study")).context["form"]
    assert form["screening"].value() == list(DEFAULT_RULES)
    assert form["consent_text"].value() == CONSENT


def test_the_same_title_twice_gets_another_link(page):
    page.post(reverse("create_study"), NEW)
    page.post(reverse("create_study"), NEW)
    assert set(Study.objects.values_list("slug", flat=True)) == {"speech-at-low-rates", "speech-at-low-rates-2"}


def test_a_title_without_letters_gets_a_link_all_the_same(page):
    page.post(reverse("create_study"), {"title": "音声"})
    assert Study.objects.get().slug == "study"


def test_a_study_called_new_does_not_hide_behind_the_page_for_new_studies(page):
    page.post(reverse("create_study"), {"title": "New"})
    assert Study.objects.get().slug == "new-2"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "This field is required."),
        ("title", "x" * 121, "at most 120 characters"),
        ("slug", "a b", "Enter a valid"),
        ("slug", "new", "address of another page"),
        ("slug", "taken", "already exists"),
        ("rate", "8000", "Select a valid choice"),
        ("channels", "6", "Select a valid choice"),
        ("loudness", "0", "less than or equal to -14"),
        ("loudness", "loud", "Enter a number"),
        ("margin", "-1", "greater than or equal to 0.1"),
        ("heard_seconds", "0", "greater than or equal to 0.1"),
        ("heard_seconds", "nan", "Enter a number"),
        ("screening", "best_of", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(page, researcher, field, value, said):
    Study.objects.create(owner=researcher, slug="taken", title="Taken")
    response = page.post(reverse("create_study"), NEW | {field: value})
    assert response.status_code == 422
    assert said in " ".join(response.context["form"].errors[field])
    text = response.content.decode()
    at = text.index(f'id="id_{field}_error"')
    assert said in text[at : at + 300].replace("&quot;", '"')
    assert Study.objects.count() == 1


def test_nothing_typed_is_lost_when_something_is_wrong(page):
    text = page.post(reverse("create_study"), {"title": "Kept", "loudness": "0", "consent_text": "My words"}).content
    assert b"Kept" in text
    assert b"My words" in text
