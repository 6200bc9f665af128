"""Do the systems differ, and which from which?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.inference import ALPHA
from analysis.mixed import MixedModel
from analysis.report.cells import DIFFERENCES, SCALE, chances, counts, intervals, numbers, ratios, words
from analysis.report.document import Block, Column, Details, Table, Text
from analysis.report.methods import effects, family, own_error, pooled_assumption, reach
from analysis.report.sections.pictures import pictures
from analysis.wording import NOTHING, count, listed, number, p_value

if TYPE_CHECKING:
    from analysis.report import Report


def differences(report: Report) -> list[Block]:
    """Every pair by its own ratings, then the tests on raters' means, then all of them side by side."""
    return [*_model(report), *_rank_tests(report), *_others(report), *_side_by_side(report)]


def _model(report: Report) -> list[Block]:
    model = report.model
    if model is None:
        return [Text(f"There is no mixed model. {report.refusals['model']}")]
    level = f"{100 * report.settings.level:g}%"
    blocks: list[Block] = [
        Text(f"{own_error(model)} {reach(model)}"),
        *pictures(report, "differences"),
        _contrasts(report, model),
    ]
    means = model.means(report.settings.level)
    inner: list[Block] = []
    if model.same_items:
        inner.append(_means(means, model, level))
    inner += pictures(report, "residuals")
    missing = report.contrasts["note"]
    blocks += [Text(note, note=True) for note in dict.fromkeys(note for note in missing if note)]
    return [
        *blocks,
        Details("Effect sizes", [_effects(report)]),
        Details("Means and residuals", inner),
        Details("One error for all pairs", _pooled(model, report.settings.level)),
    ]


def _pooled(model: MixedModel, level: float) -> list[Block]:
    """The pooled model, and whether the ratings bear what it assumes."""
    pairs = model.contrasts(level, error="pooled")
    return [
        Text(f"{effects(model)} {pooled_assumption(model)}"),
        *(Text(note, note=True) for note in model.notes),
        Table(
            f"Differences of every pair in the pooled model: first minus second, with the {100 * level:g}% confidence "
            "interval of each pair by itself.",
            [*_of_pairs(pairs), chances("p (Holm)", pairs["p_holm"])],
            group=True,
        ),
        Table(
            f"Variances in the pooled model, {model.taken}.",
            [
                words("Term", model.components["term"]),
                numbers("Variance, points squared", model.components["variance"]),
                numbers("Standard deviation, points", model.components["sd"]),
            ],
        ),
    ]


def _of_pairs(pairs: pd.DataFrame) -> list[Column]:
    """Columns that every table of contrasts begins with."""
    return [
        words("System", pairs["a"]),
        words("and", pairs["b"]),
        numbers("Difference", pairs["difference"]),
        numbers("Standard error", pairs["se"], 2),
        numbers("df", pairs["df"]),
        intervals("CI", pairs["ci_low"], pairs["ci_high"], ends=DIFFERENCES),
    ]


def _means(means: pd.DataFrame, model: MixedModel, level: str) -> Table:
    caption = f"Means of the systems, each from its ratings alone, {model.taken}. CI: {level} confidence interval."
    columns = [
        words("System", means["condition"]),
        numbers("Mean", means["mean"]),
        numbers("Standard error", means["se"], 2),
        numbers("df", means["df"]),
        intervals("CI", means["ci_low"], means["ci_high"], ends=SCALE),
    ]
    return Table(caption, columns)


def _contrasts(report: Report, model: MixedModel) -> Table:
    pairs = report.contrasts
    items = f", {model.taken}" if model.same_items else f", each over the items that both have{model.raters_taken}"
    caption = (
        f"Differences of every pair{items}: first minus second, by the ratings of the two alone, with the "
        f"{100 * report.settings.level:g}% confidence interval of each pair by itself and of all pairs together "
        f"(Bonferroni). {family(report)} Bold: p (Holm) < {ALPHA:g}."
    )
    columns = [
        *_of_pairs(pairs),
        intervals("CI, all pairs", pairs["simultaneous_low"], pairs["simultaneous_high"], ends=DIFFERENCES),
        chances("p", pairs["p"]),
        chances("p (Holm)", pairs["p_holm"], strong=True),
    ]
    if not model.same_items:
        kinds = zip(pairs["n_items"], pairs["items"], strict=True)
        columns.append(Column("Items", [f"{n:,} {kind}" if kind else NOTHING for n, kind in kinds]))
    return Table(caption, columns, group=True, file="contrasts.csv")


def _effects(report: Report) -> Table:
    table = report.effects
    caption = (
        "Effect sizes of every pair. d: the mean difference over pages that have both systems, divided by the standard "
        "deviation of single ratings of a system, raters and items included. Superiority: the share of pages on which "
        "the first system was rated above the second; ties count half."
    )
    columns = [
        words("System", table["a"]),
        words("and", table["b"]),
        counts("Pages", table["n_pages"]),
        numbers("d", table["d"], 2),
        numbers("Superiority", table["superiority"], 2),
    ]
    return Table(caption, columns, group=True, file="effects.csv")


def _rank_tests(report: Report) -> list[Block]:
    test = report.friedman
    if test.p != test.p:
        blocks: list[Block] = [Text(test.note)]
    else:
        blocks = [
            Table(
                "Friedman's test of the systems. Items fixed.",
                [
                    Column("χ²", [number(test.statistic, 2)]),
                    Column("df", [str(test.df)]),
                    Column("p", [p_value(test.p)]),
                    Column("Kendall's W", [number(test.w, 3)]),
                    counts("Raters", [test.n_raters]),
                    counts("Systems", [test.n_systems]),
                    counts("Raters left out", [test.n_dropped]),
                ],
            )
        ]
        blocks += [Text(test.note, note=True)] if test.note else []
    ranks = report.ranks
    if len(ranks) > 1:
        columns = [
            words("System", ranks["condition"]),
            numbers("Mean rank", ranks["mean_rank"], 2),
            counts("First for", ranks["n_first"]),
            counts("Raters", ranks["n_raters"]),
        ]
        blocks.append(Table("Ranks of the systems by the raters' means, 1 for the best. Items fixed.", columns))
    pairs = report.pairs
    if pairs.empty:
        return [*blocks, Text("There is no pair of systems to test.")]
    caption = (
        "Wilcoxon's signed-rank test of every pair. Items fixed. Differences: first minus second. Shift: Hodges and "
        f"Lehmann's, with its {100 * report.settings.level:g}% confidence interval. Bold: p (Holm) < {ALPHA:g}."
    )
    columns = [
        words("System", pairs["a"]),
        words("and", pairs["b"]),
        numbers("Mean difference", pairs["mean_difference"]),
        numbers("Median", pairs["median_difference"]),
        numbers("Shift", pairs["shift"]),
        intervals("CI of the shift", pairs["shift_low"], pairs["shift_high"]),
        counts("Raters", pairs["n_raters"]),
        chances("p", pairs["p"]),
        chances("p (Holm)", pairs["p_holm"], strong=True),
    ]
    blocks.append(Table(caption, columns, group=True, file="wilcoxon.csv"))
    for note in dict.fromkeys(note for note in pairs["note"] if note):
        where = [f"{row['a']} and {row['b']}" for row in pairs[pairs["note"] == note].to_dict("records")]
        blocks.append(Text(f"{note} ({listed(where, most=3)})", note=True))
    return blocks


def _others(report: Report) -> list[Block]:
    """What some journals ask for: the analysis of variance; and the ordinal and the bounded model."""
    blocks: list[Block] = []
    test = report.anova
    if test.f == test.f:
        columns = [
            numbers("F", [test.f], 2),
            Column("df", [f"{test.df[0]}, {test.df[1]}"]),
            chances("p", [test.p]),
            numbers("ε (Greenhouse, Geisser)", [test.epsilon_gg], 3),
            chances("p", [test.p_gg]),
            numbers("ε (Huynh, Feldt)", [test.epsilon_hf], 3),
            chances("p", [test.p_hf]),
            numbers("Partial η²", [test.eta_squared], 3),
            numbers("Mauchly's W", [test.mauchly_w], 3),
            chances("p", [test.mauchly_p]),
        ]
        blocks.append(Table("Repeated-measures analysis of variance of the raters' means. Items fixed.", columns))
    if test.note:
        blocks.append(Text(test.note, note=True))
    if report.ordinal is None:
        blocks.append(Text(f"There is no ordinal model. {report.refusals['ordinal']}", note=True))
    else:
        pairs = report.ordinal.contrasts(report.settings.level)
        caption = (
            "Cumulative link mixed model of five equal parts of the scale: how many times the odds of a higher part "
            f"the first system has, with the {100 * report.settings.level:g}% confidence interval. "
            f"Items {report.ordinal.items}."
        )
        columns = [
            words("System", pairs["a"]),
            words("and", pairs["b"]),
            ratios("Odds ratio", pairs["odds_ratio"]),
            ratios("CI from", pairs["ci_low"]),
            ratios("to", pairs["ci_high"]),
            numbers("t", pairs["t"], 2),
            numbers("df", pairs["df"]),
            chances("p", pairs["p"]),
            chances("p (Holm)", pairs["p_holm"], strong=True),
        ]
        blocks.append(Table(caption, columns, group=True, file="ordinal.csv"))
        blocks += [Text(note, note=True) for note in report.ordinal.notes]
    blocks += _bounded(report)
    return [Details("Analysis of variance, ordinal and bounded model", blocks)]


def _bounded(report: Report) -> list[Block]:
    """The model that knows the ends of the scale."""
    model = report.bounded
    if model is None:
        return [Text(f"There is no bounded model. {report.refusals['bounded']}", note=True)]
    level = f"{100 * report.settings.level:g}%"
    pairs, means = model.contrasts(report.settings.level), model.means(report.settings.level)
    caption = (
        "Ordered beta regression, a model that knows the ends of the scale: first minus second, in log odds and in "
        f"points of the expected scores, each with its {level} confidence interval. Items {model.items}. It has the "
        "same spread for all systems: where they vary unequally it may find a difference where means are equal. "
        f"Bold: p (Holm) < {ALPHA:g}."
    )
    columns = [
        words("System", pairs["a"]),
        words("and", pairs["b"]),
        numbers("Log odds", pairs["log_odds"], 2),
        intervals("CI", pairs["ci_low"], pairs["ci_high"], 2),
        numbers("df", pairs["df"]),
        numbers("Points", pairs["difference"]),
        intervals("CI of the points", pairs["difference_low"], pairs["difference_high"], ends=DIFFERENCES),
        chances("p", pairs["p"]),
        chances("p (Holm)", pairs["p_holm"], strong=True),
    ]
    of_means = [
        words("System", means["condition"]),
        numbers("Mean", means["mean"]),
        numbers("Standard error", means["se"], 2),
        numbers("df", means["df"]),
        intervals("CI", means["ci_low"], means["ci_high"], ends=SCALE),
    ]
    return [
        Table(caption, columns, group=True, file="bounded.csv"),
        Table(f"Expected scores in the bounded model, items {model.items}. CI: {level} confidence interval.", of_means),
        *(Text(note, note=True) for note in model.notes),
    ]


def _side_by_side(report: Report) -> list[Block]:
    """p of every pair by each method, after its own correction over all pairs."""
    found: dict[str, pd.Series] = {}
    if report.model is not None:
        items = f", items {report.model.items}" if report.model.same_items else ""
        found[f"Mixed model{items}"] = _by_pair(report.contrasts, "p_holm")
    if len(report.pairs):
        found["Wilcoxon"] = _by_pair(report.pairs, "p_holm")
    if len(report.permutation):
        found["Permutation"] = _by_pair(report.permutation, "p_max")
    if report.ordinal is not None:
        found["Ordinal"] = _by_pair(report.ordinal.contrasts(), "p_holm")
    if report.bounded is not None:
        found["Bounded"] = _by_pair(report.bounded.contrasts(), "p_holm")
    table = pd.DataFrame(found).dropna(axis=1, how="all")
    if table.shape[1] < 2:
        return []
    pairs = [tuple(pair) for pair in table.index]
    verdicts = table.lt(ALPHA).where(table.notna())
    agree = [len(set(row.dropna())) < 2 for _, row in verdicts.iterrows()]
    n_apart = int(np.sum(~np.array(agree)))
    caption = (
        "p of every pair by each method, corrected over all pairs: Holm's, and for permutations the largest "
        f"statistic. Bold: below {ALPHA:g}."
    )
    columns = [
        words("System", [a for a, _ in pairs]),
        words("and", [b for _, b in pairs]),
        *(chances(str(name), list(table[name]), strong=True) for name in table),
    ]
    said = (
        f"For {count(n_apart, 'pair')} of {len(table):,} the methods do not agree at the 5% level. " + _reach(report)
        if n_apart
        else f"All methods agree on all {count(len(table), 'pair')} at the 5% level."
    )
    return [Text(said), Details("All methods side by side", [Table(caption, columns, group=True, file="methods.csv")])]


def _reach(report: Report) -> str:
    """For which items and raters the methods' results hold, where they are not all for the same."""
    if report.model is not None and report.model.raters == "fixed":
        return (
            f"{_reach_of_items(report)} The mixed model holds for these raters only, the other methods for other "
            "raters too."
        )
    return _reach_of_items(report)


def _reach_of_items(report: Report) -> str:
    kinds = set() if report.model is None else set(report.contrasts["items"]) - {""}
    if len(kinds) > 1:
        return "Tests on raters' means hold for these items only. The table of the mixed model says it of each pair."
    sampled = ["mixed model"] if kinds == {"random"} else []
    if report.ordinal is not None and report.ordinal.items == "random":
        sampled.append("ordinal model")
    if report.bounded is not None and report.bounded.items == "random":
        sampled.append("bounded model")
    if not sampled:
        return "All of them hold for these items only."
    return f"Tests on raters' means hold for these items only, the {listed(sampled)} for other items of the kind too."


def _by_pair(table: pd.DataFrame, column: str) -> pd.Series:
    """A column by pair, each pair in the order of its names' first appearance in the Wilcoxon table or the model."""
    return table.set_index(pd.MultiIndex.from_frame(table[["a", "b"]]))[column]
