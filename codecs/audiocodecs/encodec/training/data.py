"""Training batches: crops of prepared sources, mixed, at random levels, some with reverberation.

A batch depends on the seed and the number of its step alone. So it can be made ahead in other processes,
and a run that goes on from a checkpoint gets the same ones.

References
----------
A. Défossez et al., "High Fidelity Neural Audio Compression", arXiv 2210.13438, section 4.1.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from audiocodecs.base import CodecError

Audio = NDArray[np.float32]
"""float32 of shape (channels, n)."""

KINDS = ("speech", "music", "noise")
ATTEMPTS = 20


@dataclass(frozen=True)
class DataConfig:
    """Where the audio is and how batches are made of it.

    Attributes
    ----------
    folders : tuple of str
        Written by `audiocodecs.spectral.data` or unpacked by `audiocodecs.encodec.training.pack`.
    samples : int
        Length of a crop.
    batch : int
    kinds : mapping of str to tuple of str
        Sources that are "music" or "noise", by name or FOLDER/NAME, with patterns (`music24/*`); the others are
        speech.
    single, two, three : float
        How often a crop is of one source, of two, or of three that are not music.
    music_share : float
        How much of the crops of one source is music, where there is any.
    quietest_db, loudest_db : float
        Gain of each source in the mixture; files are stored with a peak of one half.
    reverb : float
        Share of crops with reverberation; crops of music alone get none.
    shortest_reverb, longest_reverb : float
        Reverberation time (60 dB), seconds.
    wideband_weight : float
        Sources recorded above 16 kHz are drawn this many times as often for their length.
    same_batch : bool
        The first batch at every step: the diagnosis whether a model can learn at all.
    workers : int
        Processes that make batches ahead; 0 makes each when it is asked for. No threads: they would hold up the
        one that keeps a GPU busy.
    """

    folders: tuple[str, ...]
    samples: int = 24_000
    batch: int = 64
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    single: float = 0.64
    two: float = 0.24
    three: float = 0.12
    music_share: float = 0.5
    quietest_db: float = -10.0
    loudest_db: float = 6.0
    reverb: float = 0.2
    shortest_reverb: float = 0.3
    longest_reverb: float = 1.3
    wideband_weight: float = 1.0
    same_batch: bool = False
    workers: int = 0


@dataclass(frozen=True)
class Source:
    """One array of prepared audio.

    Attributes
    ----------
    name, kind : str
        The name with its folder's before it.
    array : ndarray of int16, shape (n,) or (n, 2)
        Not in memory as a whole.
    seconds : float
    weight : float
        How often it is drawn.
    """

    name: str
    kind: str
    array: NDArray[np.int16]
    seconds: float
    weight: float


def read_sources(config: DataConfig, rate: int) -> list[Source]:
    """Open the prepared audio of an experiment.

    Raises
    ------
    CodecError
        If there is none, it has another rate, or a kind or pattern of the experiment fits nothing.
    """
    if unknown := set(config.kinds) - set(KINDS):
        raise CodecError(f"[data.kinds] has {sorted(unknown)}; the kinds are {', '.join(KINDS)}.")
    found = []
    for folder in map(Path, config.folders):
        listing = folder / "sources.json"
        if not listing.is_file():
            raise CodecError(f"{folder} holds no prepared audio. Run python -m audiocodecs.spectral.data first.")
        for said in json.loads(listing.read_text()):
            prepared = said.get("rate", 24_000)
            if prepared != rate:
                raise CodecError(
                    f"{said['name']} in {folder} was prepared at {prepared} Hz and this model has {rate} Hz. "
                    f"Prepare the audio with --rate {rate}."
                )
            if said["seconds"] * rate > config.samples:
                array = np.load(folder / f"{said['name']}.npy", mmap_mode="r")
                weight = said["seconds"] * (1 + (config.wideband_weight - 1) * said.get("wideband", 1.0))
                name = f"{folder.name}/{said['name']}"
                found.append(Source(name, _kind(name, config.kinds), array, said["seconds"], weight))
    if not found:
        raise CodecError(f"{', '.join(config.folders)}: no source is longer than a crop of {config.samples} samples.")
    for pattern in (pattern for patterns in config.kinds.values() for pattern in patterns):
        if not any(_fits(source.name, pattern) for source in found):
            raise CodecError(f"[data.kinds] names {pattern!r}, and no source of {', '.join(config.folders)} fits it.")
    return found


def _kind(name: str, kinds: Mapping[str, tuple[str, ...]]) -> str:
    fitting = [kind for kind, patterns in kinds.items() if any(_fits(name, pattern) for pattern in patterns)]
    return fitting[0] if fitting else "speech"


def _fits(name: str, pattern: str) -> bool:
    return fnmatch(name, pattern) or fnmatch(name.partition("/")[2], pattern)


class Batches:
    """Makes the batch of any step.

    Parameters
    ----------
    config : DataConfig
    rate, channels : int
        Of the model.
    seed : int
    """

    def __init__(self, config: DataConfig, rate: int, channels: int, seed: int) -> None:
        self.config, self.rate, self.channels, self.seed = config, rate, channels, seed
        self.sources = read_sources(config, rate)
        self.seconds = sum(source.seconds for source in self.sources)

    def batch(self, step: int, samples: int | None = None) -> NDArray[np.float32]:
        """Make the batch of a step: (batch, channels, samples)."""
        number = 0 if self.config.same_batch else step
        length = samples or self.config.samples
        return np.stack([self._item(number, item, length) for item in range(self.config.batch)])

    def after(self, step: int) -> Generator[NDArray[np.float32], None, None]:
        """Go through the batches of `step` and all that follow, made ahead if there are workers."""
        workers = self.config.workers
        if not workers:
            while True:
                yield self.batch(step)
                step += 1
        started = multiprocessing.get_context("spawn")  # a fork of a process that uses a GPU cannot work
        given = (self.config, self.rate, self.channels, self.seed)
        with ProcessPoolExecutor(workers, started, _become_worker, given) as pool:
            waiting: list[Future[NDArray[np.float32]]] = []
            try:
                while True:
                    while len(waiting) <= 2 * workers:
                        waiting.append(pool.submit(_batch_of_worker, step + len(waiting)))
                    yield waiting.pop(0).result()
                    step += 1
            finally:
                for future in waiting:
                    future.cancel()

    def _item(self, step: int, item: int, length: int) -> Audio:
        random = np.random.default_rng([self.seed, step, item])
        for _ in range(ATTEMPTS):
            mixture = self._mixture(random, length)
            if np.abs(mixture).max() <= 1:
                break
        else:
            mixture /= np.abs(mixture).max()
        return mixture

    def _mixture(self, random: np.random.Generator, length: int) -> Audio:
        config = self.config
        number = int(random.choice(3, p=np.array([config.single, config.two, config.three]) / self._total)) + 1
        chosen = self._choose(random, number)
        spread = random.random() < config.reverb and not (number == 1 and chosen[0].kind == "music")
        seconds = random.uniform(config.shortest_reverb, config.longest_reverb) if spread else 0.0
        lead = int(seconds * self.rate)
        mixture = np.zeros((self.channels, lead + length), np.float32)
        for source in chosen:
            gain = 10 ** (random.uniform(config.quietest_db, config.loudest_db) / 20)
            mixture += np.float32(gain) * self._crop(source, random, lead, length)
        return reverberate(mixture, seconds, self.rate, random)[:, lead:] if spread else mixture

    @property
    def _total(self) -> float:
        return self.config.single + self.config.two + self.config.three

    def _choose(self, random: np.random.Generator, number: int) -> list[Source]:
        music = [source for source in self.sources if source.kind == "music"]
        rest = [source for source in self.sources if source.kind != "music"]
        if number == 2 or not music or not rest:
            among = self.sources
        elif number == 1:
            among = music if random.random() < self.config.music_share else rest
        else:
            among = rest
        weights = np.array([source.weight for source in among])
        return [among[i] for i in random.choice(len(among), number, p=weights / weights.sum())]

    def _crop(self, source: Source, random: np.random.Generator, lead: int, length: int) -> Audio:
        """Cut `length` samples with `lead` before them, zeros where the source has not begun yet."""
        start = int(random.integers(len(source.array) - length + 1))
        begin = max(0, start - lead)
        stored = source.array[begin : start + length].reshape(start + length - begin, -1)
        part = stored.T.astype(np.float32) / 32768
        if len(part) > self.channels:
            part = part.mean(0, keepdims=True)
        cut = np.zeros((self.channels, lead + length), np.float32)
        cut[:, lead + length - part.shape[1] :] = part
        return cut


_of_worker: list[Batches] = []
"""In a process that makes batches: what it makes them with."""


def _become_worker(config: DataConfig, rate: int, channels: int, seed: int) -> None:
    _of_worker.append(Batches(config, rate, channels, seed))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end: one that was killed cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _batch_of_worker(step: int) -> NDArray[np.float32]:
    return _of_worker[0].batch(step)


def reverberate(audio: Audio, seconds: float, rate: int, random: np.random.Generator) -> Audio:
    """Add a made-up room: noise that decays, darker as it does, after the direct sound.

    Parameters
    ----------
    audio : ndarray of float32, shape (channels, n)
    seconds : float
        Reverberation time, in which the tail falls by 60 dB.
    rate : int
        Hz.
    random : numpy.random.Generator
        Draws the noise (of each channel its own), when the tail begins (2 to 20 ms) and its power against
        that of the direct sound (0 to -15 dB).

    Returns
    -------
    ndarray of float32, shape (channels, n)
        With the power of the input. The first `seconds` of it have too little reverberation.
    """
    n = int(seconds * rate)
    t = np.arange(n) / rate
    noise = random.standard_normal((len(audio), n))
    tail = noise * 10 ** (-3 * t / seconds)
    dark = _convolve(tail, np.hanning(2 + rate // 1500)[None])[:, :n]
    late = (t / seconds)[None]
    tail = tail / np.linalg.norm(tail) * (1 - late) + dark / np.linalg.norm(dark) * late
    tail[:, : int(random.uniform(0.002, 0.02) * rate)] = 0
    power = 10 ** (random.uniform(-15, 0) / 10) * len(audio)
    response = tail * np.sqrt(power / np.sum(tail**2))
    response[:, 0] = 1
    wet = _convolve(audio, response)[:, : audio.shape[1]]
    level = np.sqrt(np.mean(audio**2) / max(float(np.mean(wet**2)), 1e-12))
    return np.asarray(wet * level, np.float32)


def _convolve(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear convolution along the last axis, all of it."""
    length = first.shape[1] + second.shape[1] - 1
    size = fft.next_fast_len(length, real=True)
    product = fft.rfft(first.astype(np.float64), size) * fft.rfft(second.astype(np.float64), size)
    return np.asarray(fft.irfft(product, size)[:, :length], np.float64)
