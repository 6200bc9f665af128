"""Whatever happens to the line, the server, the tab or the clock: what is stored is what was set last."""

from __future__ import annotations

import contextlib
import random
import time
from types import SimpleNamespace

import pytest
from playwright.sync_api import Error, expect

from tests.robot import chromium, missing_chromium
from tests.stack import Stack, free_port, listens, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

RATERS = 18
SLOTS = 12
WAYS = 5
assert RATERS * SLOTS * WAYS >= 1000  # ratings that are compared in all, `RATERS * SLOTS` by each test below

MAKE = """
import json
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, rendering, sessions, studies
owner = get_user_model().objects.create_user("researcher")
study = studies.create_study(owner, "Nothing lost", rate=24000)
source = Path("listening/demo/clips/speech_en_prompts.flac")
clip = clips.add_clip(study, SimpleUploadedFile("a.flac", source.read_bytes()))
clips.set_excerpt(clip, start=1.0, length=0.6, name=clip.name, category="")
rates = (6, 8, 12, 16, 24, 32, 48, 64)
opus = [f"opus@{kbps}" for kbps in rates]
studies.set_conditions(study, ["reference", "lowpass@3500", "lowpass@7000", *opus, "mp3@64"])
studies.start_rendering(study)
for row in studies.progress(study).rows:
    assert rendering.render(row.pk).error == ""
studies.open_study(study, owner)
"""

LINKS = """
import json
from listening import sessions
from listening.models import Study
links = []
for _ in range({n}):
    session = sessions.start(Study.objects.get(), outside_ids={{}}, locale="en", browser="")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    links.append(session.rater.get_absolute_url())
print(json.dumps(links))
"""

STORED = """
import json
from listening.models import Rating
rows = Rating.objects.filter(trial__training=True).values_list("trial__session__rater__token", "slot", "score")
print(json.dumps([[f"/r/{token}/", slot, score] for token, slot, score in rows]))
"""

# A hand that moves one slider after another until it is told to stop; gives what it set last, by slot.
HAND = """() => {
  const sliders = [...document.querySelectorAll("input.score")];
  const last = {};
  let going = true;
  const move = (slider, value, kinds) => {
    slider.value = value;
    for (const kind of kinds) slider.dispatchEvent(new Event(kind, { bubbles: true }));
    last[slider.dataset.testid.split("-").at(-1)] = value;
  };
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  const step = () => {
    if (!going) return;
    const slider = any(sliders);
    const value = Math.floor(Math.random() * 101);
    if (Math.random() < 0.5) move(slider, (value + 50) % 101, ["input"]); // on the way to it
    move(slider, value, ["input", "change"]);
    setTimeout(step, 200 + Math.random() * 600);
  };
  window.lift = () => {
    going = false;
    for (const slider of sliders) {
      const slot = slider.dataset.testid.split("-").at(-1);
      if (!(slot in last)) move(slider, Math.floor(Math.random() * 101), ["input", "change"]);
    }
    return last;
  };
  step();
}"""

SET = """(slider, value) => {
  slider.value = value;
  for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, { bubbles: true }));
}"""

WRONG_CLOCK = """
(() => {
  const Right = Date;
  const year = 365 * 86_400_000;
  let off = OFF * year;
  setTimeout(() => (off = -off), 8000); // and it is set right past the truth while the page is open
  window.Date = class extends Right {
    constructor(...given) { given.length ? super(...given) : super(Right.now() + off); }
    static now() { return Right.now() + off; }
  };
  Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + off });
})();
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A study on a server that can be killed and started again at the same address, and a browser."""
    if reason := missing_chromium():
        pytest.skip(reason)
    stack, port = Stack(tmp_path_factory.mktemp("nothing-lost")), free_port()
    stack.python(MAKE)
    found = SimpleNamespace(stack=stack, url=f"http://localhost:{port}", server=None)

    def serve():
        arguments = ["evalapp.wsgi:application", "--bind", f"127.0.0.1:{port}", "--threads", "8"]
        found.server = stack.start("gunicorn", *arguments)
        wait_for(lambda: listens(port), 60, "web server listening")

    found.serve = serve
    serve()
    with chromium() as found.browser:
        yield found
    stack.stop()


@pytest.fixture
def links(world):
    return world.stack.python(LINKS.format(n=RATERS))


@pytest.fixture
def contexts(world):
    """A browser profile for each rater."""
    found = [world.browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(RATERS)]
    yield found
    for each in found:
        each.close()


def open_page(world, context, link):
    page = context.new_page()
    page.goto(world.url + link, timeout=60_000)
    expect(page.locator("#loading")).to_be_hidden(timeout=60_000)
    expect(page.locator("input.score:disabled")).to_have_count(0)
    return page


def saved(page):
    expect(page.locator("#saving")).to_have_text("Saved", timeout=90_000)


def lift_all(pages):
    return [{int(slot): score for slot, score in page.evaluate("lift()").items()} for page in pages]


def compare(world, links, wanted):
    """Every slot of every rater holds the score that was set last."""
    stored = {(link, slot): score for link, slot, score in world.stack.python(STORED)}
    lost = []
    for link, scores in zip(links, wanted, strict=True):
        assert sorted(scores) == list(range(1, SLOTS + 1))
        lost += [
            (link, slot, score, stored[link, slot]) for slot, score in scores.items() if stored[link, slot] != score
        ]
    assert lost == []


def test_offline_for_a_minute(world, links, contexts):
    pages = [open_page(world, *each) for each in zip(contexts, links, strict=True)]
    for page in pages:
        page.evaluate(HAND)
    time.sleep(3)
    for context in contexts:
        context.set_offline(True)
    time.sleep(60)
    for page in pages:
        expect(page.locator("#saving")).to_have_text("No connection. Kept on this device.")
    wanted = lift_all(pages)
    for context in contexts:
        context.set_offline(False)
    for page in pages:
        saved(page)
    compare(world, links, wanted)


def test_the_server_is_killed_and_is_back_after_30_s(world, links, contexts):
    pages = [open_page(world, *each) for each in zip(contexts, links, strict=True)]
    for page in pages:
        page.evaluate(HAND)
    time.sleep(3)
    world.stack.kill(world.server)
    time.sleep(30)
    world.serve()
    time.sleep(3)
    wanted = lift_all(pages)
    for page in pages:
        saved(page)
    compare(world, links, wanted)


def test_a_tab_closed_in_mid_drag(world, links, contexts):
    """While a mouse drags the last slider, the tab is closed, its process killed or the line cut."""
    wanted = []
    for n, (context, link) in enumerate(zip(contexts, links, strict=True)):
        page = open_page(world, context, link)
        scores = {}
        for slot in range(1, SLOTS + 1):
            slider = page.get_by_test_id(f"score-slot-{slot}")
            if slot < SLOTS:
                scores[slot] = random.randrange(101)
                slider.evaluate(SET, str(scores[slot]))
                continue
            slider.scroll_into_view_if_needed()
            box = slider.bounding_box()
            upright = box["height"] > box["width"]
            place = lambda share, box=box, upright=upright: (  # noqa: E731
                box["x"] + box["width"] * (0.5 if upright else share),
                box["y"] + box["height"] * (1 - share if upright else 0.5),
            )
            page.mouse.move(*place(random.uniform(0.1, 0.9)))
            page.mouse.down()
            page.mouse.move(*place(random.uniform(0.1, 0.9)), steps=4)
            scores[slot] = int(slider.input_value())
        wanted.append(scores)
        if n % 3 == 0:
            page.close()
        elif n % 3 == 1:
            crash(page)
        else:
            context.set_offline(True)
            page.close()
            context.set_offline(False)
    for context, link in zip(contexts, links, strict=True):
        page = open_page(world, context, link)
        saved(page)
    compare(world, links, wanted)


def crash(page):
    """End the tab's process at once, without a farewell."""
    with page.expect_event("crash"), contextlib.suppress(Error):  # it tells of itself as an error
        page.goto("chrome://crash", timeout=10_000)


def test_two_tabs(world, links, contexts):
    """The tabs take turns on the same sliders; in the middle the line goes."""
    wanted = []
    for context, link in zip(contexts, links, strict=True):
        tabs = [open_page(world, context, link) for _ in range(2)]
        scores = {}
        for turn in range(4 * SLOTS):
            if turn in (SLOTS, 3 * SLOTS):
                context.set_offline(turn == SLOTS)
            slot = turn % SLOTS + 1
            scores[slot] = random.randrange(101)
            tabs[random.randrange(2)].get_by_test_id(f"score-slot-{slot}").evaluate(SET, str(scores[slot]))
        for tab in tabs:
            saved(tab)
        for slot, score in scores.items():
            for tab in tabs:
                expect(tab.get_by_test_id(f"score-slot-{slot}")).to_have_value(str(score))
        wanted.append(scores)
        for tab in tabs:
            tab.close()
    compare(world, links, wanted)


def test_a_clock_wrong_by_a_year(world, links, contexts):
    for n, context in enumerate(contexts):
        context.add_init_script(WRONG_CLOCK.replace("OFF", "1" if n % 2 else "-1"))
    pages = [open_page(world, *each) for each in zip(contexts, links, strict=True)]
    for page in pages:
        page.evaluate(HAND)
    time.sleep(5)
    for context in contexts:
        context.set_offline(True)
    time.sleep(10)
    for page in pages[::2]:  # these come again in a new page, whose clock is off the other way
        page.evaluate("Object.assign(sessionStorage, { last: JSON.stringify(lift()) })")
    for context in contexts:
        context.set_offline(False)
    wanted = []
    for n, page in enumerate(pages):
        if n % 2:
            wanted += lift_all([page])
        else:
            page.reload()
            expect(page.locator("#loading")).to_be_hidden(timeout=60_000)
            last = page.evaluate("JSON.parse(sessionStorage.last)")
            wanted.append({int(slot): int(score) for slot, score in last.items()})
    for page in pages:
        saved(page)
    compare(world, links, wanted)
