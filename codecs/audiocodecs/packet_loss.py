"""Packets that are lost between encoder and decoder: the options `loss`, `burst` and `seed` of a spec.

The channel is a Markov chain of two states after Gilbert (1960) and Elliott (1963): every packet of the bad state
is lost and none of the good one. The same numbers lose the same packets of every codec, in every process.

>>> PacketLoss(percent=20, burst=2, seed=1).lost(10).astype(int)
array([1, 0, 0, 0, 0, 0, 0, 0, 1, 1])

References
----------
E. N. Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal 39 (1960).
E. O. Elliott, "Estimates of error rates for codes on burst-noise channels", Bell System Technical Journal 42 (1963).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from audiocodecs.spec import Spec, UnknownCodec

OPTIONS = ("loss", "burst", "seed")
MOST_PERCENT = 50
MOST_BURST = 50
MOST_SEED = 2**31 - 1
_NUMBER = re.compile(r"\d{1,3}(\.\d{1,6})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True)
class PacketLoss:
    """How packets are lost.

    Attributes
    ----------
    percent : float
        Share of the packets that is lost in the long run, 0 to 50.
    burst : float or None
        Mean number of packets lost in a row, 1 to 50. 1 loses no two in a row; None loses each packet independently.
    seed : int
        Which of the patterns of these two numbers.
    """

    percent: float
    burst: float | None = None
    seed: int = 1

    def stream(self) -> Iterator[bool]:
        """Whether each packet is lost, one after another without an end."""
        share = self.percent / 100
        stay = share if self.burst is None else 1 - 1 / self.burst
        begin = share * (1 - stay) / (1 - share)
        draw = random.Random(self.seed).random  # a sequence that Python promises not to change
        chance = share
        while True:
            lost = draw() < chance
            yield lost
            chance = stay if lost else begin

    def lost(self, packets: int) -> NDArray[np.bool_]:
        """Which of the first `packets` packets are lost."""
        return np.fromiter(islice(self.stream(), packets), np.bool_, packets)

    @property
    def words(self) -> str:
        """For a condition's name: "5% packet loss in bursts of 2"."""
        bursts = "" if self.burst is None else f" in bursts of {self.burst:g}"
        pattern = "" if self.seed == 1 else f", pattern {self.seed}"
        return f"{self.percent:g}% packet loss{bursts}{pattern}"


NO_LOSS = PacketLoss(0)


def packet_loss(spec: Spec) -> PacketLoss:
    """What the options of a spec ask for; without them nothing is lost.

    Raises
    ------
    UnknownCodec
        If an option is no number or out of its range, or a burst or seed comes without a loss.
    """
    given = loss_options(spec)
    if not given:
        return NO_LOSS
    if "loss" not in given:
        raise UnknownCodec(f"{spec} has a burst or a seed, but no loss. Write for example opus@16:loss=5.")
    percent = _number(spec, "loss", 0, MOST_PERCENT, "percent of the packets")
    burst = _number(spec, "burst", 1, MOST_BURST, "packets") if "burst" in given else None
    seed = given.get("seed", "1")
    if not _WHOLE.fullmatch(seed) or int(seed) > MOST_SEED:
        shown = f"{seed[:20]}…" if len(seed) > 20 else seed
        raise UnknownCodec(f"{spec.name}: seed={shown} is not possible. Write a whole number from 0 to {MOST_SEED}.")
    if burst is not None and percent / 100 > burst / (1 + burst):
        raise UnknownCodec(f"{spec.name}: bursts of {burst:g} cannot lose {percent:g}%. Write a longer burst.")
    return PacketLoss(percent, burst, int(seed))


def without_loss(spec: Spec) -> Spec:
    """The spec without these options."""
    return replace(spec, options=tuple(pair for pair in spec.options if pair[0] not in OPTIONS))


def canonical(spec: Spec) -> Spec:
    """The spec with these options in one form: numbers without needless digits, no seed of 1, nothing for a loss of 0.

    Raises
    ------
    UnknownCodec
        As `packet_loss`.
    """
    loss = packet_loss(spec)
    if not loss.percent:
        return without_loss(spec)
    found = {**dict(without_loss(spec).options), "loss": f"{loss.percent:g}"}
    if loss.burst is not None:
        found["burst"] = f"{loss.burst:g}"
    if loss.seed != 1:
        found["seed"] = str(loss.seed)
    return replace(spec, options=tuple(sorted(found.items())))


def loss_options(spec: Spec) -> dict[str, str]:
    """These options of a spec."""
    return {key: value for key, value in spec.options if key in OPTIONS}


def for_clip(spec: Spec, sha256: str) -> Spec:
    """The spec with the seed of one clip: raters must not tell a condition by where its packets are missing.

    With one seed, every codec of a study loses the same packets of a clip.

    Parameters
    ----------
    spec : Spec
    sha256 : str
        Of the clip's reference.
    """
    loss = packet_loss(spec)
    if not loss.percent:
        return spec
    digest = hashlib.sha256(f"{loss.seed} {sha256}".encode()).digest()
    options = {**dict(spec.options), "seed": str(int.from_bytes(digest[:4], "big") & MOST_SEED)}
    return replace(spec, options=tuple(sorted(options.items())))


def fading(lost: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Gain at each place for codecs that repeat a packet: 1, and half of the last from the second loss in a row on."""
    gains = np.ones(len(lost), np.float32)
    for index in range(1, len(lost)):
        if lost[index] and lost[index - 1]:
            gains[index] = gains[index - 1] / 2
    return gains


def last_received(lost: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Index of the last packet received at each place; before the first, that of the first.

    For codecs that repeat a packet in place of a lost one.
    """
    received = np.where(lost, 0, np.arange(len(lost)))
    first = int(np.argmin(lost))
    return np.maximum(np.maximum.accumulate(received), first)


def _number(spec: Spec, key: str, least: float, most: float, unit: str) -> float:
    text = dict(spec.options)[key]
    value = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not least <= value <= most:
        raise UnknownCodec(
            f"{spec.name}: {key}={text} is not possible. Write a number of {unit} from {least:g} to {most:g}."
        )
    return value
