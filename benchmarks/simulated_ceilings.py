"""The bounded model beside the linear one, in simulated studies whose scores crowd at 100 and in studies whose do not.

    python benchmarks/simulated_ceilings.py [--studies N]

Each study has a hidden reference and four systems. Three systems are equal, one is lower. Scores are normal, with
crossed effects of raters and items, and are cut off at 100 where a set has a ceiling. In a set of unequal spreads the
equal systems have the same mean after cutting, but differ in how far their scores vary.

Methods: the linear model's contrasts, each with its own error, and the bounded model of the systems, as a report has
it; in the last set the bounded model has the reference too. A table has the error rates of all equal pairs and
of the worst one, the chance that Holm's correction lets any equal pair through, and the power to tell the lower system
from the others and the systems from the reference. Studies that a model refuses count as no difference; their number
is shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.bounded import bounded_model  # noqa: E402
from analysis.frame import HIDDEN_REFERENCE, SYSTEM, RatingsError, tidy  # noqa: E402
from analysis.inference import holm  # noqa: E402
from analysis.mixed import mixed_model  # noqa: E402
from analysis.threads import blas_threads  # noqa: E402

STUDIES = 500
"""Studies of a set."""
RATERS, ITEMS = 16, 10
ALPHA = 0.05
BAND = 0.99
EQUAL, LOWER, REFERENCE = ("A", "B", "C"), "D", "reference"


@dataclass(frozen=True)
class Condition:
    """Mean and standard deviation of a condition's scores before cutting.

    The variance is that of raters, items, raters with the condition, items with
    the condition, in equal parts of an eighth, and half of it of the rating.
    """

    mean: float
    sd: float


@dataclass(frozen=True)
class Ceiling:
    """Studies of one kind: conditions by name, and whether the bounded model has the reference too."""

    name: str
    conditions: Mapping[str, Condition]
    with_reference: bool = False

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Tidy frame of one study."""
        names = list(self.conditions)
        sd = np.array([one.sd for one in self.conditions.values()])
        common = rng.normal(size=(RATERS, 1, 1)) + rng.normal(size=(1, ITEMS, 1))
        own = rng.normal(size=(RATERS, 1, len(names))) + rng.normal(size=(1, ITEMS, len(names)))
        rest = 2 * rng.normal(size=(RATERS, ITEMS, len(names)))
        scores = np.array([one.mean for one in self.conditions.values()]) + sd * (common + own + rest) / np.sqrt(8)
        scores = np.clip(np.round(scores), 0, 100)  # a MUSHRA slider gives whole points
        rater, item, condition = np.indices(scores.shape).reshape(3, -1)
        table = pd.DataFrame({"rater": rater, "item": item, "condition": np.array(names)[condition]})
        role = np.where(table["condition"] == REFERENCE, HIDDEN_REFERENCE, SYSTEM)
        return tidy(table.assign(role=role, score=scores.ravel()))


def before_cutting(mean: float, sd: float) -> Condition:
    """The condition whose scores have this mean after being cut off at 100."""

    def after(centre: float) -> float:
        z = (100 - centre) / sd
        return float(centre * stats.norm.cdf(z) - sd * stats.norm.pdf(z) + 100 * stats.norm.sf(z))

    return Condition(float(optimize.brentq(lambda centre: after(centre) - mean, 0, 200)), sd)


def sets() -> list[Ceiling]:
    """All of them."""
    reference = {REFERENCE: Condition(112, 8)}

    def systems(mean: float, lower: float, *sds: float) -> dict[str, Condition]:
        of_equal = {name: before_cutting(mean, sd) for name, sd in zip(EQUAL, sds, strict=True)}
        return of_equal | {LOWER: before_cutting(lower, sds[0])}

    return [
        Ceiling("Ceiling: systems at 97", reference | systems(97, 94.5, 6, 6, 6)),
        Ceiling("No ceiling: systems at 60", reference | systems(60, 53, 15, 15, 15)),
        Ceiling("Ceiling, unequal spreads", reference | systems(97, 94.5, 4, 6, 9)),
        Ceiling("No ceiling, unequal spreads", reference | systems(60, 53, 9, 15, 21)),
        Ceiling("Ceiling, reference in the model", reference | systems(97, 94.5, 6, 6, 6), with_reference=True),
    ]


def linear(frame: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of all conditions, each with its own error."""
    return mixed_model(frame, roles=(SYSTEM, HIDDEN_REFERENCE)).contrasts(error="own")


def bounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of the systems."""
    return bounded_model(frame).contrasts()


def bounded_with_reference(frame: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of systems and reference, all in one fit."""
    return bounded_model(frame, roles=(SYSTEM, HIDDEN_REFERENCE)).contrasts()


Method = Callable[[pd.DataFrame], pd.DataFrame]
LINEAR, BOUNDED = "linear, own error", "bounded"


def p_values(method: Method, frame: pd.DataFrame) -> dict[frozenset[str], float]:
    """p of each pair, without correction; none where the model refuses."""
    try:
        table = method(frame)
    except RatingsError:
        return {}
    return {frozenset((a, b)): p for a, b, p in zip(table["a"], table["b"], table["p"], strict=True)}


@dataclass(frozen=True)
class Rates:
    """What a method did in the studies of a set; shares of studies, NaN where it has no such pairs."""

    wrong: float
    worst: float
    family: float
    power_lower: float
    power_reference: float
    refused: int
    studies: int

    @classmethod
    def of(cls, found: list[dict[frozenset[str], float]]) -> Rates:
        """Of the p-values of every study."""

        def rejected(pairs: list[frozenset[str]]) -> np.ndarray:
            return np.array([[study.get(pair, np.nan if study else 1.0) for pair in pairs] for study in found])

        null = rejected([frozenset(pair) for pair in combinations(EQUAL, 2)])
        lower = rejected([frozenset((name, LOWER)) for name in EQUAL])
        top = rejected([frozenset((name, REFERENCE)) for name in EQUAL])
        return cls(
            wrong=float((null <= ALPHA).mean()),
            worst=float((null <= ALPHA).mean(axis=0).max()),
            family=float(np.mean([(holm(row) <= ALPHA).any() for row in null])),
            power_lower=float((lower <= ALPHA).mean()),
            power_reference=float("nan") if np.isnan(top).any() else float((top <= ALPHA).mean()),
            refused=sum(not study for study in found),
            studies=len(found),
        )


def simulate(one: Ceiling, studies: int = STUDIES, seed: int = 1) -> dict[str, Rates]:
    """Draw the studies of a set and judge the methods."""
    methods = {LINEAR: linear, BOUNDED: bounded_with_reference if one.with_reference else bounded}
    found: dict[str, list[dict[frozenset[str], float]]] = {name: [] for name in methods}
    for number in range(studies):
        frame = one.draw(np.random.default_rng([seed, number]))
        for name, method in methods.items():
            found[name].append(p_values(method, frame))
    return {name: Rates.of(rows) for name, rows in found.items()}


def limits(studies: int) -> tuple[float, float]:
    """Least and largest share of errors of one pair, of a method that errs in 5% of studies, 99 times of 100."""
    low, high = stats.binom.ppf([(1 - BAND) / 2, (1 + BAND) / 2], studies, ALPHA) / studies
    return float(low), float(high)


def table(one: Ceiling, found: Mapping[str, Rates]) -> list[str]:
    """Lines of a set."""
    studies = next(iter(found.values())).studies
    low, high = limits(studies)
    lines = [
        "",
        f"{one.name}: {RATERS} raters, {ITEMS} items, {studies} studies; a pair within {low:.1%} to {high:.1%}",
    ]
    headings = ["method", "errors, all pairs", "worst pair", "Holm, any pair", "power, lower system"]
    headings += ["power, reference", "refused"]
    lines += ["", f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for name, rates in found.items():
        shares = (rates.wrong, rates.worst, rates.family, rates.power_lower, rates.power_reference)
        cells = ["" if np.isnan(share) else f"{share:.1%}" for share in shares]
        lines.append(f"| {name} | {' | '.join(cells)} | {rates.refused} |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=STUDIES)
    options = parser.parse_args()
    with blas_threads(1):
        for one in sets():
            print("\n".join(table(one, simulate(one, options.studies))), flush=True)


if __name__ == "__main__":
    main()
