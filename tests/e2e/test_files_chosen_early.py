"""Files chosen while a page's script is still on its way, as on a slow line."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Route, expect

from listening import supplied
from tests.conftest import wav_upload
from tests.e2e.test_people_and_account import log_in

pytestmark = pytest.mark.e2e


def clips_page(study):
    return reverse("upload_clip", args=[study.slug])


def supplied_page(study):
    return reverse("supplied", args=[study.slug, supplied.add_condition(study, "My codec").pk])


@pytest.mark.parametrize(
    ("address", "script", "shown"),
    [
        (clips_page, "upload", "1 of 1 files added."),
        (supplied_page, "supplied", "1 files, each with its clip. Look them over, then upload."),
    ],
)
def test_files_that_were_chosen_before_the_script_came_are_taken(
    page, live_server, draft, tmp_path, address, script, shown
):
    sound = wav_upload("speech_en_prompts", tmp_path, 1.1)
    held: list[Route] = []
    source = re.compile(rf"/listening/{script}(\.\w+)?\.js")
    page.route(source, lambda route: held.append(route))
    log_in(page, live_server.url)
    with page.expect_request(source):
        page.goto(live_server.url + address(draft), wait_until="commit")
    page.set_input_files("#files", tmp_path / sound.name)
    assert page.evaluate("document.querySelector('#files').files.length") == 1
    held[0].continue_()
    expect(page.get_by_role("status").filter(has_text=shown)).to_have_count(1)
    assert draft.clips.count() == (3 if script == "upload" else 2)
