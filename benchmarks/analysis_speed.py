"""The statistics' speed: the mixed model beside statsmodels, and whole reports of large studies.

    python benchmarks/analysis_speed.py
    python benchmarks/analysis_speed.py --ratings 100000 1000000 10000000 --json analysis.json

The mixed model with both interactions on 1,764 ratings (14 raters, 14 items, 9 conditions) is fitted by us and by
statsmodels' MixedLM with the same terms as variance components; statsmodels takes minutes (--no-peer leaves it out).
Reports are of 10 conditions and 50 items, of which each rater rated all conditions of half; each size runs in a
process of its own, whose largest memory is given.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.mixed import mixed_model  # noqa: E402
from analysis.simulation import Plan, as_frame, draw_scores  # noqa: E402

CONDITIONS = 10
ITEMS = 50


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5, help="of our fit")
    parser.add_argument("--no-peer", action="store_true", help="leave statsmodels out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_report(options.one)))
        return
    found = {"fit": _fits(options.repeats, peer=not options.no_peer), "reports": []}
    print("\nReport of           model s     report s     memory MB")
    for n in options.ratings:
        command = [sys.executable, __file__, "--one", str(n)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        found["reports"].append(row)
        print(
            f"{row['ratings']:>10,} ratings {row['model']:>8.2f} {row['report']:>12.2f} {row['megabytes']:>13,.0f}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


def _fits(repeats: int, *, peer: bool) -> dict[str, float]:
    means = {f"C{i}": 30.0 + 5 * i for i in range(9)}
    plan = Plan(14, 14, means)
    frame = as_frame(draw_scores(plan, np.random.default_rng(1)), plan)
    incomplete = frame.drop(frame.index[::50]).reset_index(drop=True)
    found = {
        "complete": _median(lambda: mixed_model(frame), repeats),
        "incomplete": _median(lambda: mixed_model(incomplete), repeats),
    }
    print(f"Mixed model, 1,764 ratings: ours {found['complete']:.4f} s; with 36 missing {found['incomplete']:.4f} s")
    if peer:
        found["statsmodels"] = _statsmodels(incomplete)
        print(
            f"statsmodels MixedLM, same terms, 36 missing: {found['statsmodels']:.1f} s, "
            f"{found['statsmodels'] / found['incomplete']:.0f} times ours"
        )
    return found


def _median(act, repeats: int) -> float:
    took = []
    for _ in range(repeats):
        before = time.perf_counter()
        act()
        took.append(time.perf_counter() - before)
    return statistics.median(took)


def _statsmodels(frame: pd.DataFrame) -> float:
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = frame.assign(one=1, rc=frame["rater"] + frame["condition"], ic=frame["item"] + frame["condition"])
    parts = {name: f"0 + C({name})" for name in ("rater", "rc", "item", "ic")}
    before = time.perf_counter()
    MixedLM.from_formula("score ~ condition", groups="one", vc_formula=parts, data=data).fit(reml=True)
    return time.perf_counter() - before


def _report(n: int) -> dict[str, float]:
    from analysis.report import build_report

    plan = Plan(
        max(3, round(n / (CONDITIONS * ITEMS / 2))), ITEMS, {f"Opus {6 * i + 6}": 30.0 + 6 * i for i in range(10)}
    )
    scores = draw_scores(plan, np.random.default_rng(1))
    half = np.random.default_rng(2).permuted(np.arange(plan.n_raters * ITEMS).reshape(plan.n_raters, ITEMS), axis=1)
    for rater, order in enumerate(half % ITEMS):
        scores[rater, order[: ITEMS // 2]] = np.nan
    r, i, c = np.nonzero(~np.isnan(scores))
    table = pd.DataFrame(
        {
            "rater": np.array([f"R{at}" for at in range(plan.n_raters)])[r],
            "item": np.array([f"item {at}" for at in range(ITEMS)])[i],
            "condition": np.array(list(plan.means))[c],
            "role": "system",
            "score": np.clip(scores[r, i, c], 0, 100).round(),
        }
    )
    before = time.perf_counter()
    report = build_report(table, screening=["none"])
    report.html  # noqa: B018
    whole = time.perf_counter() - before
    before = time.perf_counter()
    mixed_model(report.screening.kept)
    model = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"ratings": len(table), "model": model, "report": whole, "megabytes": peak}


if __name__ == "__main__":
    main()
