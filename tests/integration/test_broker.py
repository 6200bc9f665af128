"""What a worker finds in its queue: messages, and everything that is not one."""

import json
import logging
import os

import pytest
import redis as redis_client
from kombu import Connection, Consumer, Queue

from evalapp import celery, file_queue
from tests.stack import missing_servers, redis

QUEUE = Queue("celery", exchange="celery", routing_key="celery")
ENVELOPE = {"body": "W10=", "headers": {}, "content-type": "application/json", "content-encoding": "utf-8"}
PROPERTIES = {
    "delivery_tag": "t",
    "delivery_info": {"exchange": "", "routing_key": "celery"},
    "body_encoding": "base64",
}
GARBAGE = {
    "empty": b"",
    "half-written": b'{"body": "W1sxXSwge30sIHsiY2Fs',
    "binary": bytes(range(256)),
    "a number": b"7",
    "a list": b"[1, 2]",
    "foreign JSON": b'{"hello": "world"}',
    "deeply nested": b"[" * 200_000,
    "of a wrong type": b'{"__type__": "datetime", "__value__": 3}',
    "without properties": json.dumps(ENVELOPE).encode(),
    "without a tag": json.dumps({**ENVELOPE, "properties": {"delivery_info": {}}}).encode(),
    "no headers": json.dumps({**ENVELOPE, "headers": None, "properties": PROPERTIES}).encode(),
    "an unknown encoding": json.dumps({**ENVELOPE, "properties": {**PROPERTIES, "body_encoding": "rot13"}}).encode(),
    "not base64": json.dumps({**ENVELOPE, "body": "\u00e9", "properties": PROPERTIES}).encode(),
    "a task that is a list": json.dumps(
        {**ENVELOPE, "headers": {"task": [], "id": 3}, "properties": PROPERTIES}
    ).encode(),
    "huge": b'"' + b"x" * 2_000_000 + b'"',
}

NAMES_OF_FAULTY_CONTENT = ("not base64", "a task that is a list")
"""Messages to kombu; Celery finds the fault."""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "messages"
    folder.mkdir()
    return folder


@pytest.fixture
def connection(folder):
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "polling_interval": 0.01}
    with Connection("filesystem://", transport_options=options) as connection:
        assert isinstance(connection.transport, file_queue.Transport), celery.app
        yield connection


def send(connection, number):
    with connection.Producer() as producer:
        producer.publish({"number": number}, exchange="celery", routing_key="celery", declare=[QUEUE])


def numbers_received(connection):
    """Consume as a worker does, until nothing is left; a task name that is a list raises, as in Celery."""
    numbers = []

    def receive(message):
        {}.get(message.headers.get("task"))
        numbers.append(message.decode()["number"])
        message.ack()

    with Consumer(connection, [QUEUE], on_message=receive, accept=["json"]) as consumer:
        consumer.qos(prefetch_count=2)  # what is dropped must not count as being worked on
        while True:
            try:
                connection.drain_events(timeout=0.3)
            except TimeoutError:
                return numbers


def test_messages_arrive_once_and_in_order(connection, folder):
    for number in range(50):
        send(connection, number)
    assert numbers_received(connection) == list(range(50))
    assert os.listdir(folder) == []


def test_a_worker_drops_and_logs_every_file_that_is_not_a_message(connection, folder, caplog):
    for number, content in enumerate(GARBAGE.values()):
        (folder / f"{number}_x.celery.msg").write_bytes(content)
    (folder / "a_folder.celery.msg").mkdir()
    (folder / "a_link.celery.msg").symlink_to("/nowhere")
    os.mkfifo(folder / "a_pipe.celery.msg")
    send(connection, 1)
    with caplog.at_level(logging.ERROR):
        assert numbers_received(connection) == [1]
    assert os.listdir(folder) == []
    assert sum("Dropped" in record.getMessage() for record in caplog.records) == len(GARBAGE) + 3


def test_a_folder_that_cannot_be_removed_is_logged_once(connection, folder, caplog):
    (folder / "full.celery.msg").mkdir()
    (folder / "full.celery.msg" / "file").touch()
    send(connection, 1)
    with caplog.at_level(logging.ERROR):
        assert numbers_received(connection) == [1]
    assert len(caplog.records) == 1


def test_a_message_appears_whole(connection, folder, monkeypatch):
    """A file under its final name is complete at every moment of the write."""
    seen = []
    write = file_queue.Path.write_bytes

    def look(path, content):
        for part in (content[:10], content):
            write(path, part)
            seen.append([name for name in os.listdir(folder) if name.endswith(".celery.msg")])

    monkeypatch.setattr(file_queue.Path, "write_bytes", look)
    send(connection, 1)
    assert seen == [[], []]
    assert len(os.listdir(folder)) == 1


def test_a_full_disk_leaves_no_message_and_no_part_of_one(connection, folder, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_queue.Path, "write_bytes", full)
    with pytest.raises(connection.channel_errors):
        connection.default_channel._put("celery", {})
    assert os.listdir(folder) == []


@pytest.mark.servers
@pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())
def test_a_worker_drops_every_entry_of_redis_that_is_not_a_message(tmp_path):
    with redis(tmp_path / "redis") as url, Connection(url) as connection:
        redis_client.Redis.from_url(url).lpush("celery", *GARBAGE.values())
        send(connection, 1)
        assert numbers_received(connection) == [1]
        for name, content in GARBAGE.items():
            if name not in NAMES_OF_FAULTY_CONTENT:
                redis_client.Redis.from_url(url).lpush("celery", content)
        send(connection, 2)
        assert connection.default_channel.basic_get("celery").decode() == {"number": 2}
