"""Each baseline beside the codec's own program: the same clip, the same measured rate, every clip printed.

    apt-get install lame opus-tools
    python benchmarks/baselines.py [mp3 opus evs] [--clips FILE ...] [--json FILE]

MP3 against `lame -b`, Opus against `opusenc --cvbr` and `opusdec`, EVS against the operator's programs called by
hand. Speech is mono, music stereo, all at 48 kHz. A program's rate is that of its payload, as ours is; where the
two rates differ by more than 1 %, the program's target is moved until they agree. Without `--clips` it takes the demo's
clips but `speech_da_phrases`, which PESQ misaligns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from audiocodecs import audio, metrics
from audiocodecs.base import Codec, CodecUnavailable, Samples
from audiocodecs.ogg import read_opus
from audiocodecs.registry import get_codec

CLIPS = Path(__file__).resolve().parents[1] / "listening" / "demo" / "clips"
LEFT_OUT = "speech_da_phrases"
RATE = 48_000
LAME_DELAY = 576 + 529
"""Samples by which LAME's encoder and a decoder delay a clip (LAME's technical FAQ)."""
SAME_RATE = 0.01
MOST_TRIES = 5

SPECS = {
    "speech": {"mp3": (32, 64), "opus": (6, 12, 24), "evs": (7.2, 9.6, 13.2, 16.4, 24.4)},
    "music": {"mp3": (48, 64, 96, 128), "opus": (24, 64), "evs": ()},
}


@dataclass(frozen=True)
class Row:
    """One clip at one setting: ours and the program's."""

    spec: str
    clip: str
    kbps: float
    program_kbps: float
    metric: str
    ours: float
    program: float


class Lame:
    """`lame -b`, decoded as our MP3 is."""

    programs = ("lame",)

    def version(self) -> str:
        """First line that it prints."""
        return first_line("lame", "--version")

    def run(self, clip: Samples, kbps: float) -> tuple[Samples, float]:
        """Decoded samples and the measured rate in kbit/s."""
        with folder_with(clip) as folder:
            call("lame", "--quiet", "-b", f"{kbps:g}", folder / "in.wav", folder / "out.mp3")
            decoded, rate = soundfile.read(folder / "out.mp3", dtype="float32", always_2d=True)
            file = (folder / "out.mp3").read_bytes()
        if b"Info" not in file[:64]:  # its frames are too small for the tag by which the decoder trims
            decoded = decoded[LAME_DELAY:]
        return audio.fit_length(audio.resample(decoded.T, rate, RATE), clip.shape[1]), rate_of(file, clip)


class OpusTools:
    """`opusenc` and `opusdec`."""

    programs = ("opusenc", "opusdec")

    def version(self) -> str:
        """First line that it prints."""
        return first_line("opusenc", "--version")

    def run(self, clip: Samples, kbps: float) -> tuple[Samples, float]:
        """Decoded samples and the measured rate in kbit/s."""
        with folder_with(clip) as folder:
            encode = ("opusenc", "--quiet", "--cvbr", "--bitrate", f"{kbps:.3f}", "--framesize", "20", "--comp", "10")
            call(*encode, folder / "in.wav", folder / "out.opus")
            call("opusdec", "--quiet", "--rate", RATE, "--float", folder / "out.opus", folder / "out.wav")
            decoded = audio.read(folder / "out.wav").samples
            payload = b"".join(read_opus((folder / "out.opus").read_bytes()).packets)
        return audio.fit_length(decoded, clip.shape[1]), rate_of(payload, clip)


class EvsPrograms:
    """The operator's EVS programs, called by hand: 32 kHz, or 16 kHz below 9.6 kbit/s and 48 from 16.4."""

    programs = tuple(os.environ.get(name, name) for name in ("EVS_ENCODER", "EVS_DECODER"))

    def version(self) -> str:
        """What the adapter says of them."""
        return get_codec("evs@9.6").version

    def run(self, clip: Samples, kbps: float) -> tuple[Samples, float]:
        """Decoded samples and the measured rate in kbit/s."""
        encoder, decoder = self.programs
        rate = 16_000 if kbps < 9.6 else 32_000 if kbps < 16.4 else 48_000
        inside = audio.resample(clip, RATE, rate)[0]
        frame = rate // 50
        frames = -(-len(inside) // frame) + 1
        pcm = np.clip(np.rint(np.pad(inside, (0, frames * frame - len(inside))) * 32768), -32768, 32767)
        with folder_with(clip) as folder:
            (folder / "in.pcm").write_bytes(pcm.astype("<i2").tobytes())
            call(encoder, "-q", round(1000 * kbps), rate // 1000, folder / "in.pcm", folder / "out.192")
            call(decoder, "-q", rate // 1000, folder / "out.192", folder / "out.pcm")
            decoded = np.fromfile(folder / "out.pcm", "<i2") / np.float32(32768)
        found = audio.resample(decoded[None].astype(np.float32), rate, RATE)
        return audio.fit_length(found, clip.shape[1]), kbps


Program = Lame | OpusTools | EvsPrograms
PROGRAMS: dict[str, Callable[[], Program]] = {"mp3": Lame, "opus": OpusTools, "evs": EvsPrograms}


@contextmanager
def folder_with(clip: Samples) -> Iterator[Path]:
    """A temporary folder with the clip as `in.wav`, 16 bits, as the programs take it."""
    with tempfile.TemporaryDirectory() as name:
        soundfile.write(Path(name) / "in.wav", np.clip(clip.T, -1, 1), RATE, subtype="PCM_16")
        yield Path(name)


def call(*words: object) -> None:
    """Run a program; what it says is shown where it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")


def first_line(*words: str) -> str:
    """What a program says of itself."""
    done = subprocess.run(words, capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0]


def rate_of(payload: bytes, clip: Samples) -> float:
    """Measured kbit/s."""
    return len(payload) * 8 / (clip.shape[1] / RATE) / 1000


def at_rate(
    program: Lame | OpusTools | EvsPrograms, clip: Samples, kbps: float, wanted: float
) -> tuple[Samples, float]:
    """The program's result where its measured rate is within 1 % of `wanted`, or as near as it comes."""
    target, best = kbps, None
    for _ in range(MOST_TRIES):
        decoded, found = program.run(clip, target)
        if best is None or abs(found - wanted) < abs(best[1] - wanted):
            best = decoded, found
        if abs(found / wanted - 1) <= SAME_RATE or not isinstance(program, OpusTools):
            break
        target *= wanted / found
    assert best is not None
    return best


def compare(codec: Codec, program: Program, name: str, clip: Samples) -> list[Row]:
    """Rows of one clip: PESQ and ViSQOL of speech, ViSQOL of music."""
    encoded = codec.encode(clip, RATE)
    decoded, _ = codec.decode(encoded)
    assert encoded.kbps is not None
    assert codec.spec.value is not None
    theirs, kbps = at_rate(program, clip, codec.spec.value, encoded.kbps)
    shown = ("visqol_speech", "pesq") if clip.shape[0] == 1 else ("visqol",)
    return [
        Row(
            str(codec.spec),
            name,
            round(encoded.kbps, 2),
            round(kbps, 2),
            metric,
            *(round(metrics.measure(metric, clip, one, RATE), 3) for one in (decoded, theirs)),
        )
        for metric in shown
    ]


def table(rows: list[Row]) -> str:
    """Every clip, then the means of each setting, as Markdown."""
    lines = ["| codec | clip | kbit/s | program's | metric | ours | program | difference |", "|---" * 8 + "|"]
    for row in rows:
        title = metrics.METRICS[row.metric].title
        lines.append(
            f"| {row.spec} | {row.clip} | {row.kbps:.2f} | {row.program_kbps:.2f} | {title} "
            f"| {row.ours:.2f} | {row.program:.2f} | {row.ours - row.program:+.2f} |"
        )
    lines += ["", "| codec | metric | clips | ours | program | difference |", "|---" * 6 + "|"]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.spec, row.metric), []).append(row)
        groups.setdefault((row.spec.split("@")[0], row.metric), []).append(row)
    for (spec, metric), found in groups.items():
        ours, program = (np.mean([getattr(row, side) for row in found]) for side in ("ours", "program"))
        title = metrics.METRICS[metric].title
        lines.append(f"| {spec} | {title} | {len(found)} | {ours:.3f} | {program:.3f} | {ours - program:+.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codecs", nargs="*", choices=[[], *PROGRAMS], metavar="CODEC", help=", ".join(PROGRAMS))
    parser.add_argument("--clips", nargs="+", type=Path, metavar="FILE", help="names begin with speech_ or music_")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    paths = arguments.clips or [path for path in sorted(CLIPS.glob("*.flac")) if path.stem != LEFT_OUT]
    versions, work = {}, []
    for name in arguments.codecs or PROGRAMS:
        program = PROGRAMS[name]()
        missing = [one for one in program.programs if shutil.which(one) is None]
        if missing:
            print(f"{name} is left out: {', '.join(missing)} not found.")
            continue
        versions[name] = program.version()
        for path in paths:
            kind = path.stem.split("_")[0]
            work += [(f"{name}@{kbps:g}", program, path) for kbps in SPECS[kind][name]]
    rows: list[Row] = []
    for spec, program, path in tqdm(work, unit="clip", disable=None):
        found = audio.read(path)
        clip = audio.to_channels(found.samples, 1 if path.stem.startswith("speech") else 2)
        try:
            codec = get_codec(spec)
        except CodecUnavailable as error:
            sys.exit(str(error))
        versions[f"{spec.split('@')[0]}, ours"] = codec.version
        rows += compare(codec, program, path.stem, audio.resample(clip, found.rate, RATE))
    for name, version in versions.items():
        print(f"{name}: {version}")
    print(f"\n{table(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"versions": versions, "rows": [asdict(row) for row in rows]}, indent=1))


if __name__ == "__main__":
    main()
