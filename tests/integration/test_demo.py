"""`make demo`, as a newcomer meets it: the links, and every stimulus behind them."""

import http.cookiejar
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import signal as filters

from audiocodecs import audio
from audiocodecs.registry import offers
from tests.conftest import CLIPS
from tests.robot import Robot, chromium, missing_chromium
from tests.stack import ROOT, Stack, free_port, wait_for

STEREO_NEURAL = [offer.spec for offer in offers() if offer.name == "spectral_48khz" and offer.available]
FEW = ("speech_en_prompts", "music_percussion")
"""The clips of `make test`; `make verify` runs the demo with all of them."""

RUN = """
import sys
from pathlib import Path
import django
from django.core.management import execute_from_command_line

django.setup()
from listening import demo

demo.CLIPS = Path(sys.argv.pop(1))
execute_from_command_line(sys.argv)
"""

LOOK = """
import json
from listening.models import Rendering
fields = ("clip__study__slug", "clip__name", "condition__spec", "condition__role", "condition__weights", "state",
          "attempts", "kbps", "stimulus", "stimulus_sha256", "clip__reference", "delay_samples", "error")
print(json.dumps(list(Rendering.objects.values(*fields)), default=str))
"""


class Demo:
    """`manage.py demo` in a process of its own, its printed lines read."""

    def __init__(self, stack: Stack, clips: Path) -> None:
        self.port = free_port()
        self.log = (stack.folder / f"demo-{self.port}.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(clips), "demo", "--port", str(self.port)],
            cwd=ROOT,
            env=stack.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def text(self) -> str:
        """All that it printed so far."""
        said = Path(self.log.name).read_text()
        assert self.process.poll() is None, said
        return said

    def links(self) -> dict[str, list[str]]:
        """The printed `Name: value` lines."""
        wait_for(lambda: "Ctrl-C" in self.text(), 600, "the printed links")
        found: dict[str, list[str]] = {}
        for name, value in re.findall(r"^(Rater|Researcher|User|Password): (.+)$", self.text(), re.M):
            found.setdefault(name, []).append(value)
        return found

    def end(self, number: int) -> int:
        """Send a signal to the parent alone; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture(scope="module", params=["two clips", pytest.param("all clips", marks=pytest.mark.slow)])
def clips(request, tmp_path_factory):
    """The folder of the demo's clips: one of each study, or all."""
    if request.param == "all clips":
        return CLIPS
    few = tmp_path_factory.mktemp("clips")
    for name in FEW:
        shutil.copy(CLIPS / f"{name}.flac", few)
    return few


@pytest.fixture(scope="module")
def stack(clips, tmp_path_factory):
    return Stack(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def demo(stack, clips):
    demo = Demo(stack, clips)
    demo.links()
    yield demo
    if demo.process.poll() is None:
        demo.end(signal.SIGINT)


@pytest.fixture(scope="module")
def rows(stack, demo):
    return stack.python(LOOK)


def samples(stack: Stack, name: str):
    with (stack.folder / "var" / "media" / name).open("rb") as file:
        return audio.read(file)


def test_it_prints_two_rater_links_the_researchers_link_and_a_password_that_opens_it(demo):
    links = demo.links()
    assert [url.rsplit("/", 2)[-2] for url in links["Rater"]] == ["demo-speech", "demo-music"]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    for url in links["Rater"]:
        assert 'data-testid="begin"' in browser.open(url).read().decode()
    page = browser.open(links["Researcher"][0]).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
    fields = {"csrfmiddlewaretoken": token, "username": links["User"][0], "password": links["Password"][0], "next": "/"}
    page = browser.open(f"http://localhost:{demo.port}/login/", urllib.parse.urlencode(fields).encode())
    assert "demo-speech" in page.read().decode()


def test_every_stimulus_is_done_at_the_first_attempt(rows, clips):
    speech, music = (len(list(clips.glob(f"{kind}_*.flac"))) for kind in ("speech", "music"))
    assert {row["state"] for row in rows} == {"done"}, [row["error"] for row in rows if row["error"]]
    assert {row["attempts"] for row in rows} == {1}
    assert len(rows) == speech * 11 + music * (6 + len(STEREO_NEURAL))


def test_the_neural_codec_goes_by_its_own_name(rows):
    for name, study, rates in (
        ("spectral_24khz", "demo-speech", 4),
        ("spectral_48khz", "demo-music", len(STEREO_NEURAL)),
    ):
        neural = [row for row in rows if row["condition__spec"].startswith(f"{name}@")]
        assert len(neural) == rates * len({row["clip__name"] for row in rows if row["clip__study__slug"] == study})
        assert all(row["condition__weights"].startswith("shipped") for row in neural)


@pytest.mark.skipif(bool(STEREO_NEURAL), reason="there is a neural codec for stereo")
def test_it_says_why_the_music_has_no_neural_codec(demo):
    assert re.search(r"^demo-music: No neural codec\. .*encodec_48khz-7e698e3e\.th.*make models", demo.text(), re.M)


def test_every_stimulus_is_as_long_as_its_reference_and_in_time_with_it(stack, rows):
    """Waveform codecs by cross-correlation, the others by their envelopes; the table is printed."""
    assert len({row["clip__study__slug"] for row in rows}) == 2
    print(f"\n{'clip':22s}{'condition':20s}{'kbps':>7s}{'lag':>6s}{'envelope ms':>13s}")
    wrong = []
    for row in rows:
        reference, stimulus = samples(stack, row["clip__reference"]), samples(stack, row["stimulus"])
        assert stimulus.samples.shape == reference.samples.shape
        assert stimulus.rate == reference.rate == 48000
        spec = row["condition__spec"]
        lag = audio.lag(reference.samples, stimulus.samples, 48000)
        envelope = 1000 * audio.envelope_lag(reference.samples, stimulus.samples, 48000)
        print(f"{row['clip__name']:22s}{spec:20s}{row['kbps'] or 0:7.2f}{lag:6d}{envelope:13.2f}")
        by_envelope = spec.startswith(("spectral", "encodec", "lyra"))
        most = 6 if spec == "opus@6" else 2
        if (abs(envelope) > 2) if by_envelope else (abs(lag) > most):
            wrong.append((row["clip__name"], spec, lag, envelope))
        assert row["delay_samples"] == 0
    assert wrong == []


def test_measured_rates_are_near_their_names(rows):
    """Within 12%: Opus at a constrained variable rate follows the signal, the others are exact.

    The spectral codecs take less than their highest rate, a steady guitar by a third: all of their codebooks, entropy
    coded, have no more.
    """
    for row in rows:
        if row["kbps"] is not None:
            spec = row["condition__spec"]
            nominal = float(re.search(r"@([\d.]+)", spec).group(1))
            least = 0.6 if spec in ("spectral_24khz@12", "spectral_48khz@24") else 0.65 if "opus" in spec else 0.88
            assert least * nominal < row["kbps"] < (1.35 if "opus" in spec else 1.12) * nominal, row
        else:
            assert row["condition__role"] != "system"


def test_the_low_anchors_lie_inside_the_mask(stack, rows):
    """Measured on the stimuli, where the clip is loud enough to show it over the noise of 16 bits."""
    rounding = 2**-30 / 12 / 24000  # power density of rounding to 16 bits at 48 kHz
    found = []
    for row in rows:
        if row["condition__role"] != "low_anchor":
            continue
        reference, anchor = samples(stack, row["clip__reference"]).samples, samples(stack, row["stimulus"]).samples
        frequencies, before = filters.welch(reference.astype(float), 48000, "blackman", 8192)
        cross = filters.csd(reference.astype(float), anchor.astype(float), 48000, "blackman", 8192)[1]
        gain = 20 * np.log10(np.abs(cross).sum(axis=0) / before.sum(axis=0))
        loud = before.sum(axis=0) > 1e6 * rounding
        found.append(
            (
                np.abs(gain[loud & (frequencies > 100) & (frequencies < 3480)]).max(),
                gain[loud & (frequencies >= 4000) & (frequencies < 4500)].max(initial=-99),
                gain[loud & (frequencies >= 4500)].max(initial=-99),
            )
        )
        print(f"{row['clip__name']:22s} ripple {found[-1][0]:.3f} dB, {found[-1][1]:.1f} dB, {found[-1][2]:.1f} dB")
    ripple, at_4_kilohertz, above = map(max, zip(*found, strict=True))
    assert len(found) == len({row["clip__name"] for row in rows})
    assert ripple < 0.1
    assert at_4_kilohertz < -25
    assert -90 < above < -50


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium())
def test_a_browser_completes_the_speech_study_from_the_printed_link_alone(stack, demo, rows, tmp_path):
    """Plays, switches, rates, reloads in mid-trial, finishes; then export and report have every score."""
    with chromium() as browser:
        robot = Robot(browser.new_page(), lambda at, slot: (31 * at + 17 * slot) % 101, reload_on=2)
        assert len(robot.go(demo.links()["Rater"][0])) >= 4
    path = tmp_path / "ratings.csv"
    stack.manage("export_results", "--study", "demo-speech", "--output", str(path))
    exported = pd.read_csv(path)
    clips = {row["clip__name"] for row in rows if row["clip__study__slug"] == "demo-speech"}
    signals = {row["condition__spec"] for row in rows if row["clip__study__slug"] == "demo-speech"}
    finished = exported[exported.session_state == "finished"]
    assert len(finished) == len(clips) * len(signals)
    assert set(zip(finished["clip"], finished["spec"], strict=True)) == {
        (clip, spec) for clip in clips for spec in signals
    }
    found = {(row.trial_position, row.slot): row.score for row in finished.itertuples()}
    assert found == robot.given
    command = [sys.executable, "-m", "analysis", "report", path, "-o", tmp_path / "report"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "report" / "conditions.csv")) == len(signals)


def test_ctrl_c_ends_all(stack, demo, rows):
    assert demo.end(signal.SIGINT) == 0
    for name in ("worker", "beat", "web"):
        assert not _running(stack, name)


@pytest.mark.slow
def test_a_second_start_renders_nothing(stack, demo, rows, clips):
    if demo.process.poll() is None:  # the test of Ctrl-C did not run
        demo.end(signal.SIGINT)
    again = Demo(stack, clips)
    again.links()
    assert "Rendering" not in again.text()
    assert stack.python(LOOK) == rows
    assert again.end(signal.SIGTERM) == 0


def _running(stack: Stack, name: str) -> list[str]:
    """Processes of this installation: those with its VAR_DIR in their environment."""
    found = []
    mark = f"VAR_DIR={stack.folder / 'var'}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if mark in environment and name.encode() in command and int(pid) != os.getpid():
            found.append(command.decode())
    return found
