"""Two ratings of one slot on Postgres, where the second write waits for the first one's transaction."""

import pytest

from tests.stack import Stack, missing_servers, postgres

pytestmark = [pytest.mark.servers, pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())]

CODE = """
import json, threading, time
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from listening import ratings, sessions, studies
from listening.models import Clip, Rating, Session, Study

study = studies.create_study(get_user_model().objects.create(username="ada"), "Speech")
Clip.objects.create(study=study, name="a", original_rate=1, original_channels=1, original_seconds=1)
Study.objects.update(state="open")
study.refresh_from_db()
session = sessions.start(study, outside_ids={"id": "1"}, locale="en", browser="")
for left in ("consent", "instructions"):
    sessions.advance(session, left)
token = sessions.current_trial(session).token

def save(slot, revision):
    body = {"trial": token, "slot": slot, "score": revision, "plays": 1, "seconds_heard": 1, "revision": revision}
    ratings.save(Session.objects.get(pk=session.pk), ratings.parse(json.dumps(body).encode()))

def waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]

for slot, first, second in ((1, 5, 3), (2, 3, 5)):
    def later():
        save(slot, second)
        connection.close()
    thread = threading.Thread(target=later)
    with transaction.atomic():
        save(slot, first)
        thread.start()
        deadline = time.monotonic() + 20
        while not waits():
            assert time.monotonic() < deadline and thread.is_alive(), "the second write did not wait"
            time.sleep(0.01)
    thread.join()
stored = Rating.objects.filter(trial__token=token, slot__lte=2).order_by("slot")
print(json.dumps([[rating.revision, rating.score] for rating in stored]))
"""


@pytest.mark.slow
def test_a_write_that_waited_is_compared_with_what_it_waited_for(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgres")
    with postgres(folder / "server") as url:
        assert Stack(folder, DATABASE_URL=url).python(CODE) == [[5, 5], [5, 5]]
