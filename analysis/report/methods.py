"""How the figures of a report were computed, in sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.describe import INTERVALS, QUANTILES
from analysis.inference import EXACT_UP_TO, ZERO_METHODS
from analysis.mixed import BOTH_FIXED, FEWEST_ITEMS, ITEMS, RATERS, MixedModel
from analysis.report.findings import in_points, secondary_pairs
from analysis.report.paragraph import TERMS, paragraph
from analysis.versions import versions
from analysis.wording import count, listed, p_phrase

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report import Report


_LOSS = re.compile(r":loss=(?!0(?:\.0*)?(?::|$))([\d.]+)")
_BURST = re.compile(r":burst=([\d.]+)")


def methods(report: Report) -> dict[str, str]:
    """How the figures were made: a heading and a paragraph each."""
    used = ", ".join(f"{name} {number}" for name, number in versions().items())
    return {
        "For a paper": paragraph(report),
        "Scale": _scale(report),
        "Screening": _screening(report),
        "Means": (
            "Repeats of a trial were averaged. The mean of a condition is the mean of its raters' means, each over the "
            f"items that the rater rated. Its {100 * report.settings.level:g}% confidence interval is from "
            f"{INTERVALS[report.settings.ci]}. Tables and figures cut it off at the ends of the scale; the CSV and "
            "JSON files do not. Raters are independent; the ratings of one rater are not. Items are fixed: the "
            "interval holds for other raters with these items, not for other items."
        ),
        "Medians": f"Median and quartiles are of the ratings. Quantile method: {QUANTILES[report.settings.quantiles]}.",
        "Tests": (
            "On the raters' means of the systems, without reference and anchors, over the items that the compared "
            "systems have in common. Friedman's test with correction for ties, and Kendall's W, over the raters who "
            "rated every system. Wilcoxon's signed-rank test of every pair, two-sided, with Holm's correction over all "
            f"pairs; {ZERO_METHODS[report.settings.zeros]}. Absolute differences that are equal but for rounding share "
            "the mean of their ranks. The distribution is exact, over all sign patterns given the ties, up to "
            f"{EXACT_UP_TO} raters, and a normal approximation above. The shift of a pair is Hodges and Lehmann's, the "
            "median of the means of every two raters' differences; its interval belongs to the same test, without "
            "Holm's correction, and ignores ties and zeros."
        ),
        "Mixed model": _mixed_model(report),
        "Other tests": (
            "Permutations: the signs of each rater's differences are reversed, the same for all pairs, and every pair "
            "is compared with the largest statistic of all pairs (Westfall and Young). Ordinal model: cumulative "
            "logits of five equal parts of the scale with random effects of raters, items, raters with systems and, if "
            "items are random, items with systems, by maximum likelihood with Laplace's approximation. Its tests and "
            "intervals have standard errors from the restricted likelihood and Satterthwaite's degrees of freedom. "
            "Bounded model: ordered beta regression (Kubinec 2023) of the scores with the same random effects, by "
            "restricted maximum likelihood with Laplace's approximation, Satterthwaite's degrees of freedom; expected "
            "scores are averaged over the random effects. Analysis of variance: one factor within raters, with "
            "Greenhouse and Geisser's and Huynh and Feldt's corrections and Mauchly's test."
        ),
        "Agreement": (
            "Krippendorff's alpha for interval data with a bootstrap interval over stimuli; intraclass correlations "
            "of absolute agreement, of one rater, ICC(A,1), and of the mean of all, ICC(A,k), with intervals after "
            "McGraw and Wong. Both are computed over the systems, and again over all conditions if there is a hidden "
            "reference or an anchor. Reliability and discrimination of raters in the spirit of ITU-R BS.2300."
        ),
        "The claim": (
            f"{_primary(report)} All other comparisons are secondary. Within the margin, every system is compared "
            "with those of other codecs at its rate or above; systems of the same rate, or without a known one, are "
            "compared once, the higher mean first. Non-inferiority: a one-sided test that the difference in the mixed "
            "model is above minus the margin. Equivalence: two one-sided tests. Each has Holm's correction over the "
            "comparisons of its table, and so has transparency, the non-inferiority of each system to the hidden "
            "reference. Better and worse follow the corrected p of the table of differences. "
            "The quality of a codec is taken to be linear in the logarithm "
            "of the rate between its rated points. The interval of an equivalent rate holds all rates at which the "
            "two qualities cannot be told apart (Fieller's construction), each tested with the error of the conditions "
            "compared; the rate itself is where the curve, made monotone, meets the other's mean. A codec reaches the "
            "other if a one-sided test shows it to be better at its highest rate. Rate and interval are then "
            "conditional on that event (truncated t distribution, after Lee, Sun, Sun and Taylor), and the interval "
            "ends at the highest rate at the latest."
        ),
        **_channel(report.material),
        "Software": f"{used}.",
    }


def _channel(material: pd.DataFrame) -> dict[str, str]:
    """What happened between the encoders and the decoders of conditions whose specs say so."""
    found = {}
    shares = []
    for name, spec in zip(material["condition"].astype(str), material["spec"].astype(str), strict=True):
        if loss := _LOSS.search(spec):
            burst = _BURST.search(spec)
            bursts = f"mean burst of {burst[1]} packets" if burst else "each packet independently"
            shares.append(f"{name} ({loss[1]}%, {bursts})")
    if shares:
        found["Packet loss"] = (
            f"Packets were lost in {listed(shares)}, by the model of Gilbert and Elliott with two states. Each clip "
            "has one pattern of losses, the same for every rater. Each codec concealed its losses as "
            "docs/baselines.md describes."
        )
    tandems = material[material["spec"].str.startswith("tandem:")]
    if len(tandems):
        second = tandems["spec"].str.contains(":rate=then")
        rates = [
            f"In {listed(list(tandems.loc[chosen, 'condition']))} the bitrate is that of the {which} codec."
            for which, chosen in (("first", ~second), ("second", second))
            if chosen.any()
        ]
        found["Two codecs in a row"] = (
            f"In {listed(list(tandems['condition']))} the second codec coded the output of the first. {' '.join(rates)}"
        )
    return found


def _mixed_model(report: Report) -> str:
    if report.model is None:
        return f"There is none. {report.refusals['model']}"
    return (
        f"{own_error(report.model)} {family(report)} "
        "Each mean is computed from the ratings of its system alone, all items with the same weight. "
        f"{reach(report.model)} Fewer than {FEWEST_ITEMS} items are fixed in any case, and so is one rater. "
        "Checked against lme4, lmerTest and emmeans of R, and on simulated studies (docs/validation.md). "
        f"Beside it, the pooled model: {effects(report.model)[0].lower()}{effects(report.model)[1:]} "
        f"{pooled_assumption(report.model)}"
    )


def own_error(model: MixedModel) -> str:
    """How pairs of systems are compared, in words."""
    sampled = [name for name, taken in (("raters", model.raters), ("items", model.items)) if taken == "random"]
    return (
        "Each pair of systems is compared by the ratings of these two alone, so that the comparison has its own error. "
        f"{_error(sampled)}"
    )


def _error(sampled: list[str]) -> str:
    """Where the error of a pair comes from."""
    if not sampled:
        return f"{BOTH_FIXED} Least squares."
    return (
        f"{' and '.join(sampled).capitalize()} may favour one system at the expense of the other. Restricted maximum "
        "likelihood; Satterthwaite's degrees of freedom."
    )


SIDES = {
    "better": "It is tested on the ratings of its two conditions alone, two-sided at 5%.",
    "no worse": "It is tested on the ratings of its two conditions alone, one-sided at 5%.",
    "equivalent": "It is tested on the ratings of its two conditions alone, by two one-sided tests at 5%.",
    "reaches": "It is shown if the upper limit of the 95% interval of the equivalent rate is that rate or less.",
}
"""Statement of a primary claim -> its test."""


def _primary(report: Report) -> str:
    primary = report.primary
    if primary is None:
        return "No primary claim was declared."
    return (
        f"The primary claim was fixed before the data: {primary.claim.words}. {SIDES[primary.claim.statement]} It has "
        "no correction."
    )


def family(report: Report) -> str:
    """Which tests of the mixed model share Holm's correction."""
    tested, n = report.contrasts["p"].notna().sum(), len(secondary_pairs(report))
    if n == tested:
        return f"Holm's correction covers {count(n, 'pair')}."
    alone = "The pair of the primary claim is tested alone, without a correction."
    return f"{alone} Holm's correction covers the {count(n, 'other pair')}." if n else alone


def pooled_assumption(model: MixedModel) -> str:
    """What the pooled model assumes, and whether the ratings bear it."""
    assumed = "It has one error for all pairs, which holds only where all differences vary alike (sphericity)."
    tests = model.sphericity()
    if tests.empty:
        return f"{assumed} These ratings cannot test that."
    found = listed([f"over {over} {p_phrase(p)}" for over, p in zip(tests["over"], tests["p"], strict=True)])
    verdict = "Here they do not: do not use it." if tests["p"].min() < 0.05 else "Nothing speaks against it here."
    return f"{assumed} Mauchly's test: {found}. {verdict}"


def effects(model: MixedModel) -> str:
    """What a mixed model is made of, in a sentence: terms that the data cannot tell are not in it."""
    there = [name for term, name in TERMS.items() if term in set(model.components["term"])]
    of_each = [name for name in ("item", "rater") if getattr(model.cells, f"fixed_{name}s") and _several(model, name)]
    means = f" Each {' and each '.join(of_each)} has its own mean for each system." if of_each else ""
    random = f", with random effects of {listed(there)}" if there else ""
    return f"The pooled model explains the score by system{random}.{means}"


def _several(model: MixedModel, name: str) -> bool:
    return (model.n_items if name == "item" else model.n_raters) > 1


def reach(model: MixedModel) -> str:
    """For which items and raters a mixed model's results hold."""
    of_items = _reach_of_items(model)
    return f"{of_items} {_sentence(RATERS['fixed'])}" if model.raters == "fixed" else of_items


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _reach_of_items(model: MixedModel) -> str:
    if model.n_items == 1:
        return "There is one item: the result holds for it only."
    if not model.same_items:
        return (
            "Each pair is compared in a model of the items that both systems have. The table of differences says for "
            "each pair whether its items are a sample (random) or fixed."
        )
    return _sentence(ITEMS[model.items])


def _scale(report: Report) -> str:
    scale = report.settings.scale
    if scale.is_points:
        return f"Scores were given on a scale from {scale}."
    limit = scale.low + 90 / scale.points
    return (
        f"{in_points(scale)} The limits of post-screening, the borders of the ordinal model and the margin are in "
        f"points too: 90 points are {limit:g} on the scale."
    )


def _screening(report: Report) -> str:
    sentences = [
        "Ratings of unfinished sessions were analysed like the others."
        if report.settings.keep_unfinished
        else "Ratings of unfinished sessions were set aside before any rule was applied."
    ]
    sentences += [f"{rule.name}: {rule.text}" for rule in report.screening.rules]
    if not report.screening.rules:
        sentences.append("No rule was applied to what was rated.")
    if any(rule.name.startswith("bs1534") for rule in report.screening.rules):
        sentences.append("This is made after Recommendation ITU-R BS.1534-3 and is no certificate of conformance.")
    return " ".join(sentences)
