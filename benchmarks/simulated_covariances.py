"""Simulated studies whose raters, items and residuals vary as in published studies: which pair of systems errs most?

    python benchmarks/simulated_covariances.py [--studies 2000] [--json FILE]

Part of `simulated_studies.py`. Its other part draws from the assumptions of the pooled model, which cannot show what
happens where these fail. Here every set has covariances of its conditions between raters, between items and of the
residual: those of two published studies (`covariances.json`), of stahl2024, and sets that break an assumption on
purpose. The true differences are known, so every test and interval is judged pair by pair.

For each method the table has the error rates of the best and the worst pair, the chance that Holm's correction lets
any pair through, the lowest coverage, and the error rate of non-inferiority and equivalence with the truth at the
margin. Power is that of a difference of 2.8 standard errors. lmerTest's fit of the pair has it twice: as it is, and
with the critical value at which the pair errs as often as with its own error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis import crossed  # noqa: E402
from analysis.frame import systems_of  # noqa: E402
from analysis.inference import holm  # noqa: E402
from analysis.mixed import cells_of, model_of  # noqa: E402
from tests.analysis.conftest import published  # noqa: E402

PUBLISHED = ROOT / "benchmarks" / "covariances.json"
STUDIES = 2000
"""Studies of a set."""
ALPHA = 0.05
BAND = 0.99
"""Chance that a method that errs as often as it says stays within the limits, in all pairs of a set together."""
POWER_AT = 2.8
"""Standard errors of the difference for which power is shown."""
MARGIN = 5.0

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Set:
    """Studies of one kind.

    Attributes
    ----------
    name : str
    raters, items : int
    draw : callable
        A generator and a number of studies -> scores (studies, raters, items, conditions).
    means : ndarray, shape (conditions,)
        True means over the populations of raters and items.
    """

    name: str
    raters: int
    items: int
    draw: Draw = field(repr=False)
    means: np.ndarray = field(repr=False)


def gaussian(name: str, raters: int, items: int, rater, item, residual, mean: float = 50.0) -> Set:
    """A set of normal scores with these covariances of the conditions, equal means."""
    roots = [root(np.asarray(each, float)) for each in (rater, item, residual)]
    size = len(roots[0])

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        shapes = ((n, raters, 1, size), (n, 1, items, size), (n, raters, items, size))
        return mean + sum(rng.normal(size=shape) @ each.T for shape, each in zip(shapes, roots, strict=True))

    return Set(name, raters, items, draw, np.full(size, mean))


def root(covariance: np.ndarray) -> np.ndarray:
    """A root of a covariance matrix; estimated ones may have negative eigenvalues, which are taken for 0."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


def with_ceiling(plain: Set, deviations: np.ndarray) -> Set:
    """The set cut off at 100, where conditions have these standard deviations in all."""
    z = (100 - plain.means) / deviations
    means = plain.means * stats.norm.cdf(z) - deviations * stats.norm.pdf(z) + 100 * stats.norm.sf(z)
    return Set("ceiling at 100", plain.raters, plain.items, lambda rng, n: np.minimum(plain.draw(rng, n), 100), means)


def with_outlying_item(plain: Set) -> Set:
    """The set in which one item of twelve, on average, changes the order of the systems."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        y = plain.draw(rng, n)
        far = rng.random((n, 1, plain.items, 1)) < 1 / 12
        return y + far * rng.normal(0, 25, (n, 1, plain.items, len(plain.means)))

    return Set("an outlying item", plain.raters, plain.items, draw, plain.means)


def sets() -> list[Set]:
    """All of them."""
    found = []
    for name, study in json.loads(PUBLISHED.read_text()).items():
        if name != "about":
            found.append(gaussian(name, study["raters"], study["items"], *(study[key] for key in KEYS)))
    found.append(of_ratings("stahl2024", stahl2024(), raters=19, items=8))
    sizes = np.array([1.0, 2, 4, 8, 12])
    unequal = gaussian("unequal variances", 16, 8, np.diag(sizes**2) + 50, np.diag(sizes[::-1] ** 2) + 80, np.diag(
        (4 * np.sqrt(sizes)) ** 2
    ))  # fmt: skip
    spread = np.array([2.0, 4, 6, 8])
    near = gaussian("", 16, 8, np.diag(spread**2 / 4), np.diag(spread**2 / 4), np.diag(spread**2 / 2), mean=97.0)
    same = np.full((4, 4), 60.0)
    items = gaussian("", 16, 10, same + 9 * np.eye(4), same + 16 * np.eye(4), 100 * np.eye(4))
    return [*found, unequal, with_ceiling(near, spread), with_outlying_item(items)]


KEYS = ("rater", "item", "residual")


def stahl2024() -> np.ndarray:
    """Ratings (raters, items, systems) of the published study, NaN where a rater had no page."""
    frame = systems_of(published()).dropna(subset=["score"])
    codes = [pd.factorize(frame[name], sort=True) for name in ("rater", "item", "condition")]
    scores = np.full([len(names) for _, names in codes], np.nan)
    scores[tuple(places for places, _ in codes)] = frame["score"]
    return scores


def of_ratings(name: str, scores: np.ndarray, raters: int, items: int) -> Set:
    """A set with the covariances of ratings: those of each system and of each pair's difference, by REML."""
    size = scores.shape[2]
    found = np.zeros((3, size, size))

    def variances(table: np.ndarray) -> np.ndarray:
        there = ~np.isnan(table)
        table = table[there.any(axis=1)][:, there.any(axis=0)]
        parts = model_of(cells_of(table[:, :, None]), ["a"], ("rater", "item")).components.set_index("term")
        return parts.loc[["rater", "item", "residual"], "variance"].to_numpy(float)

    for a in range(size):
        found[:, a, a] = variances(scores[:, :, a])
    for a, b in combinations(range(size), 2):
        apart = variances(scores[:, :, a] - scores[:, :, b])
        found[:, a, b] = found[:, b, a] = (found[:, a, a] + found[:, b, b] - apart) / 2
    return gaussian(name, raters, items, *found)


def own_error(y: np.ndarray) -> np.ndarray:
    """Difference, standard error, degrees of freedom of all pairs by their own data: (3, pairs, studies)."""
    pairs = combinations(range(y.shape[-1]), 2)
    return np.moveaxis(np.array([crossed.table_means(y[..., a] - y[..., b]) for a, b in pairs]), 1, 0)


def by_formula(y: np.ndarray, terms) -> np.ndarray:
    """Difference, standard error, degrees of freedom of the first two conditions, by one fit to all that are given."""
    n, r, i, c = y.shape
    found, parts = crossed.strata(r, i, c, 1, terms)
    there = crossed.degrees(r, i, c, 1) > 0
    squares = crossed.mean_squares(y, 1, (y**2).sum(axis=(1, 2, 3)))[:, there]
    variances = found.most_likely(squares)
    weights = np.zeros(c)
    weights[:2] = 1, -1
    shares = np.einsum("kij,i,j->k", parts, weights, weights)
    variance, df = variances @ shares, np.empty(n)
    for at in range(n):
        active, covariance = found.covariance(squares[at], variances[at])
        df[at] = 2 * variance[at] ** 2 / (shares[active] @ covariance @ shares[active])
    return np.stack([(y[..., 0] - y[..., 1]).mean(axis=(1, 2)), np.sqrt(variance), df])


def lmer(y: np.ndarray) -> np.ndarray:
    """The same of all pairs, each by lmerTest's formula: (3, pairs, studies)."""
    pairs = combinations(range(y.shape[-1]), 2)
    return np.moveaxis(np.array([by_formula(y[..., list(pair)], crossed.TERMS) for pair in pairs]), 1, 0)


def pooled(y: np.ndarray) -> np.ndarray:
    """The same of all pairs, by one error for all conditions."""
    _, se, df = by_formula(y, crossed.POOLED_TERMS)
    pairs = list(combinations(range(y.shape[-1]), 2))
    apart = np.array([(y[..., a] - y[..., b]).mean(axis=(1, 2)) for a, b in pairs])
    return np.stack([apart, np.broadcast_to(se, apart.shape), np.broadcast_to(df, apart.shape)])


def naive(y: np.ndarray) -> np.ndarray:
    """The same of all pairs, with every rating taken for independent."""
    n = y.shape[1] * y.shape[2]
    rows = []
    for a, b in combinations(range(y.shape[-1]), 2):
        variance = y[..., a].var(axis=(1, 2), ddof=1) / n + y[..., b].var(axis=(1, 2), ddof=1) / n
        rows.append(((y[..., a] - y[..., b]).mean(axis=(1, 2)), np.sqrt(variance), np.full(len(y), 2.0 * n - 2)))
    return np.moveaxis(np.array(rows), 1, 0)


OWN, LMER = "own error", "lmerTest's fit of the pair"
METHODS = {OWN: own_error, LMER: lmer, "pooled model": pooled, "naive": naive}


@dataclass(frozen=True)
class Errors:
    """What a method did in the studies of a set.

    Attributes
    ----------
    wrong, covered, worse, other : ndarray, shape (pairs,)
        Shares of studies: truth rejected at 5%, truth within the 95% interval, non-inferiority and equivalence shown
        with the truth at the margin.
    family : float
        Share of studies in which Holm's correction rejects any truth.
    power : ndarray, shape (pairs,)
        Share of studies that show a difference of `POWER_AT` standard errors.
    studies : int
    p_without, p_with : ndarray, shape (pairs, studies)
        p-values without and with that difference.
    """

    wrong: np.ndarray
    covered: np.ndarray
    worse: np.ndarray
    other: np.ndarray
    family: float
    power: np.ndarray
    studies: int
    p_without: np.ndarray = field(repr=False)
    p_with: np.ndarray = field(repr=False)

    def power_at(self, wrong: np.ndarray) -> np.ndarray:
        """Power of each pair with the critical value that rejects the truth in these shares of studies."""
        critical = np.array([np.quantile(p, share) for p, share in zip(self.p_without, wrong, strict=True)])
        return (self.p_with <= critical[:, None]).mean(axis=1)

    @classmethod
    def of(cls, found: np.ndarray, truth: np.ndarray, effect: np.ndarray) -> Errors:
        """Of figures (3, pairs, studies), true differences and those that power is wanted for, (pairs,)."""
        value, se, df = found[0] - truth[:, None], found[1], found[2]
        p, p_with = (2 * stats.t.sf(np.abs(each) / se, df) for each in (value, value + effect[:, None]))
        one_sided = se * stats.t.ppf(1 - ALPHA, df)
        worse = value > one_sided
        return cls(
            wrong=(p <= ALPHA).mean(axis=1),
            covered=(np.abs(value) <= se * stats.t.ppf(1 - ALPHA / 2, df)).mean(axis=1),
            worse=worse.mean(axis=1),
            other=(worse & (value - 2 * MARGIN < -one_sided)).mean(axis=1),
            family=float((np.array([holm(each) for each in p.T]) <= ALPHA).any(axis=1).mean()),
            power=(p_with <= ALPHA).mean(axis=1),
            studies=value.shape[1],
            p_without=p,
            p_with=p_with,
        )


def limits(studies: int, pairs: int = 1) -> tuple[float, float]:
    """Least and largest share of errors, of methods that err in 5% of studies, in all pairs together."""
    tail = (1 - BAND) / 2 / pairs
    low, high = stats.binom.ppf([tail, 1 - tail], studies, ALPHA) / studies
    return float(low), float(high)


def simulate(
    one: Set, studies: int = STUDIES, methods: Sequence[str] = tuple(METHODS), seed: int = 1
) -> dict[str, Errors]:
    """Draw the studies of a set and judge these methods."""
    y = one.draw(np.random.default_rng(seed), studies)
    truth = np.array([one.means[a] - one.means[b] for a, b in combinations(range(len(one.means)), 2)])
    own = own_error(y)
    effect = POWER_AT * own[0].std(axis=1)
    return {name: Errors.of(own if name == OWN else METHODS[name](y), truth, effect) for name in methods}


def table(one: Set, found: dict[str, Errors]) -> list[str]:
    """Lines of a set."""
    pairs = len(next(iter(found.values())).wrong)
    low, high = limits(found[OWN].studies, pairs)
    lines = [
        "",
        f"{one.name}: {one.raters} raters, {one.items} items, {len(one.means)} conditions; "
        f"{pairs} pairs within {low:.1%} to {high:.1%}",
        f"{'':44}{'best':>7}{'worst':>7}{'mean':>7}{'Holm':>7}{'cover':>7}{'worse':>7}{'equal':>7}{'power':>7}{'n':>6}",
    ]
    for name, errors in found.items():
        shares = (errors.wrong.min(), errors.wrong.max(), errors.wrong.mean(), errors.family, errors.covered.min())
        shares += (errors.worse.max(), errors.other.max(), errors.power.mean())
        lines.append(f"{name:44}" + "".join(f"{share:7.1%}" for share in shares) + f"{errors.studies:6}")
    if LMER not in found:
        return lines
    equal = found[LMER].power_at(found[OWN].wrong).mean()
    return [*lines, f"{LMER + ', at the error rate of own error':105}{equal:7.1%}{found[LMER].studies:6}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    written = {}
    for one in sets():
        found = simulate(one, options.studies)
        print("\n".join(table(one, found)), flush=True)
        written[one.name] = {
            name: {key: np.asarray(value).tolist() for key, value in vars(errors).items() if key[:2] != "p_"}
            for name, errors in found.items()
        }
    if options.json:
        options.json.write_text(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
