"""A whole study by browser, from log-in to report: on one machine's defaults, and on Redis and Postgres."""

import csv
import io
import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.conftest import CLIPS
from tests.robot import Robot, chromium, missing_chromium
from tests.stack import ROOT, Stack, missing_servers, servers

pytestmark = pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium())

SPECS = ["reference", "lowpass@7000", "lowpass@3500", "opus@12", "lyra@6"]
CLIP_NAMES = ["speech_en_prompts", "speech_ga_words"]
"""`make test` takes the first."""


@pytest.fixture
def stack(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp(server)
    if server == "embedded":
        stack = Stack(folder)
        yield stack
        stack.stop()
        return
    with servers(folder) as environment:
        stack = Stack(folder, **environment)
        yield stack
        stack.stop()


ON_SERVERS = [pytest.mark.servers, pytest.mark.skipif(bool(missing_servers()), reason=missing_servers())]


@pytest.mark.parametrize(
    ("server", "n_raters", "clips"),
    [
        pytest.param("servers", 1, CLIP_NAMES[:1], marks=ON_SERVERS),
        pytest.param("servers", 2, CLIP_NAMES, marks=[*ON_SERVERS, pytest.mark.slow]),
        pytest.param("embedded", 2, CLIP_NAMES, marks=pytest.mark.slow),  # the demo's test goes that way too
    ],
)
def test_from_log_in_to_report(stack, n_raters, clips, tmp_path):
    stack.environment["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery"
    stack.manage("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
    stack.start_worker()
    base = stack.start_web()
    with chromium() as browser:
        page = browser.new_page()
        link = make_and_open(page, base, clips)
        raters = [
            Robot(browser.new_context().new_page(), score(rater), reload_on=1 - rater) for rater in range(n_raters)
        ]
        codes = {robot.go(base + link) for robot in raters}
        assert len(codes) == n_raters
        given = [robot.given for robot in raters]
        assert "mean" not in page.goto(f"{base}/studies/speech/results/").text().lower()
        close(page, base)
        page.goto(f"{base}/studies/speech/results/")
        expect(page.locator("main")).to_contain_text("Opus")

    rows = list(csv.DictReader(io.StringIO(stack.manage("export_results", "--study", "speech"))))
    assert len(rows) == n_raters * len(clips) * len(SPECS)
    assert {row["spec"] for row in rows} == set(SPECS)
    assert {row["clip"] for row in rows} == set(clips)
    assert {row["session_state"] for row in rows} == {"finished"}
    exported = pd.DataFrame(rows)
    by_rater = [
        {(int(row.trial_position), int(row.slot)): int(row.score) for row in part.itertuples()}
        for _, part in exported.groupby("rater")
    ]
    assert sorted(by_rater, key=str) == sorted(given, key=str)
    assert all(float(row["seconds_heard"]) >= 1 for row in rows)

    if n_raters > 1:
        report(rows, tmp_path)


def score(rater: int):
    """Scores that tell every page, slot and rater apart."""
    return lambda at, slot: (17 * slot + 29 * at + 7 * rater) % 101


def make_and_open(page, base: str, clips: list[str]) -> str:
    """As a researcher: log in, make a study, upload, choose, render, open. Returns the invite's path."""
    page.goto(base)
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "correct horse battery")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("log in|sign in", re.I)).click()
    page.goto(f"{base}/studies/new/")
    page.fill("[name=title]", "Speech")
    with page.expect_navigation():
        page.get_by_role("button", name="Make the study").click()
    page.goto(f"{base}/studies/speech/clips/")
    page.set_input_files("input[type=file]", [CLIPS / f"{name}.flac" for name in clips])
    expect(page.locator("#clips > li")).to_have_count(len(clips), timeout=30_000)
    page.goto(f"{base}/studies/speech/conditions/")
    for spec in SPECS[3:]:
        page.locator(f"input[value='{spec}']").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Save the conditions").click()
    page.goto(f"{base}/studies/speech/rendering/")
    page.get_by_role("button", name="Render the stimuli").click()
    expect(page.get_by_role("link", name=re.compile("Open the study"))).to_be_visible(timeout=120_000)
    page.get_by_role("link", name=re.compile("Open the study")).click()
    page.get_by_role("button", name=re.compile("Open")).click()
    return "/t/speech/"


def close(page, base: str) -> None:
    page.goto(f"{base}/studies/speech/close/")
    page.get_by_role("button", name=re.compile("Close")).click()


def report(rows, folder) -> None:
    """`python -m analysis report` on the export."""
    path = folder / "ratings.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "report", path, "-o", folder / "report"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    conditions = pd.read_csv(folder / "report" / "conditions.csv")
    assert len(conditions) == len(SPECS)
    assert json.loads((folder / "report" / "tests.json").read_text())
    assert "<svg" in (folder / "report" / "report.html").read_text()
