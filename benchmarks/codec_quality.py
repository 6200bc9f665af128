"""Objective quality of every codec on held-out clips: rate-distortion tables, plots and spectrograms.

    python benchmarks/codec_quality.py speech
    python benchmarks/codec_quality.py music --json music.json --plots docs/images
    python benchmarks/codec_quality.py speech --codecs opus@6 spectral_24khz@6:weights=run/weights.safetensors
    python benchmarks/codec_quality.py speech --clips FOLDER_OR_FILE ...

Without `--clips` it takes the demo's clips, which no shipped weight was trained on. Speech is compared
in mono at 24 kHz, music in stereo at 48 kHz. A codec that cannot run here is named with the reason.
Every figure is the mean over clips; kbps is what the codes took. These figures are advisory: they do
not replace listeners, and they are known to undervalue codecs that generate detail.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from audiocodecs import audio, metrics
from audiocodecs.base import Codec, CodecUnavailable, Samples
from audiocodecs.registry import get_codec

CLIPS = Path(__file__).resolve().parents[1] / "listening" / "demo" / "clips"


@dataclass(frozen=True)
class Material:
    """What is measured on what.

    Attributes
    ----------
    rate, channels : int
        Of the comparison.
    pattern : str
        Of the demo's clips.
    metrics, codecs : tuple of str
    spectrograms : tuple of str
        Specs beside each other in the picture.
    """

    rate: int
    channels: int
    pattern: str
    metrics: tuple[str, ...]
    codecs: tuple[str, ...]
    spectrograms: tuple[str, ...]


SPEECH = Material(
    24_000,
    1,
    "speech_*.flac",
    ("visqol_speech", "pesq", "stoi", "si_sdr", "log_spectral_distance", "mel_distance", "tonal_lines"),
    (
        *(f"spectral_24khz@{kbps:g}" for kbps in (1.5, 3, 6, 12)),
        *(f"encodec_24khz@{kbps:g}:weights=small" for kbps in (1.5, 3, 6, 12)),
        *(f"encodec_24khz@{kbps:g}" for kbps in (1.5, 3, 6, 12, 24)),
        *(f"opus@{kbps}" for kbps in (6, 12, 24)),
        *(f"lyra@{kbps:g}" for kbps in (3.2, 6, 9.2)),
        *(f"evs@{kbps:g}" for kbps in (7.2, 9.6, 13.2)),
        "lowpass@3500",
        "lowpass@7000",
    ),
    ("reference", "spectral_24khz@1.5", "spectral_24khz@6", "spectral_24khz@12", "opus@6", "opus@12", "lyra@6"),
)
MUSIC = Material(
    48_000,
    2,
    "music_*.flac",
    ("visqol", "si_sdr", "log_spectral_distance", "mel_distance", "tonal_lines"),
    (
        *(f"spectral_48khz@{kbps}" for kbps in (3, 6, 12, 24)),
        *(f"encodec_48khz@{kbps}" for kbps in (3, 6, 12, 24)),
        *(f"mp3@{kbps}" for kbps in (32, 64, 128)),
        *(f"opus@{kbps}" for kbps in (6, 12, 24, 64)),
        "lowpass@3500",
        "lowpass@7000",
    ),
    ("reference", "spectral_48khz@3", "spectral_48khz@12", "mp3@64", "opus@12", "opus@24"),
)


def load(paths: list[Path], material: Material) -> dict[str, Samples]:
    """Clips at the rate and channels of the comparison, by name."""
    clips = {}
    for path in paths:
        found = audio.read(path)
        clips[path.stem] = audio.resample(
            audio.to_channels(found.samples, material.channels), found.rate, material.rate
        )
    return clips


def measure(codec: Codec, clips: dict[str, Samples], material: Material) -> dict[str, object]:
    """Every metric of every clip; those that give no figure for a clip leave it out of the mean."""
    rows: dict[str, dict[str, float]] = {}
    for name, clip in clips.items():
        encoded = codec.encode(clip, material.rate)
        decoded, _ = codec.decode(encoded)
        row = {} if encoded.kbps is None else {"kbps": encoded.kbps}
        for metric in material.metrics:
            try:
                row[metric] = metrics.measure(metric, clip, decoded, material.rate)
            except metrics.MetricError as error:
                tqdm.write(f"{codec.spec}, {name}: {error}")
        rows[name] = row
    means = {
        key: float(np.mean([row[key] for row in rows.values() if key in row]))
        for key in ("kbps", *material.metrics)
        if any(key in row for row in rows.values())
    }
    return {"spec": str(codec.spec), "version": codec.version, "mean": means, "clips": rows}


def table(results: list[dict], material: Material) -> str:
    """Markdown."""
    shown = [metrics.METRICS[name] for name in material.metrics]
    lines = [
        "| codec | kbit/s | " + " | ".join(f"{m.title} {'↑' if m.higher_is_better else '↓'}" for m in shown) + " |",
        "|---|" + "---|" * (len(shown) + 1),
    ]
    for result in results:
        mean = result["mean"]
        rate = f"{mean['kbps']:.2f}" if "kbps" in mean else ""
        cells = [f"{mean[m.name]:.3g}" if m.name in mean else "" for m in shown]
        lines.append(f"| {result['spec']} | {rate} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot_rates(results: list[dict], material: Material, path: Path) -> None:
    """Quality against measured rate, one panel for each metric."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    families: dict[str, list[dict]] = {}
    for result in results:
        if "kbps" in result["mean"]:
            families.setdefault(result["spec"].split("@")[0], []).append(result["mean"])
    columns = 3
    rows = -(-len(material.metrics) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(12, 3.6 * rows), layout="constrained", squeeze=False)
    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
    for axis, name in zip(axes.flat, material.metrics, strict=False):
        for (family, means), colour, marker in zip(families.items(), colours, "osD^vP", strict=False):
            ordered = sorted(means, key=lambda mean: mean["kbps"])
            axis.plot(
                [m["kbps"] for m in ordered], [m[name] for m in ordered], marker=marker, color=colour, label=family
            )
        metric = metrics.METRICS[name]
        axis.set(
            xscale="log",
            xlabel="kbit/s, measured",
            title=f"{metric.title} ({'higher' if metric.higher_is_better else 'lower'} is better)",
        )
        ticks = (1.5, 3, 6, 12, 24, 64) if material is MUSIC else (1.5, 3, 6, 12, 24)
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(material.metrics) :]:
        axis.axis("off")
    axes.flat[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_spectrograms(clip: Samples, material: Material, path: Path) -> None:
    """Four seconds of one clip through several codecs, beside each other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    specs = []
    for spec in material.spectrograms:
        try:
            specs.append((spec, get_codec(spec)))
        except CodecUnavailable as error:
            print(f"{spec} is not in the picture: {error}")
    columns = 2 if len(specs) < 5 else 4
    rows = -(-len(specs) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.6 * rows), layout="constrained", squeeze=False)
    part = clip[:, : 4 * material.rate]
    for axis, (spec, codec) in zip(axes.flat, specs, strict=False):
        decoded, _ = codec.decode(codec.encode(part, material.rate))
        size = material.rate // 40
        axis.specgram(
            decoded[0] + 1e-9, NFFT=size, Fs=material.rate, noverlap=size * 3 // 4, vmin=-140, vmax=-30, cmap="magma"
        )
        axis.set(title=spec, xlabel="s", ylabel="Hz")
    for axis in axes.flat[len(specs) :]:
        axis.axis("off")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("material", choices=("speech", "music"))
    parser.add_argument("--codecs", nargs="+", metavar="SPEC")
    parser.add_argument("--clips", nargs="+", type=Path, metavar="FILE", help="files or folders of them")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="write rate-distortion curves and spectrograms there"
    )
    arguments = parser.parse_args()
    material = SPEECH if arguments.material == "speech" else MUSIC
    given = arguments.clips or sorted(CLIPS.glob(material.pattern))
    paths = [file for path in given for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    if not paths:
        sys.exit("There are no clips: name some with --clips.")
    clips = load(paths, material)
    results = []
    for spec in tqdm(arguments.codecs or material.codecs, unit="codec", disable=None):
        try:
            results.append(measure(get_codec(spec), clips, material))
        except CodecUnavailable as error:
            tqdm.write(f"{spec} is left out: {error}")
    print(f"\n{len(clips)} clips, {sum(c.shape[1] for c in clips.values()) / material.rate:.0f} s\n")
    print(table(results, material))
    if arguments.json:
        arguments.json.write_text(json.dumps({"material": asdict(material), "results": results}, indent=1) + "\n")
    if arguments.plots:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        plot_rates(results, material, arguments.plots / f"quality-{arguments.material}.png")
        plot_spectrograms(
            next(iter(clips.values())), material, arguments.plots / f"spectrograms-{arguments.material}.png"
        )


if __name__ == "__main__":
    main()
