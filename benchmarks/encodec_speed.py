"""Speed and memory of EnCodec 24 kHz beside the package that its authors published: same weights, same clip.

    python benchmarks/encodec_speed.py [--seconds 10] [--runs 5] [--threads 1] [--json FILE]

Weights are random, as speed does not depend on them. The two take turns, each in a process of its own, so that
neither warms the machine for the other; the table shows the median over the runs. "x real time" is seconds of
audio per second of work, from samples to codes and from codes to samples at 6 kbps.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path

RATE = 24_000
KBPS = 6.0


def published(path: Path, seconds: float, threads: int) -> dict[str, float]:
    """Time the published package."""
    import torch

    torch.set_num_threads(threads)
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # it imports it and needs it for nothing here
    warnings.simplefilter("ignore")
    import encodec

    model = encodec.EncodecModel.encodec_model_24khz(pretrained=False).eval()
    model.load_state_dict(torch.load(path, weights_only=True))
    model.set_target_bandwidth(KBPS)
    return _time(lambda x: model.encode(x[None]), lambda codes: model.decode(codes), seconds)


def ours(path: Path, seconds: float, threads: int) -> dict[str, float]:
    """Time our implementation."""
    import torch

    torch.set_num_threads(threads)
    from audiocodecs.encodec.checkpoints import load
    from audiocodecs.encodec.model import ENCODEC_24KHZ

    model = load(path)
    return _time(lambda x: model.encode(x, ENCODEC_24KHZ.codebooks_at(KBPS)), model.decode, seconds)


def _time(encode, decode, seconds: float) -> dict[str, float]:  # noqa: ANN001
    import torch

    samples = 0.1 * torch.randn(1, round(seconds * RATE), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        decode(encode(samples[:, :RATE]))
        before = time.perf_counter()
        codes = encode(samples)
        between = time.perf_counter()
        decode(codes)
        after = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"encode": seconds / (between - before), "decode": seconds / (after - between), "peak_mb": peak}


def _in_a_process(name: str, *arguments: object) -> dict[str, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply({"published": published, "ours": ours}[name], arguments)


def _write_weights(path: Path) -> None:
    import torch

    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    warnings.simplefilter("ignore")
    import encodec

    torch.manual_seed(1)
    torch.save(encodec.EncodecModel.encodec_model_24khz(pretrained=False).state_dict(), path)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"published": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.th"
        _write_weights(path)
        for _ in range(options.runs):
            for name, found in runs.items():
                found.append(_in_a_process(name, path, options.seconds, options.threads))
    print(f"{'':12s}{'encode x real time':>20s}{'decode x real time':>20s}{'peak MB':>10s}")
    for name, found in runs.items():
        encode, decode, peak = (statistics.median(run[key] for run in found) for key in ("encode", "decode", "peak_mb"))
        print(f"{name:12s}{encode:20.1f}{decode:20.1f}{peak:10.0f}")
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "runs": runs}, default=str, indent=2))


if __name__ == "__main__":
    main()
