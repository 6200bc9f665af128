"""From a folder of recordings to a report, and to the same study on another installation: all of it in a browser."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, Route, expect

from tests.conftest import CLIPS
from tests.robot import Robot, chromium, drop, missing_chromium
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium())]

NAMES = [
    *("music_guitar", "music_orchestral", "music_percussion"),
    *("speech_da_phrases", "speech_en_prompts", "speech_en_stamps"),
    *("speech_ga_words", "speech_noisy_da", "speech_ro_words"),
]
EACH = 4
"""Clips that each rater gets."""
PART = 1024 * 1024


@pytest.fixture
def install(tmp_path_factory):
    """Makes installations with a web server, a worker and an account each; ends them all."""
    made = []

    def make(user: str) -> str:
        stack = Stack(tmp_path_factory.mktemp(user))
        made.append(stack)
        stack.environment["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery"
        stack.manage("createsuperuser", "--noinput", "--username", user, "--email", f"{user}@example.org")
        stack.start_worker()
        return stack.start_web()

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Nine recordings as WAV, music and speech in folders of their own, and a file that is no sound."""
    for name in NAMES:
        kind = tmp_path / "material" / name.partition("_")[0]
        kind.mkdir(parents=True, exist_ok=True)
        samples, rate = soundfile.read(CLIPS / f"{name}.flac")
        soundfile.write(kind / f"{name}.wav", samples, rate, subtype="PCM_16")
    (tmp_path / "material" / "notes.txt").write_text("Recorded in May.")
    return tmp_path / "material"


def test_from_a_folder_to_a_report_and_to_another_installation(install, folder, tmp_path):
    here, there = install("ada"), install("grace")
    with chromium() as browser:
        page = browser.new_context(accept_downloads=True).new_page()
        log_in(page, here, "ada")
        make_study(page)
        upload(page, folder)
        choose_excerpts(page)
        use_preset(page)
        design(page)
        render(page)
        invite = open_study(page)
        raters = [Robot(browser.new_context().new_page(), score(rater), reload_on=rater - 1) for rater in range(3)]
        assert len({robot.go(here + invite) for robot in raters}) == 3
        assert [len({at for at, _ in robot.given}) for robot in raters] == [EACH] * 3
        close(page)
        report = saved(page, "report.zip", tmp_path / "report.zip")
        file = study_file(page, tmp_path / "here.zip")

        away = browser.new_context(accept_downloads=True).new_page()
        log_in(away, there, "grace")
        expect(away.get_by_role("heading", name="No studies yet")).to_be_visible()
        away.get_by_text("Import a study from its file").click()
        away.get_by_label("File that “Study as a file” gave").set_input_files(file)
        away.get_by_role("button", name="Import").click()
        expect(away.get_by_role("heading", name="Nine clips")).to_be_visible(timeout=180_000)
        same = saved(away, "report.zip", tmp_path / "same.zip")
        again = study_file(away, tmp_path / "there.zip")

    sums, sums_again = contents(file)["SHA256SUMS"], contents(again)["SHA256SUMS"]
    assert checksums(sums_again) == checksums(sums)
    assert sum("stimuli/" in name for name in checksums(sums)) >= 9 * 8
    assert contents(same) == contents(report)
    assert {"tests.json", "report.html", "report.pdf"} <= set(contents(report))


def log_in(page: Page, base: str, user: str) -> None:
    page.goto(base)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()


def make_study(page: Page) -> None:
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Title").fill("Nine clips")
    page.get_by_role("button", name="Make the study").click()


def upload(page: Page, folder: Path) -> None:
    """Drop the folder; the line is cut in the middle of a file and between two."""
    arrived: list[tuple[str, int]] = []
    cuts = [lambda offset: offset > 0, lambda offset: len(arrived) >= 8]

    def part(route: Route) -> None:
        token, offset = re.findall(r"/uploads/([^/]+)/\?offset=(\d+)", route.request.url)[0]
        if cuts and cuts[0](int(offset)):
            cuts.pop(0)
            page.context.set_offline(True)
            route.abort()
        else:
            arrived.append((token, int(offset)))
            route.continue_()

    tab(page, "Clips")
    page.route(re.compile(r"/uploads/[^/]+/\?offset="), part)
    drop(page, str(folder))
    for left in (1, 0):
        while len(cuts) > left:
            page.wait_for_timeout(50)
        expect(page.locator("#upload-status")).to_have_text("Paused: the connection was lost.")
        page.context.set_offline(False)  # the page notices by itself
    expect(page.locator("#clips > li")).to_have_count(len(NAMES), timeout=180_000)
    expect(page.locator("#clips h3")).to_have_text(NAMES)
    expect(page.locator("#uploads .left-out")).to_contain_text("notes.txt")
    assert len(set(arrived)) == len(arrived), "a part was sent twice"
    assert len(arrived) > len(NAMES)
    page.unroute_all()


def choose_excerpts(page: Page) -> None:
    """The first by mouse on its waveform, the second by suggestion, the others in figures; all short."""
    for at, name in enumerate(NAMES):
        card = page.locator("#clips > li").filter(has=page.get_by_role("heading", name=name, exact=True))
        card.scroll_into_view_if_needed()
        card.get_by_label("Length (s)").fill("2.5")
        start = card.get_by_label("Start (s)")
        if at == 0:
            box = card.locator(".pictures").bounding_box()
            second = box["width"] / float(card.locator(".excerpt").get_attribute("data-seconds"))
            page.mouse.move(box["x"] + 1.2 * second, box["y"] + 20)
            page.mouse.down()
            page.mouse.move(box["x"] + 3.2 * second, box["y"] + 20, steps=4)
            page.mouse.up()
            assert float(start.input_value()) == pytest.approx(2, abs=0.1)
        elif at == 1:
            card.get_by_role("button", name="Suggest").click()
            expect(card.locator(".excerpt [role=status]")).to_contain_text("Suggested: from")
        else:
            start.fill(f"{0.5 + 0.25 * at:g}")
        card.get_by_role("button", name=f"Save {name}").click()
        expect(card.get_by_role("status").filter(has_text="is saved")).to_be_visible(timeout=30_000)


def use_preset(page: Page) -> None:
    tab(page, "Conditions")
    page.get_by_role("button", name=re.compile("Use it.*EnCodec paper")).click()
    expect(page.locator("#own .signals > li").nth(8)).to_be_visible()


def design(page: Page) -> None:
    """Four clips a rater, each rated once at least."""
    tab(page, "Raters' way")
    page.get_by_role("heading", name="Who rates what").click()
    page.get_by_label("Clips that each rater gets").fill(str(EACH))
    page.get_by_label("Ratings that each stimulus gets at least").fill("1")
    page.locator("#way").get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("[aria-labelledby=summary-heading]")).to_contain_text("4 of 9 clips")


def render(page: Page) -> None:
    tab(page, "Rendering")
    page.get_by_role("button", name="Render the stimuli").click()
    expect(page.get_by_role("link", name=re.compile("Open the study"))).to_be_visible(timeout=900_000)


def open_study(page: Page) -> str:
    """The invite's path."""
    page.get_by_role("link", name=re.compile("Open the study")).click()
    page.get_by_role("button", name="Open the study").click()
    expect(page.locator(".study-title .state")).to_have_text("Open")
    return "/t/nine-clips/"


def score(rater: int):
    """Scores that tell every page, slot and rater apart."""
    return lambda at, slot: (17 * slot + 29 * at + 7 * rater) % 101


def close(page: Page) -> None:
    tab(page, "Results")
    expect(page.locator("main")).to_contain_text("Results stay hidden until the study is closed")
    page.get_by_role("link", name="Close the study").click()
    page.get_by_role("button", name=re.compile("Close")).click()
    expect(page.locator(".study-title .state")).to_have_text("Closed")


def saved(page: Page, name: str, path: Path) -> Path:
    """A download of the results' page."""
    tab(page, "Results")
    with page.expect_download(timeout=180_000) as download:
        page.get_by_role("link", name=name).click()
    download.value.save_as(path)
    return path


def study_file(page: Page, path: Path) -> Path:
    tab(page, "Overview")
    with page.expect_download(timeout=180_000) as download:
        page.get_by_role("button", name="Study as a file").click()
    download.value.save_as(path)
    return path


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Study").get_by_role("link", name=name, exact=True).click()


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def checksums(listed: bytes) -> dict[str, str]:
    """Of each file of a study's file but its log, which has one line more after an import."""
    lines = (line.split(maxsplit=1) for line in listed.decode().splitlines())
    return {name.lstrip("*"): digest for digest, name in lines if "log.jsonl" not in name}
