"""Training material of a language model: codes of random crops, kept on disk as shards.

Shard i depends on the experiment and on i alone, so that a run that was stopped finds or makes the
same ones. Every shard holds crops of one bitrate, the rates in turn as often as they are wanted. A spectral codec's
frames differ in their number of codebooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audiocodecs import audio
from audiocodecs.encodec.checkpoints import load
from audiocodecs.spectral.crops import CropConfig, Crops
from audiocodecs.spectral.rate_control import coded_mean, codes_of_mean
from audiocodecs.spectral.stream import encode_every_count
from audiocodecs.spectral.weights import load_weights

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """A codec whose codes are learned.

    Attributes
    ----------
    rate, channels : int
        Of its audio.
    counts : tuple of float
        Codebooks at each of its bitrates, or their mean.
    frame_rate : float
    codebooks : ndarray of float32, shape (codebooks, entries, d)
        The vectors that the codes stand for.
    encode : callable
        Samples, float32 (channels, n), and one of `counts` to codes (codebooks, frames), -1 for none.
    """

    rate: int
    channels: int
    counts: tuple[float, ...]
    frame_rate: float
    codebooks: NDArray[np.float32]
    encode: Callable[[NDArray[np.float32], float], Codes]


def source_of(codec: str, weights: Path, most: int) -> Source:
    """Source of a codec, `spectral` or `encodec`, with the weights of a file; at most `most` codebooks."""
    if codec == "spectral":
        spectral = load_weights(weights).model
        config = spectral.config

        def encode(samples: NDArray[np.float32], mean: float) -> Codes:
            codes, error = encode_every_count(spectral, samples, mean)
            left_out = config.quantizer.codebooks - most
            stop = codes.shape[1] - left_out
            return codes_of_mean(codes[:, :stop, :most], error[:, :stop], mean)

        return Source(
            *(config.rate, config.channels),
            counts=tuple(coded_mean(count, most) for count in config.counts),
            frame_rate=config.rate / config.hop,
            codebooks=spectral.quantizer.codebooks.numpy(),
            encode=encode,
        )
    if codec == "encodec":
        model = load(weights)
        settings = model.settings
        if settings.segment_samples:
            raise ValueError(f"{weights}: models that work in segments are not learned here")
        return Source(
            *(settings.rate, settings.channels, tuple(map(settings.codebooks_at, settings.bandwidths))),
            frame_rate=settings.frame_rate,
            codebooks=torch.stack([book.embed for book in model.quantizer.codebooks]).numpy(),
            encode=lambda samples, count: model.encode(torch.from_numpy(samples), int(count)).numpy(),
        )
    raise ValueError(f"codec is spectral or encodec, not {codec!r}")


@dataclass(frozen=True)
class ShardConfig:
    """What the shards hold.

    Attributes
    ----------
    seconds : float
        Length of a crop.
    crops : int
        In a shard.
    order : tuple of int
        Bitrates in turn, as places in the source's counts.
    """

    seconds: float = 10.0
    crops: int = 60
    order: tuple[int, ...] = (0, 1, 2, 3, 2, 1, 0, 2)


class Shards:
    """Makes and reads shards.

    Parameters
    ----------
    folder : Path
    source : Source
    crops : CropConfig
    config : ShardConfig
    seed : int
    """

    def __init__(self, folder: Path, source: Source, crops: CropConfig, config: ShardConfig, seed: int) -> None:
        self.folder, self.source, self.crops, self.config, self.seed = folder, source, crops, config, seed
        self._cache: dict[int, NDArray[np.int16]] = {}

    def __getitem__(self, index: int) -> NDArray[np.int16]:
        """Codes of shard `index`, int16 (crops, codebooks, frames)."""
        if index not in self._cache:
            path = self.folder / f"{index:05d}.npy"
            if not path.exists():
                self._make(index, path)
            self._cache[index] = np.load(path)
        return self._cache[index]

    def _make(self, index: int, path: Path) -> None:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        crops = Crops(self.crops, generator, self.source.rate, self.source.channels)
        count = self.source.counts[self.config.order[index % len(self.config.order)]]
        drawn = crops.draw(self.config.crops, round(self.config.seconds * self.source.rate)).numpy()
        codes = np.stack([self.source.encode(samples, count) for samples in drawn])
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            np.save(file, codes.astype(np.int16))
        partial.replace(path)


def codes_of_files(source: Source, files: list[Path], most: int, seconds: float = 30.0) -> dict[float, list[Codes]]:
    """Codes of each file at every bitrate of at most `most` codebooks: their (mean) number -> one array a file."""
    found: dict[float, list[Codes]] = {count: [] for count in source.counts if count <= most}
    for path in files:
        read = audio.read(path)
        samples = audio.resample(audio.to_channels(read.samples, source.channels), read.rate, source.rate)
        samples = np.clip(samples[:, : round(seconds * source.rate)], -1, 1)
        for count in found:
            found[count].append(source.encode(samples, count))
    return found
