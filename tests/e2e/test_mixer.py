"""The mixer by itself, for longer than a test can listen: an hour of blocks, counted."""

import pytest

pytestmark = pytest.mark.e2e

HOUR = """async ([url, rate, frames]) => {
  const { Mixer } = await import(url);
  const mixer = new Mixer({ count: 2, rate, channels: 1, frames });
  const ramp = Int16Array.from({ length: frames }, (_, i) => (i % 30000) + 1);
  mixer.add(0, ramp);
  mixer.add(1, ramp.map((x) => -x));
  const block = [new Float32Array(128), new Float32Array(128)];
  mixer.play(0);
  const blocks = Math.ceil((3600 * rate) / 128);
  for (let i = 0; i < blocks; i++) {
    if (i % 5000 === 4999) mixer.play((i / 5000) & 1);
    mixer.render(block);
  }
  const { frame, heard } = mixer.report();
  mixer.render(block);
  return { frame, heard: heard[0] + heard[1], blocks, both: block[0].every((x, i) => x === block[1][i]) };
}"""


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44100, 48000])
def test_after_an_hour_of_switches_the_place_is_where_the_count_of_samples_says(page, live_server, rate):
    frames = 10 * rate + 7
    page.goto(live_server.url + "/r/nobody/")
    url = f"{live_server.url}/static/listening/mixer.js"
    found = page.evaluate(HOUR, [url, rate, frames])
    assert found["heard"] == found["blocks"] * 128
    assert found["frame"] == found["blocks"] * 128 % frames
    assert found["both"]
