"""What came out of a test and how it was computed, in sentences."""

from __future__ import annotations

import math
import platform
from typing import TYPE_CHECKING

import matplotlib
import numpy
import pandas
import scipy

from analysis.describe import INTERVALS, QUANTILES
from analysis.frame import SYSTEM
from analysis.inference import EXACT_UP_TO, ZERO_METHODS
from analysis.wording import count, listed, number, p_phrase

if TYPE_CHECKING:
    from analysis.report import Report

ALPHA = 0.05
"""Level at which a difference is called one."""


def findings(report: Report) -> list[str]:
    """What came out: raters, the highest system, the tests."""
    return [_raters(report), *_highest(report), *_common_order(report), *_pairs(report)]


def _raters(report: Report) -> str:
    out = report.screening.excluded
    n, n_all = len(report.screening.raters) - len(out), len(report.screening.raters)
    found = f"{n:,} of {count(n_all, 'rater')} {'is' if n == 1 else 'are'} analysed"
    return f"{found}; {listed(out)} {'was' if len(out) == 1 else 'were'} excluded." if out else f"{found}."


def _highest(report: Report) -> list[str]:
    systems = report.conditions[report.conditions["role"] == SYSTEM]
    if systems.empty:
        return ["There is no rating of a system to analyse."]
    best = systems.iloc[int(systems["mean"].to_numpy().argmax())]
    interval = ""
    if not math.isnan(best["ci_low"]):
        low, high = number(best["ci_low"]), number(best["ci_high"])
        interval = f" ({100 * report.level:g}% confidence interval {low} to {high})"
    if len(systems) == 1:
        return [f"{best['condition']}, the only system, has a mean of {number(best['mean'])}{interval}."]
    equal = systems.loc[systems["mean"] == best["mean"], "condition"]
    if len(equal) > 1:
        return [f"{listed(list(equal))} share the highest mean of {len(systems)} systems, {number(best['mean'])}."]
    return [f"{best['condition']} has the highest mean of {len(systems)} systems, {number(best['mean'])}{interval}."]


def _common_order(report: Report) -> list[str]:
    test = report.friedman
    if math.isnan(test.p):
        return [test.note]
    figures = (
        f"Friedman's test: χ²({test.df}) = {test.statistic:.2f}, {p_phrase(test.p)}, Kendall's W = {test.w:.2f}, "
        f"over {count(test.n_raters, 'rater')}."
    )
    if test.p < ALPHA:
        return [f"The systems differ. {figures}"]
    return [f"A difference between the systems was not shown, which does not prove them equal. {figures}"]


def _pairs(report: Report) -> list[str]:
    tested = report.pairs["p_holm"].dropna()
    if tested.empty:
        return []
    n = int((tested < ALPHA).sum())
    verb = "differs" if n == 1 else "differ"
    return [f"{n} of {count(len(tested), 'pair')} of systems {verb} at the 5% level after Holm's correction."]


def weights(report: Report) -> str:
    """Which trained weights the neural codecs used."""
    named = report.material[report.material["weights"] != ""]
    if named.empty and (report.material["spec"] == "").all():
        return "The ratings do not say which codecs or weights the conditions were made with."
    if named.empty:
        return "No condition used neural weights."
    users = named.groupby("weights", sort=False)["condition"].agg(list)
    parts = [f"{name} in {listed(conditions)}" for name, conditions in users.items()]
    return f"Neural weights used: {'; '.join(parts)}."


def methods(report: Report) -> dict[str, str]:
    """How the figures were made: a heading and a paragraph each."""
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    return {
        "Screening": _screening(report),
        "Means": (
            "Repeats of a trial were averaged. The mean of a condition is the mean of its raters' means, each over the "
            f"items that the rater rated. Its {100 * report.level:g}% confidence interval is from "
            f"{INTERVALS[report.ci]} and is not cut off at the ends of the scale. Raters are the independent units; "
            "the ratings of one rater are not. Items are fixed: the interval speaks of other raters who hear these "
            "items, not of other items."
        ),
        "Medians": f"Median and quartiles are of the ratings. Quantile method: {QUANTILES[report.quantiles]}.",
        "Tests": (
            "On the raters' means of the systems, without reference and anchors. Friedman's test with correction for "
            "ties, and Kendall's W, over the raters who rated every system. Wilcoxon's signed-rank test of every "
            f"pair, two-sided, with Holm's correction over all pairs; {ZERO_METHODS[report.zeros]}. Its distribution "
            f"is exact, over all sign patterns given the ties, up to {EXACT_UP_TO} raters, and a normal approximation "
            "above. The shift of a pair is Hodges and Lehmann's, the median of the means of every two raters' "
            "differences; its interval belongs to the same test, without Holm's correction, and takes no note of ties "
            "and zeros."
        ),
        "Software": f"{used}.",
    }


def _screening(report: Report) -> str:
    sentences = [
        "Ratings of unfinished sessions were analysed like the others."
        if report.keep_unfinished
        else "Ratings of unfinished sessions were set aside before any rule was applied."
    ]
    sentences += [f"{rule.name}: {rule.text}" for rule in report.screening.rules]
    if not report.screening.rules:
        sentences.append("No rule was applied to what was rated.")
    if any(rule.name.startswith("bs1534") for rule in report.screening.rules):
        sentences.append("This is made after Recommendation ITU-R BS.1534-3 and is no certificate of conformance.")
    return " ".join(sentences)


def versions() -> dict[str, str]:
    """Versions of what computed the figures."""
    return {
        "Python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "pandas": pandas.__version__,
        "matplotlib": matplotlib.__version__,
    }
