"""A researcher goes through the test as a rater; none of it gets into the study."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from listening import recruiting, rehearsals, sessions, studies
from listening.models import Rater, Rating, Session, Study
from listening.tasks import sweep
from tests.listen import listen


@pytest.fixture
def page(client, ready):
    client.force_login(ready.owner)
    return client


def begin(page, study):
    """Press the button; the page that it leads to."""
    return page.post(reverse("rehearse", args=[study.slug]), follow=True)


def through(session):
    """All pages to the end, everything rated."""
    while not session.ended:
        listen(session)
        if (trial := sessions.current_trial(session)) is not None:
            trial.ratings.update(score=50, plays=1, seconds_heard=2.0)
        sessions.advance(session, sessions.step_of(session))
    return session


@pytest.mark.parametrize("opened_first", [False, True])
def test_the_whole_test_can_be_gone_through_and_leaves_no_trace_in_the_study(page, ready, opened_first):
    if opened_first:
        studies.open_study(ready, ready.owner)
    before = ready.audit_lines.count()
    answer = begin(page, ready)
    assert answer.templates[0].name == "listening/rater/consent.html"
    shown = answer.content.decode()
    assert "Rehearsal." in shown
    assert ready.get_absolute_url() in shown
    assert "Start as another person" not in shown
    session = Session.objects.get()
    assert through(session).state == Session.State.FINISHED
    last = page.get(session.rater.get_absolute_url()).content.decode()
    assert "Start as another person" not in last
    assert Rating.objects.filter(trial__session=session, score=50).count() >= 2 * ready.conditions.count()
    assert not ready.sessions.exists()
    assert ready.audit_lines.count() == before
    ready.refresh_from_db()
    assert ready.state == (Study.State.OPEN if opened_first else Study.State.READY)


def test_sounds_of_a_rehearsal_are_those_of_the_study(page, ready):
    begin(page, ready)
    session = Session.objects.get()
    for _ in range(2):
        sessions.advance(session, sessions.step_of(session))
    trial = sessions.current_trial(session)
    got = page.get(reverse("audio", args=[session.rater.token, trial.reference_token]))
    assert got.status_code == 200
    clip = ready.clips.get(name=trial.clip.name)
    assert (trial.clip.reference_sha256, bool(trial.clip.packed)) == (clip.reference_sha256, True)


def test_no_list_page_link_or_command_knows_a_rehearsal(page, ready):
    begin(page, ready)
    copy = Study.with_rehearsals.exclude(rehearsal_of=None).get()
    assert copy.slug not in page.get(reverse("studies")).content.decode()
    assert page.get(reverse("study", args=[copy.slug])).status_code == 404
    assert page.get(copy.invite_path).status_code == 404
    assert Study.objects.get() == ready


def test_a_second_one_takes_the_place_of_the_first_and_a_day_later_none_is_left(page, ready):
    first = begin(page, ready).redirect_chain[-1][0]
    begin(page, ready)
    assert Study.with_rehearsals.exclude(rehearsal_of=None).count() == Session.objects.count() == 1
    assert page.get(first).status_code == 404
    sweep()
    assert Rater.objects.count() == 1
    Study.with_rehearsals.exclude(rehearsal_of=None).update(created_at=timezone.now() - timedelta(hours=25))
    sweep()
    assert (Study.with_rehearsals.get(), Rater.objects.count()) == (ready, 0)
    assert ready.clips.first().reference.storage.exists(ready.clips.first().reference.name)


def test_quotas_and_places_of_the_study_are_not_used_up(page, ready):
    recruiting.change_panel(ready, ready.owner, "", quota=1, opens_at=None, closes_at=None)
    studies.open_study(ready, ready.owner)
    begin(page, ready)
    through(Session.objects.get())
    counts = recruiting.panels(ready)
    assert [(each.finished, each.at_work, each.full) for each in counts] == [(0, 0, False)]


def test_there_is_none_before_the_stimuli_are_there_and_none_of_a_closed_study(client, draft):
    client.force_login(draft.owner)
    answer = client.post(reverse("rehearse", args=[draft.slug]), follow=True)
    assert "once every stimulus is rendered" in answer.content.decode()
    Study.objects.update(state=Study.State.CLOSED)
    draft.refresh_from_db()
    with pytest.raises(studies.StudyError, match="until the study is closed"):
        rehearsals.begin(draft, draft.owner, "en")
