"""Messages to a server of the researcher's own: signed, tried again, and never into a private network."""

from __future__ import annotations

import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from listening import outgoing, sessions, studies, tasks, tokens, webhooks
from listening.models import Delivery, Rating, Session, Study, Webhook
from tests.listen import listen

EVENTS = list(Webhook.Event.values)


class Receiver(ThreadingHTTPServer):
    """A server of the researcher's own. It keeps what it got, and answers as `status` says."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], str]] = []
        self.status, self.location = 200, ""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?of=ours"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(b"said the receiver")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_ALLOW_HTTP = settings.WEBHOOKS_ALLOW_PRIVATE = True
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def study(researcher) -> Study:
    return studies.create_study(researcher, "Speech")


def webhook_to(receiver: Receiver, study: Study) -> Webhook:
    return webhooks.add(study, receiver.url, EVENTS, study.owner)


def try_all_due() -> None:
    for pk in Delivery.objects.due().values_list("pk", flat=True):
        webhooks.deliver(pk)


def test_a_whole_study_is_told_signed_and_without_a_score(receiver, draft):
    webhook = webhook_to(receiver, draft)
    Study.objects.filter(pk=draft.pk).update(state=Study.State.RENDERING)
    studies.settle(draft)  # nothing is queued: it is done
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    draft.refresh_from_db()
    session = sessions.start(draft, outside_ids={}, locale="en", browser="", language="en")
    while not session.ended:
        listen(session)
        if (trial := sessions.current_trial(session)) is not None:
            Rating.objects.filter(trial=trial).update(score=77, plays=1, seconds_heard=2.0)
            Rating.objects.filter(trial=trial, condition__spec="reference").update(score=100)
        sessions.advance(session, sessions.step_of(session))
    assert session.state == Session.State.FINISHED
    studies.close_study(draft, draft.owner)

    try_all_due()
    told = [json.loads(body) for _, _, body in receiver.got]
    assert {each["event"] for each in told} == set(EVENTS)
    assert {each["study"] for each in told} == {draft.slug}
    by_event = {each["event"]: each for each in told}
    assert by_event["rater.finished"].keys() == {"event", "study", "at", "rater"}
    assert by_event["rater.finished"]["rater"] == session.rater.code
    assert by_event["study.closed"]["results"] == reverse("results", args=[draft.slug])
    for path, headers, body in receiver.got:
        assert path == "/hook?of=ours"
        expected = webhooks.signature(webhook.secret, headers["X-Evalapp-Timestamp"], body)
        assert headers["X-Evalapp-Signature"] == f"sha256={expected}"
        assert abs(int(headers["X-Evalapp-Timestamp"]) - timezone.now().timestamp()) < 600
    assert set(Delivery.objects.values_list("state", "status", "answer")) == {("taken", 200, "said the receiver")}
    try_all_due()
    assert len(receiver.got) == 3  # what was taken is not sent again


def test_a_server_that_fails_is_tried_again_ever_later_and_at_last_switched_off_with_the_reason(
    receiver, study, client
):
    webhook, receiver.status = webhook_to(receiver, study), 503
    webhooks.announce(study, Webhook.Event.CLOSED)
    delivery, waits = Delivery.objects.get(), []
    for _ in range(99):
        webhooks.deliver(delivery.pk)
        delivery.refresh_from_db()
        if delivery.state != Delivery.State.WAITING:
            break
        waits.append(round((delivery.next_at - timezone.now()).total_seconds(), -1))
        assert webhooks.deliver(delivery.pk) is None  # not due yet
        Delivery.objects.update(next_at=timezone.now())
    assert waits == sorted(waits)
    assert (len(receiver.got), len(waits), delivery.state, delivery.status) == (6, 5, "given_up", 503)

    Webhook.objects.update(failures=webhooks.MOST_GIVEN_UP - 1)
    webhooks.announce(study, Webhook.Event.CLOSED)
    webhooks.announce(study, Webhook.Event.RENDERED)
    Delivery.objects.filter(state="waiting").update(attempts=len(webhooks.WAITS))
    webhooks.deliver(Delivery.objects.filter(state="waiting").last().pk)
    webhook.refresh_from_db()
    assert "10 messages in a row were given up. The last time: said the receiver" in webhook.disabled_why
    assert not Delivery.objects.filter(state="waiting").exists()
    webhooks.announce(study, Webhook.Event.CLOSED)
    assert not Delivery.objects.filter(state="waiting").exists()
    client.force_login(study.owner)
    assert "were given up" in client.get(reverse("webhooks", args=[study.slug])).content.decode()
    assert "disabled" in study.audit_lines.get(who="evalapp").what
    client.post(reverse("enable_webhook", args=[study.slug, webhook.pk]))
    webhook.refresh_from_db()
    assert (webhook.disabled_at, webhook.failures) == (None, 0)


def test_a_redirect_is_not_followed_and_a_closed_port_is_told(receiver, study):
    webhook, receiver.status, receiver.location = webhook_to(receiver, study), 302, receiver.url
    told = webhooks.deliver(webhooks.send_test(webhook).pk)
    assert (len(receiver.got), told.status, told.state) == (1, 302, "given_up")
    assert told.answer.startswith("A redirect, which is not followed.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        Webhook.objects.update(url=f"http://127.0.0.1:{free.getsockname()[1]}/")
        webhook.refresh_from_db()
        told = webhooks.deliver(webhooks.send_test(webhook).pk)
    assert told.answer == "No answer from 127.0.0.1: Connection refused."
    webhook.refresh_from_db()
    assert webhook.failures == 0  # a test does not count


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
def test_no_address_inside_a_network_is_taken(study, host):
    with pytest.raises(webhooks.WebhookError, match="private network"):
        webhooks.add(study, f"https://{host}/hook", EVENTS, study.owner)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://", "https://a:b@example.org/", "https://x:99999/", "x"],
)
def test_what_is_no_https_address_is_refused(study, url):
    with pytest.raises(webhooks.WebhookError):
        webhooks.add(study, url, EVENTS, study.owner)


def test_a_name_that_changes_to_a_private_address_gets_nothing(receiver, study, settings, monkeypatch):
    """It is looked up once for each message, and what was found then is what is connected to."""
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    answers = {"public.example": "93.184.215.14"}
    real = socket.getaddrinfo

    def look_up(host, port, *more, **named):
        return real(answers.get(host, host), port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    made = webhooks.add(study, f"http://public.example:{receiver.server_port}/", EVENTS, study.owner)
    answers["public.example"] = "127.0.0.1"
    told = webhooks.deliver(webhooks.send_test(made).pk)
    assert (receiver.got, told.state) == ([], "given_up")
    assert "is 127.0.0.1, an address inside a private network" in told.answer
    connected: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: connected.append(address) or 1 / 0)
    answers["public.example"] = "93.184.215.14"
    with pytest.raises(ZeroDivisionError):
        outgoing.post(made.url, b"", {})
    assert connected == [("93.184.215.14", receiver.server_port)]


def test_the_page_shows_the_secret_once_and_what_a_test_brought(receiver, study, client):
    client.force_login(study.owner)
    page = reverse("webhooks", args=[study.slug])
    made = client.post(page, {"url": receiver.url, "events": ["study.closed"]})
    webhook = Webhook.objects.get()
    assert made.status_code == 201
    assert webhook.secret in made.content.decode()
    client.post(reverse("test_webhook", args=[study.slug, webhook.pk]))
    try_all_due()
    shown = client.get(page).content.decode()
    assert webhook.secret not in shown
    assert "said the receiver" in shown
    again = client.post(page, {"url": receiver.url, "events": ["study.closed"]})
    assert (again.status_code, Webhook.objects.count()) == (422, 1)
    client.post(reverse("remove_webhook", args=[study.slug, webhook.pk]))
    assert not Webhook.objects.exists()
    assert study.audit_lines.count() == 2


def test_the_sweep_finds_what_is_due_and_tells_a_worker_once(
    receiver, study, monkeypatch, django_capture_on_commit_callbacks
):
    told: list[int] = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda args, **_: told.extend(args))
    webhooks.send_test(webhook_to(receiver, study))
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            tasks.sweep()
    assert told == [Delivery.objects.get().pk]
    Delivery.objects.update(published_at=timezone.now() - timedelta(minutes=6))  # that worker died
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()
    assert len(told) == 2


def test_the_latest_fifty_messages_are_kept(receiver, study):
    webhook = webhook_to(receiver, study)
    last = [webhooks.send_test(webhook) for _ in range(webhooks.KEPT + 2)][-1]
    assert (webhook.deliveries.count(), webhook.deliveries.first()) == (webhooks.KEPT, last)


def test_a_script_sets_one_up_and_takes_it_away(receiver, study):
    token = tokens.create(study.owner, "test", "write", 1, by=study.owner)[1]
    script = Client(headers={"Authorization": f"Bearer {token}"})
    at = f"/api/v1/studies/{study.slug}/webhooks"
    kind = "application/json"
    wrong = script.post(at, {"url": receiver.url, "events": ["scores.seen"]}, content_type=kind)
    assert wrong.status_code == 422
    made = script.post(at, {"url": receiver.url, "events": ["study.closed"]}, content_type=kind).json()
    assert made == {"id": Webhook.objects.get().pk, "secret": Webhook.objects.get().secret}
    webhooks.announce(study, Webhook.Event.CLOSED)
    try_all_due()
    [shown] = script.get(at).json()
    assert (shown["on"], shown["messages"][0]["status"]) == (True, 200)
    assert made["secret"] not in str(shown)
    assert script.delete(f"{at}/{made['id']}").status_code == 204
    assert script.get(at).json() == []
