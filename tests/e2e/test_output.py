"""What a rater hears is the served file, to the sample: taken where sound leaves the page, in two browsers."""

from __future__ import annotations

import io

import numpy as np
import pytest

from audiocodecs import audio
from listening import clips, rendering, sessions, studies
from listening.models import Rendering, Session
from tests.conftest import wav_upload
from tests.e2e import tap
from tests.e2e.conftest import Desk
from tests.robot import FIREFOX_CONTEXT

pytestmark = [pytest.mark.e2e, pytest.mark.heard]

TWELVE = ["reference", "lowpass@7000", "lowpass@3500", *(f"opus@{rate}" for rate in (6, 12, 24, 32, 64, 96))]
TWELVE += [f"mp3@{rate}" for rate in (64, 128, 32)]

# Presses play buttons in an order drawn before, each after so much sound, and then lets the rest go by. In a browser
# that is short of time less sound passes than time: two presses in one ramp would be one switch.
PRESS = """async ([order, least, spread, rest]) => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const sounded = async (ms) => {
    await wait(20);
    const until = window.heardContext.currentTime + (ms - 20) / 1000;
    do await wait(10);
    while (window.heardContext.currentTime < until);
  };
  for (const slot of order) {
    await sounded(least + Math.random() * spread);
    document.querySelector(`[data-testid=${slot ? `play-slot-${slot}` : "play-reference"}]`).click();
  }
  await sounded(rest);
}"""

SHIFT = """
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (message, ...rest) {
  if (Array.isArray(message) && message[0] === "add" && message[1] === window.shifted) {
    const late = new Int16Array(message[2].length);
    late.set(message[2].subarray(0, -2), 2);
    message = ["add", message[1], late];
  }
  return post.call(this, message, ...rest);
};
window.shifted = 7;
"""
"""Makes slot 7 one sample late on its way to the audio thread."""


@pytest.fixture(scope="module")
def browser(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def context(browser):
    options = FIREFOX_CONTEXT if browser.browser_type.name == "firefox" else {}
    found = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    found.set_default_timeout(30_000)
    yield found
    found.close()


@pytest.fixture
def rate(request):
    return request.param


@pytest.fixture
def loud(researcher, tmp_path, rate):
    """An open study in stereo with twelve signals on 0.55 s of music without a pause."""
    study = studies.create_study(researcher, "Music", loudness=-20, rate=rate, channels=2)
    clips.add_clip(study, wav_upload("music_metal", tmp_path, 0.55, start=4.0))
    studies.set_conditions(study, TWELVE)
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        assert rendering.render(row.pk).error == ""
    studies.open_study(study, researcher)
    return study


@pytest.fixture
def tapped(page, live_server, loud):
    """Opens its training page with a tap and plays the reference."""

    def open_page(script: str = "") -> Desk:
        session = sessions.start(loud, outside_ids={}, locale="en", browser="")
        for left in ("consent", "instructions"):
            sessions.advance(session, left)
        page.add_init_script(tap.SCRIPT + script)
        page.goto(live_server.url + session.rater.get_absolute_url())
        desk = Desk(page).ready()
        desk.listen(0)
        page.wait_for_timeout(300)
        tap.listen(page)
        return desk

    return open_page


def served():
    """Samples of the reference and of each slot of the page where the rater is, from the rendered WAV files."""
    trial = sessions.current_trial(Session.objects.get())
    files = [trial.clip.reference]
    for rating in trial.ratings.all():
        files.append(Rendering.objects.get(clip=trial.clip, condition=rating.condition).stimulus)
    return [audio.read(io.BytesIO(file.open("rb").read())).samples.T.astype(np.float64) for file in files]


def drawn(switches: int, seed: int) -> list[int]:
    """Slots to press, never one twice in a row, beginning with what plays already."""
    draw = np.random.default_rng(seed)
    order = [0]
    while len(order) <= switches:
        slot = int(draw.integers(0, 13))
        if slot != order[-1]:
            order.append(slot)
    return order


BROWSERS_AND_RATES = pytest.mark.parametrize(
    ("browser", "rate"),
    [
        ("chromium", 48000),
        ("firefox", 44100),
        pytest.param("chromium", 44100, marks=pytest.mark.slow),
        pytest.param("firefox", 48000, marks=pytest.mark.slow),
    ],
    indirect=True,
)
"""Each browser and each rate in `make test`, each browser at each rate in `make verify`."""


@BROWSERS_AND_RATES
@pytest.mark.parametrize(("switches", "passes"), [(40, 10), pytest.param(200, 50, marks=pytest.mark.slow)])
def test_every_sample_is_that_of_the_file_over_switches_and_loop_points(tapped, rate, switches, passes):
    desk, sounds = tapped(), served()
    assert len(sounds) == 13
    least = passes * len(sounds[0]) / rate * 1000 / switches
    order = drawn(switches, rate)
    assert set(order) == set(range(13))
    desk.page.wait_for_timeout(300)
    desk.page.evaluate(PRESS, [order[1:], least - 10, 40, 300])
    tap.wait(desk.page, passes * len(sounds[0]) / rate, rate)
    assert tap.check(tap.recorded(desk.page), sounds, order, rate) >= passes


@pytest.mark.slow  # test_tap.py shows it of a recording that no browser made
@pytest.mark.parametrize(("browser", "rate"), [("chromium", 48000), ("firefox", 44100)], indirect=True)
def test_one_sample_too_late_in_one_slot_is_noticed(tapped, rate):
    desk, sounds = tapped(SHIFT), served()
    desk.page.wait_for_timeout(300)
    desk.page.evaluate(PRESS, [[3, 7, 2], 300, 20, 400])
    found = tap.recorded(desk.page)
    with pytest.raises(AssertionError, match="from 3 to 7"):
        tap.check(found, sounds, [0, 3, 7, 2], rate)
    late = [*sounds[:7], np.vstack([np.zeros((1, 2)), sounds[7][:-1]]), *sounds[8:]]
    tap.check(found, late, [0, 3, 7, 2], rate)
