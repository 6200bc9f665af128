"""Where our EnCodec spends its time, by kind of work.

    python benchmarks/encodec_profile.py [--seconds 10] [--runs 5] [--models 24 48]

One thread, random weights, 6 kbps, samples to codes and codes to samples without a file. Time is each operator's own,
as torch's profiler counts it. GFLOP/s is nominal, as in `encodec_speed.py`, beside that of a product of two
1024 x 1024 matrices.

After that, each shape of convolution in the 24 kHz model with every kernel that can do it: torch's convolution of
channels-first signals, which the plain module calls; windows copied out and multiplied (im2col); oneDNN's convolution
of rows, channels last, with weights laid out once (rows). Transposed convolutions are here as the polyphase
convolutions that they are made.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

KINDS = {
    "convolutions": ("mkldnn::_convolution_pointwise",),
    "products": ("mkldnn::_linear_pointwise", "aten::addmm", "aten::addmm_", "aten::mm"),
    "LSTM": ("aten::mkldnn_rnn_layer", "aten::_mkldnn_rnn_layer", "aten::lstm"),
    "ELU": ("aten::exp2", "aten::add", "aten::clamp"),
    "copies": ("aten::copy_", "aten::cat", "aten::clone", "aten::contiguous", "aten::empty", "aten::flip"),
    "nearest vector": ("aten::argmin",),
    "group norm": ("aten::addcmul", "aten::square", "aten::pow", "aten::sum"),
}  # fmt: skip

SHAPES = (
    (24_000, 32, 16, 3, 1),
    (12_000, 32, 64, 4, 2),
    (12_000, 64, 32, 3, 1),
    (3_000, 64, 128, 8, 4),
    (3_000, 128, 64, 3, 1),
    (600, 128, 256, 10, 5),
    (600, 256, 128, 3, 1),
    (75, 256, 512, 16, 8),
    (75, 512, 128, 7, 1),
    (75, 512, 8 * 256, 2, 1),
    (600, 256, 5 * 128, 2, 1),
    (3_000, 128, 4 * 64, 2, 1),
    (12_000, 64, 2 * 32, 2, 1),
)
"""Windows per second, channels in and out, kernel and stride of the convolutions of the 24 kHz model."""


def kind_of(operator: str) -> str:
    """Kind of an operator of torch."""
    return next((kind for kind, names in KINDS.items() if operator in names), "other")


def matrix_rate() -> float:
    """GFLOP/s of the machine's product, with one thread."""
    import torch

    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    rates = []
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(5):
            a @ b
        rates.append(5 * 2 * 1024**3 / 1e9 / (time.perf_counter() - begin))
    return statistics.median(rates)


def profile(work: Callable[[Any], Any], argument: Any, runs: int) -> dict[str, float]:
    """Seconds of one call, by kind."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    work(argument)
    with profiler(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(runs):
            work(argument)
    seconds = dict.fromkeys((*KINDS, "other"), 0.0)
    for row in found.key_averages():
        seconds[kind_of(row.key)] += row.self_cpu_time_total / 1e6 / runs
    return seconds


def table(title: str, seconds: dict[str, float], gflop: float) -> list[str]:
    """Lines of one side."""
    lines = [f"{title:24}{'ms':>8}{'share':>8}{'GFLOP/s':>9}"]
    total = sum(seconds.values())
    for kind, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        if taken < 0.002 * total:
            continue
        lines.append(f"  {kind:22}{1e3 * taken:8.1f}{taken / total:8.0%}")
    return [*lines, f"  {'all':22}{1e3 * total:8.1f}{1:8.0%}{gflop / total:9.0f}"]


def kernels(seconds: float, runs: int) -> list[str]:
    """Lines of the table of kernels: milliseconds for the rows that so many seconds have at that layer."""
    import torch
    from torch.nn import functional as F

    from audiocodecs.encodec.fast.kernels import Convolution, Windows

    lines = [f"{'in':>6}{'out':>6}{'kernel':>8}{'stride':>8}{'torch':>9}{'im2col':>9}{'rows':>9}  ms"]
    for hertz, inputs, outputs, kernel, stride in SHAPES:
        weight, bias = torch.randn(outputs, inputs, kernel), torch.randn(outputs)
        windows = round(hertz * seconds)
        rows = torch.randn(windows * stride + kernel - stride, inputs)
        lines_first = rows.t().contiguous()[None]
        calls: list[Callable[[], Any]] = [partial(F.conv1d, lines_first, weight, bias, stride)]
        calls += [partial(kind.of(weight, bias, stride), rows, windows) for kind in (Windows, Convolution)]
        line = f"{inputs:6}{outputs:6}{kernel:8}{stride:8}"
        for call in calls:
            call()
            line += f"{1e3 * statistics.median(_seconds(call) for _ in range(runs)):9.1f}"
        lines.append(line)
    return lines


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--models", type=int, nargs="*", choices=[24, 48], default=[24, 48], help="in kHz")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    from encodec_contenders import CONTENDERS, audio, write_weights
    from encodec_speed import GFLOP_PER_SECOND

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for kilohertz in options.models:
            weights = Path(folder) / f"{kilohertz}.th"
            write_weights(kilohertz, weights)
            ours = CONTENDERS["ours"][0](kilohertz, weights)
            clip = audio(kilohertz, options.seconds)
            coded = ours.encode(clip)
            print(
                f"\nEnCodec {kilohertz} kHz, {options.seconds:g} s. Matrix product here: {matrix_rate():.0f} GFLOP/s."
            )
            for title, work, argument in (("encode", ours.encode, clip), ("decode", ours.decode, coded)):
                seconds = profile(work, argument, options.runs)
                print("\n".join(table(title, seconds, GFLOP_PER_SECOND[kilohertz] * options.seconds)), flush=True)
        print("\nConvolutions of the 24 kHz model, by kernel")
        print("\n".join(kernels(options.seconds, options.runs)))


if __name__ == "__main__":
    main()
