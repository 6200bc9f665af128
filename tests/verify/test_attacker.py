"""Somebody who knows a participant's ID, leaves placeholders unfilled or floods a study, against a live server.

Each test plays one attack as a script would, with a new HTTP client and no cookie, and it must get nowhere.
"""

from __future__ import annotations

import html
import http.client
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.slow

MAKE = """
from django.contrib.auth import get_user_model
from listening.models import Clip, Condition, Study
owner = get_user_model().objects.create(username="ada")
study = Study.objects.create(owner=owner, slug="speech", title="Speech", state="open", raters_way={protocol})
for spec in ("reference", "opus@12"):
    Condition.objects.create(study=study, spec=spec, title=spec, role="hidden_reference")
facts = {{"original_rate": 48000, "original_channels": 1, "original_seconds": 5, "original_sha256": "1"}}
Clip.objects.create(study=study, name="clip", position=1, **facts)
"""
"""An open study without sounds: no attack here gets as far as a trial."""

PROTOCOL = {"identity": {"names": ["workerId", "assignmentId"], "required": True, "one_attempt": True}}
COUNT = "import json; from listening.models import Session; print(json.dumps(Session.objects.count()))"
INVITE = "/t/speech/"


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    text: str
    cookies: str


class Script:
    """An HTTP client that keeps nothing."""

    def __init__(self, base: str) -> None:
        self._host = urlsplit(base).netloc

    def ask(self, method: str, path: str, **fields: str) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(fields) if fields else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        found = Answer(
            response.status, response.headers.get("Location", ""), text, response.headers.get("Set-Cookie", "")
        )
        assert found.status < 500, (path, found)
        return found

    def agree(self, path: str) -> Answer:
        """Open a link and press the button of its page."""
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', self.ask("GET", path).text)
        return self.ask("POST", path, **{"from": "consent"} | {name: html.unescape(value) for name, value in fields})


@dataclass(frozen=True)
class Site:
    stack: Stack
    script: Script

    @property
    def sessions(self) -> int:
        return self.stack.python(COUNT)


@pytest.fixture
def site(tmp_path: Path):
    """A server with an open study, on which nobody has started."""
    stack = Stack(tmp_path)
    stack.manage("shell", "--no-imports", "-c", MAKE.format(protocol=PROTOCOL))
    try:
        yield Site(stack, Script(stack.start_web()))
    finally:
        stack.stop()


def refused(answer: Answer) -> bool:
    """Whether an answer gives no link, no cookie and no code away."""
    return not (answer.location or answer.cookies or "/r/" in answer.text or "resume-code" in answer.text)


def test_who_knows_an_id_gets_neither_the_persons_pages_nor_their_withdrawal(site):
    link = f"{INVITE}?workerId=victim&assignmentId=1"
    victim = site.script.agree(link)
    assert re.fullmatch(r"/r/[\w-]{22}/", victim.location)
    for path in (link, f"{link}&new=1", f"{INVITE}?workerId=victim&assignmentId=2", f"{link}&panel=x"):
        for answer in (site.script.ask("GET", path), site.script.agree(path)):
            assert refused(answer), answer
            assert "You have already started" in answer.text
    assert site.sessions == 1
    assert site.script.ask("GET", victim.location).status == 200  # theirs goes on


def test_codes_cannot_be_guessed_and_signatures_cannot_be_made_up(site):
    site.script.agree(f"{INVITE}?workerId=victim&assignmentId=1")
    statuses = []
    for _ in range(40):
        code = "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(8))
        answer = site.script.ask("POST", f"{INVITE}resume/", code=code)
        assert refused(answer)
        statuses.append(answer.status)
    assert statuses == [422] * 10 + [429] * 30
    signed = site.stack.manage("signed_links", "speech", "mallory").split("\t")[1].strip()
    for path in (
        signed.replace("mallory", "victim"),
        f"{INVITE}?workerId=victim&signed={'0' * 32}",
        f"{INVITE}?workerId=victim&signed=",
        f"{INVITE}?signed=x",
    ):
        for answer in (site.script.ask("GET", path), site.script.ask("POST", path, **{"from": "consent"})):
            assert refused(answer)
            assert answer.status == 400


def test_unfilled_placeholders_lead_nobody_into_anybodys_session(site):
    values = ["", "${e://Field/workerId}", "[%RID%]", "%SURVEY_CODE%", "{{workerId}}", "{{%workerId%}}"]
    for value in [*values, "undefined", "null"]:
        for assignment in "AB":
            path = f"{INVITE}?workerId={quote(value)}&assignmentId={assignment}"
            for answer in (site.script.ask("GET", path), site.script.ask("POST", path, **{"from": "consent"})):
                assert refused(answer)
                assert answer.status == 400
    assert site.sessions == 0


def test_looking_at_links_makes_no_session_and_a_flood_makes_sixty(site):
    for number in range(300):
        answer = site.script.ask("GET", f"{INVITE}?workerId={number}&assignmentId=1")
        assert refused(answer)
        assert answer.status == 200
    assert site.sessions == 0
    answers = [
        site.script.ask("POST", f"{INVITE}?workerId={number}&assignmentId=1", **{"from": "consent"})
        for number in range(100)
    ]
    assert [answer.status for answer in answers] == [302] * 60 + [429] * 40
    assert all(refused(answer) for answer in answers[60:])
    assert site.sessions == 60
