"""Where our EnCodec spends its time: by kind of work, how long it takes and what rate of products it reaches.

    python benchmarks/encodec_profile.py [--seconds 10] [--runs 5] [--models 24 48]

One thread, random weights, 6 kbps, samples to codes and codes to samples without a file. Time is each operator's own,
as torch's profiler counts it. The share of the LSTM that is a product is taken from its sizes, that of the other
operators from the profiler's count. The last column is what the kind would take if all its products ran at the rate of
a product of two 1024 x 1024 matrices, so that what is above it is what is lost there.

After that, each shape of convolution in the 24 kHz model with every kernel that can do it: torch's convolution of
channels-first signals, which the plain module calls; windows copied out and multiplied (im2col); a product for each
stride of the window (taps); oneDNN's convolution of rows, channels last (wide). Transposed convolutions are here as the
polyphase convolutions that they are made.
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
    "convolutions": ("aten::mkldnn_convolution",),
    "products": ("aten::addmm", "aten::addmm_", "aten::mm"),
    "LSTM": ("aten::mkldnn_rnn_layer", "aten::_mkldnn_rnn_layer", "aten::lstm"),
    "ELU": ("aten::mul", "aten::exp2_", "aten::clamp_max_", "aten::sub_", "aten::maximum"),
    "copies": ("aten::copy_", "aten::cat", "aten::clone", "aten::contiguous", "aten::empty", "aten::flip"),
    "nearest vector": ("aten::argmin",),
    "group norm": ("aten::addcmul", "aten::square", "aten::pow", "aten::sum"),
}  # fmt: skip
FLOP_OF = ("aten::conv2d", "aten::addmm", "aten::addmm_", "aten::mm")
LSTM_FLOP_PER_FRAME = 2 * 2 * 2 * 512 * 4 * 512
"""Two layers, two matrices each, a product and a sum for every element of (512, 4 * 512)."""

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


def profile(work: Callable[[Any], Any], argument: Any, runs: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and GFLOP of one call, by kind, the LSTM's products not counted."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    work(argument)
    with profiler(activities=[ProfilerActivity.CPU], with_flops=True) as found:
        for _ in range(runs):
            work(argument)
    seconds, gflop = dict.fromkeys((*KINDS, "other"), 0.0), dict.fromkeys((*KINDS, "other"), 0.0)
    for row in found.key_averages():
        seconds[kind_of(row.key)] += row.self_cpu_time_total / 1e6 / runs
        if row.key in FLOP_OF:
            kind = "convolutions" if row.key == "aten::conv2d" else kind_of(row.key)
            gflop[kind] += row.flops / 1e9 / runs
    return seconds, gflop


def table(title: str, seconds: dict[str, float], gflop: dict[str, float], rate: float) -> list[str]:
    """Lines of one side."""
    lines = [f"{title:24}{'ms':>8}{'share':>8}{'GFLOP':>8}{'GFLOP/s':>9}{'at full rate, ms':>18}"]
    total = sum(seconds.values())
    for kind, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        if taken < 0.002 * total:
            continue
        line = f"  {kind:22}{1e3 * taken:8.1f}{taken / total:8.0%}"
        if gflop[kind]:
            line += f"{gflop[kind]:8.2f}{gflop[kind] / taken:9.0f}{1e3 * gflop[kind] / rate:18.1f}"
        lines.append(line)
    work = sum(gflop.values())
    lines.append(f"  {'all':22}{1e3 * total:8.1f}{1:8.0%}{work:8.2f}{work / total:9.0f}{1e3 * work / rate:18.1f}")
    return lines


def kernels(seconds: float, runs: int) -> list[str]:
    """Lines of the table of kernels: milliseconds for the rows that so many seconds have at that layer."""
    import torch
    from torch.nn import functional as F

    from audiocodecs.encodec.fast.kernels import Taps, Wide, Windows

    lines = [f"{'in':>6}{'out':>6}{'kernel':>8}{'stride':>8}{'torch':>9}{'im2col':>9}{'taps':>9}{'wide':>9}  ms"]
    for hertz, inputs, outputs, kernel, stride in SHAPES:
        weight, bias = torch.randn(outputs, inputs, kernel), torch.randn(outputs)
        windows = round(hertz * seconds)
        rows = torch.randn(windows * stride + kernel - stride, inputs)
        lines_first = rows.t().contiguous()[None]
        kinds = [Windows, *((Taps, Wide) if kernel % stride == 0 else ())]
        calls: list[Callable[[], Any]] = [partial(F.conv1d, lines_first, weight, bias, stride)]
        calls += [partial(kind.of(weight, bias, stride), rows, windows) for kind in kinds]
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

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for kilohertz in options.models:
            weights = Path(folder) / f"{kilohertz}.th"
            write_weights(kilohertz, weights)
            ours = CONTENDERS["ours"][0](kilohertz, weights)
            clip = audio(kilohertz, options.seconds)
            coded = ours.encode(clip)
            if ours.codes is None:
                raise TypeError("The contender `ours` gives codes.")
            frames = ours.codes(coded).shape[-1]
            rate = matrix_rate()
            print(f"\nEnCodec {kilohertz} kHz, {options.seconds:g} s. Matrix product here: {rate:.0f} GFLOP/s.")
            for title, work, argument in (("encode", ours.encode, clip), ("decode", ours.decode, coded)):
                seconds, gflop = profile(work, argument, options.runs)
                gflop["LSTM"] += LSTM_FLOP_PER_FRAME * frames / 1e9
                print("\n".join(table(title, seconds, gflop, rate)), flush=True)
        print("\nConvolutions of the 24 kHz model, by kernel")
        print("\n".join(kernels(options.seconds, options.runs)))


if __name__ == "__main__":
    main()
