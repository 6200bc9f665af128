"""A rated study as a file, made by the first test that asks; and what stands in a database and its storage."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from listening import primary_claims, ratings, sessions, studies
from listening.archive.reading import import_study
from listening.events import Block, keep
from listening.export import TABLES
from listening.models import Condition, EventBlock, Rater, Rendering, Session, Study
from listening.protocol import read
from tests.listen import listen

SCORES = {
    Condition.Role.HIDDEN_REFERENCE: 100,
    Condition.Role.MID_ANCHOR: 55,
    Condition.Role.LOW_ANCHOR: 21,
    Condition.Role.SYSTEM: 70,
}

WAY = {
    "design": {"clips_per_rater": 2},
    "repeats": 1,
    "rating": {"comments": True},
    "headphones": {"tests": ["huggins"], "huggins_passes_with": 1, "failing": "go_on"},
    "questionnaires": [
        {"name": "after", "at": "end", "questions": [{"kind": "text", "name": "said", "text": "What did you hear?"}]}
    ],
}


def rate(study: Study, n: int, trials: int = 99, **slips: int) -> Session:
    """Go through a study with everything that leaves a row; stop after so many counted trials."""
    session = sessions.start(
        study, outside_ids={"PROLIFIC_PID": f"p{n}"}, locale="en", browser="Firefox", identity=f"p{n}"
    )
    for _ in range(60):
        match session.state:
            case Session.State.HEADPHONES:
                for trial in range(6):
                    sessions.answer_headphones(session, 1, trial, 1 + trial % 3)
                sessions.advance(session, sessions.step_of(session))
            case Session.State.TRAINING | Session.State.TRIALS:
                trial = sessions.current_trial(session)
                if trial.position > trials:
                    break
                sessions.show(trial)
                listen(session)
                for rating in trial.ratings.select_related("condition", "trial__clip"):
                    score = slips.get(rating.condition.role, SCORES[rating.condition.role] - rating.trial.clip.position)
                    write = ratings.Write(trial.token, rating.slot, score, 2, 3.5, 1, 2**40, "höre “nichts”\n", "ab12")
                    ratings.save(session, write)
                events = ((10 * n, "play", 1, 0.25), (900, "score", 2, 70))
                keep(session, Block(f"page-{trial.token[:10]}", trial.token, 1, events))
                sessions.advance(session, trial.token)
            case Session.State.QUESTIONS:
                sessions.advance(session, sessions.step_of(session), {"answer/said": "=1+1 \u2028 日本 "})
            case state if state in Session.ENDS:
                break
            case _:
                sessions.advance(session, sessions.step_of(session), {"comment": "thank you"})
    return session


@pytest.fixture
def closed(ready) -> Study:
    """A study with three raters, one of them careless and one who left, closed."""
    ready.protocol = read(WAY)
    ready.margin = 8
    ready.save()
    primary_claims.declare(
        ready, primary_claims.named(ready, "opus@12"), "no worse", primary_claims.named(ready, "reference")
    )
    studies.open_study(ready, ready.owner)
    rate(ready, 1)
    rate(ready, 2, system=62)
    rate(ready, 3, hidden_reference=40)
    rate(ready, 4, trials=1)
    studies.close_study(ready, ready.owner)
    assert EventBlock.objects.exists()
    return ready


@pytest.fixture(scope="session")
def _exported(tmp_path_factory):
    return tmp_path_factory.mktemp("exported") / "speech.zip", {}


@pytest.fixture
def exported(_exported, request) -> Path:
    """The file of that study. Who asks first finds the study in the database, all others an empty one."""
    path, seen = _exported
    if not path.exists():
        study = request.getfixturevalue("closed")
        call_command("export_study", study.slug, output=path, stderr=io.StringIO())
        seen.update(everything(study))
        seen["secrets"] = [(session.rater.token, session.identity) for session in study.sessions.all()]
        study.sessions.all().delete()
        Rater.objects.all().delete()
        study.delete()
        study.owner.delete()
        for file in (request.getfixturevalue("media")).rglob("*.*"):
            file.unlink()
    return path


@pytest.fixture
def before(exported, _exported) -> dict:
    """What `everything` said of the study before it was exported."""
    return {name: found for name, found in _exported[1].items() if name != "secrets"}


@pytest.fixture
def secrets(exported, _exported) -> list:
    """Token of each rater's link and name at the panel, as they were."""
    return _exported[1]["secrets"]


@pytest.fixture
def owner(exported, db):
    """An account here, after the file was made."""
    return get_user_model().objects.get_or_create(username="grace")[0]


@pytest.fixture
def imported(exported, owner) -> Study:
    """That study, back in the database from its file."""
    return import_study(exported, owner).study


def everything(study: Study) -> dict:
    """A study's tables, and stimuli, without the numbers that a database gives."""
    numbers = {pk: n for n, pk in enumerate(study.sessions.order_by("pk").values_list("pk", flat=True), start=1)}
    found: dict = {}
    for name, table in TABLES.items():
        columns = list(table.columns)
        rows = [dict(zip(columns, row, strict=True)) for row in table.rows(study)]
        found[name] = [{**row, "session": numbers[row["session"]]} for row in rows]
    made = Rendering.objects.filter(clip__study=study).order_by("pk")
    found["stimuli"] = list(made.values_list("stimulus", "stimulus_sha256", "packed", "key", "kbps", "finished_at"))
    found["clips"] = list(study.clips.values_list("reference", "packed", "prepared_for", "start", "gain_db"))
    return found


def inside(path: Path) -> dict[str, bytes]:
    """What a zip holds, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
