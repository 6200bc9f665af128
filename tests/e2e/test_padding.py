"""Browsers decode sounds that random bytes fill up, to the sample."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from listening import masking, packing
from tests.robot import FIREFOX_CONTEXT

pytestmark = pytest.mark.e2e

DECODE = """async ([bodies, key]) => {
    const { unmask } = await import("/static/listening/mask.js");
    const { isFlac, parseFlac } = await import("/static/listening/flac.js");
    const found = [];
    for (const text of bodies) {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
        unmask(bytes, key);
        if (!isFlac(bytes)) return "another mask";
        const { rate, channels, frames, samples } = await parseFlac(bytes);
        let sum = 0;
        samples.forEach((sample, at) => (sum = (Math.imul(sum, 31) + sample + at) | 0));
        found.push([rate, channels, frames, sum]);
    }
    return found;
}"""
KEY = "00112233445566778899aabbccddeeff"
RATE, FRAMES = 48000, 24000


def expected(samples: np.ndarray) -> list[int]:
    total = 0
    for at, sample in enumerate(samples.ravel().tolist()):
        total = (total * 31 + sample + at) & 0xFFFFFFFF
    return [RATE, samples.shape[1], FRAMES, total - (1 << 32) if total >> 31 else total]


@pytest.fixture
def browser(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("browser", ["chromium", pytest.param("firefox", marks=pytest.mark.slow)], indirect=True)
def test_a_sound_that_is_filled_up_is_decoded_to_the_sample(live_server, browser):
    draw = np.random.default_rng(5)
    bodies, wanted = [], []
    for channels in (1, 2):
        samples = draw.normal(0, 3000, (FRAMES, channels)).astype(np.int16)
        content = packing.flac(samples, RATE)
        for more in (0, 1, 2, 7, 100, 5000, 120_000):
            filled = packing.pad(content, len(content) + more, b"%d" % more)
            bodies.append(base64.b64encode(masking.mask(filled, KEY)).decode())
            wanted.append(expected(samples))
    context = browser.new_context(**(FIREFOX_CONTEXT if browser.browser_type.name == "firefox" else {}))
    page = context.new_page()
    page.goto(f"{live_server.url}/login/")
    assert page.evaluate(DECODE, [bodies, KEY]) == wanted
    context.close()
