"""Scripts that pretend to be raters, against a live server: no code, no places, no flood."""

from __future__ import annotations

import html
import json
import time
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.stack import Stack
from tests.verify.leaks.crawl import FORM, HIDDEN, SETUP, Answer, NetworkLine

pytestmark = pytest.mark.slow

PLACES = 10
MAKE = """
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, protocol, rendering, studies
owner = get_user_model().objects.create_user("researcher")
for slug, heard, design in (
    ("strict", 1.0, {}), ("lax", 0.0, {}), ("places", 1.0, {"ratings_per_stimulus": PLACES})
):
    study = studies.create_study(owner, slug, rate=24000, heard_seconds=heard)
    study.protocol = protocol.read({"design": design, "ends": {"completed": {"code": "PAID-CODE"}}})
    study.save()
    source = Path("listening/demo/clips/speech_en_prompts.flac")
    clip = clips.add_clip(study, SimpleUploadedFile("a.flac", source.read_bytes()))
    clips.set_excerpt(clip, start=1.0, length=0.6, name=clip.name, category="")
    studies.set_conditions(study, ["reference", "lowpass@3500", "opus@12"])
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        assert rendering.render(row.pk).error == ""
    studies.settle(study)
    studies.open_study(study, owner)
""".replace("PLACES", str(PLACES))

SESSIONS = """
import json
from listening.models import Session
found = Session.objects.filter(study__slug="{slug}").values_list("state", "completion_code", "cannot_have_listened")
print(json.dumps(list(found)))
"""

SILENT = """
from datetime import timedelta
from django.utils import timezone
from listening.models import Session
Session.objects.update(seen_at=timezone.now() - timedelta(minutes=11))
"""

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("bots"))
    stack.python(MAKE)
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def host(stack) -> str:
    return stack.start_web().removeprefix("http://")


@pytest.fixture
def bot(host) -> NetworkLine:
    return NetworkLine(host)


def press(line: NetworkLine, page: str) -> Answer:
    """Send the page's form; the answer, whatever it is."""
    action, inside = FORM.search(page).groups()
    fields = urllib.parse.urlencode({name: html.unescape(value) for name, value in HIDDEN.findall(inside)})
    return line.ask("POST", action, fields, **{"Content-Type": "application/x-www-form-urlencoded"})


def consent(line: NetworkLine, slug: str) -> tuple[str, str]:
    """The page after the consent, and its address."""
    link = line.leave(line.open(f"/t/{slug}/"))
    return line.open(link), link


def claim(line: NetworkLine, page: str, seconds: float) -> list[dict]:
    """Report for every sound of a page that it was heard for so long, and rate it."""
    setup = json.loads(SETUP.search(page)[1])
    answers = []
    for slot in setup["slots"]:
        write = {"trial": setup["trial"], "slot": slot["slot"], "score": 50, "plays": 9, "seconds_heard": seconds}
        answer = line.ask("POST", setup["save_url"], json.dumps({**write, "revision": 1}), **JSON)
        assert answer.status == 200, answer.body
        answers.append(json.loads(answer.body))
    return answers


def test_a_script_that_fetches_no_sound_does_not_pass_the_first_page(stack, bot):
    page, link = consent(bot, "strict")
    bot.leave(page)
    page = bot.open(link)
    assert [answer["seconds_heard"] for answer in claim(bot, page, 99.0)] == [0.0] * 3
    refused = press(bot, page)
    assert (refused.status, b"Still to hear" in refused.body) == (409, True)
    assert stack.python(SESSIONS.format(slug="strict")) == [["training", "", ""]]


def test_where_a_study_asks_for_no_listening_the_script_finishes_without_a_code(stack, bot):
    page, link = consent(bot, "lax")
    while FORM.search(page):
        if SETUP.search(page):
            claim(bot, page, 99.0)
        bot.leave(page)
        page = bot.open(link)
    assert "PAID-CODE" not in page
    assert "cannot give you a completion code" in page
    found = stack.python(SESSIONS.format(slug="lax"))
    assert found == [["finished", "", "3 of 3 rated sounds were never sent to the rater"]]


def test_99_seconds_in_the_first_second_are_cut(bot):
    before = time.monotonic()
    page, link = consent(bot, "strict")
    bot.leave(page)
    page = bot.open(link)
    setup = json.loads(SETUP.search(page)[1])
    for sound in (setup["reference"], *setup["slots"]):
        assert bot.ask("GET", sound["url"]).status == 200
    heard = [answer["seconds_heard"] for answer in claim(bot, page, 99.0)]
    assert sum(heard) <= (time.monotonic() - before) * 1.02 + 1


def test_of_thirty_thousand_events_a_minutes_worth_is_taken(bot):
    page, _ = consent(bot, "strict")
    setup = json.loads(page.split('<script id="events" type="application/json">')[1].split("</script>")[0])
    before, answers = time.monotonic(), []
    for first in range(1, 30_000, 500):
        events = [[number, "move", 1, 50] for number in range(first, first + 500)]
        body = {"page": "a1b2c3d4e5", "trial": "", "first": first, "events": events}
        answers.append(bot.ask("POST", setup["url"], json.dumps(body), **JSON).status)
    taken = 500 * answers.count(200)
    assert 3000 <= taken <= 3000 * (2 + (time.monotonic() - before) / 60)
    assert set(answers) == {200, 429}
    bot.leave(page)  # the session itself goes on


def test_consents_fill_a_study_for_ten_minutes_only(stack, host):
    for _ in range(PLACES):
        consent(NetworkLine(host), "places")
    full = NetworkLine(host).open("/t/places/")
    assert "all the raters it needs" in full
    stack.python(SILENT)
    line = NetworkLine(host)
    page, link = consent(line, "places")
    line.leave(page)
    assert SETUP.search(line.open(link))
