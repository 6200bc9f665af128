"""A POST to an address that somebody typed, from a server that stands in a network of its own.

Whoever may set an address must not reach with it what only this server reaches: its own ports, machines beside it,
the cloud's metadata. So the name is looked up once, every address that it has must be a public one, the connection goes
to one of those and not to whatever a second look-up says, and a redirect is not followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from listening.special_addresses import is_public

TIMEOUT = 10.0
"""Seconds for each step of the way, and for all of the answer."""
MOST_READ = 500
"""Bytes of an answer that are looked at."""


class BadAddress(Exception):
    """An address that nothing is sent to; the text says why and what to do."""


class NoAnswer(Exception):
    """Nothing came back; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status, and the beginning of the text."""

    status: int
    text: str


def check(url: str) -> SplitResult:
    """An address as far as it can be judged without looking its name up.

    Raises
    ------
    BadAddress
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises where it is none)
    except ValueError as error:
        raise BadAddress("This is no address. It looks like https://example.org/hook.") from error
    if not url.isascii() or any(letter.isspace() or ord(letter) < 32 for letter in url):
        raise BadAddress("An address has no spaces and no letters beyond ASCII: write a name such as xn--….")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise BadAddress("An address begins with https:// and the name of a server: https://example.org/hook.")
    if parts.scheme == "http" and not settings.WEBHOOKS_ALLOW_HTTP:
        raise BadAddress("Use https://: what is sent over http:// can be read on its way.")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("Leave name and password out of the address: the signature says who sends.")
    return parts


def public_addresses(host: str, port: int) -> list[str]:
    """Numeric addresses of a server, all of them public unless the operator allows others.

    Raises
    ------
    BadAddress
        If one of them is private, or of this machine.
    NoAnswer
        If the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"The name {host} is not known ({getattr(error, 'strerror', None) or error}).") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not settings.WEBHOOKS_ALLOW_PRIVATE:
        for each in addresses:
            if not is_public(each):
                what = f"{host} is" if host == each else f"{host} is {each},"
                raise BadAddress(
                    f"{what} an address inside a private network. Only public ones are sent to; "
                    "whoever runs this server can allow others (WEBHOOKS_ALLOW_PRIVATE)."
                )
    return addresses


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send, and wait for an answer.

    Raises
    ------
    BadAddress, NoAnswer
    """
    parts = check(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = public_addresses(host, port)[0]
    connection = _Pinned(host, port, address, secure=parts.scheme == "https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, _beginning(answer))
    except ssl.SSLError as error:
        raise NoAnswer(f"No secure connection to {host}: {error.reason or error}.") from error
    except TimeoutError as error:
        raise NoAnswer(f"{host} did not answer within {TIMEOUT:g} s.") from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswer(f"No answer from {host}: {why}.") from error
    finally:
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one numeric address, under the server's own name."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._address, self._secure = address, secure
        self.default_port = 443 if secure else 80  # else the header Host would name the usual port

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _beginning(answer: http.client.HTTPResponse) -> str:
    """As much of the text as is looked at; a server that gives it drop by drop is not waited for."""
    until, found = time.monotonic() + TIMEOUT, b""
    while len(found) < MOST_READ and time.monotonic() < until:
        block = answer.read1(MOST_READ - len(found))
        if not block:
            break
        found += block
    return found.decode("utf-8", "replace").replace("\x00", "")
