"""Simulated studies of a rate-quality curve against one other condition: does the equivalent rate hold the truth?

    python benchmarks/simulated_rates.py
    python benchmarks/simulated_rates.py --studies 2000 --processes 2 --json rates.json

A codec has four rates with true means of 35, 50, 66 and 78 points; the other condition's true mean lies well below the
highest of them, near it, or above it. `simulated_studies.py` prints the table too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.rate_contrasts import complete_contrasts  # noqa: E402
from analysis.rates import Curve, EquivalentRate, contrast_weights, located  # noqa: E402
from analysis.simulation import Plan, draw_scores  # noqa: E402
from analysis.threads import blas_threads  # noqa: E402
from benchmarks.simulated_studies import ITEMS, RATERS, run  # noqa: E402

CURVE = Curve("codec", ("at 1.5", "at 3", "at 6", "at 12"), (1.5, 3.0, 6.0, 12.0))
QUALITY = (35.0, 50.0, 66.0, 78.0)
STATUSES = ("reached", "exceeded", "not reached")
PER_REACHED = 5
"""Studies that are drawn of a quality that no rate has, for each study that is to reach one that a rate has."""

PARTS = 4
"""Into which the studies of a target are divided, each drawn from its own seed."""

TOGETHER = 100
"""Studies that are computed at once."""


@dataclass(frozen=True)
class Target:
    """The other condition.

    Attributes
    ----------
    mean : float
        Its true mean; the curve ends at 78.
    what : str
    """

    mean: float
    what: str

    @property
    def met(self) -> bool:
        return self.mean <= QUALITY[-1]

    @property
    def kbps(self) -> float:
        """The true equivalent rate; NaN if there is none."""
        return float(2 ** np.interp(self.mean, QUALITY, np.log2(CURVE.kbps))) if self.met else float("nan")


CLEAR = (
    Target(50.0, "at a rated point"),
    Target(60.0, "between two points"),
    Target(66.0, "at a rated point"),
)
NEAR = tuple(Target(mean, f"{QUALITY[-1] - mean:g} points below the highest") for mean in (70.0, 72.0, 74.0, 76.0))
NOT_MET = tuple(Target(mean, f"{mean - QUALITY[-1]:g} points above the highest") for mean in (80.0, 86.0))
MET = (*CLEAR, *NEAR)
TARGETS = (*MET, *NOT_MET)
Rates = dict[Target, Counter]


def block(target: Target, number: int, wanted: int) -> Counter:
    """What the studies of one target show: as many as needed for `wanted` that reach it, if a rate has that quality."""
    names, weights = contrast_weights(CURVE, "other")
    plan = Plan(RATERS, ITEMS, dict(zip(names, (*QUALITY, target.mean), strict=True)))
    rng = np.random.default_rng([100 + TARGETS.index(target), number])
    found: Counter = Counter()
    with blas_threads(1):
        while (found["reached", "studies"] if target.met else sum_of(found) / PER_REACHED) < wanted:
            scores = np.stack([draw_scores(plan, rng) for _ in range(TOGETHER)])
            contrasts = complete_contrasts(scores, weights)
            for study in range(TOGETHER):
                one = located(contrasts.of_study(study), CURVE, "other", 64.0)
                found[one.status, "studies"] += 1
                found[one.status, "means meet"] += one.kbps > 0
                found[one.status, "held"] += bool(one.low <= target.kbps <= one.high)
                found[one.status, "above the truth"] += one.kbps > target.kbps
                found[one.status, "contradictions"] += contradicts(one)
    return found


def contradicts(found: EquivalentRate) -> bool:
    """Whether status, interval and estimate cannot all be right."""
    if found.status == "not reached":
        return bool(np.isfinite(found.high))
    whole = (found.low, found.high) == (0.0, CURVE.kbps[0])
    outside = not found.low <= found.kbps <= found.high <= CURVE.kbps[-1]
    return outside or (found.status == "exceeded" and not whole)


def sum_of(count: Counter, what: str = "studies", statuses: tuple[str, ...] = STATUSES) -> int:
    """How many studies of these statuses."""
    return sum(count[status, what] for status in statuses)


def simulate(studies: int, *, processes: int = 1) -> Rates:
    """So many studies of each quality that no rate has; of each other, until a fifth of that number reach it."""
    wanted = -(-studies // PER_REACHED // PARTS)
    tasks = [(block, target, number, wanted) for target in TARGETS for number in range(PARTS)]
    rates: Rates = {target: Counter() for target in TARGETS}
    for task, found in zip(tasks, run(tasks, processes), strict=True):
        rates[task[1]].update(found)
    return rates


def coverage(rates: Rates, targets: tuple[Target, ...] = MET, statuses: tuple[str, ...] = ("reached",)) -> float:
    """Share of the studies with these statuses whose interval holds the true rate."""
    counts = [rates[target] for target in targets]
    held = sum(sum_of(count, "held", statuses) for count in counts)
    return held / sum(sum_of(count, "studies", statuses) for count in counts)


def share(rates: Rates, target: Target, status: str) -> float:
    """Share of a target's studies that have a status."""
    return rates[target][status, "studies"] / sum_of(rates[target])


def contradictions(rates: Rates) -> int:
    """Studies whose status and interval contradict each other."""
    return sum(sum_of(count, "contradictions") for count in rates.values())


def tables(rates: Rates) -> str:
    """Markdown."""
    lines = [
        "### Equivalent rates\n",
        f"| true mean of the other | studies | {' | '.join(STATUSES)} | though means meet | of reached, held | "
        "of reached, estimate above the truth | of all, held |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for target, count in rates.items():
        counts = " | ".join(f"{count[each, 'studies']:,}" for each in STATUSES)
        reached = count["reached", "studies"]
        held = (
            f"{100 * coverage(rates, (target,)):.1f}% | {100 * count['reached', 'above the truth'] / reached:.0f}% | "
            f"{100 * coverage(rates, (target,), STATUSES):.1f}%"
            if target.met and reached
            else " | | "
        )
        meet = f"{count['not reached', 'means meet']:,}"
        lines.append(f"| {target.mean:g}, {target.what} | {sum_of(count):,} | {counts} | {meet} | {held} |")
    lines.append(f"\nStatus and interval contradict each other in {contradictions(rates)} studies.\n")
    return "\n".join(lines)


def as_json(rates: Rates) -> list[dict[str, object]]:
    """The counts, for a file."""
    return [
        {"mean": target.mean, "what": target.what, **{" ".join(key): n for key, n in count.items()}}
        for target, count in rates.items()
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10_000, help="of each quality that no rate has; see `simulate`")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there too")
    options = parser.parse_args()
    rates = simulate(options.studies, processes=options.processes)
    print(tables(rates))
    if options.json:
        options.json.write_text(json.dumps(as_json(rates), indent=1))


if __name__ == "__main__":
    main()
