"""A tap where sound leaves a page, and what should come out of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

Samples = NDArray[np.float64]
"""Shape (n, channels), full scale 1."""

BLOCK = 128
"""Frames that browsers render at once: what is asked for begins with one."""

SCRIPT = """
const taps = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    taps.filter((tap) => tap.context === this.context).forEach((tap) => connect.call(this, tap));
    (this.context.ends ??= new Set()).add(this);
  }
  window.heardContext = this.context;
  return connect.call(this, to, ...rest);
};
const code = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) {
    const all = new Float32Array(256);
    [input[0], input[1] ?? input[0]].forEach((plane, channel) => plane?.forEach((x, i) => (all[2 * i + channel] = x)));
    this.port.postMessage(all);
    return true;
  }
});`;
window.listen = async () => {
  const context = window.heardContext;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "tap", { numberOfOutputs: 1 });
  window.blocks = [];
  node.port.onmessage = ({ data }) => window.blocks.push(data);
  connect.call(node, context.destination);
  taps.push(node);
  for (const end of context.ends) connect.call(end, node);
};
window.recorded = async () => {
  const bytes = new Uint8Array(await new Blob(window.blocks).arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
"""
"""Listens from when `window.listen()` is called: the page itself gives nothing away."""


def listen(page: Page) -> None:
    """Begin to record; something must have played before."""
    page.evaluate("window.listen()")
    page.wait_for_timeout(300)
    again(page)  # the tap ran empty until its inputs were connected


def again(page: Page) -> None:
    """Forget what was recorded so far."""
    page.evaluate("window.blocks.length = 0")


def wait(page: Page, seconds: float, rate: int) -> None:
    """Until so much was recorded: a browser that is short of time gives less sound than time passes."""
    page.wait_for_function(f"window.blocks.length >= {int(np.ceil(seconds * rate / BLOCK))}")


def recorded(page: Page) -> Samples:
    """What was recorded, both channels."""
    raw = np.frombuffer(base64.b64decode(page.evaluate("window.recorded()")), np.float32)
    return raw.reshape(-1, 2).astype(np.float64)


def ramp(rate: int) -> Samples:
    """Weights of a raised cosine of 5 ms, rising: (1 - cos(pi x)) / 2 at the middles of its samples; shape (n, 1)."""
    n = int(np.floor(0.005 * rate + 0.5))
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(n)[:, None] + 0.5) / n)


def passage(samples: Samples, rate: int, first: int = 0, last: int | None = None) -> Samples:
    """A part of a stimulus with the ramps that its ends get in the loop."""
    part = samples[first:last].copy()
    rising = ramp(rate)
    part[: len(rising)] *= rising
    part[-len(rising) :] *= rising[::-1]
    return part


def looped(samples: Samples, start: int, n: int) -> Samples:
    """What a loop gives, from a place in it."""
    return samples[(start + np.arange(n)) % len(samples)]


def place_of(found: Samples, samples: Samples) -> int:
    """Where in the looped stimulus a recording begins: where their difference is least."""
    heard, twice = found[:, 0], np.concatenate([samples[:, 0], samples[:, 0]])
    n = 1 << int(np.ceil(np.log2(len(twice) + len(heard))))
    product = np.fft.irfft(np.fft.rfft(twice, n) * np.conj(np.fft.rfft(heard, n)), n)
    energy = np.concatenate([[0.0], np.cumsum(twice**2)])
    starts = np.arange(len(samples))
    return int(np.argmin(energy[starts + len(heard)] - energy[starts] - 2 * product[starts]))


def check(found: Samples, sounds: Sequence[Samples], order: Sequence[int], rate: int) -> int:
    """Compare a recording with the served files, sample by sample.

    Parameters
    ----------
    found : ndarray of float, shape (n, channels)
        A multiple of BLOCK long, from a block's start, while `order[0]` plays.
    sounds : sequence of ndarray of float, shape (frames, channels)
        The served files, all of one length, heard whole in a loop.
    order : sequence of int
        Sounds in the order in which they were switched to.
    rate : int
        Hz.

    Returns
    -------
    int
        Whole passes of the loop that the recording holds.

    Raises
    ------
    AssertionError
        Where a sample differs: by more than a hundredth of a 16-bit step outside the ramps, or by more than
        1e-6 from the ramps' formula inside them.
    """
    rising = ramp(rate)
    n = len(rising)
    ends = [passage(np.ones_like(sound), rate) for sound in sounds[:1]][0]
    start = place_of(found[: len(sounds[0]) // 4], passage(sounds[order[0]], rate))
    expected = [looped(sound * ends, start, len(found)) for sound in sounds]
    whole = looped(ends, start, len(found)) == 1

    def same(sound: int, first: int, last: int) -> None:
        off = np.abs(found[first:last] - expected[sound][first:last])
        steps = np.where(whole[first:last], off * 32768 * 100, off * 1e6)
        assert steps.max(initial=0) <= 1, f"sound {sound} differs at {first + steps.max(1).argmax()} by {off.max():.2g}"

    at = 0
    for before, after in zip(order, order[1:], strict=False):
        differs = np.flatnonzero(np.abs(found[at:] - expected[before][at:]).max(axis=1) > 1e-6)
        assert len(differs), f"no switch from {before} to {after} after {at}"
        block = (at + differs[0]) // BLOCK * BLOCK
        # It began in this block or one before, and longer ago where both sounds pause.
        errors = {
            begin: _misfit(found, expected[before], expected[after], begin, rising)
            for begin in range(block, at - 1, -BLOCK)
        }
        begins = next((begin for begin, error in errors.items() if error < 1e-6), None)
        if begins is None:
            nearest = min(errors, key=errors.__getitem__)
            raise AssertionError(f"the switch from {before} to {after} at {nearest} is off by {errors[nearest]:.2g}")
        same(before, at, begins)
        at = begins + 2 * n
    same(order[-1], at, len(found))
    return len(found) // len(sounds[0])


def _misfit(found: Samples, before: Samples, after: Samples, begins: int, rising: Samples) -> float:
    n = len(rising)
    down, up = slice(begins, begins + n), slice(begins + n, begins + 2 * n)
    if up.stop > len(found):
        return np.inf
    closing = np.abs(found[down] - before[down] * rising[::-1]).max()
    return float(max(closing, np.abs(found[up] - after[up] * rising).max()))
