"""Prepared audio in a file small enough to carry to another machine, and back into arrays there.

>>> # python -m audiocodecs.encodec.training.pack var/training/data data.tar --megabytes 55
>>> # python -m audiocodecs.encodec.training.pack --unpack data.tar var/training/data

Each source gives as much as its share of the room allows, cut in pieces spread evenly over it; as Opus
(by default; kbit/s as asked for) or FLAC. The file is a tar of those and a listing.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import math
import sys
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from audiocodecs.base import CodecError
from audiocodecs.spectral.data import Source

LISTING = "sources.json"
PIECE_SECONDS = 20.0
FADE_SECONDS = 0.01
TRIAL_SECONDS = 120.0

Format = Literal["opus", "flac"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Packing:
    """How audio is packed.

    Attributes
    ----------
    megabytes : float
        Room, in millions of bytes.
    format : str
        "opus" or "flac".
    kbps : float
        Of Opus, for each channel. A codec trained on the result learns at best to sound like it.
    """

    megabytes: float = 55.0
    format: Format = "opus"
    kbps: float = 64.0


def pack(folders: Sequence[Path], target: Path, packing: Packing) -> list[Source]:
    """Write what `packing` leaves room for of the prepared audio in `folders` to a tar file; returns its listing.

    Raises
    ------
    CodecError
        If there is no prepared audio, sources differ in rate or share a name, or the room is too small for any.
    """
    found = [(folder, source) for folder in folders for source in _listing(folder)]
    names = [source.name for _, source in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CodecError(f"Two folders hold a source called {twice[0]!r}. Rename one of them.")
    if len(kinds := {(source.rate, source.channels) for _, source in found}) != 1:
        raise CodecError(f"The sources differ in rate and channels: {sorted(kinds)}. Pack them one by one.")
    share = min(1.0, TRIAL_SECONDS / sum(source.seconds for _, source in found))
    size, listing = _write(found, target, packing, share)  # what a second takes depends on the audio: a trial
    trial = share < 1
    while trial or size > 1e6 * packing.megabytes:
        share, trial = min(1.0, 0.98 * share * 1e6 * packing.megabytes / size), False
        size, listing = _write(found, target, packing, share)
    return listing


def unpack(packed: Path, folder: Path) -> list[Source]:
    """Write the arrays of a packed file to `folder`, as `audiocodecs.spectral.data` would; returns the listing.

    Raises
    ------
    CodecError
        If the file is none of ours, or cut off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listing = []
    try:
        with tarfile.open(packed) as tar:
            said = [Source(**source) for source in json.loads(_member(tar, LISTING))]
            for source in said:
                if Path(source.name).name != source.name:
                    raise CodecError(f"{packed} names a source {source.name!r}, which is no file name.")
            encoded = [_member(tar, source.name) for source in said]
        with ThreadPoolExecutor() as pool:  # libsndfile decodes without Python's lock
            decoded = pool.map(_decoded, encoded)
            for source, samples in tqdm(
                zip(said, decoded, strict=True), desc="unpacking", total=len(said), unit="source", disable=None
            ):
                np.save(folder / f"{source.name}.npy", samples)
                listing.append(replace(source, seconds=len(samples) / source.rate))
    except (tarfile.TarError, KeyError, TypeError, ValueError, soundfile.SoundFileError) as error:
        raise CodecError(f"{packed} was not written by this program, or is damaged: {error}.") from error
    _write_listing(folder, listing)
    return listing


def _decoded(encoded: bytes) -> NDArray[np.int16]:
    samples, _ = soundfile.read(io.BytesIO(encoded), dtype="int16")
    return np.asarray(samples)


def _listing(folder: Path) -> list[Source]:
    path = folder / LISTING
    if not path.is_file():
        raise CodecError(f"{folder} holds no prepared audio. Run python -m audiocodecs.spectral.data first.")
    sources = [Source(**source) for source in json.loads(path.read_text())]
    return [source for source in sources if source.seconds > 0]


def _write_listing(folder: Path, listing: Sequence[Source]) -> None:
    (folder / LISTING).write_text(json.dumps([asdict(source) for source in listing], indent=1))


def _excerpts(array: NDArray[np.int16], share: float, rate: int) -> NDArray[np.int16]:
    """Pieces spread evenly over `array` that are together `share` of it, faded at their ends."""
    if share >= 1:
        return array
    wanted = int(share * len(array))
    count = max(1, math.ceil(wanted / (PIECE_SECONDS * rate)))
    length, every = wanted // count, len(array) // count
    fade = min(int(FADE_SECONDS * rate), length // 2)
    window = np.ones(length, np.float32)
    window[:fade] = np.linspace(0, 1, fade)
    window[length - fade :] = window[:fade][::-1]
    pieces = [array[i * every : i * every + length].T * window for i in range(count)]
    return np.concatenate(pieces, axis=-1).T.round().astype(np.int16)


def _write(
    found: Sequence[tuple[Path, Source]], target: Path, packing: Packing, share: float
) -> tuple[int, list[Source]]:
    listing = []
    part = target.with_name(target.name + ".part")
    with tarfile.open(part, "w") as tar:
        for folder, source in tqdm(found, desc=f"packing {share:.0%}", unit="source", disable=None):
            array = np.load(folder / f"{source.name}.npy", mmap_mode="r")
            excerpts = _excerpts(array, share, source.rate)
            if len(excerpts):
                _add(tar, source.name, _encoded(excerpts, source, packing))
                listing.append(replace(source, seconds=len(excerpts) / source.rate))
        _add(tar, LISTING, json.dumps([asdict(source) for source in listing], indent=1).encode())
    if sum(source.seconds for source in listing) < 1:
        part.unlink()
        raise CodecError(f"{packing.megabytes:g} MB is no room for a second of audio. Allow more of it.")
    part.replace(target)
    return target.stat().st_size, listing


def _encoded(samples: NDArray[np.int16], source: Source, packing: Packing) -> bytes:
    stream = io.BytesIO()
    # libsndfile's level for Opus: 0 to 1 is 256 to 6 kbit/s for each channel
    level = 1.0 if packing.format == "flac" else float(np.clip((256 - packing.kbps) / 250, 0, 1))
    kind = ("FLAC", "PCM_16") if packing.format == "flac" else ("OGG", "OPUS")
    with soundfile.SoundFile(
        stream, "w", source.rate, source.channels, format=kind[0], subtype=kind[1], compression_level=level
    ) as file:
        for start in range(0, len(samples), 10 * source.rate):
            file.write(samples[start : start + 10 * source.rate])
    return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    return file.read() if file is not None else b""


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m audiocodecs.encodec.training.pack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, nargs="+", help="folders of prepared audio; the file, with --unpack")
    parser.add_argument("target", type=Path, help="file to write; a folder, with --unpack")
    parser.add_argument("--unpack", action="store_true")
    parser.add_argument("--megabytes", type=float, default=Packing.megabytes, help="room (default %(default)g)")
    parser.add_argument("--format", choices=("opus", "flac"), default=Packing.format)
    parser.add_argument("--kbps", type=float, default=Packing.kbps, help="of Opus, each channel (default %(default)g)")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        if arguments.unpack:
            listing = unpack(arguments.source[0], arguments.target)
        else:
            packing = Packing(arguments.megabytes, arguments.format, arguments.kbps)
            listing = pack(arguments.source, arguments.target, packing)
            log.info("%.1f MB", arguments.target.stat().st_size / 1e6)
    except CodecError as error:
        print(error, file=sys.stderr)
        return 1
    log.info("%.2f h of %d sources", sum(source.seconds for source in listing) / 3600, len(listing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
