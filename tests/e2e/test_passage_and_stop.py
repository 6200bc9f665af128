"""What comes out of the browser around a passage, a stop and an interruption: sample by sample."""

import io

import numpy as np
import pytest
from playwright.sync_api import expect

from audiocodecs import audio
from listening import sessions
from listening.models import Rendering, Session
from tests.e2e import tap

pytestmark = pytest.mark.e2e

RATE = 48000


@pytest.fixture
def tapped(desk):
    """The training page with a tap at its sound's end, playing the reference."""
    desk.page.add_init_script(tap.SCRIPT)
    desk.page.reload()
    desk.ready()
    desk.listen(0)
    tap.listen(desk.page)
    return desk


def stimuli():
    """Samples of the reference and of each slot of the page where the rater is."""
    trial = sessions.current_trial(Session.objects.get())
    files = [trial.clip.reference]
    for rating in trial.ratings.all():
        files.append(Rendering.objects.get(clip=trial.clip, condition=rating.condition).stimulus)
    return [audio.read(io.BytesIO(file.open("rb").read())).samples.T.astype(float) for file in files]


@pytest.mark.heard
def test_what_is_heard_is_the_file_bit_for_bit_and_the_loop_has_ramps(tapped):
    tap.wait(tapped.page, 2.5, RATE)  # more than two rounds
    found = tap.recorded(tapped.page)
    reference = tap.passage(stimuli()[0], RATE)
    start = tap.place_of(found[: RATE // 2], reference)
    assert len(found) > 2 * RATE
    assert np.abs(found - tap.looped(reference, start, len(found))).max() < 1e-6


@pytest.mark.slow
@pytest.mark.heard
def test_a_passage_loops_alone(tapped):
    for _ in range(3):
        tapped.page.get_by_label("Start of the passage").press("ArrowRight")
    tap.again(tapped.page)
    tapped.page.wait_for_timeout(2200)
    found = tap.recorded(tapped.page)[RATE // 10 :]
    part = tap.passage(stimuli()[0], RATE, first=round(0.3 * RATE))
    start = tap.place_of(found[: RATE // 2], part)
    assert np.abs(found - tap.looped(part, start, len(found))).max() < 1e-6


@pytest.mark.slow
@pytest.mark.heard
def test_without_loop_the_clip_ends_and_can_be_played_again(tapped):
    tapped.page.get_by_test_id("loop").click()
    expect(tapped.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "false", timeout=3000)
    expect(tapped.page.get_by_test_id("stop")).to_be_disabled()
    tapped.page.wait_for_timeout(200)
    found = tap.recorded(tapped.page)
    assert np.abs(found[-RATE // 20 :]).max() == 0
    tapped.listen(0)


@pytest.mark.slow
@pytest.mark.heard
def test_stop_fades_out_and_goes_back_to_the_start(tapped):
    tapped.page.wait_for_timeout(300)
    tapped.page.get_by_test_id("stop").click()
    tapped.page.wait_for_timeout(200)
    found = tap.recorded(tapped.page)
    sound = np.flatnonzero(found[:, 0])
    assert np.abs(found[-RATE // 20 :]).max() == 0
    assert np.abs(np.diff(found[sound[-1] - 20 : sound[-1] + 2])).max() < 1e-3
    tap.again(tapped.page)
    tapped.play(0)
    tapped.page.wait_for_timeout(400)
    again = tap.recorded(tapped.page)
    first = np.flatnonzero(again[:, 0])[0]
    reference = tap.passage(stimuli()[0], RATE)
    begins = int(np.flatnonzero(reference[:, 0])[0])
    assert np.abs(again[first : first + 4800] - reference[begins : begins + 4800]).max() < 1e-6


@pytest.mark.slow
@pytest.mark.heard
def test_a_mono_sound_is_the_same_in_both_ears(tapped):
    tapped.page.wait_for_timeout(500)
    found = tap.recorded(tapped.page)
    assert stimuli()[0].shape[1] == 1
    assert np.abs(found).max() > 0.01
    assert np.array_equal(found[:, 0], found[:, 1])


@pytest.mark.slow
@pytest.mark.heard
def test_without_audio_worklets_the_same_samples_are_heard(desk):
    """On plain http there are none; here their module can't be fetched, which ends the same way."""
    desk.page.route("**/mixer-worklet.js", lambda route: route.abort())
    desk.page.add_init_script(tap.SCRIPT)
    desk.page.reload()
    desk.ready()
    desk.play(0)
    expect(desk.page.get_by_test_id("stop")).to_be_enabled()
    desk.page.wait_for_timeout(300)
    tap.listen(desk.page)
    desk.page.wait_for_timeout(300)
    order = [0, 3, 1, 4, 2]
    for slot in order[1:]:
        desk.play(slot)
        desk.page.wait_for_timeout(250)
    tap.check(tap.recorded(desk.page), stimuli(), order, RATE)


@pytest.mark.heard
def test_a_sound_that_was_taken_away_is_said_and_goes_on_when_it_is_back(tapped):
    """A phone call, a sleeping computer: the browser suspends what plays."""
    notice = tapped.page.locator("#notice")
    tapped.page.evaluate("window.heardContext.suspend()")
    expect(notice).to_contain_text("The sound was interrupted. Press play to go on.")
    tapped.page.wait_for_timeout(300)
    tap.again(tapped.page)
    tapped.play(2)
    expect(notice).to_be_hidden()
    tap.wait(tapped.page, 0.4, RATE)
    found, sounds = tap.recorded(tapped.page), stimuli()
    try:
        tap.check(found, sounds, [0, 2], RATE)
    except AssertionError:  # the switch was there before the sound was
        tap.check(found, sounds, [2], RATE)


@pytest.mark.slow
@pytest.mark.heard
def test_a_page_that_is_looked_at_again_asks_for_its_sound_back(tapped):
    tapped.page.evaluate("window.heardContext.suspend()")
    expect(tapped.page.locator("#notice")).to_be_visible()
    tapped.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(tapped.page.locator("#notice")).to_be_hidden()
    assert tapped.page.evaluate("window.heardContext.state") == "running"


@pytest.mark.slow
@pytest.mark.heard
def test_an_output_that_stands_still_is_made_anew_at_the_same_place(tapped):
    """The device is gone, and the browser has not noticed: time does not go on."""
    tapped.page.evaluate(
        """() => {
            window.dead = window.heardContext;
            const stands = window.dead.currentTime;
            Object.defineProperty(window.dead, "currentTime", { get: () => stands, configurable: true });
        }"""
    )
    tapped.page.wait_for_function("window.heardContext !== window.dead", timeout=10_000)
    expect(tapped.page.get_by_test_id("play-reference")).to_have_attribute("aria-pressed", "true")
    tap.listen(tapped.page)
    tapped.page.wait_for_timeout(400)
    tap.check(tap.recorded(tapped.page), stimuli(), [0], RATE)
    assert tapped.page.evaluate("window.dead.state") == "closed"


def test_a_browser_that_cannot_play_the_rate_says_so(desk):
    desk.page.add_init_script(
        """window.AudioContext = class extends AudioContext {
            constructor(options) {
                if (options?.sampleRate) throw new DOMException("no such rate", "NotSupportedError");
                super(options);
            }
        };"""
    )
    desk.page.reload()
    desk.ready()
    desk.play(0)
    expect(desk.page.locator("#notice")).to_contain_text("This browser can't play sounds of 48 kHz")


def with_device(desk, hertz: int):
    """The page again, on a sound device of this rate."""
    desk.page.add_init_script(
        f"""window.AudioContext = class extends AudioContext {{
            constructor(options) {{ super(options ?? {{ sampleRate: {hertz} }}); }}
        }};"""
    )
    desk.page.reload()
    return desk.ready()


def test_a_device_that_loses_treble_is_named_once_and_nothing_moves(desk):
    with_device(desk, 16000)
    controls = desk.page.locator(".controls button, .signal .play, .score, #next")
    places = [each.bounding_box() for each in controls.all()]
    desk.listen(0)
    note = desk.page.locator("#device-note")
    expect(note).to_contain_text("Your sound device runs at 16 kHz, these sounds at 48 kHz")
    assert [each.bounding_box() for each in controls.all()] == places
    note.get_by_role("button", name="Close").click()
    expect(note).to_be_hidden()
    desk.page.reload()
    desk.ready().listen(0)
    expect(note).to_be_hidden()


@pytest.mark.parametrize("hertz", [44100, pytest.param(48000, marks=pytest.mark.slow)])
def test_a_device_that_reproduces_all_that_ears_hear_is_not_complained_of(desk, hertz):
    with_device(desk, hertz).listen(0)
    desk.page.wait_for_function("document.getElementById('clock').textContent !== '0.0 s'")
    expect(desk.page.locator("#device-note")).to_be_hidden()
