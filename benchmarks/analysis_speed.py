"""The statistics' speed: the mixed model beside statsmodels, and every part of the report of large studies.

    python benchmarks/analysis_speed.py
    python benchmarks/analysis_speed.py --ratings 100000 1000000 10000000 --json analysis.json

The mixed model with both interactions on 1,764 ratings (14 raters, 14 items, 9 conditions) is fitted by us and by
statsmodels' MixedLM with the same terms as variance components, once complete and once with one rating in 50 missing
(--no-peer leaves statsmodels out). The complete study has a solution by formula, which no general program uses.

The large studies have 10 conditions and 50 items of 5 categories; each rater rated 45 of the items, 5 of them twice,
so that 2,000 raters gave 1,000,000 ratings. A study is drawn by a process of its own into a Parquet file, and measured
by another, the whole report first and then part by part: seconds, and the largest memory that the process had
meanwhile, all libraries and the ratings themselves included. The column `x` is the time relative to the size before;
where it grows like the size, growth is linear. Some parts stand for another and are not in the sum: all screening
rules, fixed items, and the mixed model where single ratings are missing (one in 50) instead of whole pages.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis import agreement, material  # noqa: E402
from analysis.anova import repeated_measures  # noqa: E402
from analysis.claim import claim  # noqa: E402
from analysis.describe import describe  # noqa: E402
from analysis.figures import box_plot, condition_colours, mean_plot, rater_map  # noqa: E402
from analysis.frame import CELL, rater_means, tidy  # noqa: E402
from analysis.inference import friedman, wilcoxon_pairs  # noqa: E402
from analysis.mixed import mixed_model  # noqa: E402
from analysis.report import build_report  # noqa: E402
from analysis.resampling import bootstrap_means, permutation_pairs  # noqa: E402
from analysis.screening import NONE, RULES, screen  # noqa: E402
from analysis.simulation import Components, Plan, as_frame, draw_scores  # noqa: E402

CONDITIONS = [f"{codec} {rate}" for codec in ("Opus", "EnCodec") for rate in (6, 9, 12, 16, 24)]
ITEMS, PAGES, AGAIN = 50, 45, 5
CATEGORIES = 5
ROLES = dict(zip(CONDITIONS, ["hidden_reference", "mid_anchor", "low_anchor"], strict=False))
"""For the part that applies all rules; everywhere else each condition is a system."""


BESIDE = ("screening, all rules", "mixed model, fixed items", "mixed model, single ratings missing")
"""Parts that stand for another, and are not in the sum."""


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5, help="of our fit")
    parser.add_argument("--no-fit", action="store_true", help="leave the fits of the small study out")
    parser.add_argument("--no-peer", action="store_true", help="leave statsmodels out")
    parser.add_argument("--parts", nargs="*", metavar="PART", help="only these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--draw", nargs=2, metavar=("FILE", "RATERS"), help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        _draw(Path(options.draw[0]), int(options.draw[1]))
        return
    if options.measure:
        print(json.dumps(_measure(options.measure, options.parts)))
        return
    found: dict[str, object] = {} if options.no_fit else {"fit": _fits(options.repeats, peer=not options.no_peer)}
    found["studies"] = _studies(options.ratings, options.parts)
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
    if peer:
        found["statsmodels, complete"] = _statsmodels(frame)
        found["statsmodels, incomplete"] = _statsmodels(incomplete)
    print("| mixed model | ours s | statsmodels s | times |\n|---|---|---|---|")
    for name, rows in {"complete": frame, "incomplete": incomplete}.items():
        theirs = found.get(f"statsmodels, {name}")
        beside = f"{theirs:.2f} | {theirs / found[name]:.0f}" if theirs else "– | –"
        print(f"| {len(rows):,} ratings, {name} | {found[name]:.4f} | {beside} |")
    return found


def _median(act: Callable[[], object], repeats: int) -> float:
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


def _studies(sizes: list[int], parts: list[str] | None) -> list[dict[str, object]]:
    """Draw and measure a study of each size, and print them side by side."""
    found = []
    for n in sizes:
        n_raters = max(3, round(n / len(CONDITIONS) / (PAGES + AGAIN)))
        with TemporaryDirectory() as folder:
            file = str(Path(folder) / "study.parquet")
            subprocess.run([sys.executable, __file__, "--draw", file, str(n_raters)], check=True)
            command = [sys.executable, __file__, "--measure", file, *(["--parts", *parts] if parts else [])]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found.append(json.loads(said.splitlines()[-1]))
        _print(found)
    return found


def _print(studies: list[dict]) -> None:
    print("\n| part |" + "".join(f" {one['ratings']:,} ratings: s | x | MB |" for one in studies))
    print("|---|" + "---|---|---|" * len(studies))
    for name in studies[0]["parts"]:
        cells, before = [], None
        for one in studies:
            part = one["parts"][name]
            times = "" if before is None else f"{part['seconds'] / max(before, 1e-4):.1f}"
            cells.append(f" {part['seconds']:.2f} | {times} | {part['megabytes']:,.0f} |")
            before = part["seconds"]
        print(f"| {name} |" + "".join(cells), flush=True)


def _draw(file: Path, n_raters: int) -> None:
    """Write the ratings of a study, rounded as the page rounds them."""
    draw, sd = np.random.default_rng(1), {name: value**0.5 for name, value in vars(Components()).items()}
    pages = draw.permuted(np.tile(np.arange(ITEMS, dtype=np.int8), (n_raters, 1)), axis=1)[:, :PAGES]
    pages = np.concatenate([pages, pages[:, :AGAIN]], axis=1)
    again = np.concatenate([np.zeros(PAGES, int), np.ones(AGAIN, int)])
    c = len(CONDITIONS)
    scores = (
        np.linspace(30, 75, c)
        + draw.normal(0, sd["rater"], (n_raters, 1, 1))
        + draw.normal(0, sd["item"], ITEMS)[pages][:, :, None]
        + draw.normal(0, sd["rater_condition"], (n_raters, 1, c))
        + draw.normal(0, sd["item_condition"], (ITEMS, c))[pages]
        + draw.normal(0, sd["residual"], (*pages.shape, c))
    )
    rater, page, condition = (at.ravel() for at in np.indices(scores.shape, dtype=np.int32))
    item = pages[rater, page]
    names = {
        "rater": (rater, [f"R{at + 1}" for at in range(n_raters)]),
        "item": (item, [f"item {at + 1}" for at in range(ITEMS)]),
        "category": (item % CATEGORIES, [f"category {at + 1}" for at in range(CATEGORIES)]),
        "condition": (condition, CONDITIONS),
    }
    columns = {name: pd.Categorical.from_codes(codes, of).astype("str") for name, (codes, of) in names.items()}
    score = np.clip(scores, 0, 100).round().ravel()
    pd.DataFrame({**columns, "role": "system", "score": score, "repeat": again[page]}).to_parquet(file, index=False)


def _measure(file: Path, only: list[str] | None) -> dict[str, object]:
    """Seconds and memory of every part."""
    table = pd.read_parquet(file)
    found: dict[str, dict[str, float]] = {}

    def part(name: str, act: Callable[[], object]) -> object:
        gc.collect()
        _forget_peak()
        before = time.perf_counter()
        result = act()
        found[name] = {"seconds": time.perf_counter() - before, "megabytes": _peak()}
        return result

    if not only or "report" in only:
        with TemporaryDirectory() as folder:
            part("report", lambda: build_report(table, screening=["no_variance"], margin=5).save(folder))
    frame = part("tidy", lambda: tidy(table))
    kept = part("screening", lambda: screen(frame, ["no_variance"])).kept
    for name, act in _parts(frame, kept).items():
        if not only or name in only:
            part(name, act)
    if not only:
        parts = [one for name, one in found.items() if name != "report" and name not in BESIDE]
        whole = {"seconds": sum(one["seconds"] for one in parts), "megabytes": max(one["megabytes"] for one in parts)}
        found["sum of the parts"] = whole
    return {"ratings": len(table), "parts": found}


def _parts(frame: pd.DataFrame, kept: pd.DataFrame) -> dict[str, Callable[[], object]]:
    """What a report holds, and what stands for another (`BESIDE`)."""
    rules = [name for name, rule in RULES.items() if name != NONE and not rule.columns]
    ruled = frame.assign(role=frame["condition"].map(ROLES).fillna("system").astype("str"))
    conditions = describe(kept)
    holed = kept[[*CELL, "spec", "score"]].drop(kept.index[::50])
    order, colours = list(conditions["condition"]), condition_colours(frame)
    return {
        "screening, all rules": lambda: screen(ruled, rules),
        "conditions, items": lambda: (material.conditions(frame), material.items(frame)),
        "completeness": lambda: (material.missing_cells(kept), material.items_per_rater(kept)),
        "describe": lambda: describe(kept),
        "describe by category": lambda: describe(kept, by=["category"]),
        "describe by item": lambda: describe(kept, by=["item"]),
        "Friedman": lambda: friedman(kept),
        "Wilcoxon, Holm, shifts": lambda: wilcoxon_pairs(kept),
        "figure of means": lambda: mean_plot(conditions, colours),
        "boxes": lambda: box_plot(kept, order, colours),
        "map of raters": lambda: rater_map(frame, order),
        "mixed model": lambda: mixed_model(kept).contrasts(),
        "mixed model, fixed items": lambda: mixed_model(kept, items="fixed").contrasts(),
        "mixed model, single ratings missing": lambda: mixed_model(holed).contrasts(),
        "claim": lambda: claim(kept, margin=5),
        "alpha": lambda: agreement.alpha(kept),
        "intraclass": lambda: agreement.intraclass(kept),
        "raters' reliability": lambda: agreement.raters(kept),
        "repeated measures": lambda: repeated_measures(kept),
        "bootstrap": lambda: bootstrap_means(rater_means(kept).to_numpy(float)),
        "permutation": lambda: permutation_pairs(kept),
    }


def _forget_peak() -> None:
    """Linux counts the largest memory anew from here; elsewhere it is that of the process so far."""
    control = Path("/proc/self/clear_refs")
    if control.exists():
        control.write_text("5")


def _peak() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
