"""A rater at a browser without scripts: what a page offers, posted back."""

from __future__ import annotations

import copy
import functools
import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from listening import masking, sessions, studies
from listening.models import Session, Study
from listening.protocol import read
from tests.conftest import render_and_open
from tests.listen import listen


@pytest.fixture
def reads_files_only() -> bool:
    """Raters bring no file and change none."""
    return True


class Walker:
    """Goes from an invite link through a session by HTTP alone, with Django's check of forged posts switched on.

    Attributes
    ----------
    client : Client
    url : str
        The invite link, and from the consent on the rater's own link.
    page : HttpResponse
        What was shown last.
    seen : list of HttpResponse
        Everything that was received, redirects left out.
    """

    def __init__(self, study: Study, query: str = "", *, link: str = "", **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=True, headers=headers)
        self.seen: list[HttpResponse] = []
        self.url = link or study.invite_path + query
        self.open()

    @property
    def form(self) -> tuple[str, dict[str, str]]:
        """Address and hidden fields of the form that leaves the page."""
        forms = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', self.text, re.S)
        action, inside = next((each for each in forms if 'name="from"' in each[1]), ("", ""))
        assert action, self.text
        fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', inside)
        return html.unescape(action), {name: html.unescape(value) for name, value in fields}

    @property
    def token(self) -> str:
        return self.url.split("/")[2]

    @property
    def session(self) -> Session:
        return Session.objects.get(rater__token=self.token)

    @property
    def text(self) -> str:
        return self.page.content.decode()

    @property
    def setup(self) -> dict:
        """What the trial's scripts start from."""
        found = re.search(r'<script id="setup" type="application/json">(.*?)</script>', self.text, re.S)
        assert found, self.text
        return json.loads(found[1])

    def open(self) -> HttpResponse:
        self.page = self.client.get(self.url)
        if self.page.status_code == 302:
            self.url = self.page.url
            self.page = self.client.get(self.url)
        self.seen.append(self.page)
        return self.page

    def field(self, name: str) -> str:
        """Value of a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, self.text
        return html.unescape(found[1])

    def leave(self, **fields: str) -> HttpResponse:
        """Press the page's button."""
        action, hidden = self.form
        answer = self.client.post(action, hidden | fields)
        if answer.status_code == 302:
            assert action.startswith("/t/") or answer.url == self.url
            self.url = answer.url
            self.open()
        else:
            self.page = answer
            self.seen.append(answer)
        return answer

    def save(self, slot: object, score: object = 50, revision: object = 1, **changes: object) -> HttpResponse:
        """One write, as the page's script makes it once the sounds were fetched and played."""
        listen(self.session)
        body = {"slot": slot, "score": score, "plays": 1, "seconds_heard": 1.5, "revision": revision}
        return self.post_write(json.dumps({"trial": self.setup["trial"], **body, **changes}))

    def post_write(self, body: str | bytes) -> HttpResponse:
        answer = self.client.post(f"{self.url}ratings/", body, content_type="application/json")
        self.seen.append(answer)
        return answer

    def sound(self, url: str, **headers: str) -> HttpResponse:
        answer = self.client.get(url, headers=headers)
        self.seen.append(answer)
        return answer

    def unmasked(self, sound: dict) -> bytes:
        """The file behind a sound of the setup, as the page's script gets it."""
        return masking.mask(self.sound(sound["url"]).content, sound["key"])

    def to_training(self) -> Walker:
        for _ in range(2):
            self.leave()
        return self

    def rate_all(self, score=lambda slot: 10 * slot) -> Walker:
        """Hear and rate every slot of the page."""
        for each in self.setup["slots"]:
            answer = self.save(each["slot"], score(each["slot"]), each["revision"] + 1)
            assert answer.status_code == 200, answer.content
        return self

    def to_trials(self) -> Walker:
        self.to_training().rate_all().leave()
        return self

    def to_comments(self) -> Walker:
        self.to_trials()
        while self.session.state == Session.State.TRIALS:
            self.rate_all().leave()
        return self

    def to_end(self) -> Walker:
        self.to_comments().leave(comment="")
        return self


@pytest.fixture
def wants(opened):
    """Give the open study a protocol."""

    def set_protocol(**parts):
        opened.protocol = read(parts)
        opened.save()
        return opened

    return set_protocol


def come(study: Study, **rater: Any) -> Walker:
    """A rater with a link of their own, who has not agreed yet, as a script or a rehearsal makes them."""
    session = sessions.start(study, **{"outside_ids": {}, "locale": "", "browser": "", **rater})
    return Walker(study, link=session.rater.get_absolute_url())


@pytest.fixture
def personal(opened) -> Callable[..., Walker]:
    """Raters with a link of their own."""
    return functools.partial(come, opened)


@pytest.fixture(scope="session")
def _walked() -> dict[str, Walker]:
    return {}


@pytest.fixture
def walked(request, once, _walked) -> Callable[[str, Callable[[Study], Walker]], Walker]:
    """A rater who went some way through the open study: by the first test that asks, copied for the others."""

    def give(name: str, go: Callable[[Study], Walker]) -> Walker:
        if {"draft", "ready", "opened"} & set(request.fixturenames):  # the test touches the study itself
            return go(request.getfixturevalue("opened"))

        def open_and_go(study: Study) -> None:
            render_and_open(study)
            _walked[name] = go(study)

        once(name, open_and_go)
        walker = copy.copy(_walked[name])
        walker.client, walker.seen = Client(enforce_csrf_checks=True), list(walker.seen)
        walker.client.cookies = copy.copy(_walked[name].client.cookies)
        return walker

    return give


@pytest.fixture
def walker(walked) -> Walker:
    """A rater with a personal link, at the consent page."""
    return walked("walker", come)


@pytest.fixture
def at_trial(walked) -> Walker:
    """A rater on the first page that counts."""
    return walked("at trial", lambda study: Walker(study).to_trials())


@pytest.fixture
def arrive(opened):
    """Raters who open the invite link: at the consent page, without a session yet."""
    return lambda query="", **headers: Walker(opened, query, **headers)


@pytest.fixture
def close(opened):
    """Ends the study."""
    return lambda: studies.close_study(opened, opened.owner)
