"""Raters who rate nothing: they note all that they get, and how long it took."""

from __future__ import annotations

import html
import http.client
import json
import re
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.test import Client

SETUP = re.compile(r'<script id="setup" type="application/json">(.*?)</script>', re.S)
FORM = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>((?:(?!</form>).)*name="from".*?)</form>', re.S)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
ROW = re.compile(r'<li class="signal".*?</li>', re.S)

WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "first": ("GET", {}),
    "head": ("HEAD", {}),
    "range": ("GET", {"Range": "bytes=0-99"}),
    "unchanged": ("GET", {"If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    "second": ("GET", {}),
}
"""How each sound is asked for, one way after the other; each way for all sounds of the page."""

HEARD = 0.02
"""Seconds of each sound: all of a page fit into the first one. The study asks for no listening before Next."""


@dataclass(frozen=True)
class Answer:
    """What came for one request.

    Attributes
    ----------
    status : int
    headers : tuple of (str, str)
        In the order in which they came, the date left out.
    body : bytes
    first_byte, whole : float
        Milliseconds from the request to the headers, and to the last byte.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    first_byte: float
    whole: float


@dataclass(frozen=True)
class Sound:
    """A slot, or the reference: its part of the page's data and of the page, and every answer about it."""

    setup: dict[str, object]
    row: str
    answers: dict[str, Answer]
    saved: Answer | None

    @property
    def token(self) -> str:
        return str(self.setup["url"]).rsplit("/", 1)[1]


@dataclass
class Page:
    """A trial as one rater got it: the reference, and the slots in the order of the page."""

    session: int
    reference: Sound
    slots: list[Sound]


class Line(ABC):
    """What one rater's browser asks with."""

    @abstractmethod
    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request and time the answer."""

    def open(self, path: str) -> str:
        """A page at the end of all redirects."""
        answer = self.ask("GET", path)
        while answer.status == 302:
            path = dict(answer.headers)["Location"]
            answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body[:500])
        return answer.body.decode()

    def leave(self, page: str) -> str:
        """Press the page's button; the address of the page that follows."""
        action, inside = FORM.search(page).groups()
        fields = {name: html.unescape(value) for name, value in HIDDEN.findall(inside)}
        body = urllib.parse.urlencode({**fields, "comment": ""})
        answer = self.ask("POST", action, body, **{"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 302, (action, answer.status, answer.body[:500])
        return dict(answer.headers)["Location"]


class NetworkLine(Line):
    """A connection to a server, with the cookies of a browser."""

    def __init__(self, host: str) -> None:
        self.cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._connection.connect()  # the first request is not to be later than the others

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request and time the answer; once more where the server had closed an idle connection."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        for last in (False, True):
            try:
                before = time.perf_counter()
                self._connection.request(method, path, body, {"Cookie": cookies, **headers})
                answer = self._connection.getresponse()
                first_byte = time.perf_counter()
                content = answer.read()
                whole = time.perf_counter()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._connection.close()
                if last:
                    raise
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, value = value.partition(";")[0].partition("=")
                self.cookies[cookie] = value
        headers = _undated(answer.getheaders())
        return Answer(answer.status, headers, content, 1000 * (first_byte - before), 1000 * (whole - before))


class ProcessLine(Line):
    """Django's test client in the same process: no network, but quick to set up."""

    def __init__(self) -> None:
        self._client = Client()

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request and time the answer."""
        kind = headers.pop("Content-Type", "application/octet-stream")
        before = time.perf_counter()
        answer = self._client.generic(method, path, body or "", content_type=kind, headers=headers)
        took = 1000 * (time.perf_counter() - before)
        return Answer(answer.status_code, _undated(answer.headers.items()), answer.content, took, took)


def _undated(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in ("date", "expires"))


def crawl(
    connect: Callable[[], Line],
    path: str,
    sessions: int,
    see: Callable[[Page], None],
    before: Callable[[str], None] = lambda way: None,
) -> None:
    """Go through a study as so many raters, one after the other.

    Parameters
    ----------
    connect : callable
        Gives each rater a line.
    path : str
        The study's invite.
    sessions : int
    see : callable
        Gets each trial's page, the training's as well.
    before : callable
        Called before the sounds of a page are asked for in a way, with its name.
    """
    for session in range(sessions):
        line = connect()
        page = line.open(path)
        while FORM.search(page):
            if SETUP.search(page):
                see(_rated(line, page, session, before))
            page = line.open(line.leave(page))


def _rated(line: Line, page: str, session: int, before: Callable[[str], None]) -> Page:
    """Fetch a trial's sounds in every way and save the same score for each slot."""
    setup = json.loads(SETUP.search(page)[1])
    rows = ROW.findall(page)
    parts = [setup["reference"], *setup["slots"]]
    answers: list[dict[str, Answer]] = [{} for _ in parts]
    for way, (method, headers) in WAYS.items():
        before(way)
        for part, found in zip(parts, answers, strict=True):
            found[way] = line.ask(method, part["url"], **headers)
    sounds = [Sound(setup["reference"], "", answers[0], None)]
    for part, row, found in zip(setup["slots"], rows, answers[1:], strict=True):
        write = {"trial": setup["trial"], "slot": part["slot"], "score": 50, "plays": 1}
        write |= {"seconds_heard": HEARD, "revision": part["revision"] + 1}
        saved = line.ask("POST", setup["save_url"], json.dumps(write), **{"Content-Type": "application/json"})
        assert saved.status == 200, saved.body
        sounds.append(Sound(part, row, found, saved))
    return Page(session, sounds[0], sounds[1:])
