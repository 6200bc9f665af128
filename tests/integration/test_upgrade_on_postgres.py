"""Migrations on Postgres, from the schema of an earlier version that holds raters: an empty database hides faults."""

import pytest

from tests.stack import Stack, missing_servers, postgres

pytestmark = [pytest.mark.servers, pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())]

CODE = """
import json
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

call_command("migrate", "listening", "0018", verbosity=0)
apps = MigrationExecutor(connection).loader.project_state([("listening", "0018_heartbeats")]).apps
Rater, Session, Study, User = (
    apps.get_model(*each) for each in (("listening", "Rater"), ("listening", "Session"), ("listening", "Study"),
                                       ("auth", "User"))
)
owner = User.objects.create(username="ada")
way = {"identity": {"names": ["PROLIFIC_PID"], "one_attempt": True}}
panel = Study._base_manager.create(owner=owner, slug="panel", title="", raters_way=way, state="open")
lab = Study._base_manager.create(owner=owner, slug="lab", title="", state="open")
old = {"identity": {"names": ["panel", "PID"], "required": True, "one_attempt": True}}
named = Study._base_manager.create(owner=owner, slug="named", title="", raters_way=old, state="open")
for n, (study, identity) in enumerate([(panel, "a=b"), (panel, "c"), (panel, None), (lab, None), (named, "lab")]):
    rater = Rater.objects.create(token=f"token{n}", code=f"R{n}")
    Session.objects.create(study=study, rater=rater, identity=identity, state="trials")
call_command("migrate", verbosity=0)

from listening.models import Session
found = Session.objects.order_by("pk").values_list("identity", "resume_code")
from listening.models import Study
names = Study.objects.get(slug="named").protocol.identity.names
print(json.dumps([[identity for identity, _ in found], len({code for _, code in found}), names]))
"""


@pytest.mark.slow
def test_an_installation_with_raters_is_upgraded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgres")
    with postgres(folder / "server") as url:
        found = Stack(folder, DATABASE_URL=url).python(CODE)
    assert found == [["PROLIFIC_PID=a=b", "PROLIFIC_PID=c", None, None, None], 5, ["PID"]]
