"""Coverage of bootstrap intervals by the size of the study: below how many raters and items they need a warning.

Part of `simulated_studies.py`, which prints its table.
"""

from __future__ import annotations

import numpy as np

from analysis.threads import blas_threads
from benchmarks.simulated_studies import (
    BLOCK,
    COVERED,
    KINDS,
    Data,
    Tally,
    band,
    bootstraps,
    crossed_bootstraps,
    draw,
    holds,
    run,
    where,
)

RATERS = (6, 10, 15, 20, 25, 30, 40, 60)
"""With 8 items, which are fixed."""

BOTH = ((20, 5), (20, 8), (40, 8), (20, 12), (40, 12), (20, 16), (40, 16), (20, 20), (40, 20), (40, 30), (60, 40))
"""Raters and items, both random."""


def block(data: Data, raters: int, items: int, number: int, n: int) -> Tally:
    """Draw n studies and see whether the intervals of one mean hold the truth."""
    tally = Tally()
    with blas_threads(1):
        rng = np.random.default_rng([50 + KINDS.index(data), raters, items, number])
        scores = draw(data, n, rng, raters, items, ("A", "B"))
        name = f"{data.name}, {raters}, {items}"
        if data.fixed_items:
            means = scores.mean(axis=2)
            for method in ("percentile", "bca"):
                tally.add(name, method, COVERED, holds(bootstraps(means, method, number), data.truth))
        else:
            tally.add(name, "both", COVERED, holds(crossed_bootstraps(scores, "random", number), data.truth))
    return tally


def simulate(studies: int, *, processes: int = 1) -> Tally:
    tasks = [
        (block, data, raters, items, number, min(BLOCK, studies - number * BLOCK))
        for data in KINDS
        for raters, items in ([(n, 8) for n in RATERS] if data.fixed_items else BOTH)
        for number in range(-(-studies // BLOCK))
    ]
    whole = Tally()
    for found in run(tasks, processes):
        whole.join(found)
    return whole


def tables(tally: Tally) -> str:
    """Markdown."""
    normal, clipped = (
        {fixed: Data(clipped=clipped, fixed_items=fixed).name for fixed in (True, False)} for clipped in (False, True)
    )
    lines = ["### Bootstraps of studies of other sizes: coverage of the 95% interval\n"]
    lines += [
        "| 8 items, fixed | normal, percentile | normal, BCa | clipped, percentile | clipped, BCa |",
        "|---" * 5 + "|",
    ]
    for raters in RATERS:
        cells = [
            _cell(tally, f"{name}, {raters}, 8", method)
            for name in (normal[True], clipped[True])
            for method in ("percentile", "bca")
        ]
        lines.append(f"| {raters} raters | {' | '.join(cells)} |")
    lines += ["", "| raters and items drawn | normal | clipped |", "|---|---|---|"]
    for raters, items in BOTH:
        cells = [_cell(tally, f"{name}, {raters}, {items}", "both") for name in (normal[False], clipped[False])]
        lines.append(f"| {raters} raters, {items} items | {' | '.join(cells)} |")
    n = max(n for _, n in tally.counts.values())
    low, high = band(n, 0.95)
    return "\n".join([*lines, f"\n{n:,} studies of each size; band {100 * low:.1f}–{100 * high:.1f}%.\n"])


def _cell(tally: Tally, name: str, method: str) -> str:
    hits, n = tally.counts[name, method, COVERED]
    return f"{100 * hits / n:.1f} {where(hits / n, n, 0.95)}"
