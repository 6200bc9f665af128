import pytest
from django.urls import reverse

from analysis.screening import DEFAULT_RULES
from listening import studies
from listening.models import Study
from listening.study_settings import change_settings


def filled(study, **changes):
    form = {name: getattr(study, name) for name in ("title", "slug", "rate", "channels", "loudness", "heard_seconds")}
    form |= {"screening": study.screening, "consent_text": study.consent_text}
    return form | {"instructions_text": study.instructions_text} | changes


def test_settings_are_saved(page, draft):
    response = page.post(reverse("study_settings", args=[draft.slug]), filled(draft, title="Better", slug="better"))
    assert response.url == reverse("study_settings", args=["better"])
    assert Study.objects.get().title == "Better"


def test_a_change_of_the_sound_asks_for_a_new_rendering(page, ready):
    response = page.post(reverse("study_settings", args=[ready.slug]), filled(ready, rate=24000), follow=True)
    assert "must be rendered again" in response.content.decode()
    assert Study.objects.get().state == Study.State.DRAFT
    with pytest.raises(studies.StudyError):
        studies.open_study(Study.objects.get(), None)


def test_a_change_of_the_words_keeps_the_stimuli(page, ready):
    page.post(reverse("study_settings", args=[ready.slug]), filled(ready, consent_text="I agree.", margin=4))
    ready.refresh_from_db()
    assert (ready.state, ready.consent_text, ready.margin) == (Study.State.READY, "I agree.", 4.0)


def test_what_is_wrong_changes_nothing(page, draft):
    response = page.post(reverse("study_settings", args=[draft.slug]), filled(draft, title="", slug="elsewhere"))
    assert response.status_code == 422
    assert "This field is required." in response.content.decode()
    assert response.context["study"].title == "Speech"  # the heading names the study as it is
    assert Study.objects.get().slug == "speech"


def test_the_settings_of_an_open_study_are_shown_and_fixed(page, opened):
    address = reverse("study_settings", args=[opened.slug])
    response = page.get(address)
    assert "fixed since the study opened" in response.content.decode()
    assert all(field.field.disabled for field in response.context["form"])
    assert page.post(address, filled(opened, title="Other", screening=[], margin=9)).status_code == 409
    opened.refresh_from_db()
    assert (opened.title, opened.screening, opened.margin) == ("Speech", list(DEFAULT_RULES), None)


def test_settings_sent_while_another_tab_opened_the_study_are_refused(ready):
    stale = Study.objects.get()
    studies.open_study(ready, None)
    with pytest.raises(studies.StudyError, match="fixed"):
        change_settings(stale, margin=1.0)
    assert Study.objects.get().margin is None
