from django.urls import reverse

from listening import studies


def test_without_studies_the_list_offers_to_make_one(page):
    text = page.get(reverse("studies")).content.decode()
    assert "No studies yet" in text
    assert reverse("create_study") in text


def test_the_list_has_state_clips_signals_and_raters(page, rated):
    response = page.get(reverse("studies"))
    text = response.content.decode()
    assert "Open</span>" in text
    (study, (link,), _), *_ = response.context["rows"]
    assert (study.n_clips, study.n_conditions, study.n_started, study.n_finished) == (2, 4, 4, 3)
    assert '3 <span class="soft">of 4</span>' in text
    assert link.url == "http://testserver/t/speech/"
    assert link.url in text


def test_a_draft_shows_no_invite_link(page, draft):
    assert draft.invite_path not in page.get(reverse("studies")).content.decode()
    assert draft.invite_path not in page.get(draft.get_absolute_url()).content.decode()


def test_the_list_costs_the_same_whatever_its_length(page, researcher, django_assert_max_num_queries):
    for n in range(5):
        studies.create_study(researcher, f"Study {n}")
    with django_assert_max_num_queries(5):
        page.get(reverse("studies"))


def test_a_study_says_where_on_its_way_it_is(page, draft):
    steps = page.get(draft.get_absolute_url()).context["steps"]
    assert [(step.title, step.state) for step in steps] == [
        ("Clips", "done"),
        ("Conditions", "done"),
        ("Rendering", "now"),
        ("Raters", "later"),
        ("Results", "later"),
    ]
    assert steps[2].text == "0 of 8 stimuli rendered"


def test_a_study_says_what_stands_in_the_way(page, researcher):
    study = studies.create_study(researcher, "Empty")
    text = page.get(study.get_absolute_url()).content.decode()
    assert "There are no clips. Upload at least one." in text
    assert "Choose at least one codec." in text


def test_a_study_says_what_the_recommendation_would_object_to(page, draft):
    studies.set_conditions(draft, ["reference", "opus@12"])
    text = page.get(draft.get_absolute_url()).content.decode()
    assert "The 3.5 kHz low anchor is missing" in text


def test_every_page_names_the_neural_codec_and_its_weights(page, draft):
    studies.set_conditions(draft, ["reference", "lyra@3.2"])
    weights = draft.conditions.get(spec__startswith="lyra").weights
    assert weights
    for name in ("study", "upload_clip", "conditions", "rendering", "raters", "results", "study_settings"):
        text = page.get(reverse(name, args=[draft.slug])).content.decode()
        assert f"Neural codec: Lyra v2, weights {weights}." in text, name
