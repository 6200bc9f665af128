"""Researchers at their pages, and a study that was rated."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from listening import ratings, sessions, studies
from listening.models import Condition, Session, Study
from tests.conftest import render_and_open
from tests.listen import listen


@pytest.fixture
def page(client, researcher) -> Client:
    """The browser of the study's owner."""
    client.force_login(researcher)
    return client


@pytest.fixture
def stranger(db) -> Client:
    """The browser of another researcher."""
    client = Client()
    client.force_login(get_user_model().objects.create_user("eve", password="correct horse battery"))
    return client


@pytest.fixture
def staff(db) -> Client:
    """The browser of who runs the server."""
    client = Client()
    client.force_login(get_user_model().objects.create_user("root", password="correct horse battery", is_staff=True))
    return client


SCORES = {
    Condition.Role.HIDDEN_REFERENCE: 100,
    Condition.Role.MID_ANCHOR: 55,
    Condition.Role.LOW_ANCHOR: 21,
    Condition.Role.SYSTEM: 70,
}


def _rate(study: Study, *, trials: int = 99, comment: str = "", **slips: int) -> Session:
    """Go through a study as a rater does; stop after so many counted trials.

    `slips` gives a role another score than `SCORES`.
    """
    session = sessions.start(study, outside_ids={"PROLIFIC_PID": "p1"}, locale="en", browser="Firefox")
    sessions.advance(session, "consent")
    sessions.advance(session, "instructions")
    for _ in range(trials + 1):
        trial = sessions.current_trial(session)
        if trial is None:
            break
        sessions.show(trial)
        listen(session)
        for rating in trial.ratings.select_related("condition"):
            score = slips.get(rating.condition.role, SCORES[rating.condition.role])
            ratings.save(session, ratings.Write(trial.token, rating.slot, score, 2, 3.5, 1))
        sessions.advance(session, trial.token)
    if session.state == Session.State.COMMENTS:
        sessions.advance(session, "comments", {"comment": comment})
    return session


@pytest.fixture
def rate():
    """Call it with an open study to have a rater go through it."""
    return _rate


@dataclass
class Rated:
    """An open study with its raters: careful and careless ones finished, the early one left after a trial."""

    study: Study
    careful: Session
    second: Session
    careless: Session
    early: Session


def _rate_all(study: Study) -> None:
    _rate(study, comment="=1+1 thank you")
    _rate(study, system=62)
    _rate(study, hidden_reference=40)
    _rate(study, trials=1)


def _open_and_rate(study: Study) -> None:
    render_and_open(study)
    _rate_all(study)


@pytest.fixture
def rated(request, once) -> Rated:
    if {"draft", "ready", "opened"} & set(request.fixturenames):  # the test touches the study itself
        study = request.getfixturevalue("opened")
        _rate_all(study)
    else:
        study = once("rated", _open_and_rate)
    return Rated(study, *study.sessions.order_by("pk"))


@pytest.fixture
def closed(rated) -> Rated:
    studies.close_study(rated.study, rated.study.owner)
    assert rated.study.closed_at <= timezone.now()
    return rated
