"""The page of the clips: files over a line that breaks, folders, and the excerpt on the waveform."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from listening import clips, studies, uploads
from listening.models import Clip, Study
from tests.conftest import wav_upload
from tests.e2e.conftest import wait_until
from tests.robot import drop

pytestmark = pytest.mark.e2e


RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@pytest.fixture
def empty(researcher, monkeypatch) -> Study:
    monkeypatch.setattr(uploads, "PART_BYTES", 40_000)
    return studies.create_study(researcher, "Empty")


@pytest.fixture
def clips_page(live_server, page: Page, client, researcher, context):
    """The page of a study's clips, logged in."""
    client.force_login(researcher)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])

    def go(study: Study) -> Page:
        page.goto(live_server.url + reverse("upload_clip", args=[study.slug]))
        return page

    return go


@pytest.fixture
def noise(tmp_path):
    """A file of 96,044 bytes: three parts."""
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(7).normal(0, 0.1, 48000), 48000, subtype="PCM_16")
    return path


class Line:
    """What goes over the line to the server, and where it is cut."""

    def __init__(self, page: Page) -> None:
        self.offsets: list[int] = []
        self.hold_at: int | None = None
        self.held: list[Route] = []
        page.route(re.compile(r"/uploads/[^/]+/\?offset="), self._part)

    def _part(self, route: Route) -> None:
        offset = int(route.request.url.rpartition("=")[2])
        if offset == self.hold_at:
            self.held.append(route)
        else:
            self.offsets.append(offset)
            route.continue_()


def test_a_line_that_is_cut_goes_on_where_it_stopped(clips_page, empty, noise, context):
    page = clips_page(empty)
    line, entry = Line(page), page.locator("#uploads li")
    line.hold_at = 40_000
    page.locator("#files").set_input_files(noise)
    wait_until(page, lambda: line.held)
    line.hold_at = 80_000
    line.held.pop().abort()
    expect(entry).to_contain_text("The connection was lost. What has arrived is kept")
    expect(page.locator("#upload-status")).to_have_text("Paused: the connection was lost.")
    expect(page.locator(".upload-all")).to_contain_text("0 of 1 files")
    page.get_by_role("button", name="Go on now").click()

    wait_until(page, lambda: line.held)
    line.hold_at = None
    context.set_offline(True)
    line.held.pop().abort()
    expect(entry).to_contain_text("paused")
    # The answer is lost as well, after the clip is made.
    lost = []
    page.route("**/finish/", lambda route: lost.append(route.fetch()) or route.abort(), times=1)
    context.set_offline(False)
    expect(page.locator("#clips h3")).to_have_text(["noise"])
    expect(entry).to_contain_text("added ✓")
    assert line.offsets == [0, 40_000, 80_000]
    assert lost[0].status == 201
    assert Clip.objects.get().original_sha256


def test_after_a_reload_the_same_file_goes_on(clips_page, empty, noise):
    page = clips_page(empty)
    line = Line(page)
    line.hold_at = 40_000
    page.locator("#files").set_input_files(noise)
    wait_until(page, lambda: line.held)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    half_way = page.locator("#half-way")
    expect(half_way).to_contain_text("noise.wav")
    expect(half_way).to_contain_text("41%")
    line.hold_at = None
    page.locator("#files").set_input_files(noise)
    expect(page.locator("#clips h3")).to_have_text(["noise"])
    expect(half_way).to_be_hidden()
    assert line.offsets == [0, 40_000, 80_000]


ENTRIES = """async () => {
    const { entryFiles } = await import("/static/listening/dropped-files.js");
    const file = (name) => ({ name, isFile: true, file: (found) => found(new File(["x"], name)) });
    const folder = (name, inner) => ({
        name,
        isDirectory: true,
        createReader: () => ({ readEntries: (found) => found(inner.splice(0, 2)) }),
    });
    const speech = folder("speech", ["take10.wav", "take2.WAV", "take1.flac", "notes.txt"].map(file));
    const found = await entryFiles([folder("mine", [file("room.wav"), speech, file(".DS_Store")])], ".wav,.flac");
    return found.map(({ path, sound, category }) => [path, sound, category]);
}"""


def test_a_folder_is_looked_through_in_the_order_of_names(clips_page, empty):
    assert clips_page(empty).evaluate(ENTRIES) == [
        ["mine/.DS_Store", False, ""],
        ["mine/room.wav", True, ""],
        ["mine/speech/notes.txt", False, "speech"],
        ["mine/speech/take1.flac", True, "speech"],
        ["mine/speech/take2.WAV", True, "speech"],
        ["mine/speech/take10.wav", True, "speech"],
    ]


@pytest.mark.slow
def test_a_dropped_folder_gives_categories_and_names_what_it_leaves_out(clips_page, empty, tmp_path):
    for name in ("speech_en_prompts", "speech_ga_words"):
        part = tmp_path / "mine" / name[7:9]
        part.mkdir(parents=True)
        (part / "a.wav").write_bytes(wav_upload(name, tmp_path, 0.6).read())
    (tmp_path / "mine" / "cover.jpg").write_bytes(b"x")
    page = clips_page(empty)
    drop(page, str(tmp_path / "mine"))
    expect(page.locator("#clips h3")).to_have_text(["a", "a (2)"])
    expect(page.locator("#uploads .left-out")).to_contain_text("mine/cover.jpg")
    assert list(Clip.objects.values_list("category", flat=True)) == ["en", "ga"]


@pytest.fixture
def long_clip(empty, tmp_path) -> Clip:
    """Twenty seconds; the excerpt is the first ten."""
    samples = np.random.default_rng(3).normal(0, 0.02, 20 * 16000)
    samples[12 * 16000 :] *= 5 * (np.arange(8 * 16000) // 1600 % 2)
    soundfile.write(tmp_path / "long.wav", samples, 16000)
    return clips.add_clip(empty, SimpleUploadedFile("long.wav", (tmp_path / "long.wav").read_bytes()))


def test_an_excerpt_is_chosen_by_mouse_by_keys_and_by_suggestion(clips_page, long_clip):
    page = clips_page(long_clip.study)
    start, length = page.get_by_label("Start (s)"), page.get_by_label("Length (s)")
    first, last = (page.get_by_label(f"{end} of the excerpt of long") for end in ("Start", "End"))

    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    expect(start).to_have_value("1.1")
    expect(length).to_have_value("8.9")
    last.focus()
    page.keyboard.press("End")  # the longest excerpt pulls the start along
    expect(start).to_have_value("8")
    expect(length).to_have_value("12")
    expect(last).to_have_attribute("aria-valuetext", "20.00 seconds")
    length.fill("4")
    expect(page.locator(".heard")).to_have_text("8.00 to 12.00 s, 4.00 s long")

    box = page.locator(".pictures").bounding_box()
    second = box["width"] / 20
    y = box["y"] + 20
    page.mouse.move(box["x"] + 10 * second, y)  # the part between both ends
    page.mouse.down()
    page.mouse.move(box["x"] + 5 * second, y, steps=3)
    page.mouse.up()
    assert float(start.input_value()) == pytest.approx(3, abs=0.05)
    page.mouse.move(box["x"] + 7 * second, y)  # the end
    page.mouse.down()
    page.mouse.move(box["x"] + 9 * second, y, steps=3)
    page.mouse.up()
    assert float(length.input_value()) == pytest.approx(6, abs=0.1)

    page.get_by_role("button", name="Suggest").click()
    expect(page.locator(".excerpt [role=status]")).to_contain_text("Suggested: from")
    assert float(start.input_value()) == pytest.approx(12, abs=1)
    expect(page.get_by_text("Changed, not saved yet.")).to_be_visible()
    page.get_by_role("button", name="Save long").click()
    expect(page.get_by_role("status").filter(has_text="is saved")).to_be_visible()
    long_clip.refresh_from_db()
    assert long_clip.start > 11


def test_a_handle_is_dragged_over_the_spectrogram_without_dragging_the_picture(clips_page, long_clip):
    page = clips_page(long_clip.study)
    page.evaluate("window.drags = 0; addEventListener('dragstart', () => { window.drags += 1; })")
    picture = page.locator(".spectrogram")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    frame, over = page.locator(".pictures").bounding_box(), picture.bounding_box()
    second, y = frame["width"] / 20, over["y"] + 0.75 * over["height"]
    heard = []
    for grasp, to in ((10, 4), (0, 2), (3, 7)):  # the end, the start, the part between both
        page.mouse.move(frame["x"] + grasp * second + 3, y)
        page.mouse.down()
        for step in range(1, 6):
            page.mouse.move(frame["x"] + (grasp + step * (to - grasp) / 5) * second + 3, y)
        page.mouse.up()
        heard.append([float(page.get_by_label(name).input_value()) for name in ("Start (s)", "Length (s)")])
    assert heard == [pytest.approx(values, abs=0.1) for values in ([0, 4], [2, 2], [6, 2])]
    assert page.evaluate("window.drags") == 0


def test_the_excerpt_is_heard_right_there(clips_page, long_clip):
    page = clips_page(long_clip.study)
    page.get_by_label("Start (s)").fill("3")
    page.get_by_label("Length (s)").fill("0.5")
    with page.expect_response(re.compile(r"excerpt\.wav\?start=3&length=0\.5")) as answer:
        page.get_by_role("button", name="Listen").click()
    assert answer.value.headers["content-type"] == "audio/wav"
    expect(page.get_by_role("button", name="Listen")).to_be_visible()  # it ended
    expect(page.locator(".excerpt [role=status]")).to_have_text("")  # and not by a fault


@pytest.mark.slow
def test_axe_finds_nothing_on_the_page_of_the_clips(clips_page, long_clip, page):
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        clips_page(long_clip.study)
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
