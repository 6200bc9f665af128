"""When the invite lets raters in, how many of a panel, and what it tells them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from listening import recruiting
from listening.models import Panel, Rater, Session

HOUR = timedelta(hours=1)


def look(walker_or_client, study, query="", **headers):
    return walker_or_client.get(study.invite_path + query, headers=headers)


def give_up(walker):
    Session.objects.filter(pk=walker.session.pk).update(seen_at=timezone.now() - timedelta(days=1))


def quota(study, number, panel="students"):
    recruiting.change_panel(study, None, panel, quota=number, opens_at=None, closes_at=None)


def test_before_it_opens_the_invite_says_when_in_the_studys_time_zone(opened, client):
    opens_at = datetime(2099, 7, 1, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    recruiting.change(opened, None, opens_at=opens_at, time_zone="Asia/Tokyo", notices={"en": "Bring headphones."})
    answer = look(client, opened)
    assert answer.status_code == 403
    assert "July 1, 2099, 9:30 a.m." in answer.content.decode()
    assert "Asia/Tokyo" in answer.content.decode()
    assert "Bring headphones." in answer.content.decode()
    assert "1 juillet 2099 09:30" in look(client, opened, **{"accept-language": "fr"}).content.decode()
    assert not Rater.objects.exists()


def test_after_it_closes_nobody_new_comes_in_and_who_has_begun_finishes(opened, arrive, client):
    walker = arrive().to_training()
    recruiting.change(opened, None, closes_at=timezone.now())
    answer = look(client, opened)
    assert answer.status_code == 410
    assert "takes nobody new" in answer.content.decode()
    assert look(walker.client, opened).url == walker.url
    walker.rate_all().leave()
    assert walker.session.state == Session.State.TRIALS


def test_a_panel_has_times_of_its_own(opened, client):
    later = timezone.now() + HOUR
    recruiting.change_panel(opened, None, "students", quota=None, opens_at=later, closes_at=None)
    assert look(client, opened, "?panel=students").status_code == 403
    assert look(client, opened, "?panel=staff").status_code == 200


@pytest.mark.parametrize("design", [{}, {"clips_per_rater": 1}])
def test_a_full_quota_takes_nobody_new_until_somebody_gives_up(wants, opened, arrive, client, design):
    wants(design=design)
    quota(opened, 2)
    first, second = arrive("?panel=students"), arrive("?panel=students")
    first.leave()
    third = arrive("?panel=students")  # at the door while there is a place
    second.leave()
    assert "all the raters it needs" in look(client, opened, "?panel=students").content.decode()
    assert "all the raters it needs" in third.open().content.decode()
    assert 'data-testid="begin"' in look(client, opened, "?panel=staff").content.decode()
    give_up(first)
    third.open()
    assert third.leave().status_code == 302
    assert third.session.state == Session.State.INSTRUCTIONS
    assert "all the raters it needs" in look(client, opened, "?panel=students&new=1").content.decode()


def test_a_quota_counts_who_came_before_it_was_set_and_may_be_lowered(opened, arrive, client):
    early = [arrive("?panel=students") for _ in range(3)]
    for walker in early:
        walker.leave()
    quota(opened, 2)
    full = "all the raters it needs"
    give_up(early[0])
    assert full in look(client, opened, "?panel=students&new=1").content.decode()
    give_up(early[1])
    late = arrive("?panel=students&new=1")
    late.leave()
    assert late.session.state == Session.State.INSTRUCTIONS
    quota(opened, 1)
    give_up(early[2])  # one is at work, and that is the quota now: the place is not passed on
    assert full in look(client, opened, "?panel=students&new=1").content.decode()
    give_up(late)
    another = arrive("?panel=students&new=1")
    another.leave()
    assert another.session.state == Session.State.INSTRUCTIONS
    assert Panel.objects.get(name="students").taken <= 2


def test_a_panel_that_is_added_later_is_known_beside_those_of_the_design(wants, opened, client):
    wants(design={"panels": ["students"]})
    assert look(client, opened, "?panel=guests").status_code == 400
    quota(opened, 5, "guests")
    assert look(client, opened, "?panel=guests").status_code == 200


def test_a_message_stands_on_every_page_in_the_raters_language(opened, walker):
    recruiting.change(opened, None, notices={"en": "We pause until Monday.", "de": "Pause bis Montag."})
    assert "We pause until Monday." in walker.open().content.decode()
    assert "We pause until Monday." in walker.to_training().text
    Session.objects.update(language="de")
    assert "Pause bis Montag." in walker.open().content.decode()
    Session.objects.update(language="ja")
    assert "We pause until Monday." in walker.open().content.decode()
    recruiting.change(opened, None, notices={})
    assert "Monday" not in walker.open().content.decode()
