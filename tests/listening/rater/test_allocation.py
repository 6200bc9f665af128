"""Places: when a rater takes one, who may take it over, what a link to a full study says."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from listening import allocation, export, planning, sessions, studies
from listening.models import Panel, Place, Rater, Rating, Session
from listening.protocol import Protocol, read
from tests.listening.rater.conftest import Walker

State = Session.State


@pytest.fixture
def shares(wants):
    """A study of two clips that gives each rater one of them, and wants so many ratings of each stimulus."""
    return lambda wanted=1, **more: wants(design={"clips_per_rater": 1, "ratings_per_stimulus": wanted, **more})


def long_ago(session: Session, minutes: float = 121) -> None:
    """As if a session had shown no sign of life for so long."""
    Session.objects.filter(pk=session.pk).update(seen_at=timezone.now() - timedelta(minutes=minutes))


def rated(session: Session) -> list[int]:
    return list(session.trials.filter(training=False).values_list("clip_id", flat=True))


def row(session: Session) -> dict:
    """The session's line in the export."""
    rows = (dict(zip(export.SESSIONS, each, strict=True)) for each in export.session_rows(session.study))
    return next(each for each in rows if each["session"] == session.pk)


def test_a_rater_gets_the_clips_of_their_place_in_its_order(shares, arrive):
    study = shares(wanted=3)
    walkers = [arrive("?new=1") for _ in range(4)]
    for walker in walkers:
        walker.leave()
        assert rated(walker.session) == walker.session.place.clips
    assert [walker.session.place.number for walker in walkers] == [1, 2, 3, 4]
    assert sorted(Counter(sum((rated(walker.session) for walker in walkers), [])).values()) == [2, 2]
    assert "you rate 1 page" in walkers[0].text
    assert "1 clip." in Walker(study, "?new=1").text
    assert [step for step, _ in walkers[0].session.way].count(State.TRIALS) == 1


def test_training_and_attention_use_clips_that_are_not_rated_as_long_as_there_are_any():
    for seed in range(30):
        protocol = Protocol.model_validate({"training": {"pages": 2}, "attention": 1})
        planned = planning.plan([1, 2, 3, 4, 5], [7, 8], seed, protocol, order=[4, 2])
        assert [each.clip for each in planned if not each.training and each.expected is None] == [4, 2]
        assert sorted(each.clip for each in planned) == [1, 2, 3, 4, 5]
        few = planning.plan([1, 2], [7, 8], seed, protocol, order=[2, 1])
        assert [each.clip for each in few if not each.training and each.expected is None] == [2, 1]
        assert len(few) == 5


def test_repeats_are_of_clips_that_the_rater_has():
    planned = planning.plan([1, 2, 3, 4, 5], [7, 8], 3, Protocol(repeats=9), order=[4, 2])
    assert sorted(each.clip for each in planned if not each.training) == [2, 2, 4, 4]
    assert planning.pages_of(read({"repeats": 9, "design": {"clips_per_rater": 2}}), 5) == 4


def test_without_a_design_nobody_takes_a_place(walker):
    walker.to_trials()
    assert not Place.objects.exists()
    assert walker.session.trials.filter(training=False).count() == 2


def test_a_number_of_ratings_alone_gives_every_clip_in_balanced_orders(wants, arrive):
    wants(design={"ratings_per_stimulus": 2})
    first, second = arrive("?new=1"), arrive("?new=1")
    for walker in (first, second):
        walker.leave()
    assert rated(first.session) == rated(second.session)[::-1]


def test_who_only_looks_at_the_link_or_never_agrees_holds_no_place(shares, arrive):
    shares()
    for _ in range(3):
        arrive("?new=1")
    assert not Place.objects.filter(session__isnull=False).exists()
    assert not Panel.objects.filter(taken__gt=0).exists()


def test_a_double_press_takes_one_place(shares, walker):
    shares(wanted=3)
    stale = walker.session
    walker.leave()
    assert allocation.take(stale) == walker.session.place
    sessions.advance(stale, "consent")
    assert Panel.objects.get().taken == 1


def test_a_full_study_says_so_and_makes_no_rater(shares, arrive, client):
    study = shares()
    for _ in range(2):
        arrive("?new=1").leave()
    before = Rater.objects.count()
    answer = client.get(study.invite_path)
    assert answer.status_code == 200
    assert "has all the raters it needs" in answer.content.decode()
    assert Rater.objects.count() == before
    assert not client.cookies
    german = client.get(study.invite_path, headers={"Accept-Language": "de"})
    assert "hat zurzeit alle Teilnehmenden" in german.content.decode()


def test_a_full_study_gives_the_code_and_the_way_back_for_that(wants, arrive, client):
    ends = {"full": {"code": "FULL", "url": "https://panel.example/?cc={code}&who={PID}"}}
    study = wants(design={"clips_per_rater": 2, "ratings_per_stimulus": 1}, ends=ends)
    arrive().leave()
    text = client.get(study.invite_path + "?PID=p7").content.decode()
    assert "FULL" in text
    assert 'href="https://panel.example/?cc=FULL&amp;who=p7"' in text


def test_who_agrees_when_the_last_place_was_just_taken_reads_that_it_is_full_and_may_come_again(shares, arrive):
    shares()
    late, first, second = (arrive("?new=1") for _ in range(3))
    first.leave()
    second.leave()
    answer = late.leave()
    assert answer.status_code == 200
    assert "has all the raters it needs" in late.text
    assert Session.objects.count() == 2
    assert "has all the raters it needs" in late.open().content.decode()
    long_ago(first.session)
    late.open()
    late.leave()
    assert late.session.state == State.INSTRUCTIONS


def test_further_raters_are_let_in_where_the_design_says_so_and_stay_balanced(shares, arrive):
    shares(when_full="let_in")
    walkers = [arrive("?new=1") for _ in range(6)]
    for walker in walkers:
        walker.leave()
    assert sorted(Counter(sum((rated(walker.session) for walker in walkers), [])).values()) == [3, 3]


def test_a_place_without_a_sign_of_life_goes_to_the_next_rater_and_no_rating_is_lost(shares, arrive, client):
    study = shares(give_back_minutes=60)
    gone, other = arrive("?new=1"), arrive("?new=1")
    other.leave()
    gone.to_trials()
    for slot in (1, 2):
        gone.save(slot, 40 + slot)
    number = gone.session.place.number
    assert allocation.is_full(study, "")
    long_ago(gone.session, 61)
    assert not allocation.is_full(study, "")
    held = [clip.held for clip in allocation.coverage(study)[0].clips]

    heir = arrive("?new=1")
    heir.leave()
    assert heir.session.place.number == number
    assert rated(heir.session) == rated(gone.session)
    assert [clip.held for clip in allocation.coverage(study)[0].clips] == held

    setup = gone.setup
    late = gone.save(3, 77)  # set before the page knew
    assert late.status_code == 200, late.content
    gone.leave()
    assert gone.session.state == State.TIMED_OUT
    assert "What you rated until then is saved" in gone.text
    kept = Rating.objects.filter(trial__token=setup["trial"], score__isnull=False)
    assert list(kept.values_list("slot", "score")) == [(1, 41), (2, 42), (3, 77)]
    assert row(gone.session)["session_state"] == "timed_out"
    assert row(gone.session)["excluded"]
    assert sum(each[1] == gone.session.pk for each in export.rating_rows(study)) == 3
    assert not Place.objects.filter(session=gone.session).exists()


def test_who_comes_back_before_anybody_took_the_place_goes_on(shares, arrive):
    study = shares()
    walker = arrive()
    walker.to_trials()
    long_ago(walker.session)
    assert walker.open().status_code == 200
    assert timezone.now() - walker.session.seen_at < timedelta(minutes=1)
    arrive("?new=1").leave()
    assert allocation.is_full(study, "")
    while walker.session.state == State.TRIALS:
        walker.rate_all().leave()
    walker.leave(comment="")
    assert walker.session.state == State.FINISHED


def test_consents_that_go_no_further_hold_their_places_for_ten_minutes(shares, arrive):
    """Ten anonymous consents fill a study of ten places; ten minutes later its raters come in."""
    study = shares(wanted=5)
    idle = [arrive("?new=1") for _ in range(10)]
    for walker in idle:
        walker.leave()
    assert allocation.is_full(study, "")
    for walker in idle:
        long_ago(walker.session, 9)
    assert allocation.is_full(study, "")
    for walker in idle:
        long_ago(walker.session, 11)
    assert not allocation.is_full(study, "")
    assert [clip.given_up for clip in allocation.coverage(study)[0].clips] == [5, 5]
    heirs = [arrive("?new=1") for _ in range(10)]
    for walker in heirs:
        walker.leave()
    assert sorted(walker.session.place.number for walker in heirs) == list(range(1, 11))


def test_a_rater_who_finished_the_first_page_keeps_the_place_as_the_study_says(shares, arrive):
    study = shares()
    walker, other = arrive("?new=1"), arrive("?new=1")
    walker.to_training().rate_all()
    other.leave()
    long_ago(walker.session, 11)
    assert not allocation.is_full(study, "")
    walker.leave()
    long_ago(walker.session, 119)
    assert allocation.is_full(study, "")
    long_ago(walker.session, 121)
    assert not allocation.is_full(study, "")


def test_a_study_may_hold_places_for_less_than_ten_minutes(shares, arrive):
    study = shares(give_back_minutes=3)
    for _ in range(2):
        arrive("?new=1").leave()
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=4))
    assert not allocation.is_full(study, "")


def test_a_session_that_cannot_have_listened_gives_its_place_to_the_next_rater(shares, arrive):
    study = shares()
    bot, other, heir = (arrive("?new=1") for _ in range(3))
    for walker in (bot, other):
        walker.leave()
    Session.objects.filter(pk=bot.session.pk).update(state=State.FINISHED, cannot_have_listened="no sound was sent")
    assert [clip.given_up for clip in allocation.coverage(study)[0].clips].count(1) == 1
    number = bot.session.place.number
    heir.leave()
    assert heir.session.place.number == number
    assert bot.session.state == State.FINISHED


def test_a_finished_place_is_never_taken_over(shares, arrive):
    study = shares()
    done = arrive("?new=1")
    done.to_end()
    long_ago(done.session, 10**5)
    arrive("?new=1").leave()
    assert allocation.is_full(study, "")
    assert done.session.place.number == 1


@pytest.mark.parametrize("state", [State.SCREENED_OUT, State.TIMED_OUT])
def test_a_session_that_ended_otherwise_gives_its_place_at_once_and_keeps_its_end(shares, arrive, state):
    shares(wanted=2)
    out, next_one = arrive("?new=1"), arrive("?new=1")
    out.leave()
    place = out.session.place
    Session.objects.filter(pk=out.session.pk).update(state=state, completion_code="OUT")
    next_one.leave()
    assert next_one.session.place == place
    assert (out.session.state, out.session.completion_code) == (state, "OUT")


def test_a_deleted_session_leaves_its_place_to_the_next_rater(shares, arrive):
    study = shares()
    walkers = [arrive("?new=1") for _ in range(2)]
    for walker in walkers:
        walker.leave()
    walkers[0].session.rater.delete()
    assert not allocation.is_full(study, "")
    heir = arrive("?new=1")
    heir.leave()
    assert heir.session.place.number == 1


def test_who_took_a_place_and_got_no_further_loses_it_without_an_end(shares, personal, arrive):
    """The server may stop between the place and the consent: the rater can still agree later."""
    shares()
    stopped, heir = personal(), arrive()
    allocation.take(stopped.session)
    assert stopped.open().status_code == 200
    long_ago(stopped.session)
    heir.leave()
    assert heir.session.place.number == 1
    assert stopped.session.state == State.CONSENT
    stopped.leave()
    assert stopped.session.place.number == 2


def test_a_sign_of_life_is_written_at_most_once_a_minute(shares, walker, django_assert_num_queries):
    shares()
    walker.open()
    with django_assert_num_queries(1):
        sessions.behind_link(walker.token)
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    with django_assert_num_queries(4):  # two of them frame the write, so that a full disk costs no page
        sessions.behind_link(walker.token)


def test_each_panel_has_places_of_its_own_and_is_exported(shares, arrive, client):
    study = shares()
    for panel in ("students", "staff"):
        for _ in range(2):
            walker = arrive(f"?panel={panel}&new=1")
            walker.leave()
            assert f"?new=1&amp;panel={panel}" in walker.text
            assert walker.session.panel == row(walker.session)["panel"] == panel
    assert [(each.panel, [clip.held for clip in each.clips]) for each in allocation.coverage(study)] == [
        ("staff", [1, 1]),
        ("students", [1, 1]),
    ]
    assert "all the raters it needs" in client.get(study.invite_path + "?panel=staff").content.decode()
    assert 'data-testid="begin"' in client.get(study.invite_path + "?panel=others").content.decode()


@pytest.mark.parametrize("panel", ["a b", "x" * 61, "../etc", "<b>"])
def test_a_link_whose_panel_is_no_name_is_refused_in_words(opened, client, panel):
    answer = client.get(opened.invite_path, {"panel": panel})
    assert answer.status_code == 400
    assert "names no group of raters" in answer.content.decode()
    assert not Rater.objects.exists()


def test_a_study_that_lists_its_panels_lets_no_other_link_in(wants, client):
    study = wants(design={"panels": ["students", "staff"]})
    for query in ("", "?panel=Staff", "?panel=others"):
        assert client.get(study.invite_path + query).status_code == 400
    assert client.get(study.invite_path + "?panel=staff").status_code == 200


def test_a_rater_comes_back_into_a_full_study_by_cookie_or_code(wants, arrive, client):
    identity = {"names": ["PID"], "one_attempt": True}
    study = wants(design={"clips_per_rater": 2, "ratings_per_stimulus": 1}, identity=identity)
    first = arrive("?PID=1")
    first.leave()
    assert allocation.is_full(study, "")
    assert first.client.get(f"{study.invite_path}?PID=1").url == first.url
    code = {"code": first.session.resume_code}
    assert client.post(f"{study.invite_path}resume/", code).url == first.url


def test_a_study_with_fewer_clips_than_a_rater_is_to_get_does_not_open(ready):
    ready.protocol = read({"design": {"clips_per_rater": 3}})
    ready.save()
    with pytest.raises(studies.StudyError, match="Each rater is to get 3 clips, and the study has 2"):
        studies.open_study(ready, ready.owner)


def test_places_are_laid_when_the_study_opens(ready):
    design = {"clips_per_rater": 1, "ratings_per_stimulus": 5, "panels": ["a", "b"]}
    ready.protocol = read({"design": design})
    ready.save()
    studies.open_study(ready, ready.owner)
    assert Place.objects.filter(panel__name="a").count() == Place.objects.filter(panel__name="b").count() == 10


def test_what_is_laid_follows_from_the_stored_seed(shares, arrive):
    study = shares(wanted=20)
    arrive().leave()
    panel = Panel.objects.get()
    before = list(panel.places.values_list("number", "clips"))
    panel.places.all().delete()
    allocation.lay(panel, len(before))
    assert list(panel.places.values_list("number", "clips")) == before
    allocation.lay(panel, 1)
    assert study.panels.get().places.count() == len(before)


@pytest.mark.parametrize(
    ("each", "wanted", "clips", "places"), [(4, 10, 12, 30), (5, 10, 12, 24), (5, 1, 12, 3), (None, 7, 12, 7)]
)
def test_so_many_places_give_every_stimulus_its_ratings(each, wanted, clips, places):
    design = read({"design": {"clips_per_rater": each, "ratings_per_stimulus": wanted}}).design
    assert design.places(clips) == places
    assert places * design.clips_each(clips) >= wanted * clips
