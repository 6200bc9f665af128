"""Consent and instructions."""

from listening.models import Session


def test_the_consent_page_shows_the_studys_text_and_one_button(walker):
    assert walker.session.study.consent_text.split(".")[0] in walker.text
    assert walker.text.count('data-testid="begin"') == 1


def test_the_texts_of_a_study_are_text_not_markup(opened, arrive):
    opened.consent_text, opened.instructions_text = "<script>alert(1)</script>\n\nSecond & last.", "<b>Use</b>"
    opened.save()
    walker = arrive()
    assert "&lt;script&gt;alert(1)" in walker.text
    assert "<p>Second &amp; last.</p>" in walker.text
    walker.leave()
    assert "&lt;b&gt;Use" in walker.text


def test_the_text_that_was_agreed_to_is_kept_with_the_time(walker, opened):
    agreed = opened.consent_text
    walker.leave()
    opened.consent_text = "Something else"
    opened.save()
    session = walker.session
    assert session.consent_text == agreed
    assert session.consented_at is not None


def test_trials_are_made_with_the_consent_one_for_each_clip_and_a_training(walker, opened):
    walker.leave()
    trials = walker.session.trials.all()
    assert [(trial.position, trial.training) for trial in trials] == [(0, True), (1, False), (2, False)]
    assert {trial.clip for trial in trials if not trial.training} == set(opened.clips.all())
    for trial in trials:
        assert {rating.condition for rating in trial.ratings.all()} == set(opened.conditions.all())
        assert all(rating.score is None for rating in trial.ratings.all())


def test_consent_twice_makes_the_trials_once(walker):
    for _ in range(2):
        walker.client.post(f"{walker.url}step/", {"from": "consent"})
    assert walker.session.trials.count() == 3
    assert walker.session.state == Session.State.INSTRUCTIONS


def test_instructions_come_between_consent_and_training(walker):
    walker.leave()
    assert walker.session.study.instructions_text.split(".")[0] in walker.text
    assert walker.text.count('data-testid="begin"') == 1
    walker.leave()
    assert "Training" in walker.text
    assert 'data-testid="next"' in walker.text


def test_raters_see_neither_title_nor_codecs_of_the_study(walker, opened):
    opened.title = "Opus against the rest"
    opened.save()
    texts = []
    while walker.session.state != Session.State.TRAINING:
        walker.open()
        texts.append(walker.text)
        walker.leave()
    assert not any("opus" in text.lower() for text in texts)
