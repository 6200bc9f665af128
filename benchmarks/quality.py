"""Objective quality of codecs on clips: a table, and the same as JSON.

    python benchmarks/quality.py
    python benchmarks/quality.py --codecs opus@6 spectral_24khz@6 --clips my/*.flac --json quality.json

Without arguments: the spectral codec at its four rates beside Opus at 6 and 12 kbps on the demo's six
speech clips, none of which it was trained on. Every figure is the mean over clips; kbps is measured.
`--weights` measures another weights file of the spectral codec, as a training run writes it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from audiocodecs import audio, metrics
from audiocodecs.registry import get_codec
from audiocodecs.spectral.mel_distance import mel_distance

CLIPS = Path(__file__).resolve().parents[1] / "listening" / "demo" / "clips"
CODECS = ("opus@6", "opus@12", "spectral_24khz@1.5", "spectral_24khz@3", "spectral_24khz@6", "spectral_24khz@12")
RATE = 24_000


def measure(spec: str, clips: dict[str, np.ndarray]) -> dict[str, object]:
    """Encode and decode every clip at 24 kHz; figures of each and their mean."""
    codec = get_codec(spec)
    rows = {}
    for name, reference in clips.items():
        started = time.perf_counter()
        encoded = codec.encode(reference, RATE)
        middle = time.perf_counter()
        decoded, _ = codec.decode(encoded)
        ended = time.perf_counter()
        rows[name] = {
            "kbps": encoded.kbps,
            "visqol": metrics.measure("visqol_speech", reference, decoded, RATE),
            "pesq": metrics.measure("pesq", reference, decoded, RATE),
            "mel": mel_distance(reference[0], decoded[0]),
            "encode_seconds": middle - started,
            "decode_seconds": ended - middle,
        }
    keys = next(iter(rows.values())).keys()
    mean = {key: float(np.mean([row[key] for row in rows.values()])) for key in keys}
    return {"codec": spec, "version": codec.version, "mean": mean, "clips": rows}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codecs", nargs="+", default=CODECS, metavar="SPEC")
    parser.add_argument("--clips", nargs="+", type=Path, default=sorted(CLIPS.glob("speech_*.flac")), metavar="FILE")
    parser.add_argument("--weights", type=Path, help="weights file of the spectral codec, in place of the shipped one")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.weights:
        arguments.codecs = [
            f"{spec}:weights={arguments.weights}" if "spectral" in spec else spec for spec in arguments.codecs
        ]
    if not arguments.clips:
        sys.exit(f"There are no clips in {CLIPS}: name some with --clips.")
    clips = {}
    for path in arguments.clips:
        found = audio.read(path)
        clips[path.stem] = audio.resample(audio.to_channels(found.samples, 1), found.rate, RATE)
    print(f"{len(clips)} clips\n\n| codec | kbps | ViSQOL | PESQ | mel |\n|---|---|---|---|---|")
    results = []
    for spec in arguments.codecs:
        result = measure(spec, clips)
        results.append(result)
        mean = result["mean"]
        print(
            f"| {spec} | {mean['kbps']:.2f} | {mean['visqol']:.2f} | {mean['pesq']:.2f} | {mean['mel']:.3f} |",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
