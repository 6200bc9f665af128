"""Level and headphone tests in a browser: heard, answered by keys, kept over reloads and a broken line."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from listening import headphone_check, sessions
from listening.models import Session, Study
from listening.protocol import read
from tests.e2e import tap
from tests.e2e.conftest import Desk, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def come(page: Page, live_server, opened):
    """Brings a rater of a study with such a protocol to the page after the consent."""

    def open_page(script: str = "", **parts) -> Page:
        Study.objects.filter(pk=opened.pk).update(heard_seconds=0.2)
        opened.refresh_from_db()
        opened.protocol = read(parts)
        opened.save()
        session = sessions.start(opened, outside_ids={}, locale="en", browser="")
        sessions.advance(session, "consent")
        if script:
            page.add_init_script(script)
        page.goto(live_server.url + session.rater.get_absolute_url())
        return page

    return open_page


def session() -> Session:
    return Session.objects.get()


def attempt() -> headphone_check.Attempt:
    found = headphone_check.current(session())
    assert found is not None
    return found


def question(page: Page, number: int, of: int = 6) -> None:
    expect(page.locator("#number")).to_have_text(f"Question {number} of {of}")
    expect(page.get_by_test_id("play")).to_be_enabled()


def take(page: Page, choice: int) -> None:
    """Hear a question and answer it."""
    page.get_by_test_id("play").click()
    page.get_by_test_id(f"answer-{choice}").check(timeout=10_000)
    page.get_by_test_id("answer").click()


def take_all(page: Page, right: int = 6) -> None:
    for at, expected in enumerate(attempt().right_answers, start=1):
        question(page, at)
        take(page, expected if at <= right else expected % 3 + 1)
        if at < 6:  # after the last the page may be another one already
            expect(page.locator("#number")).not_to_have_text(f"Question {at} of 6")


# The level


def test_the_level_is_set_while_a_clip_plays_and_stays(come):
    page = come(level=True)
    slider, begin = page.get_by_test_id("level"), page.get_by_test_id("begin")
    expect(begin).to_be_disabled()
    expect(slider).to_have_attribute("aria-valuetext", "−16 dB")
    page.get_by_test_id("play").click()
    expect(page.get_by_test_id("play")).to_have_text("Stop")
    page.wait_for_timeout(1500)  # longer than the clip: it goes on in a loop
    expect(page.get_by_test_id("play")).to_have_text("Stop")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#level-now")).to_have_text("−13 dB")
    page.get_by_test_id("play").click()
    expect(page.get_by_test_id("play")).to_have_text("Play")
    wait_until(page, lambda: session().level_db == -13)
    page.reload()
    expect(page.locator("#level-now")).to_have_text("−13 dB")
    page.get_by_test_id("play").click()
    begin.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")
    assert session().level_db == -13


@pytest.mark.slow
def test_the_level_can_be_changed_by_4_db_on_pages_of_trials_and_is_kept(come):
    page = come(level=True)
    page.get_by_test_id("level").fill("-10")
    page.get_by_test_id("play").click()
    for _ in range(2):
        page.get_by_test_id("begin").click()
    desk, change = Desk(page).ready(), page.get_by_test_id("level-change")
    expect(change).to_have_text("0 dB")
    for _ in range(6):
        page.get_by_test_id("louder").click(force=True)  # at its end it does nothing more
    expect(change).to_have_text("+4 dB")
    expect(page.get_by_test_id("louder")).to_have_attribute("aria-disabled", "true")
    for _ in range(5):
        page.get_by_test_id("quieter").click()
    expect(change).to_have_text("−1 dB")
    desk.hear_all()
    for slot in range(1, 5):
        desk.score(slot, 50)
    desk.next().ready()
    expect(page.get_by_test_id("level-change")).to_have_text("−1 dB")
    assert (session().level_db, session().level_change_db) == (-10, -1)


@pytest.mark.slow
def test_a_level_that_was_changed_without_a_line_is_kept_when_it_is_back(come, context):
    page = come(level=True)
    page.get_by_test_id("play").click()
    for _ in range(2):
        page.get_by_test_id("begin").click()
    Desk(page).ready()
    context.set_offline(True)
    for _ in range(2):
        page.get_by_test_id("louder").click()
    page.wait_for_timeout(300)
    context.set_offline(False)
    wait_until(page, lambda: session().level_change_db == 2)


@pytest.mark.slow
@pytest.mark.heard
def test_what_is_heard_is_the_clip_at_the_level_that_was_set_without_a_click(come, opened):
    page = come(tap.SCRIPT, level=True)
    page.get_by_test_id("level").fill("-10")
    page.get_by_test_id("play").click()
    page.wait_for_timeout(300)
    tap.listen(page)
    page.wait_for_timeout(1600)
    reference = sessions.trials_ahead(session())[0].clip
    samples = _samples(reference.reference)
    found = tap.recorded(page)
    start = tap.place_of(found[: len(samples) // 4] * 10 ** (10 / 20), samples)
    expected = tap.looped(tap.passage(samples, opened.rate), start, len(found)) * 10 ** (-10 / 20)
    assert np.abs(found - expected).max() < 2e-6
    tap.again(page)
    page.get_by_test_id("level").fill("-30")
    page.wait_for_timeout(800)
    found = tap.recorded(page)
    start = tap.place_of(found[-len(samples) // 4 :] * 10 ** (30 / 20), samples)
    heard = tap.looped(tap.passage(samples, opened.rate), start - len(found) + len(samples) // 4, len(found))
    gain = np.abs(found[:, 0]) / np.maximum(np.abs(heard[:, 0]), 1e-9)
    loud = np.flatnonzero(np.abs(heard[:, 0]) > 0.01)  # where there is something to divide by
    assert gain[loud[-1]] == pytest.approx(10 ** (-30 / 20), rel=0.01)
    # It glides: over pauses of the speech, too, it falls by no more for each sample than a glide of 20 ms does.
    assert (np.diff(20 * np.log10(gain[loud])) / np.diff(loud)).min() > -0.02


def _samples(stored) -> tap.Samples:
    import io

    from audiocodecs import audio

    found = audio.read(io.BytesIO(stored.open("rb").read())).samples.T.astype(np.float64)
    return np.repeat(found, 2, axis=1) if found.shape[1] == 1 else found


# The headphone tests


@pytest.mark.slow
def test_a_test_in_real_time_leads_on_to_the_instructions(come):
    page = come(headphones={"tests": ["antiphase"]})
    take_all(page)
    page.get_by_test_id("begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")
    assert headphone_check.outcome(session()) == "passed"


@pytest.mark.slow
def test_both_tests_by_keys_alone(come, short):
    page = come(headphones={"tests": ["antiphase", "huggins"]})
    for part in (1, 2):
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{part} of 2")
        for at, expected in enumerate(attempt().right_answers, start=1):
            question(page, at)
            expect(page.get_by_test_id("play")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("answer-1")).to_be_focused()
            page.keyboard.press(str(expected))
            expect(page.get_by_test_id(f"answer-{expected}")).to_be_checked()
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("play")).to_have_count(1)
            expect(page.locator("#number")).not_to_have_text(f"Question {at} of 6" if at < 6 else "")
        expect(page.get_by_test_id("begin")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_load_state()
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")


def test_a_question_plays_once_and_is_answered_after_it(come):
    page = come(headphones={"tests": ["antiphase"]})
    question(page, 1)
    for choice in "123":
        expect(page.get_by_test_id(f"answer-{choice}")).to_be_disabled()
    expect(page.get_by_test_id("answer")).to_be_disabled()
    page.get_by_test_id("play").click()
    expect(page.locator(".choice.sounding")).to_have_text("3")
    expect(page.get_by_test_id("answer-2")).to_be_disabled()
    expect(page.get_by_test_id("answer-2")).to_be_enabled()
    expect(page.get_by_test_id("play")).to_be_disabled()
    expect(page.get_by_test_id("play")).to_have_text("Played")
    expect(page.get_by_test_id("answer")).to_be_disabled()
    page.get_by_test_id("answer-2").check()
    page.get_by_test_id("answer-3").check()
    assert attempt().answers == []
    page.get_by_test_id("answer").click()
    question(page, 2)
    assert attempt().answers == [3]


@pytest.mark.slow
def test_a_reload_goes_on_at_the_question_and_takes_nothing_back(come, short):
    page = come(headphones={"tests": ["antiphase"]})
    for at in (1, 2):
        question(page, at)
        take(page, 1)
    question(page, 3)
    page.reload()
    question(page, 3)
    page.go_back()
    page.go_forward()
    question(page, 3)
    assert attempt().answers == [1, 1]


@pytest.mark.slow
def test_the_example_can_be_played_as_often_as_one_likes_before_the_first_question(come, short):
    page = come(headphones={"tests": ["huggins"]})
    question(page, 1)
    for _ in range(2):
        page.get_by_test_id("example").click()
        expect(page.get_by_test_id("play")).to_be_disabled()
        expect(page.get_by_test_id("play")).to_be_enabled()
    expect(page.get_by_test_id("answer-1")).to_be_disabled()
    take(page, 1)
    question(page, 2)
    expect(page.get_by_test_id("example")).to_be_hidden()


@pytest.mark.slow
def test_who_fails_sees_the_end_with_its_code(come, short):
    page = come(headphones={"tests": ["antiphase"]}, ends={"screened_out": {"code": "NO-PHONES"}})
    take_all(page, right=4)
    expect(page.get_by_test_id("completion-code")).to_have_text("NO-PHONES")


@pytest.mark.slow
def test_a_second_attempt_says_what_to_check(come, short):
    page = come(headphones={"tests": ["antiphase"], "attempts": 2})
    take_all(page, right=0)
    expect(page.locator("#again-note")).to_contain_text("once more")
    question(page, 1)
    take_all(page)
    page.get_by_test_id("begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")


@pytest.mark.slow
def test_an_answer_without_a_line_waits_for_the_rater_to_try_again(come, context, short):
    page = come(headphones={"tests": ["antiphase"]})
    question(page, 1)
    page.get_by_test_id("play").click()
    page.get_by_test_id("answer-2").check()
    context.set_offline(True)
    page.get_by_test_id("answer").click()
    expect(page.locator("#notice")).to_contain_text("could not be sent")
    expect(page.get_by_test_id("answer-2")).to_be_checked()
    assert attempt().answers == []
    context.set_offline(False)
    page.get_by_test_id("answer").click()
    question(page, 2)
    expect(page.locator("#notice")).to_be_hidden()
    assert attempt().answers == [2]


@pytest.mark.slow
def test_a_sound_that_does_not_come_can_be_asked_for_again(page, come, short):
    lost = {"left": 6}

    def drop(route):
        lost["left"] -= 1
        route.abort() if lost["left"] >= 0 else route.continue_()

    page.route(re.compile("/audio/"), drop)
    come("setTimeout = ((real) => (act, ms) => real(act, ms / 20))(setTimeout);", headphones={"tests": ["antiphase"]})
    expect(page.locator("#loading-text")).to_contain_text("could not be loaded")
    page.locator("#again").click()
    question(page, 1)


OTHER_SIZES = [pytest.param(size, marks=pytest.mark.slow) for size in ((390, 844), (844, 390), (1280, 800))]


@pytest.mark.parametrize("size", [(320, 568), *OTHER_SIZES])
def test_the_pages_fit_every_screen(come, short, size):
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    page = come(level=True, headphones={"tests": ["antiphase"]})
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert page.evaluate(wider) == 0
    page.get_by_test_id("play").click()
    page.get_by_test_id("begin").click()
    question(page, 1)
    assert page.evaluate(wider) == 0
    for choice in "123":
        box = page.get_by_test_id(f"answer-{choice}").bounding_box()
        assert min(box["width"], box["height"]) >= 44
