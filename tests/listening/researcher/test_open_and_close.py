from django.urls import reverse

from listening.models import AuditLine, Registration, Study


def test_opening_asks_first_and_says_what_is_fixed_then(page, ready):
    text = page.get(reverse("open_study", args=[ready.slug])).content.decode()
    assert "2 clips in 4 signals each, 48 kHz mono" in text
    assert "less than 90 in more than 15% of their trials" in text
    assert "the margin of the claim: not set" in text
    assert "http://testserver/t/speech/" in text
    assert Study.objects.get().state == Study.State.READY


def test_an_opened_study_shows_its_invite_link(page, ready):
    response = page.post(reverse("open_study", args=[ready.slug]), follow=True)
    text = response.content.decode()
    assert Study.objects.get().state == Study.State.OPEN
    assert 'value="http://testserver/t/speech/"' in text
    assert "Send its link to the raters." in text


def test_a_study_that_is_not_rendered_does_not_open(page, draft):
    assert "Not every stimulus is rendered yet." in page.get(reverse("open_study", args=[draft.slug])).content.decode()
    response = page.post(reverse("open_study", args=[draft.slug]), follow=True)
    assert "not ready" in response.content.decode()
    assert Study.objects.get().state == Study.State.DRAFT


def test_closing_asks_first_and_says_who_has_not_finished(page, rated):
    text = page.get(reverse("close_study", args=[rated.study.slug])).content.decode()
    assert "1 of 4 raters has not finished." in text
    assert Study.objects.get().state == Study.State.OPEN


def test_a_closed_study_leads_to_its_results_and_stays_closed(page, rated):
    response = page.post(reverse("close_study", args=[rated.study.slug]))
    assert response.url == reverse("results", args=[rated.study.slug])
    assert Study.objects.get().state == Study.State.CLOSED
    response = page.post(reverse("open_study", args=[rated.study.slug]), follow=True)
    assert "The study is closed." in response.content.decode()
    assert Study.objects.get().state == Study.State.CLOSED


def test_only_an_open_study_is_closed(page, ready):
    response = page.post(reverse("close_study", args=[ready.slug]), follow=True)
    assert "Only an open study can be closed." in response.content.decode()


def test_opening_and_closing_are_in_the_log_with_who_did_it(page, ready, researcher):
    page.post(reverse("open_study", args=[ready.slug]))
    page.post(reverse("close_study", args=[ready.slug]))
    lines = list(AuditLine.objects.values_list("user", "what"))
    registered = (researcher.pk, f"pre-registered; SHA-256 of the file {Registration.objects.get().sha256}")
    assert lines == [
        (researcher.pk, "opened; post-screening bs1534_hidden_reference, cannot_have_listened; margin not set"),
        registered,
        (researcher.pk, "closed"),
    ]
    assert "ada: opened; post-screening bs1534_hidden_reference" in page.get(ready.get_absolute_url()).content.decode()


def test_the_raters_page_shows_how_far_each_is(page, rated):
    response = page.get(reverse("raters", args=[rated.study.slug]))
    rows = {
        session.rater.code: (session.state, session.n_done, session.n_trials)
        for session in response.context["sessions"]
    }
    assert rows[rated.careful.rater.code] == ("finished", 2, 2)
    assert rows[rated.early.rater.code] == ("trials", 1, 2)
    assert (response.context["finished"], response.context["started"]) == (3, 4)
    text = response.content.decode()
    assert rated.early.rater.code in text
    assert rated.early.rater.token not in text  # who has it could rate in their place


def test_no_page_of_an_open_study_shows_a_score(page, opened, rate):
    rate(opened, system=73, hidden_reference=97, mid_anchor=57, low_anchor=13)
    for name in ("study", "raters", "results", "rendering", "study_settings", "close_study"):
        text = page.get(reverse(name, args=[opened.slug])).content.decode()
        shown = [score for score in (">73<", ">97<", ">57<", ">13<", "73.0", "97.0", "57.0") if score in text]
        assert shown == [], name
