"""The primary claim: declared before opening, fixed and pre-registered after it, answered in the report."""

import pytest
from django.urls import reverse

from listening import cloning, primary_claims, registration, studies
from listening.losses import NotConfirmed
from listening.models import PrimaryClaim


@pytest.fixture
def claimable(draft):
    """The study with Opus at two rates and MP3, and a margin."""
    studies.set_conditions(draft, ["reference", "lowpass@3500", "opus@6", "opus@12", "mp3@64"])
    draft.margin = 5
    draft.save()
    return draft


def address(study):
    return reverse("conditions", args=[study.slug])


def form(study, system, statement, against):
    keys = {name: primary_claims.named(study, name).pk for name in (system, against)}
    return {"system": keys[system], "statement": statement, "against": keys[against]}


def test_a_claim_is_declared_on_the_page_of_conditions(page, claimable):
    response = page.post(address(claimable), form(claimable, "opus@12", "no worse", "mp3@64"), follow=True)
    words = "Opus 12 kbps is not worse than MP3 64 kbps by more than 5 points"
    assert f"The primary claim is: {words}." in response.content.decode()
    assert f"<strong>{words}.</strong>" in response.content.decode()
    assert claimable.audit_lines.filter(what__startswith="primary claim: Opus 12 kbps is not worse").exists()


def test_a_claim_is_changed_and_withdrawn(page, claimable):
    page.post(address(claimable), form(claimable, "opus@12", "no worse", "mp3@64"))
    page.post(address(claimable), form(claimable, "opus@6", "better", "mp3@64"))
    assert primary_claims.in_words(claimable) == "Opus 6 kbps is better than MP3 64 kbps"
    page.post(address(claimable), form(claimable, "opus@6", "", "mp3@64"))
    assert primary_claims.of(claimable) is None
    assert "None is declared" in page.get(address(claimable)).content.decode()


@pytest.mark.parametrize(
    ("system", "statement", "against", "why"),
    [
        ("opus@12", "better", "opus@12", "compares Opus 12 kbps with itself. Name two conditions."),
        ("mp3@64", "reaches", "opus@12", "the study has only MP3 64 kbps. Add another rate."),
        ("opus@12", "reaches", "opus@6", "are rates of one codec. Choose another codec."),
        ("opus@12", "nicer", "mp3@64", "states one of: better, no worse, equivalent, reaches"),
        ("lowpass@3500", "better", "mp3@64", "compares a system with another system or with the hidden reference"),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused_and_stays_in_the_form(
    page, claimable, system, statement, against, why
):
    response = page.post(address(claimable), form(claimable, system, statement, against))
    assert response.status_code == 422
    assert why in response.content.decode()
    assert response.context["claimed"]["statement"] == statement
    assert not PrimaryClaim.objects.exists()


def test_a_claim_within_the_margin_needs_one(page, claimable):
    claimable.margin = None
    claimable.save()
    response = page.post(address(claimable), form(claimable, "opus@12", "equivalent", "reference"))
    assert "needs a margin. Set the margin of the claim in Settings first." in response.content.decode()


def test_a_condition_that_does_not_exist_is_refused(page, claimable):
    given = form(claimable, "opus@12", "better", "mp3@64") | {"against": "12345"}
    assert "Choose two conditions of this study" in page.post(address(claimable), given).content.decode()


def test_a_condition_that_the_claim_names_goes_only_after_a_confirmation(claimable):
    primary_claims.declare(claimable, *_pair(claimable))
    with pytest.raises(NotConfirmed, match="primary claim: Opus 12 kbps is better than MP3 64 kbps"):
        studies.set_conditions(claimable, ["reference", "opus@12"])
    studies.set_conditions(claimable, ["reference", "opus@12"], confirmed=True)
    assert primary_claims.of(claimable) is None


def test_a_preset_that_lacks_a_condition_of_the_claim_asks_first(page, claimable):
    primary_claims.declare(claimable, *_pair(claimable))
    response = page.post(address(claimable), {"preset": "encodec-speech"})
    assert response.status_code == 409
    assert "primary claim: Opus 12 kbps is better than MP3 64 kbps" in response.content.decode()
    assert page.post(address(claimable), {"preset": "encodec-speech", "confirm": "1"}).status_code == 302
    assert primary_claims.of(claimable) is None


def test_a_study_whose_claim_has_become_untestable_does_not_open(page, ready):
    pair = primary_claims.named(ready, "opus@12"), primary_claims.named(ready, "reference")
    PrimaryClaim.objects.create(study=ready, system=pair[0], statement="reaches", against=pair[1])
    with pytest.raises(studies.StudyError, match="The primary claim cannot be tested. “reaches” needs two rates"):
        studies.open_study(ready, ready.owner)


def test_a_claim_is_fixed_and_pre_registered_when_the_study_opens(page, ready):
    pair = primary_claims.named(ready, "opus@12"), "better", primary_claims.named(ready, "reference")
    primary_claims.declare(ready, *pair)
    text = page.get(reverse("open_study", args=[ready.slug])).content.decode()
    assert "the primary claim: Opus 12 kbps is better than Reference" in text
    studies.open_study(ready, ready.owner)
    assert "primary: Opus 12 kbps is better than Reference\n" in registration.of(ready).text
    with pytest.raises(studies.StudyError, match="its primary claim is fixed"):
        primary_claims.declare(ready, *pair)
    with pytest.raises(studies.StudyError, match="its primary claim is fixed"):
        primary_claims.withdraw(ready)
    assert "Save the claim" not in page.get(address(ready)).content.decode()


def test_a_study_without_a_claim_says_so_before_it_opens(page, ready):
    text = page.get(reverse("open_study", args=[ready.slug])).content.decode()
    assert "the primary claim: none, every comparison will be secondary" in text
    assert "None is declared: every comparison is secondary." in registration.text_of(ready, None)


def test_a_cloned_study_has_the_claim(claimable):
    primary_claims.declare(claimable, *_pair(claimable))
    made = cloning.clone_study(claimable, claimable.owner, "again")
    assert primary_claims.of(made) == primary_claims.of(claimable)
    assert made.primary_claim.system.study == made


def _pair(study):
    return primary_claims.named(study, "opus@12"), "better", primary_claims.named(study, "mp3@64")
