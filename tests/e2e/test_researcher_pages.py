"""What a researcher's pages do beyond sending forms."""

from __future__ import annotations

import base64

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import Page, expect

from listening import people, rendering, studies
from listening.models import Clip, Membership, Rendering, Study
from tests.conftest import wav_upload
from tests.e2e.conftest import wait_until
from tests.e2e.width import overflows

pytestmark = pytest.mark.e2e


DROP = """(zone, files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    for (const type of ["dragenter", "dragover", "drop"]) {
        zone.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }
}"""


@pytest.fixture
def at(live_server, page: Page, researcher):
    """Go to a page of a study, logged in."""
    page.goto(live_server.url + reverse("login"))
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()

    def go(name: str, study: Study | None = None) -> Page:
        page.goto(live_server.url + reverse(name, args=[study.slug] if study else []))
        return page

    return go


@pytest.fixture
def empty(researcher) -> Study:
    return studies.create_study(researcher, "Empty")


def dropped(page: Page, *uploads) -> None:
    files = [[upload.name, base64.b64encode(upload.read()).decode()] for upload in uploads]
    page.locator(".drop").evaluate(DROP, files)


def test_dropped_files_become_clips_one_after_the_other_each_with_its_message(at, empty, tmp_path):
    page = at("upload_clip", empty)
    page.get_by_label("Category of these files").fill("speech")
    broken = wav_upload("speech_ro_words", tmp_path, 1.0, name="broken.wav")
    broken.file.truncate(30)
    names = ["speech_da_phrases", "speech_en_prompts", "speech_ga_words"]
    dropped(page, broken, *(wav_upload(name, tmp_path, 1.5) for name in names))

    lines = page.locator("#uploads li")
    expect(lines).to_have_count(4)
    expect(page.locator("#upload-status")).to_have_text("3 of 4 files added, 1 failed.")
    expect(lines.nth(0)).to_contain_text("not added")
    expect(lines.nth(0)).to_contain_text("This is not audio that can be read")
    expect(lines.nth(1)).to_contain_text("added ✓")
    expect(page.locator("#clips h3")).to_have_text(names)
    expect(page.locator("#no-clips")).to_be_hidden()
    assert list(Clip.objects.values_list("name", "category")) == [(name, "speech") for name in names]


@pytest.mark.slow
def test_files_dropped_while_others_are_sent_wait_for_their_turn(at, empty, tmp_path):
    page = at("upload_clip", empty)
    held = []
    page.route("**/finish/", lambda route: held.append(route))
    with page.expect_request("**/finish/"):
        for name in ("speech_en_prompts", "speech_ga_words"):
            dropped(page, wav_upload(name, tmp_path, 1.0))
    expect(page.locator("#uploads li").nth(1)).to_contain_text("waiting")
    page.wait_for_timeout(300)
    assert len(held) == 1
    with page.expect_request("**/finish/"):
        held[0].continue_()
    expect(page.locator("#clips h3")).to_have_text(["speech_en_prompts"])
    wait_until(page, lambda: len(held) == 2)
    held[1].continue_()
    expect(page.locator("#clips h3")).to_have_text(["speech_en_prompts", "speech_ga_words"])


@pytest.mark.slow
def test_a_card_that_came_with_an_upload_works_without_reloading(at, empty, tmp_path):
    page = at("upload_clip", empty)
    dropped(page, wav_upload("speech_en_prompts", tmp_path, 2.0))
    card = page.locator("#clips li").first
    card.get_by_label("Length (s)").fill("1.25")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="is saved")).to_be_visible()
    assert Clip.objects.get().length == 1.25
    page.get_by_role("button", name="Delete speech_en_prompts").click()
    expect(page.get_by_test_id("lost")).to_contain_text("recording speech_en_prompts.wav")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("“speech_en_prompts” is deleted.")).to_be_visible()


def test_files_are_chosen_by_keyboard_alone(at, empty, tmp_path):
    page = at("upload_clip", empty)
    upload = wav_upload("speech_en_prompts", tmp_path, 1.0)
    (tmp_path / "one.wav").write_bytes(upload.read())
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(tmp_path / "one.wav")
    expect(page.locator("#clips h3")).to_have_text(["one"])


def test_a_file_too_large_is_refused_before_it_is_sent(at, empty, settings, tmp_path):
    settings.MAX_UPLOAD_MB = 0.05
    page = at("upload_clip", empty)
    sent = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    dropped(page, wav_upload("speech_en_prompts", tmp_path, 2.0))
    expect(page.locator("#uploads li")).to_contain_text("more than the 0.05 MB allowed")
    assert sent == []


def test_the_matrix_counts_signals_and_stops_at_twelve(at, draft):
    page = at("conditions", draft)
    status, save = page.locator(".bar [role=status]"), page.get_by_role("button", name="Save the conditions")
    expect(status).to_contain_text("4 of 12 signals")
    rates = (6, 8, 16, 24, 32, 48, 64, 96)
    for rate in rates:
        page.get_by_role("checkbox", name=f"Opus {rate} kbps", exact=True).check()
    expect(status).to_contain_text("12 of 12 signals")
    expect(save).to_be_enabled()
    page.get_by_role("checkbox", name="Opus 128 kbps").check()
    expect(status).to_contain_text("13 of 12 signals in each trial: 1 too many.")
    expect(save).to_be_disabled()
    page.get_by_role("checkbox", name="Opus 128 kbps").uncheck()
    save.click()
    expect(page.get_by_text("The conditions are saved.")).to_be_visible()
    assert draft.conditions.count() == 12


@pytest.mark.slow
def test_the_page_follows_the_rendering_without_being_reloaded(at, draft):
    studies.start_rendering(draft)
    rows = studies.progress(draft).rows
    page = at("rendering", draft)
    page.evaluate("window.stillHere = true")
    rendering.render(rows[0].pk)
    expect(page.locator(f'[data-rendering="{rows[0].pk}"]')).to_have_attribute("data-state", "done")
    expect(page.locator("#bar-text")).to_contain_text("1 of 8 done")
    Rendering.objects.filter(pk=rows[1].pk).update(state="failed", attempts=4, error="The encoder crashed.")
    expect(page.get_by_text("The encoder crashed.")).to_be_visible()
    for row in rows[2:]:
        rendering.render(row.pk)
    studies.settle(draft)
    expect(page.locator(".study-title .state")).to_have_text("Draft")
    expect(page.get_by_role("button", name="Render what is missing")).to_be_visible()
    expect(page.locator("#announcement")).to_have_text("Rendering ended: 7 done, 1 failed.")
    expect(page.locator("#stimuli-1 audio, .stimuli[open] audio").first).to_be_visible()
    assert page.evaluate("window.stillHere")


def test_the_invite_link_is_copied(at, opened, context, live_server):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = at("study", opened)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == live_server.url + opened.invite_path


def test_a_stimulus_can_be_played_from_where_one_wants(at, ready):
    page = at("rendering", ready)
    sound = page.locator(".stimuli[open] .listen audio").last
    found = sound.evaluate(
        """async (sound) => {
            sound.preload = "auto";
            sound.load();
            await new Promise((ready) => sound.addEventListener("canplaythrough", ready, {once: true}));
            sound.currentTime = 0.7;
            await new Promise((ready) => sound.addEventListener("seeked", ready, {once: true}));
            return [sound.currentTime, sound.duration];
        }"""
    )
    assert found == [0.7, pytest.approx(ready.clips.first().frames / 48000)]


PAGES = [
    "study",
    "upload_clip",
    "conditions",
    "rendering",
    "raters",
    "results",
    "study_settings",
    "people",
    "study_log",
]


@pytest.fixture
def staffed(twelve) -> Study:
    """That study with a viewer, whose name is long, and an invitation."""
    vera = get_user_model().objects.create_user("vera." + "longername" * 6, password="correct horse battery")
    Membership.objects.create(study=twelve, user=vera, role="viewer")
    people.invite(twelve, twelve.owner, "collaborator")
    return twelve


WIDE_PAGES = {
    Study.State.DRAFT: [*PAGES, "webhooks", "recruiting"],
    Study.State.READY: ["open_study", "rendering"],
    Study.State.OPEN: ["study", "raters", "close_study"],
}
"""Pages whose layout differs between states are looked at in each."""
ACCOUNT_PAGES = ["studies", "create_study", "account", "two_factor", "api_tokens"]


def test_no_page_is_wider_than_the_screen(at, staffed):
    """In a font that is much wider than the machine's as well: no layout may just fit."""
    twelve = staffed
    Study.objects.filter(pk=twelve.pk).update(title="Ratherlongtitle" * 8)
    Clip.objects.filter(pk=twelve.clips.first().pk).update(name="averylongnameofaclip_" * 4)
    wide = []
    for state, names in WIDE_PAGES.items():
        Study.objects.filter(pk=twelve.pk).update(state=state)
        for name in names:
            wide += [f"{name}, {state}, {each}" for each in overflows(at(name, twelve))]
    for name in ACCOUNT_PAGES:
        wide += [f"{name}, {each}" for each in overflows(at(name))]
    assert not wide, "\n".join(wide)


def test_everything_can_be_reached_by_keyboard_and_has_a_name(at, staffed):
    twelve = staffed
    for name in PAGES:
        page = at(name, twelve)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a, audio")]
                .filter((element) => element.checkVisibility())
                .filter((element) => !(element.labels?.length || element.ariaLabel || element.textContent.trim()))
                .map((element) => element.outerHTML.slice(0, 120))"""
        )
        assert nameless == [], name
        levels = page.locator("h1, h2, h3").evaluate_all("(all) => all.map((one) => Number(one.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), (name, levels)
