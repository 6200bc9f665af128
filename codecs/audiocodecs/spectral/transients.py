"""Gains before attacks: what a transform of 26.7 ms spreads ahead of a click is turned down again.

The encoder decodes what it would send and looks for places just before an attack where the decoded sound is louder than
the original. For each hop it sends at most one gain, for the part of the hop before the attack; the decoder applies it
to the samples. (Gain control against pre-echo is old: Vaupelt, "A new approach to gain control", AES 91, 1991.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import Samples

PARTS = 8
"""Parts of a hop: an attack begins at one."""
STEP_DB = 3.0
MOST_STEPS = 15
_AHEAD = 2 * PARTS
"""How far pre-echo spreads ahead of an attack, parts."""
_ATTACK_DB, _LEAST_DB = 12.0, 6.0
_FLOOR = 1e-10
_RAMP_SHARE = 16
_TOGETHER = 1024

Gains = NDArray[np.uint8]
"""For each hop, shape (hops,): 0 for none, or (parts before the attack - 1) + 8 * steps of 3 dB down."""


def gains_before_attacks(original: Samples, decoded: Samples, hop: int, most: int) -> Gains:
    """Gains that bring the decoded sound before attacks down to the original.

    Parameters
    ----------
    original, decoded : ndarray, shape (channels, n)
    hop : int
        Samples; n may end within one.
    most : int
        So many gains; where there would be more, the largest.
    """
    hops = -(-original.shape[1] // hop)
    wanted, found = (_part_energy(samples, hop, hops) for samples in (original, decoded))
    # The loudest part within reach after each.
    padded = np.pad(wanted, (0, _AHEAD))
    loudest = np.max([padded[1 + shift : 1 + shift + len(wanted)] for shift in range(_AHEAD)], axis=0)
    before = loudest > wanted * 10 ** (_ATTACK_DB / 10)
    gains = np.zeros(hops, np.uint8)
    for at in np.flatnonzero(before.reshape(hops, PARTS)[:, 0]):
        parts = before[at * PARTS : (at + 1) * PARTS]
        length = PARTS if parts.all() else int(np.argmin(parts))
        place = slice(at * PARTS, at * PARTS + length)
        excess = 10 * np.log10(found[place].sum() / wanted[place].sum())
        if excess >= _LEAST_DB:
            gains[at] = length - 1 + PARTS * min(MOST_STEPS, round(excess / STEP_DB))
    gains[np.argsort(-(gains // PARTS).astype(int), kind="stable")[most:]] = 0
    return gains


def apply(samples: Samples, gains: Gains, hop: int) -> Samples:
    """Decoded audio, shape (channels, n), with the gains of its hops; fades over a sixteenth of a hop."""
    shaped = samples.copy()
    ramp = hop // _RAMP_SHARE
    fade = np.linspace(0, 1, ramp, endpoint=False, dtype=np.float32)
    last = 1.0
    for at in np.flatnonzero(gains):
        steps, parts = divmod(int(gains[at]), PARTS)
        gain = 10 ** (-STEP_DB * steps / 20)
        envelope = np.ones(hop, np.float32)
        stop = (parts + 1) * hop // PARTS
        envelope[:stop] = gain
        before = last if at and gains[at - 1] % PARTS == PARTS - 1 and gains[at - 1] else 1.0
        envelope[:ramp] = before + (gain - before) * fade
        if stop < hop or at + 1 == len(gains) or not gains[at + 1]:
            envelope[stop - ramp : stop] = gain + (1 - gain) * fade
        part = shaped[:, at * hop : (at + 1) * hop]
        part *= envelope[: part.shape[1]]
        last = gain
    return shaped


def _part_energy(samples: Samples, hop: int, hops: int) -> NDArray[np.float64]:
    """Mean power of each part of each hop, over all channels: (hops * PARTS,)."""
    power = np.empty(hops * PARTS)
    for first in range(0, hops, _TOGETHER):
        count = min(_TOGETHER, hops - first)
        padded = np.zeros((len(samples), count * hop))
        part = samples[:, first * hop : (first + count) * hop]
        padded[:, : part.shape[1]] = part
        parts = padded.reshape(len(samples), count * PARTS, hop // PARTS)
        power[first * PARTS : (first + count) * PARTS] = np.square(parts).mean((0, 2))
    return power + _FLOOR
