"""Training audio: from folders of files to one cached array for each source.

>>> # python -m audiocodecs.spectral.data CORPUS HELDOUT OUT
>>> # then in an experiment: [data] folder = "OUT"

Each folder directly below CORPUS is one source. Its files become OUT/SOURCE.npy,
int16 mono at 24 kHz, silence trimmed at both ends, short phrases one after another.
OUT/sources.json says the seconds and the share of files that reach above 8 kHz.
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

RATE = 24_000
SUFFIXES = frozenset({".wav", ".ogg", ".oga", ".opus", ".flac", ".mp3", ".g722"})
MIN_RATE = 16_000
MIN_PEAK = 0.02
MAX_CLIPPED = 5e-4
SILENCE_DB = -45.0
PAUSE_SECONDS = 0.08

log = logging.getLogger(__name__)

Mono = NDArray[np.float32]


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


def heldout_patterns(text: str) -> list[str]:
    """Lines of a held-out list, lower case, without comments."""
    lines = (line.strip().lower() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def is_heldout(path: Path, patterns: Iterable[str]) -> bool:
    """Whether `path` contains one of the patterns, case ignored."""
    lowered = path.as_posix().lower()
    return any(pattern in lowered for pattern in patterns)


def decode(path: Path) -> tuple[Mono, int]:
    """Decode the first audio stream of a file to mono.

    Raises
    ------
    av.FFmpegError
        If the file is no audio.
    """
    kind = "g722" if path.suffix == ".g722" else None
    with av.open(str(path), format=kind, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32), 0
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        parts = [piece.to_ndarray()[0] for frame in container.decode(stream) for piece in resampler.resample(frame)]
        rate = int(stream.rate or 0)
    return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), rate


def clipped(samples: Mono) -> bool:
    """Whether more than one sample in two thousand is at full scale."""
    return bool(np.mean(np.abs(samples) > 0.985) > MAX_CLIPPED)


def trim(samples: Mono, rate: int) -> Mono:
    """Cut what is quieter than 45 dB below the loud parts from both ends.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    rate : int
        Hz.
    """
    hop = rate // 100
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    if not len(frames):
        return samples[:0]
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    loud = np.flatnonzero(level > np.percentile(level, 95) + SILENCE_DB)
    start, stop = max(0, loud[0] - 2), loud[-1] + 3
    return samples[start * hop : stop * hop]


def usable(folder: Path, patterns: list[str]) -> Iterator[tuple[Mono | None, int]]:
    """Go through the files of one source: (trimmed speech at 24 kHz, its own rate), None if dropped."""
    seen: set[bytes] = set()
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
        if is_heldout(path, patterns):
            continue
        try:
            samples, rate = decode(path)
        except av.FFmpegError as error:
            log.warning("%s is not readable: %s", path, error)
            yield None, 0
            continue
        digest = hashlib.sha256(samples.tobytes()).digest()
        if rate < MIN_RATE or digest in seen or not len(samples) or np.abs(samples).max() < MIN_PEAK:
            yield None, rate
            continue
        seen.add(digest)
        if clipped(samples):
            yield None, rate
            continue
        speech = trim(soxr.resample(samples, rate, RATE, "VHQ").astype(np.float32), RATE)
        yield (speech if len(speech) > RATE // 5 else None), rate


def prepare_source(folder: Path, patterns: list[str], out: Path) -> Source:
    """Write OUT/NAME.npy of one source folder."""
    pause = np.zeros(int(PAUSE_SECONDS * RATE), np.int16)
    parts: list[NDArray[np.int16]] = []
    kept = dropped = wide = 0
    for speech, rate in tqdm(usable(folder, patterns), desc=folder.name, unit="file", mininterval=5):
        if speech is None:
            dropped += 1
            continue
        kept += 1
        wide += rate >= 22_050
        # Level differs by 20 dB between packages: bring each file to a peak of one half.
        levelled = speech * (0.5 / max(float(np.abs(speech).max()), MIN_PEAK))
        parts += [np.round(levelled * 32767).astype(np.int16), pause]
    joined = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    np.save(out / f"{folder.name}.npy", joined)
    return Source(folder.name, len(joined) / RATE, wide / max(kept, 1), kept, dropped)


def main(argv: list[str] | None = None) -> None:
    """Prepare every source folder of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("heldout", type=Path, help="list of what is never trained on: parts of paths")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", help="names of the folders to prepare, all unless given")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    patterns = heldout_patterns(arguments.heldout.read_text())
    listing = arguments.out / "sources.json"
    known = {s["name"]: s for s in json.loads(listing.read_text())} if listing.exists() else {}
    for folder in sorted(p for p in arguments.corpus.iterdir() if p.is_dir()):
        if arguments.only is None or folder.name in arguments.only:
            source = prepare_source(folder, patterns, arguments.out)
            known[source.name] = asdict(source)
            log.info(
                "%s: %.1f min, %d files kept, %d dropped", source.name, source.seconds / 60, source.kept, source.dropped
            )
            listing.write_text(json.dumps(list(known.values()), indent=1))


if __name__ == "__main__":
    main()
