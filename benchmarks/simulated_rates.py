"""Simulated studies of a rate-quality curve against one other condition: does the equivalent rate hold the truth?

Part of `simulated_studies.py`, which prints its table. A codec has four rates with true means of 35, 50, 66 and 78
points; the other condition's true mean lies between two of them, at one of them, or above the highest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from analysis.mixed import cells_of, model_of
from analysis.rates import Curve, equivalent_rate
from analysis.simulation import Plan, draw_scores
from analysis.threads import blas_threads
from benchmarks.simulated_studies import BLOCK, ITEMS, RATERS, run

CURVE = Curve("codec", ("at 1.5", "at 3", "at 6", "at 12"), (1.5, 3.0, 6.0, 12.0))
QUALITY = (35.0, 50.0, 66.0, 78.0)
STATUSES = ("reached", "exceeded", "not reached")


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


MET = (
    Target(50.0, "at a rated point"),
    Target(57.0, "between two points"),
    Target(60.0, "between two points"),
    Target(66.0, "at a rated point"),
)
ONLY_JUST = (Target(74.0, "4 points below the highest"),)
NOT_MET = (
    Target(79.0, "1 point above the highest"),
    Target(86.0, "8 points above the highest"),
    Target(90.0, "12 points above the highest"),
)
Rates = dict[Target, Counter]


def block(at: int, number: int, n: int) -> Counter:
    """How many of n studies have each status, and in how many of these the interval holds the truth."""
    target = (*MET, *ONLY_JUST, *NOT_MET)[at]
    means = {**dict(zip(CURVE.conditions, QUALITY, strict=True)), "other": target.mean}
    plan = Plan(RATERS, ITEMS, means)
    rng = np.random.default_rng([100 + at, number])
    found: Counter = Counter()
    with blas_threads(1):
        for _ in range(n):
            model = model_of(cells_of(draw_scores(plan, rng)), list(means))
            one = equivalent_rate(model, CURVE, "other", 64.0)
            found[one.status, "studies"] += 1
            found[one.status, "means meet"] += one.kbps > 0
            found[one.status, "held"] += bool(one.low <= target.kbps <= one.high)
    return found


def simulate(studies: int, *, processes: int = 1) -> Rates:
    """So many studies in all of targets that are met, and half as many of each other target."""
    every = (*MET, *ONLY_JUST, *NOT_MET)
    sizes = {target: studies // len(MET) if target in MET else studies // 2 for target in every}
    tasks = [
        (block, at, number, min(BLOCK, sizes[target] - number * BLOCK))
        for at, target in enumerate(every)
        for number in range(-(-sizes[target] // BLOCK))
    ]
    rates: Rates = {target: Counter() for target in every}
    for task, found in zip(tasks, run(tasks, processes), strict=True):
        rates[every[task[1]]].update(found)
    return rates


def coverage(rates: Rates, targets: tuple[Target, ...] = MET, statuses: tuple[str, ...] = ("reached",)) -> float:
    """Share of the studies with these statuses whose interval holds the true rate."""
    counts = [rates[target] for target in targets]
    held = sum(count[status, "held"] for count in counts for status in statuses)
    return held / sum(count[status, "studies"] for count in counts for status in statuses)


def share(rates: Rates, target: Target, status: str) -> float:
    return rates[target][status, "studies"] / sum(rates[target][each, "studies"] for each in STATUSES)


def tables(rates: Rates) -> str:
    """Markdown."""
    lines = [
        "### Equivalent rates\n",
        f"| true mean of the other | studies | {' | '.join(STATUSES)} | though means meet | of reached, held | "
        "of all, held |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for target, count in rates.items():
        n = sum(count[each, "studies"] for each in STATUSES)
        counts = " | ".join(f"{count[each, 'studies']:,}" for each in STATUSES)
        held = (
            f"{100 * coverage(rates, (target,)):.1f}% | {100 * coverage(rates, (target,), STATUSES):.1f}%"
            if target.met and count["reached", "studies"]
            else " | "
        )
        meet = f"{count['not reached', 'means meet']:,}"
        lines.append(f"| {target.mean:g}, {target.what} | {n:,} | {counts} | {meet} | {held} |")
    lines.append(
        f"\nOf the studies of the first {len(MET)} rows that reach it, {100 * coverage(rates):.2f}% hold it.\n"
    )
    return "\n".join(lines)


def as_json(rates: Rates) -> list[dict[str, object]]:
    return [
        {"mean": target.mean, "what": target.what, **{" ".join(key): n for key, n in count.items()}}
        for target, count in rates.items()
    ]
