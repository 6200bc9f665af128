"""Speed and memory of EnCodec here: ours, the package that its authors published, and transformers' model.

    make benchmark-setup     # installs transformers, which nothing else needs
    python benchmarks/encodec_speed.py [--seconds 10] [--runs 5] [--threads 1] [--clock wall|cpu] [--json FILE]

Same weights (random: speed does not depend on them), same audio, 6 kbps. Every row has a process of its own, made
ready before the first round, with malloc set as evalapp's workers set it. The rows take turns, so that what else the
machine does hits all alike, and the codes that they give are compared. A figure is the median over the rounds; a
ratio is the median of the rounds' ratios.

"x real time" is seconds of audio per second of work, from samples to codes and from codes to samples. GFLOP/s is
nominal: 30 GFLOP of convolutions and LSTM for 10 s each way at 24 kHz, twice that at 48 kHz, without the quantizer. The
machine's own rate is that of a product of two 1024 x 1024 matrices in float32. On a machine that does other work
too, `--clock cpu` counts the time that a core worked and not the waiting; with one thread and nothing else, both agree.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

GFLOP_PER_SECOND = {24: 3.0, 48: 6.0}
SIDES = ("encode", "decode")
REFERENCE = "published package"


def work(pipe: Connection, name: str, kilohertz: int, weights: Path, seconds: float, threads: int) -> None:
    """What a process does: make the contender, then code the clip whenever it is told to."""
    import torch

    from audiocodecs.memory import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(threads)
    from encodec_contenders import CONTENDERS, audio

    with torch.inference_mode():
        try:
            contender = CONTENDERS[name][0](kilohertz, weights)
            clip = audio(kilohertz, seconds)
            contender.decode(contender.encode(audio(kilohertz, 1)))
        except ImportError as error:
            pipe.send(f"{error}. Run `make benchmark-setup`.")
            return
        pipe.send(None)
        while pipe.recv():
            encode, coded = _timed(contender.encode, clip)
            decode, _ = _timed(contender.decode, coded)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            codes = contender.codes(coded).numpy() if contender.codes else None
            pipe.send(({"encode": encode, "decode": decode, "peak_mb": peak}, codes))


def product(pipe: Connection, threads: int) -> None:
    """The same for the machine's matrix product."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    a @ b
    pipe.send(None)
    while pipe.recv():
        found, _ = _timed(lambda _: [a @ b for _ in range(20)], None)
        pipe.send(({clock: 20 * 2 * 1024**3 / 1e9 / seconds for clock, seconds in found.items()}, None))


def _timed(work: Callable[[Any], Any], argument: Any) -> tuple[dict[str, float], Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(argument)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, result


@contextmanager
def process(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """A process, made ready, that answers every True on the pipe with a measurement."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=target, args=(there, *arguments), daemon=True)
    child.start()
    there.close()
    try:
        if fault := here.recv():
            sys.exit(fault)
        yield here
    finally:
        if child.is_alive():
            here.send(False)
        child.join()


def measure(kilohertz: int, names: list[str], options: argparse.Namespace, folder: Path) -> dict[str, list[Any]]:
    """All rounds of one model: by row, the measurements in the order of the rounds."""
    found: dict[str, list[Any]] = {name: [] for name in ("matrix product", *names)}
    with ExitStack() as stack:
        pipes = {"matrix product": stack.enter_context(process(product, options.threads))}
        for name in names:
            arguments = (name, kilohertz, folder / f"{kilohertz}.th", options.seconds, options.threads)
            pipes[name] = stack.enter_context(process(work, *arguments))
        expected = None
        for _ in range(options.runs):
            for name, pipe in pipes.items():
                pipe.send(True)
                measured, codes = pipe.recv()
                if name == REFERENCE:
                    expected = codes
                elif codes is not None and expected is not None:
                    measured["codes_alike"] = _alike(codes, expected)
                found[name].append(measured)
    return found


def _alike(codes: Any, expected: Any) -> float:
    frames = min(codes.shape[1], expected.shape[1])  # transformers fills the last segment up
    return float((codes[:, :frames] == expected[:, :frames]).all(axis=0).mean())


def table(kilohertz: int, found: dict[str, list[Any]], options: argparse.Namespace) -> list[str]:
    """Lines of the table of one model."""
    clock = options.clock
    rate = statistics.median(run[clock] for run in found["matrix product"])
    heads = "".join(f"{side + ', x real time':>21}{'ratio':>7}{'GFLOP/s':>9}" for side in SIDES)
    lines = [
        "",
        f"EnCodec {kilohertz} kHz. The machine's matrix product: {rate:.0f} GFLOP/s.",
        f"{'':26}{heads}{'MB':>7}  codes",
    ]
    for name, runs in found.items():
        if name == "matrix product":
            continue
        line = f"{name:26}"
        for side in SIDES:
            seconds = statistics.median(run[side][clock] for run in runs)
            ratio = statistics.median(
                first[side][clock] / run[side][clock] for first, run in zip(found[REFERENCE], runs, strict=True)
            )
            nominal = GFLOP_PER_SECOND[kilohertz] * options.seconds / seconds
            line += f"{options.seconds / seconds:21.1f}{ratio:7.2f}{nominal:9.0f}"
        alike = f"{100 * runs[0]['codes_alike']:.1f} % of frames alike" if "codes_alike" in runs[0] else ""
        lines.append(f"{line}{max(run['peak_mb'] for run in runs):7.0f}  {alike}".rstrip())
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--models", type=int, nargs="*", choices=[24, 48], default=[24, 48], help="in kHz")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    from encodec_contenders import CONTENDERS, write_weights

    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for kilohertz in options.models:
            write_weights(kilohertz, Path(folder) / f"{kilohertz}.th")
            names = [name for name, (_, models) in CONTENDERS.items() if kilohertz in models]
            runs[kilohertz] = measure(kilohertz, names, options, Path(folder))
            print("\n".join(table(kilohertz, runs[kilohertz], options)), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "runs": runs}, default=str, indent=2))


if __name__ == "__main__":
    main()
