"""Training audio: from folders of files to one cached array for each source.

>>> # python -m audiocodecs.spectral.data CORPUS HELDOUT OUT
>>> # python -m audiocodecs.spectral.data CORPUS HELDOUT OUT --rate 48000 --channels 2 --least-kbps 110
>>> # then in an experiment: [data] folder = "OUT"

Each folder directly below CORPUS is one source. Its files become OUT/SOURCE.npy, int16 of shape (n,) for
mono and (n, 2) for stereo, silence trimmed at both ends, files one after another. OUT/sources.json says
rate, channels, the seconds and the share of files recorded above 16 kHz.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from audiocodecs.lossy import loses

SUFFIXES = frozenset({".wav", ".aiff", ".ogg", ".oga", ".opus", ".flac", ".mp3", ".g722"})
MIN_RATE = 16_000
MIN_PEAK = 0.02
MAX_CLIPPED = 5e-4
SILENCE_DB = -45.0
PAUSE_SECONDS = 0.08

log = logging.getLogger(__name__)

Audio = NDArray[np.float32]
"""float32 of shape (channels, n)."""


@dataclass(frozen=True)
class Preparation:
    """What the arrays will hold.

    Attributes
    ----------
    rate, channels : int
        Of the model to be trained. Mono files become stereo with equal channels.
    least_rate : int
        Files of a lower sample rate, Hz, are dropped.
    least_kbps : float
        Lossy files of a lower bitrate are dropped.
    """

    rate: int = 24_000
    channels: int = 1
    least_rate: int = MIN_RATE
    least_kbps: float = 0.0


@dataclass(frozen=True)
class Source:
    """What one folder of the corpus gave.

    Attributes
    ----------
    seconds : float
        Speech that remains.
    wideband : float
        Share of the files recorded at 22.05 kHz or more.
    kept, dropped : int
        Files.
    """

    name: str
    seconds: float
    wideband: float
    kept: int
    dropped: int
    rate: int = 24_000
    channels: int = 1


def heldout_patterns(text: str) -> list[str]:
    """Lines of a held-out list, lower case, without comments."""
    lines = (line.strip().lower() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def is_heldout(path: Path, patterns: Iterable[str]) -> bool:
    """Whether `path` contains one of the patterns, case ignored."""
    lowered = path.as_posix().lower()
    return any(pattern in lowered for pattern in patterns)


def decode(path: Path, channels: int) -> tuple[Audio, int, float]:
    """Decode the first audio stream of a file.

    Returns
    -------
    samples : ndarray of float32, shape (channels, n)
    rate : int
        Hz; 0 where there is no audio.
    kbps : float
        Of lossy streams; infinite for the others.

    Raises
    ------
    av.FFmpegError
        If the file is no audio.
    """
    kind = "g722" if path.suffix == ".g722" else None
    with av.open(str(path), format=kind, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return np.zeros((channels, 0), np.float32), 0, 0.0
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono" if channels == 1 else "stereo")
        parts = [piece.to_ndarray() for frame in container.decode(stream) for piece in resampler.resample(frame)]
        rate = int(stream.rate or 0)
        lossy = loses(stream.codec_context.codec)
    samples: Audio = np.concatenate([np.zeros((channels, 0), np.float32), *parts], axis=1)
    seconds = samples.shape[1] / rate if rate else 0.0
    return samples, rate, path.stat().st_size * 8e-3 / seconds if lossy and seconds else np.inf


def clipped(samples: Audio) -> bool:
    """Whether more than one sample in two thousand is at full scale."""
    return bool(np.mean(np.abs(samples) > 0.985) > MAX_CLIPPED)


def trim(samples: Audio, rate: int) -> Audio:
    """Cut what is quieter than 45 dB below the loud parts from both ends.

    Parameters
    ----------
    samples : ndarray of float32, shape (channels, n)
    rate : int
        Hz.
    """
    hop = rate // 100
    count = samples.shape[1] // hop
    if not count:
        return samples[:, :0]
    power = np.mean(samples[:, : count * hop].reshape(len(samples), count, hop) ** 2, axis=(0, 2))
    level = 10 * np.log10(power + 1e-12)
    loud = np.flatnonzero(level > np.percentile(level, 95) + SILENCE_DB)
    start, stop = max(0, loud[0] - 2), loud[-1] + 3
    return samples[:, start * hop : stop * hop]


def usable(folder: Path, patterns: list[str], wanted: Preparation) -> Iterator[tuple[Audio | None, int]]:
    """Go through the files of one source: (trimmed audio at the wanted rate, its own rate), None if dropped."""
    seen: set[bytes] = set()
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
        if is_heldout(path, patterns):
            continue
        try:
            samples, rate, kbps = decode(path, wanted.channels)
        except av.FFmpegError as error:
            log.warning("%s is not readable: %s", path, error)
            yield None, 0
            continue
        digest = hashlib.sha256(samples.tobytes()).digest()
        if rate < wanted.least_rate or kbps < wanted.least_kbps or digest in seen or not samples.size:
            yield None, rate
            continue
        seen.add(digest)
        if np.abs(samples).max() < MIN_PEAK or clipped(samples):
            yield None, rate
            continue
        # 16 bits soon, so that a resampler of 16 bits' quality is enough
        at_rate = soxr.resample(samples.T, rate, wanted.rate, "HQ").T.astype(np.float32)
        found = trim(at_rate, wanted.rate)
        yield (found if found.shape[1] > wanted.rate // 5 else None), rate


def prepare_source(folder: Path, patterns: list[str], out: Path, wanted: Preparation) -> Source:
    """Write OUT/NAME.npy of one source folder."""
    pause = np.zeros((int(PAUSE_SECONDS * wanted.rate), wanted.channels), np.int16)
    parts: list[NDArray[np.int16]] = []
    kept = dropped = wide = 0
    for found, rate in tqdm(usable(folder, patterns, wanted), desc=folder.name, unit="file", mininterval=5):
        if found is None:
            dropped += 1
            continue
        kept += 1
        wide += rate >= 22_050
        # Level differs by 20 dB between packages: bring each file to a peak of one half.
        levelled = found.T * (0.5 / max(float(np.abs(found).max()), MIN_PEAK))
        parts += [np.round(levelled * 32767).astype(np.int16), pause]
    joined = np.concatenate(parts) if parts else np.zeros((0, wanted.channels), np.int16)
    np.save(out / f"{folder.name}.npy", joined[:, 0] if wanted.channels == 1 else joined)
    seconds = len(joined) / wanted.rate
    return Source(folder.name, seconds, wide / max(kept, 1), kept, dropped, wanted.rate, wanted.channels)


def main(argv: list[str] | None = None) -> None:
    """Prepare every source folder of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("heldout", type=Path, help="list of what is never trained on: parts of paths")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", help="names of the folders to prepare, all unless given")
    parser.add_argument("--rate", type=int, default=24_000, help="Hz, of the model to be trained")
    parser.add_argument("--channels", type=int, choices=(1, 2), default=1)
    parser.add_argument("--least-rate", type=int, default=MIN_RATE, help="drop files below this sample rate, Hz")
    parser.add_argument("--least-kbps", type=float, default=0.0, help="drop lossy files below this bitrate")
    arguments = parser.parse_args(argv)
    wanted = Preparation(arguments.rate, arguments.channels, arguments.least_rate, arguments.least_kbps)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    patterns = heldout_patterns(arguments.heldout.read_text())
    listing = arguments.out / "sources.json"
    known = {s["name"]: s for s in json.loads(listing.read_text())} if listing.exists() else {}
    for folder in sorted(p for p in arguments.corpus.iterdir() if p.is_dir()):
        if arguments.only is None or folder.name in arguments.only:
            source = prepare_source(folder, patterns, arguments.out, wanted)
            known[source.name] = asdict(source)
            log.info(
                "%s: %.1f min, %d files kept, %d dropped", source.name, source.seconds / 60, source.kept, source.dropped
            )
            listing.write_text(json.dumps(list(known.values()), indent=1))


if __name__ == "__main__":
    main()
