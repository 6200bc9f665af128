"""False positives of the ordinal model by the size of the study, beside clmm's normal test of the same fits.

    python benchmarks/simulated_ordinal.py --studies 500

Part of `simulated_studies.py`, which prints its table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.threads import blas_threads  # noqa: E402
from benchmarks.simulated_studies import (  # noqa: E402
    ALPHA,
    KINDS,
    NAMES,
    WRONG,
    Data,
    Tally,
    cell,
    draw,
    ordinal_p,
    run,
)

RANDOM_SIZES = ((10, 5, 2), (10, 5, 3), (30, 12, 4))
"""Raters, items and conditions; the items are random."""

FIXED_SIZES = ((8, 3, 3), (20, 4, 6))
"""With so few items that the model takes them as fixed."""

BLOCK = 50
"""Studies that are drawn from one seed."""

OURS, THEIRS = "t", "z as clmm"


def block(data: Data, size: tuple[int, int, int], number: int, n: int) -> Tally:
    """Draw n studies and test pairs without a common condition."""
    raters, items, conditions = size
    tally = Tally()
    with blas_threads(1):
        rng = np.random.default_rng([60 + KINDS.index(data), *size, number])
        p = ordinal_p(draw(data, n, rng, raters, items, NAMES[:conditions]), interactions=True)
        for test, found in zip((OURS, THEIRS), p, strict=True):
            tally.add(name_of(data, size), test, WRONG, found <= ALPHA)
    return tally


def name_of(data: Data, size: tuple[int, int, int]) -> str:
    return f"{data.name}, {' × '.join(map(str, size))}"


def simulate(studies: int, *, processes: int = 1) -> Tally:
    tasks = [
        (block, data, size, number, min(BLOCK, studies - number * BLOCK))
        for data in KINDS
        for size in (FIXED_SIZES if data.fixed_items else RANDOM_SIZES)
        for number in range(-(-studies // BLOCK))
    ]
    whole = Tally()
    for found in run(tasks, processes):
        whole.join(found)
    return whole


def tables(tally: Tally) -> str:
    """Markdown."""
    lines = ["### Ordinal models of studies of other sizes: false positives at 5%\n"]
    lines += ["| raters × items × conditions | t | z, as clmm has it |", "|---|---|---|"]
    for name in dict.fromkeys(name for name, *_ in tally.counts):
        cells = [cell(tally.counts[name, test, WRONG], ALPHA, "pairs") for test in (OURS, THEIRS)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500, help="of each size")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print(tables(simulate(options.studies, processes=options.processes)))


if __name__ == "__main__":
    main()
