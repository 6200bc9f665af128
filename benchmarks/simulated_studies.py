"""Thousands of simulated studies: how often each method of `analysis` errs, and how often its intervals hold the truth.

    python benchmarks/simulated_studies.py
    python benchmarks/simulated_studies.py --studies 1000 --processes 2 --json studies.json

Studies of 20 raters, 8 items and 6 conditions that do not differ, with the variance components of
`analysis.simulation.Components`; once normal, once clipped to 0-100 with a mean near the top. Items are random (others
in each study, and the truth speaks of all of them) or fixed (the truth speaks of these, and the conditions' means over
them are exactly equal). Then bootstraps of smaller and larger studies (`simulated_bootstraps.py`), studies of
rate-quality curves (`simulated_rates.py`) and ordinal models of other sizes (`simulated_ordinal.py`). Every figure
stands beside the 99% band that chance gives it if the method does what it says. Results do not depend on the number of
processes.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis import crossed  # noqa: E402
from analysis.anova import repeated_measures  # noqa: E402
from analysis.describe import mean_interval  # noqa: E402
from analysis.frame import RatingsError  # noqa: E402
from analysis.inference import _signed_rank, friedman, hodges_lehmann, holm  # noqa: E402
from analysis.margins import within_margin  # noqa: E402
from analysis.mixed import cells_of, model_of  # noqa: E402
from analysis.ordinal import ordinal_model  # noqa: E402
from analysis.resampling import bootstrap_means, bootstrap_table, permutation_pairs  # noqa: E402
from analysis.simulation import Components, Plan, as_frame, draw_scores  # noqa: E402
from analysis.threads import blas_threads  # noqa: E402

RATERS, ITEMS = 20, 8
NAMES = tuple("ABCDEF")
PAIRS = tuple(combinations(range(len(NAMES)), 2))
BLOCK = 250
"""Studies that are drawn from one seed."""

ORDINAL_OF_BLOCK = 10
"""Of so many of a block an ordinal model is fitted, which takes half a second."""

NAIVE_ORDINAL_OF_BLOCK = 4
"""Of so many of a block an ordinal model without interactions is fitted."""

NAIVE_OF_BLOCK = 50
"""Of so many of a block the analyses that are wrong are shown: they are so far off that these are enough."""

DRAWS = 999
"""Patterns of signs of the permutation test."""

MARGIN = 10.0
ALPHA, LEVEL = 0.05, 0.95

WRONG, COVERED = "false positives", "coverage"


@dataclass(frozen=True)
class Data:
    """What is drawn.

    Attributes
    ----------
    clipped : bool
        To 0-100 and with a mean of 80, so that a sixth of the scores lies at the end; else normal around 60.
    fixed_items : bool
        Whether the truth speaks of the items of the study only.
    """

    clipped: bool
    fixed_items: bool

    @property
    def name(self) -> str:
        return f"{'clipped' if self.clipped else 'normal'}, items {'fixed' if self.fixed_items else 'random'}"

    @property
    def mean(self) -> float:
        return 80.0 if self.clipped else 60.0

    @property
    def truth(self) -> float:
        """Mean of each condition after clipping."""
        if not self.clipped:
            return self.mean
        return float(clipped_mean(self.mean, sum(vars(Components()).values()) ** 0.5)[0])


KINDS = tuple(Data(clipped, fixed) for clipped in (False, True) for fixed in (False, True))


def clipped_mean(mean, sd):
    """Mean of normal values after clipping to 0-100, and its slope."""
    low, high = -mean / sd, (100 - mean) / sd
    inside = stats.norm.cdf(high) - stats.norm.cdf(low)
    return mean * inside + sd * (stats.norm.pdf(low) - stats.norm.pdf(high)) + 100 * stats.norm.sf(high), inside


def draw(
    data: Data, n: int, rng: np.random.Generator, raters: int = RATERS, items: int = ITEMS, names: Sequence[str] = NAMES
) -> np.ndarray:
    """Scores of n studies: shape (n, raters, items, conditions)."""
    plan = Plan(raters, items, dict.fromkeys(names, data.mean), clipped=data.clipped)
    if not data.fixed_items:
        return np.stack([draw_scores(plan, rng) for _ in range(n)])
    of_items = plan.components
    within = replace(of_items, item=0.0, item_condition=0.0)
    centres = data.mean + (
        rng.normal(0, of_items.item**0.5, (n, items, 1))
        + rng.normal(0, of_items.item_condition**0.5, (n, items, len(names)))
    )
    sd = sum(vars(within).values()) ** 0.5
    for _ in range(30):  # Newton's steps to means over the items that are equal
        found, slope = clipped_mean(centres, sd) if data.clipped else (centres, np.ones(centres.shape))
        centres = centres + (data.truth - found.mean(axis=1, keepdims=True)) / slope.mean(axis=1, keepdims=True)
    bare = replace(plan, components=within, means=dict.fromkeys(names, 0.0), clipped=False)
    scores = centres[:, None] + np.stack([draw_scores(bare, rng) for _ in range(n)])
    return np.clip(scores, 0, 100) if data.clipped else scores


@dataclass
class Tally:
    """How many of how many studies, by (data, method, what)."""

    counts: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)

    def add(self, data: str, method: str, what: str, hits) -> None:
        hits = np.asarray(hits)
        before = self.counts.get((data, method, what), (0, 0))
        self.counts[data, method, what] = (before[0] + int(hits.sum()), before[1] + hits.size)

    def join(self, other: Tally) -> None:
        for key, (hits, n) in other.counts.items():
            before = self.counts.get(key, (0, 0))
            self.counts[key] = (before[0] + hits, before[1] + n)

    def as_json(self) -> list[list]:
        return [[*key, *value] for key, value in self.counts.items()]

    def share(self, data: str, method: str, what: str) -> float:
        hits, n = self.counts[data, method, what]
        return hits / n


def band(n: int, nominal: float, certainty: float = 0.99) -> tuple[float, float]:
    """Between which shares of n studies chance leaves a method whose rate is the nominal one: exact binomial.

    >>> [round(100 * end, 2) for end in band(10_000, 0.05)]
    [4.44, 5.57]
    """
    tail = (1 - certainty) / 2
    low, high = stats.binom.ppf([tail, 1 - tail], n, nominal)
    return float(low) / n, float(high) / n


def where(share: float, n: int, nominal: float, certainty: float = 0.99) -> str:
    low, high = band(n, nominal, certainty)
    return "below" if share < low else "above" if share > high else "within"


def holds(ends, truth: float) -> np.ndarray:
    """Whether intervals, shape (n, 2), hold the truth."""
    ends = np.asarray(ends)
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def own_error(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `mixed` gives, each mean and each difference by its own data, items random."""
    means = np.stack(crossed.table_means(scores[..., 0]), axis=-1)
    pairs = [np.stack(crossed.table_means(scores[..., i] - scores[..., j]), axis=-1) for i, j in PAIRS]
    return means, np.stack(pairs, axis=1)


def mixed(
    scores: np.ndarray, *, fixed_items: bool = False, terms=crossed.POOLED_TERMS
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate, standard error, degrees of freedom of the first condition's mean and of all pairs' differences.

    Returns
    -------
    means : ndarray, shape (n, 3)
    pairs : ndarray, shape (n, pairs, 3)
    """
    unit = np.eye(len(NAMES))
    means, pairs = [], []
    for one in scores:
        model = model_of(cells_of(one, fixed_items=fixed_items), NAMES, terms)
        means.append(model.estimate(unit[0]))
        pairs.append([model.estimate(unit[i] - unit[j]) for i, j in PAIRS])
    return np.array(means), np.array(pairs)


def p_of(figures: np.ndarray) -> np.ndarray:
    return 2 * stats.t.sf(np.abs(figures[..., 0] / figures[..., 1]), figures[..., 2])


def ends_of(figures: np.ndarray) -> np.ndarray:
    half = stats.t.ppf(0.5 + LEVEL / 2, figures[..., 2]) * figures[..., 1]
    return np.stack([figures[..., 0] - half, figures[..., 0] + half], axis=-1)


def any_of_family(p: np.ndarray) -> np.ndarray:
    """Whether any pair of a study differs after Holm's correction; p of shape (n, pairs)."""
    return np.array([holm(row).min() for row in p]) <= ALPHA


def wilcoxon_p(means: np.ndarray) -> np.ndarray:
    """Of all pairs: raters' means (n, raters, conditions) -> (n, pairs). By the function under `wilcoxon_pairs`."""
    return np.array([[_signed_rank((one[:, i] - one[:, j]).round(9), "pratt")[1] for i, j in PAIRS] for one in means])


def bootstraps(means: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Intervals of the first condition's mean: `bootstrap_means` takes the studies for conditions of one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bootstrap_means(means[:, :, 0].T, method=method, seed=seed)


def crossed_bootstraps(scores: np.ndarray, items: str, seed: int) -> np.ndarray:
    """Intervals of the first condition's mean: `bootstrap_table` takes 50 studies for conditions of one."""
    found = []
    for start in range(0, len(scores), 50):
        part = scores[start : start + 50, :, :, 0]
        names = [f"S{i:03}" for i in range(len(part))]
        frame = as_frame(np.moveaxis(part, 0, 2), Plan(*part.shape[1:], dict.fromkeys(names, 0.0)))
        table = bootstrap_table(frame, items=items, seed=seed).set_index("condition")
        found.append(table.loc[names, ["ci_low", "ci_high"]].to_numpy(float))
    return np.concatenate(found)


def frames(means: np.ndarray) -> Iterator:
    """A frame of one item for each study, of raters' means: what tests of these ask for, at less cost."""
    plan = Plan(RATERS, 1, dict.fromkeys(NAMES, 0.0))
    frame = as_frame(np.zeros((RATERS, 1, len(NAMES))), plan)
    for one in means:
        yield frame.assign(score=one.ravel())


def of_raters_means(tally: Tally, data: Data, means: np.ndarray, seed: int, prefix: str) -> None:
    """What takes the items as fixed and the rater as the unit."""

    def add(method: str, what: str, hits) -> None:
        tally.add(data.name, prefix + method, what, hits)

    for method, ci in (("t interval of raters' means", "t"), ("normal interval of raters' means", "normal")):
        add(method, COVERED, holds([mean_interval(one[:, 0], ci=ci) for one in means], data.truth))
        between = holds([mean_interval(one[:, 0] - one[:, 1], ci=ci) for one in means], 0.0)
        add(method.replace("raters' means", "raters' differences"), WRONG, ~between)
        add(method.replace("raters' means", "raters' differences"), COVERED, between)
    add("bootstrap of raters' means, percentile", COVERED, holds(bootstraps(means, "percentile", seed), data.truth))
    add("bootstrap of raters' means, BCa", COVERED, holds(bootstraps(means, "bca", seed), data.truth))
    p = wilcoxon_p(means)
    add("Wilcoxon, Hodges and Lehmann", WRONG, p[:, 0] <= ALPHA)
    shifts = [hodges_lehmann((one[:, 0] - one[:, 1]).round(9))[1:] for one in means]
    add("Wilcoxon, Hodges and Lehmann", COVERED, holds(shifts, 0.0))
    add("Wilcoxon with Holm, any of 15 pairs", WRONG, any_of_family(p))
    whole = [(friedman(frame).p, repeated_measures(frame)) for frame in frames(means)]
    add("Friedman, all conditions", WRONG, np.array([one for one, _ in whole]) <= ALPHA)
    for name, of in (("uncorrected", "p"), ("Greenhouse and Geisser", "p_gg"), ("Huynh and Feldt", "p_hf")):
        add(f"repeated measures, {name}", WRONG, np.array([getattr(one, of) for _, one in whole]) <= ALPHA)


def of_pairs(tally: Tally, data: Data, method: str, figures: np.ndarray) -> None:
    """Contrasts: figures of shape (n, pairs, 3)."""
    p = p_of(figures)
    tally.add(data.name, f"{method}: contrast", WRONG, p[:, 0] <= ALPHA)
    tally.add(data.name, f"{method}: contrast", COVERED, holds(ends_of(figures[:, 0]), 0.0))
    tally.add(data.name, f"{method}: Holm, any of 15 pairs", WRONG, any_of_family(p))


def with_random_items(tally: Tally, scores: np.ndarray, data: Data, seed: int, ordinal: int) -> None:
    for title, (means, pairs) in (("own error", own_error(scores)), ("pooled model", mixed(scores))):
        of_pairs(tally, data, f"{title}, items random", pairs)
        tally.add(data.name, f"{title}, items random: mean", COVERED, holds(ends_of(means), data.truth))
        at_margin = [within_margin(value - MARGIN, se, df, MARGIN) for value, se, df in pairs[:, 0]]
        name = title + ", items random: {}, the truth at the margin"
        tally.add(data.name, name.format("non-inferior"), WRONG, [each.non_inferior for each in at_margin])
        tally.add(data.name, name.format("equivalent"), WRONG, [each.equivalent for each in at_margin])
    both = crossed_bootstraps(scores, "random", seed)
    tally.add(data.name, "bootstrap of raters and items, percentile", COVERED, holds(both, data.truth))
    of_ordinal_models(tally, data, scores[:ordinal])
    scores = scores[:NAIVE_OF_BLOCK]
    means, pairs = mixed(scores, terms=("rater", "item"))
    of_pairs(tally, data, "naive: mixed model without interactions", pairs)
    tally.add(data.name, "naive: mixed model without interactions: mean", COVERED, holds(ends_of(means), data.truth))
    of_single_ratings(tally, data, scores)
    of_raters_means(tally, data, scores.mean(axis=2), seed, "items taken as fixed: ")


def with_fixed_items(tally: Tally, scores: np.ndarray, data: Data, seed: int) -> None:
    means, pairs = mixed(scores, fixed_items=True)
    of_pairs(tally, data, "pooled model, items fixed", pairs)
    tally.add(data.name, "pooled model, items fixed: mean", COVERED, holds(ends_of(means), data.truth))
    of_raters_means(tally, data, scores.mean(axis=2), seed, "")
    drawn = crossed_bootstraps(scores, "fixed", seed)
    tally.add(data.name, "bootstrap of raters as in the table, percentile", COVERED, holds(drawn, data.truth))
    tables = [permutation_pairs(frame, draws=DRAWS, seed=seed) for frame in frames(scores.mean(axis=2))]
    tally.add(data.name, "permutation", WRONG, [table["p"].iloc[0] <= ALPHA for table in tables])
    least = [table["p_max"].min() <= ALPHA for table in tables]
    tally.add(data.name, "permutation with largest t, any of 15 pairs", WRONG, least)
    scores = scores[:NAIVE_OF_BLOCK]
    _, pairs = mixed(scores, fixed_items=True, terms=("rater",))
    of_pairs(tally, data, "naive: mixed model without interactions", pairs)
    of_single_ratings(tally, data, scores)


def of_single_ratings(tally: Tally, data: Data, scores: np.ndarray) -> None:
    """The analysis that takes every rating for a rater of its own."""
    flat = scores.reshape(len(scores), -1, len(NAMES))
    p = stats.ttest_ind(flat[:, :, 0], flat[:, :, 1], axis=1).pvalue
    tally.add(data.name, "naive: ratings as if independent", WRONG, p <= ALPHA)
    tally.add(data.name, "naive: ratings as if independent", COVERED, holds(_plain(flat), data.truth))


def _plain(flat: np.ndarray) -> list[tuple[float, float]]:
    return [mean_interval(one[:, 0]) for one in flat]


def of_ordinal_models(tally: Tally, data: Data, scores: np.ndarray) -> None:
    """Pairs without a common condition by the ordinal model, and by clmm's test of the same fits."""
    p, by_clmm = ordinal_p(scores, interactions=True)
    naive, _ = ordinal_p(scores[:NAIVE_ORDINAL_OF_BLOCK], interactions=False)
    for method, found in (
        ("ordinal model, interactions", p),
        ("naive: ordinal model, interactions, z as clmm", by_clmm),
        ("naive: ordinal model, none", naive),
    ):
        tally.add(data.name, f"{method}: contrast", WRONG, found <= ALPHA)
        tally.add(data.name, f"{method}: contrast", COVERED, found > ALPHA)


def ordinal_p(scores: np.ndarray, *, interactions: bool) -> tuple[np.ndarray, np.ndarray]:
    """The model's p and clmm's of the pairs A-B, C-D and so on of all studies that have finite odds.

    Pairs without a common condition are nearly independent, and one fit gives
    up to three of them.
    """
    found = []
    for one in scores:
        raters, items, n = one.shape
        frame = as_frame(one, Plan(raters, items, dict.fromkeys(NAMES[:n], 0.0)))
        try:
            model = ordinal_model(frame, interactions=interactions)
        except RatingsError:
            continue
        pairs = model.contrasts().set_index(["a", "b"])
        for i in range(0, n - 1, 2):
            row = pairs.loc[NAMES[i], NAMES[i + 1]]
            error = (model.cov[i, i] + model.cov[i + 1, i + 1] - 2 * model.cov[i, i + 1]) ** 0.5
            found.append((row["p"], 2 * stats.norm.sf(abs(row["log_odds"]) / error)))
    ours, theirs = np.array(found, float).reshape(-1, 2).T
    return ours, theirs


def block(data: Data, number: int, n: int = BLOCK, ordinal: int = ORDINAL_OF_BLOCK) -> Tally:
    """Draw and analyse n studies."""
    tally = Tally()
    with blas_threads(1):
        scores = draw(data, n, np.random.default_rng([KINDS.index(data), number]))
        if data.fixed_items:
            with_fixed_items(tally, scores, data, seed=number)
        else:
            with_random_items(tally, scores, data, number, ordinal)
    return tally


def simulate(
    studies: int, kinds: Iterable[Data] = KINDS, *, processes: int = 1, ordinal: int = ORDINAL_OF_BLOCK
) -> Tally:
    """Tally of so many studies of each kind."""
    tasks = [
        (block, data, number, min(BLOCK, studies - number * BLOCK), ordinal)
        for data in kinds
        for number in range(-(-studies // BLOCK))
    ]
    whole = Tally()
    for found in run(tasks, processes):
        whole.join(found)
    return whole


def run(tasks: list[tuple], processes: int) -> Iterator:
    """Results in the order of the tasks, each a function and its arguments; progress on stderr."""
    with ProcessPoolExecutor(processes) as pool:
        for done, found in enumerate(pool.map(_call, tasks), start=1):
            print(f"\r{done} of {len(tasks)} blocks", end="", file=sys.stderr, flush=True)
            yield found
    print(file=sys.stderr)


def _call(task: tuple):
    act: Callable = task[0]
    return act(*task[1:])


def tables(tally: Tally) -> str:
    """Markdown: a table for each kind of data."""
    parts = []
    for data in dict.fromkeys(key[0] for key in tally.counts):
        own = {key[1:]: value for key, value in tally.counts.items() if key[0] == data}
        methods = list(dict.fromkeys(method for method, _ in own))
        parts.append(f"### {data[0].upper()}{data[1:]}\n")
        parts.append("| method | false positives at 5% | coverage of the 95% interval |\n|---|---|---|")
        for method in methods:
            wrong, covered = own.get((method, WRONG)), own.get((method, COVERED))
            unit = "pairs" if "ordinal" in method else "studies"
            parts.append(f"| {method} | {cell(wrong, ALPHA, unit)} | {cell(covered, LEVEL, unit)} |")
        parts.append("")
    return "\n".join(parts)


def cell(found: tuple[int, int] | None, nominal: float, unit: str = "studies") -> str:
    """Share in per cent, and where it lies; the band too where the studies are few."""
    if found is None:
        return ""
    hits, n = found
    if n == 0:
        return "none"
    low, high = band(n, nominal)
    text = f"{100 * hits / n:.2f} {where(hits / n, n, nominal)}"
    return text if n >= 5000 else f"{text} ({100 * low:.1f}–{100 * high:.1f}, {n} {unit})"


def main() -> None:
    from benchmarks import simulated_bootstraps, simulated_ordinal, simulated_rates

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10_000, help="of each kind")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there too")
    options = parser.parse_args()
    tally = simulate(options.studies, processes=options.processes)
    sizes = simulated_bootstraps.simulate(options.studies // 4, processes=options.processes)
    rates = simulated_rates.simulate(options.studies, processes=options.processes)
    ordinal = simulated_ordinal.simulate(options.studies // 50, processes=options.processes)
    ends = [100 * end for nominal in (ALPHA, LEVEL) for end in band(options.studies, nominal)]
    print(
        f"{options.studies:,} studies of each kind. 99% bands: false positives {ends[0]:.2f}–{ends[1]:.2f}%, "
        f"coverage {ends[2]:.2f}–{ends[3]:.2f}%.\n"
    )
    print(tables(tally))
    print(simulated_bootstraps.tables(sizes))
    print(simulated_rates.tables(rates))
    print(simulated_ordinal.tables(ordinal))
    if options.json:
        found = {
            "studies": tally.as_json(),
            "bootstraps": sizes.as_json(),
            "rates": simulated_rates.as_json(rates),
            "ordinal": ordinal.as_json(),
        }
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
