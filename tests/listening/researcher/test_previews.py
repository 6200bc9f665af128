"""Pages with a study's own texts are seen before they are saved."""

import pytest
from django.urls import reverse

from listening import protocol
from listening.models import Session, Study


@pytest.fixture
def page(client, draft):
    client.force_login(draft.owner)
    return client


def seen(answer) -> str:
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


@pytest.mark.parametrize(
    ("name", "heading"), [("consent", "What you agree to"), ("instructions", "The scale"), ("end", "Thank you")]
)
def test_each_page_shows_what_is_saved(page, draft, name, heading):
    Study.objects.update(consent_text="We pay 5 euros.", instructions_text="Sit down.", completion_code="C0DE-42")
    shown = seen(page.get(reverse("preview_page", args=[draft.slug, name])))
    assert heading in shown
    assert {"consent": "We pay 5 euros.", "instructions": "Sit down.", "end": "C0DE-42"}[name] in shown
    assert "Preview." in shown
    assert "Start as another person" not in shown


def test_what_is_typed_on_the_settings_is_shown_and_not_kept(page, draft):
    before = Study.objects.values().get()
    typed = {"title": "", "consent_text": "Typed <b>just</b> now.", "instructions_text": "", "completion_code": ""}
    shown = seen(page.post(reverse("preview_page", args=[draft.slug, "consent"]), typed))
    assert "Typed &lt;b&gt;just&lt;/b&gt; now." in shown
    assert "Use headphones in a quiet room." in seen(
        page.post(reverse("preview_page", args=[draft.slug, "instructions"]), typed)
    )
    assert Study.objects.values().get() == before
    assert not Session.objects.exists()


def test_a_typed_translation_is_seen_in_its_language(page, draft):
    url = reverse("preview_page", args=[draft.slug, "consent"])
    typed = {"texts.fr.consent": "Nous payons 5 euros.", "languages": ["en", "fr"]}
    shown = seen(page.post(f"{url}?language=fr", typed))
    assert "Nous payons 5 euros." in shown
    assert 'lang="fr"' in shown
    assert 'formaction="?language=en"' in shown
    assert draft.protocol.texts == Study.objects.get().protocol.texts == {}


def test_the_saved_ones_can_be_seen_in_each_language(page, draft):
    draft.protocol = protocol.read({"languages": ["en", "de"], "texts": {"de": {"ending": "Das war's."}}})
    draft.save()
    url = reverse("preview_page", args=[draft.slug, "end"])
    assert "Das war&#x27;s." in seen(page.get(f"{url}?language=de"))
    assert "Das war" not in seen(page.get(url))


def test_what_the_form_cannot_hold_is_said(page, draft):
    answer = page.post(reverse("preview_page", args=[draft.slug, "consent"]), {"repeats": "many"})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "No preview yet" in shown
    assert "a whole number, not &#x27;many&#x27;." in shown
    assert "repeats:" not in shown  # the field has a name
    assert "as a viewer" not in shown


def test_another_page_is_none(page, draft):
    assert page.get(reverse("preview_page", args=[draft.slug, "trial"])).status_code == 404


def test_both_forms_offer_it(page, draft):
    for name in ("study_settings", "raters_way"):
        assert reverse("preview_page", args=[draft.slug, "consent"]) in seen(page.get(reverse(name, args=[draft.slug])))
