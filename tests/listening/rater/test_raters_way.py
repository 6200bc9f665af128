"""What a study's protocol puts between link and end: repeats, attention, breaks, time, identity, codes, languages."""

from datetime import timedelta

import pytest
from django.utils import timezone

from listening import export, planning, recruiting, sessions, studies, way_words
from listening.models import Session
from listening.protocol import Protocol, read
from tests.listening.rater.conftest import Walker

State = Session.State


def test_repeats_come_later_and_all_else_stays_as_the_seed_gave_it():
    for seed in range(100):
        plain = planning.plan([1, 2, 3, 4, 5], [7, 8], seed)
        more = planning.plan([1, 2, 3, 4, 5], [7, 8], seed, Protocol(repeats=2, attention=1))
        assert [each.position for each in more] == list(range(9))
        firsts = [(each.clip, each.conditions) for each in more if not each.repeat and each.expected is None]
        assert sorted(firsts) == sorted((each.clip, each.conditions) for each in plain)
        assert [clip for clip, _ in firsts] == [each.clip for each in plain]
        for each in more:
            if each.repeat:
                first = next(one for one in more[1:] if one.clip == each.clip and one.expected is None)
                assert each.position - first.position > 2 or (first.position > 3 and first.position < each.position)
        (asked,) = [each for each in more if each.expected is not None]
        assert asked.position > 1
        assert 5 <= asked.expected <= 95


def test_named_clips_are_the_training_in_their_order(wants, opened, walker):
    names = list(opened.clips.values_list("name", flat=True))
    wants(training={"clips": names})
    walker.to_training()
    assert walker.session.trials.filter(training=True).count() == 2
    seen = []
    while walker.session.state == State.TRAINING:
        seen.append(sessions.current_trial(walker.session).clip.name)
        walker.rate_all().leave()
    assert seen == names
    assert sessions.current_trial(walker.session).position == 1


def test_a_repeated_page_is_exported_as_such(wants, opened, walker):
    wants(repeats=1)
    walker.leave()
    assert "you rate 3 pages" in walker.text
    walker.leave()
    walker.rate_all().leave()
    assert 'Page 1 <span class="soft">of 3</span>' in walker.text
    while walker.session.state == State.TRIALS:
        walker.rate_all().leave()
    rows = list(export.rating_rows(opened))
    repeats = [row[list(export.RATINGS).index("repeat")] for row in rows]
    assert (repeats.count(0), repeats.count(1)) == (8, 4)


@pytest.mark.parametrize(("off", "passed"), [(3, 1), (4, 0)])
def test_a_page_of_attention_says_its_score_and_is_no_rating(wants, opened, walker, off, passed):
    wants(attention=1)
    walker.to_trials()
    while (trial := sessions.current_trial(walker.session)) is not None:
        if trial.expected is None:
            assert "about your attention" not in walker.text
            walker.rate_all()
        else:
            assert f"<strong>{trial.expected}</strong>" in walker.text
            walker.rate_all(lambda slot, score=trial.expected: score - off if slot == 2 else score)
        walker.leave()
    assert len(list(export.rating_rows(opened))) == 8
    (row,) = (dict(zip(export.SESSIONS, each, strict=True)) for each in export.session_rows(opened))
    assert (row["attention_pages"], row["attention_passed"], row["trials"], row["trials_done"]) == (1, passed, 2, 2)


def test_a_break_comes_after_so_many_minutes_and_once(wants, walker):
    wants(pause={"after_minutes": 10}, repeats=2)
    walker.to_trials()
    walker.session.trials.update(started_at=timezone.now() - timedelta(minutes=11))
    walker.rate_all().leave()
    assert walker.session.state == State.BREAK
    assert "Time for a break" in walker.text
    walker.leave()
    assert walker.session.state == State.TRIALS
    assert sessions.current_trial(walker.session).position == 2
    walker.rate_all().leave()
    assert walker.session.state == State.TRIALS


def test_no_break_comes_before_the_last_page(wants, walker):
    wants(pause={"after_minutes": 10})
    walker.to_trials().rate_all().leave()
    walker.session.trials.update(started_at=timezone.now() - timedelta(minutes=11))
    walker.rate_all().leave()
    assert walker.session.state == State.COMMENTS


def test_a_double_press_in_a_break_goes_on_once(wants, walker):
    wants(pause={"after_minutes": 10}, repeats=2)
    walker.to_trials()
    walker.session.trials.update(started_at=timezone.now() - timedelta(minutes=11))
    walker.rate_all().leave()
    session = walker.session
    left = sessions.step_of(session)
    for _ in range(2):
        sessions.advance(session, left)
    assert sessions.current_trial(session).position == 2


def test_when_the_time_is_over_the_session_ends_with_the_code_for_that(wants, walker):
    wants(time_limit_minutes=30, ends={"timed_out": {"code": "LATE", "url": "https://panel.example/?cc={code}"}})
    assert "30 min in all" in walker.open().content.decode()
    walker.to_trials().rate_all()
    Session.objects.update(consented_at=timezone.now() - timedelta(minutes=29))
    walker.open()
    assert walker.session.state == State.TRIALS
    Session.objects.update(consented_at=timezone.now() - timedelta(minutes=31))
    walker.leave()
    assert walker.session.state == State.TIMED_OUT
    assert "LATE" in walker.text
    assert 'href="https://panel.example/?cc=LATE"' in walker.text
    assert walker.session.trials.filter(ratings__score__isnull=False).exists()


def test_a_page_that_is_looked_at_after_the_time_is_the_end(wants, walker):
    wants(time_limit_minutes=30)
    walker.to_training()
    Session.objects.update(consented_at=timezone.now() - timedelta(minutes=31))
    walker.open()
    assert "The time is over" in walker.text


def test_the_way_back_carries_code_and_names_of_the_link(wants):
    url = "https://app.panel.example/complete?cc={code}&who={PROLIFIC_PID}&x={unknown}"
    study = wants(ends={"completed": {"code": "DONE 1", "url": url}}, identity={"names": ["PROLIFIC_PID"]})
    walker = Walker(study, "?PROLIFIC_PID=a%26b")
    walker.to_end()
    assert 'href="https://app.panel.example/complete?cc=DONE%201&amp;who=a%26b&amp;x="' in walker.text


def test_a_link_without_the_names_that_the_study_wants_makes_no_session(wants, client):
    study = wants(identity={"names": ["PROLIFIC_PID", "STUDY_ID"], "required": True})
    answer = client.get(study.invite_path + "?STUDY_ID=1")
    assert answer.status_code == 400
    assert "Missing: PROLIFIC_PID" in answer.content.decode()
    assert not Session.objects.exists()
    assert client.get(study.invite_path + "?STUDY_ID=1&PROLIFIC_PID=2").status_code == 200


def test_a_study_offers_the_languages_that_all_of_its_texts_are_in(wants, opened):
    assert "日本語" in Walker(opened).text
    study = wants(texts={"fr": {"consent": "J’accepte."}})
    study.consent_text = "I agree to this."
    study.save()
    walker = Walker(study, **{"Accept-Language": "de-DE,de;q=0.9,fr-CA;q=0.8,en;q=0.5"})
    assert "J’accepte." in walker.text
    assert "日本語" not in walker.text
    walker.leave()
    assert walker.session.language == "fr"
    assert walker.session.consent_text == "J’accepte."


def test_a_rater_chooses_another_language(opened):
    walker = Walker(opened, **{"Accept-Language": "en"})
    walker.leave()
    for wanted, got in (("ja", "ja"), ("xx", "ja"), ("", "ja"), ("de", "de")):
        walker.client.post(f"{walker.url}language/", {"language": wanted})
        assert walker.session.language == got


def test_the_version_of_the_consent_is_kept_and_what_is_stored_is_told(wants, walker):
    wants(consent={"version": "2.1", "contact": "lab@example.org", "kept_months": 12})
    walker.open()
    assert "lab@example.org" in walker.text
    assert "12 months after the test has ended" in walker.text
    walker.leave()
    assert walker.session.consent_version == "2.1"


@pytest.mark.parametrize(
    ("texts", "query", "told"),
    [
        (False, "?PROLIFIC_PID=p1", "What your link said of you is deleted 30 days after the test has ended."),
        (True, "?PROLIFIC_PID=p1", "What your link said of you and what you wrote are deleted 30 days after"),
        (False, "", None),
    ],
)
def test_what_is_deleted_some_days_after_the_end_is_told_before_consent(wants, texts, query, told):
    study = wants(identity={"names": ["PROLIFIC_PID"]})
    recruiting.change(study, study.owner, forget_after_days=30, forget_texts=texts)
    page = " ".join(Walker(study, query).text.split())
    assert told in page if told else "days after the test has ended" not in page


def test_a_promise_of_months_that_nothing_keeps_is_a_caution(ready):
    ready.protocol = read({"consent": {"kept_months": 2}})
    assert "kept for 2 months after the test has ended, and nothing deletes" in " ".join(way_words.cautions(ready))
    recruiting.change(ready, ready.owner, forget_after_days=90)
    assert "their identities are deleted after 90 days" in " ".join(way_words.cautions(ready))
    recruiting.change(ready, ready.owner, forget_after_days=60)
    assert way_words.cautions(ready) == []


def test_a_study_keeps_its_protocol_when_it_opens(ready):
    ready.protocol = read({"repeats": 1})
    ready.save()
    studies.open_study(ready, ready.owner)
    ready.refresh_from_db()
    assert ready.protocol.repeats == 1
