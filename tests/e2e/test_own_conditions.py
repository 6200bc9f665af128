"""Files of one's own in a browser: matched by name, corrected by hand, checked; and what axe-core finds."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from listening.models import Rendering, SuppliedFile
from tests.e2e.test_accessibility import SIZES, faults
from tests.e2e.test_people_and_account import log_in

pytestmark = pytest.mark.e2e


def test_files_get_their_clips_and_what_the_name_does_not_say_is_chosen(page, live_server, draft, tmp_path):
    first, second = draft.clips.all()
    for clip, name in ((first, f"{first.name}_mine.wav"), (second, "take 7.wav")):
        (tmp_path / name).write_bytes(clip.original.open("rb").read())
    page.set_default_timeout(60_000)  # the first page of conditions loads every codec
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("conditions", args=[draft.slug]))
    page.get_by_label("Its name, as the results are to call it").fill("My codec")
    page.get_by_role("button", name="Add its files…").click()
    expect(page.get_by_text("No clip has its file yet.")).to_be_visible()

    page.set_input_files("#files", [tmp_path / f"{first.name}_mine.wav", tmp_path / "take 7.wav"])
    expect(page.get_by_label(f"Clip of {first.name}_mine.wav")).to_have_value(str(first.pk))
    choice = page.get_by_label("Clip of take 7.wav")
    expect(choice).to_have_value("")
    expect(page.get_by_text("1 of 2 files fit no clip by their names")).to_be_visible()
    assert faults(page) == []
    choice.select_option(label=second.name)
    page.get_by_role("button", name="Upload them").click()
    expect(page.get_by_text("Every clip has its file.")).to_be_visible(timeout=60_000)
    assert {file.clip: file.warnings for file in SuppliedFile.objects.all()} == {first: [], second: []}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("phone", "dark")])
def test_axe_finds_nothing_on_the_pages_of_conditions_and_stimuli(browser, live_server, ready, size, scheme):
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)
    log_in(page, live_server.url)
    row = Rendering.objects.get(condition__spec="opus@12", clip=ready.clips.first())
    for name, *args in (("conditions",), ("rendering",), ("compare", row.pk)):
        page.goto(live_server.url + reverse(name, args=[ready.slug, *args]))
        assert faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    pictures = page.locator(".beside img")
    expect(pictures).to_have_count(3)
    page.wait_for_function("[...document.querySelectorAll('.beside img')].every((each) => each.naturalWidth === 728)")
    context.close()
