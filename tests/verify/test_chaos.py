"""Bad messages, killed processes, a full disk: every page answers, and every rendering finishes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import CLIPS
from tests.stack import ROOT, Stack, free_port, listens, wait_for

pytestmark = pytest.mark.slow

BURSTS, BURST = 100, 40
"""Of each of two processes."""
QUICK = {"RENDER_LEASE": "3", "SWEEP_SECONDS": "1", "MEASURE_STIMULI": "0"}
GARBAGE = (b"", b'{"body": "W1sxXSwge30sIHsiY2Fs', b'{"hello": "world"}', b"[1]", bytes(range(256)), b"x" * 2_000_000)

MAKE = f"""
import json
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, rendering, sessions, studies
from listening.models import Study
owner = get_user_model().objects.create_user("ada")
sources = sorted(Path({str(CLIPS)!r}).glob("music_*.flac"))

def study(name, count, specs):
    study = studies.create_study(owner, name, slug=name, channels=2)
    for path in sources[:count]:
        clips.add_clip(study, SimpleUploadedFile(path.name, path.read_bytes()))
    studies.set_conditions(study, specs)
    return study

rated = study("rated", 1, ["reference", "lowpass@3500", "opus@24"])
studies.start_rendering(rated)
for row in studies.progress(rated).rows:
    assert rendering.render(row.pk).error == ""
studies.open_study(rated, owner)
session = sessions.start(Study.objects.get(slug="rated"), outside_ids={{}}, locale="en", browser="")
study("s", 4, ["reference", "lowpass@3500", "opus@6", "opus@24", "opus@64", "mp3@64", "mp3@128"])
print(json.dumps(session.rater.get_absolute_url()))
"""
START = """
from listening import studies
from listening.models import Study
studies.start_rendering(Study.objects.get(slug="s"))
"""
LOOK = """
import json
from listening.models import Rendering
print(json.dumps(list(Rendering.objects.filter(clip__study__slug="s").values("state", "attempts", "error"))))
"""
PUBLISH = f"""
import time, django
django.setup()
from celery import current_app
from listening.tasks import render
with current_app.producer_or_acquire() as producer:
    for burst in range({BURSTS}):
        for number in range({BURST}):
            render.apply_async((10**9 + number,), producer=producer)
        time.sleep(0.1)
"""


class Site:
    """An installation with `manage.py run`, and somebody who asks for its pages all the time."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.stack = Stack(folder, **QUICK, **environment)
        self.messages = Path(self.stack.environment["VAR_DIR"]) / "queue" / "messages"
        self.logs = Path(self.stack.environment["VAR_DIR"]) / "logs"
        self.port = free_port()
        self.rater = self.stack.python(MAKE)
        self.answers: list[tuple[str, int, float]] = []
        self._stop = threading.Event()
        self._visitor = threading.Thread(target=self._visit)

    def run(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it serves."""
        child = self.stack.start("manage", "run", "--port", str(self.port), "--workers", "2")
        wait_for(lambda: listens(self.port), 90, "the web server")
        return child

    @contextlib.contextmanager
    def visited(self):
        """Ask for pages meanwhile."""
        self._visitor.start()
        try:
            yield
        finally:
            self._stop.set()
            self._visitor.join()

    def _visit(self) -> None:
        for path in itertools.cycle(["/health/", "/login/", self.rater]):
            if self._stop.wait(0.1):
                return
            begun = time.monotonic()
            self.answers.append((path, self.status(path), time.monotonic() - begun))

    def status(self, path: str) -> int:
        """Ask once; 0 for no answer."""
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def health(self) -> dict[str, str]:
        """What monitors read."""
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}/health/", timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def pids(self, *words: str) -> list[int]:
        """Processes of this installation whose command line has these words."""
        mark = f"VAR_DIR={self.stack.environment['VAR_DIR']}".encode()
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and set(words) <= set(command):
                    pids.append(int(pid))
        return sorted(pids)

    def kill(self, *words: str) -> None:
        """`kill -9` of the first of them."""
        os.kill(self.pids(*words)[0], signal.SIGKILL)

    def wait_until_rendered(self, seconds: float = 300) -> list[dict[str, object]]:
        """Wait for the end of every rendering; none may have failed."""

        def rows():
            rows = self.stack.python(LOOK)
            return rows if {row["state"] for row in rows} <= {"done", "failed"} else None

        rows = wait_for(rows, seconds, "the end of every rendering")
        assert [row for row in rows if row["state"] != "done"] == []
        assert len(rows) == 28
        return rows

    def report(self) -> str:
        """How many answers of which kind."""
        slowest = max(seconds for _, _, seconds in self.answers)
        dropped = (self.logs / "worker.log").read_text(errors="replace").count("Dropped")
        return f"{len(self.answers)} answers, slowest {slowest:.1f} s; {dropped} dropped; {len(self.bad())} bad"

    def bad(self) -> list[tuple[str, int, float]]:
        """Answers other than 200."""
        return [answer for answer in self.answers if answer[1] != 200]


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.stack.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 MB."""
    if os.geteuid():
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    path = folder / "ballast"
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return path


def test_bad_messages_bursts_and_killed_helpers_cost_no_page_and_no_rendering(site):
    site.run()
    wait_for(lambda: site.status("/health/") == 200, 60, "a healthy start")
    numbers = random.Random(1)
    with site.visited():
        publishers = [
            subprocess.Popen([sys.executable, "-c", PUBLISH], cwd=ROOT, env=site.stack.environment) for _ in range(2)
        ]
        site.stack.python(START)
        thrown = 0
        for victim in (("beat",), ("worker",), ("worker",), ("beat",)):
            for content in GARBAGE * 3:
                name = f"{numbers.randrange(10**19):020d}_x.celery.msg"
                (site.messages / name).write_bytes(content)
                thrown += 1
                time.sleep(0.1)
            site.kill("celery", *victim) if site.pids("celery", *victim) else None
        assert [publisher.wait(300) for publisher in publishers] == [0, 0]
        rows = site.wait_until_rendered()
        wait_for(lambda: os.listdir(site.messages) == [], 300, "an empty queue")
    print(f"\n{2 * BURSTS} bursts of {BURST}, {thrown} bad messages: {site.report()}")
    print(f"renderings: {len(rows)}, most attempts {max(row['attempts'] for row in rows)}")
    assert site.bad() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_helpers_end_within_seconds_when_run_is_killed_and_the_next_start_finishes_the_work(site, number):
    run = site.run()
    site.stack.python(START)
    wait_for(lambda: any(row["state"] == "running" for row in site.stack.python(LOOK)), 60, "a rendering under way")
    assert len(site.pids("celery")) >= 4
    begun = time.monotonic()
    run.send_signal(number)
    wait_for(lambda: not (site.pids("celery") or site.pids("gunicorn")), 15, "the helpers' end")
    print(f"\n{signal.Signals(number).name}: all ended after {time.monotonic() - begun:.1f} s")
    run.wait()
    site.run()
    site.wait_until_rendered()


def test_a_full_disk_costs_no_page_and_no_rendering(tmp_path, small_disk):
    site = Site(tmp_path, VAR_DIR=str(small_disk / "var"))
    try:
        run = site.run()
        wait_for(lambda: site.status("/health/") == 200, 60, "a healthy start")
        site.stack.python(START)
        wait_for(lambda: any(row["state"] == "done" for row in site.stack.python(LOOK)), 60, "the first rendering")
        with site.visited():
            ballast = fill(small_disk)
            wait_for(lambda: site.health()["disk"] == "not ok", 30, "the warning")
            site.kill("celery", "worker")
            site.kill("celery", "beat")
            time.sleep(20)  # longer than a rendering may be interrupted
            fill(small_disk)
            ballast.unlink()
            site.wait_until_rendered()
            wait_for(lambda: site.status("/health/") == 200, 60, "health")
        print(f"\nfull disk: {site.report()}")
        assert {path for path, *_ in site.bad()} <= {"/health/"}
        assert {status for _, status, _ in site.bad()} <= {503}

        run.kill()
        run.wait()
        wait_for(lambda: not listens(site.port), 60, "the end of the web server")
        fill(small_disk)
        site.run()
        assert site.status("/health/") == 503
        ballast.unlink()
        wait_for(lambda: site.status("/health/") == 200, 120, "health after a start on a full disk")
    finally:
        site.stack.stop()
