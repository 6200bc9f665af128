"""A rater takes back everything, by themselves and without scripts."""

import json

import pytest
from django.core import serializers
from django.urls import reverse

from listening import recruiting
from listening.models import Answer, AuditLine, EventBlock, Place, Rater, Rating, Session, Trial


@pytest.fixture
def told(wants, arrive):
    """A rater of a study with places who rated a page, wrote something and whose link said who they are."""
    wants(
        design={"clips_per_rater": 1, "ratings_per_stimulus": 1},
        identity={"names": ["PROLIFIC_PID"], "one_attempt": True},
        questionnaires=[
            {"name": "you", "at": "start", "questions": [{"kind": "text", "name": "who", "text": "Who are you?"}]}
        ],
    )
    walker = arrive("?PROLIFIC_PID=person77")
    walker.leave()
    walker.leave(**{"answer/who": "Somebody of Ulm"})
    walker.leave()
    walker.rate_all().leave()
    event = {"page": "page-of-a-trial", "trial": "", "first": 1, "events": [[0, "hidden", None, None]]}
    walker.client.post(f"{walker.url}events/", json.dumps(event), content_type="application/json")
    return walker


def withdraw(walker):
    walker.page = walker.client.get(f"{walker.url}withdraw/")
    return walker.client.post(
        f"{walker.url}withdraw/", {"csrfmiddlewaretoken": walker.field("csrfmiddlewaretoken")}, follow=True
    )


def test_a_rater_who_withdraws_leaves_nothing_but_a_line_without_a_name(told, opened):
    code = told.session.rater.code
    assert all(model.objects.exists() for model in (Rater, Session, Trial, Rating, Answer, EventBlock))
    assert "Withdraw from this test" in told.text
    answer = withdraw(told)
    assert "Everything that you gave is deleted" in answer.content.decode()
    for model in (Rater, Session, Trial, Rating, Answer, EventBlock):
        assert not model.objects.exists(), model
    kept = serializers.serialize("json", [*AuditLine.objects.all(), *Place.objects.all()])
    assert "a rater" in kept
    assert not [each for each in (code, told.token, "person77", "Ulm") if each in kept]
    assert recruiting.of(type(opened).objects.get()).withdrawn == 1
    assert told.client.get(told.url).status_code == 404
    assert not told.client.cookies[f"rater-{opened.slug}"].value


def test_their_place_goes_to_the_next_rater_with_the_same_clips(told, arrive, opened):
    place = Place.objects.get(session=told.session)
    while place.panel.taken < 2:  # every place is held: the study is full
        arrive("?PROLIFIC_PID=other").leave()
        place.panel.refresh_from_db()
    assert "all the raters it needs" in told.client.get(f"{opened.invite_path}?PROLIFIC_PID=third").content.decode()
    withdraw(told)
    arrive("?PROLIFIC_PID=third").leave()
    assert Place.objects.get(number=place.number).session.identity == "third"
    assert Place.objects.get(number=place.number).clips == place.clips


def test_asking_alone_deletes_nothing(walker):
    assert walker.client.get(f"{walker.url}withdraw/").status_code == 200
    assert Session.objects.exists()


def test_where_the_study_wants_to_be_asked_the_page_says_whom(walker, wants):
    study = wants(consent={"contact": "ada@example.org"})
    recruiting.change(study, None, raters_may_withdraw=False)
    walker.open()
    assert "Withdraw from this test" not in walker.text
    assert "ada@example.org" in walker.client.get(f"{walker.url}withdraw/").content.decode()
    token = walker.field("csrfmiddlewaretoken")
    assert walker.client.post(f"{walker.url}withdraw/", {"csrfmiddlewaretoken": token}).status_code == 409
    assert Session.objects.exists()


def test_of_a_closed_study_nobody_withdraws_by_themselves(walker, close):
    walker.to_end()
    assert "Withdraw from this test" in walker.text
    address = reverse("withdraw", args=[walker.token])
    walker.client.get(address)
    token = walker.client.cookies["csrftoken"].value
    close()
    answer = walker.client.post(address, {"csrfmiddlewaretoken": token})
    assert answer.status_code == 409
    assert Session.objects.exists()
