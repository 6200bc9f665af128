"""A worker's connection to Postgres that the server has ended: the next task goes on with another."""

import pytest

from tests.stack import Stack, missing_servers, postgres

pytestmark = [pytest.mark.servers, pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())]

CODE = """
import json
from django.db import connection, connections
from evalapp.celery import app
from listening import tasks

def process():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

app.conf.task_always_eager = app.conf.task_eager_propagates = True
tasks.sweep.delay()
first = process()
tasks.sweep.delay()
kept = process() == first
killer = connections.create_connection("default")
with killer.cursor() as cursor:
    cursor.execute("SELECT pg_terminate_backend(%s)", [first])
killer.close()
tasks.sweep.delay()
print(json.dumps([kept, process() == first]))
"""


@pytest.mark.slow
def test_a_task_does_without_a_connection_that_was_lost(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgres")
    with postgres(folder / "server") as url:
        assert Stack(folder, DATABASE_URL=url).python(CODE) == [True, False]
