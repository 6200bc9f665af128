"""What came out of a test, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from analysis import primary_answer
from analysis.claim import fall_sentence
from analysis.common_items import different_items
from analysis.comparisons import NOT_COMPARABLE, VERDICTS
from analysis.frame import SYSTEM
from analysis.inference import ALPHA
from analysis.influence import called, drivers
from analysis.population import population
from analysis.report.cells import cut
from analysis.roles import doubts
from analysis.scales import Scale
from analysis.wording import count, listed, number, p_phrase

if TYPE_CHECKING:
    from analysis.report import Report


def findings(report: Report) -> list[str]:
    """What came out beside the primary claim: raters, the highest system, the tests."""
    scale = report.settings.scale
    return [
        _raters(report),
        *([] if scale.is_points else [in_points(scale)]),
        *doubts(report.ratings),
        *(different_items(report.screening.kept) or _highest(report)),
        *_common_order(report),
        *_pairs(report),
        *_model_pairs(report),
        *_claim(report),
        *_screening_sensitivity(report),
        *_influence(report),
    ]


def in_points(scale: Scale) -> str:
    """Say in which unit the figures are, where scores were not given in points.

    >>> in_points(Scale(1, 5))
    'Scores were given from 1 to 5. Scores and differences are shown in points: 1 is 0, 5 is 100, a unit is 25 points.'
    """
    return (
        f"Scores were given from {scale}. Scores and differences are shown in points: {scale.low:g} is 0, "
        f"{scale.high:g} is 100, a unit is {scale.points:.4g} points."
    )


def primary_claim(report: Report) -> list[str]:
    """The answer to the primary claim in a sentence; none where the study declared none."""
    found = report.primary
    return [] if found is None else [f"Primary claim. {primary_answer.sentence(found)}"]


def _raters(report: Report) -> str:
    out = report.screening.excluded
    n, n_all = len(report.screening.raters) - len(out), len(report.screening.raters)
    found = f"{n:,} of {count(n_all, 'rater')} {'is' if n == 1 else 'are'} analysed"
    names = listed([report.rater_names[name] for name in out])
    return f"{found}; {names} {'was' if len(out) == 1 else 'were'} excluded." if out else f"{found}."


def _highest(report: Report) -> list[str]:
    systems = report.conditions[report.conditions["role"] == SYSTEM]
    if systems.empty:
        return ["There is no rating of a system to analyse."]
    best = systems.iloc[int(systems["mean"].to_numpy().argmax())]
    interval = ""
    if not math.isnan(best["ci_low"]):
        low, high = map(number, cut(best["ci_low"], best["ci_high"]))
        interval = f" ({100 * report.settings.level:g}% confidence interval {low} to {high})"
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
        return [f"The systems differ on these items. {figures}"]
    return [
        f"A difference between the systems on these items was not shown, which does not prove them equal. {figures}"
    ]


def _pairs(report: Report) -> list[str]:
    tested = report.pairs["p_holm"].dropna()
    if tested.empty:
        return []
    n = int((tested < ALPHA).sum())
    verb = "differs" if n == 1 else "differ"
    return [
        f"{n} of {count(len(tested), 'pair')} of systems {verb} at the 5% level after Holm's correction, on these "
        "items (Wilcoxon's test)."
    ]


OF_ITEMS = {"fixed": "on these items", "random": "on other items of the kind as well"}
"""How items are taken in a model -> where its differences hold."""

OF_RATERS = {"fixed": "for these raters only, ", "random": ""}


def _model_pairs(report: Report) -> list[str]:
    if report.model is None:
        return []
    said = []
    other = "pair" if len(secondary_pairs(report)) == report.contrasts["p"].notna().sum() else "other pair"
    for items, tested in secondary_pairs(report).groupby("items", sort=False):
        n = int((tested["p_holm"] < ALPHA).sum())
        verb = "differs" if n == 1 else "differ"
        said.append(
            f"{n} of {count(len(tested), other)} of systems {verb} at the 5% level after Holm's correction, "
            f"{OF_RATERS[report.model.raters]}{OF_ITEMS[str(items)]} (mixed model, items {items}"
            f"{report.model.raters_taken})."
        )
    return said


def secondary_pairs(report: Report) -> pd.DataFrame:
    """Pairs of systems that were tested and share Holm's correction."""
    tested = report.contrasts.dropna(subset=["p_holm"])
    if report.primary is None or report.primary.claim.statement != "better":
        return tested
    return tested[[{a, b} != report.primary.claim.pair for a, b in zip(tested["a"], tested["b"], strict=True)]]


def _claim(report: Report) -> list[str]:
    found = report.claim
    if found is None:
        return []
    said = []
    raters = found.model.raters
    if len(found.comparisons):
        verdicts = found.comparisons["verdict"].value_counts()
        listing = listed([f"{verdicts[name]} {name}" for name in VERDICTS if name in verdicts])
        unknown = found.comparisons[["kbps", "kbps_against"]].isna().to_numpy().any()
        said.append(
            f"Secondary, after Holm's correction: of {count(len(found.comparisons), 'comparison')} with other codecs "
            f"at the same rate or above{' or without a known rate' if unknown else ''}, within {found.margin:g} "
            f"points, {listing}, {_where(found.comparisons, raters)}."
        )
    if len(found.transparency):
        n = int((found.transparency["p_non_inferior_holm"] < ALPHA).sum())
        verb = "shows" if n == 1 else "show"
        said.append(
            f"{n} of {count(len(found.transparency), 'comparison')} with the hidden reference {verb} a system that is "
            f"transparent within {found.margin:g} points, {_where(found.transparency, raters)}."
        )
    rates = found.rates[found.rates["status"] != NOT_COMPARABLE]
    if len(rates):
        reached = int(rates["status"].isin(["reached", "exceeded"]).sum())
        said.append(
            f"A codec reaches another's quality within the rates that were rated in {reached} of "
            f"{count(len(rates), 'case')}, each tested by itself, {_where(rates, raters)}."
        )
    where = population(found.model.items, raters)
    said += [fall_sentence(fall, where) for fall in found.falls if fall.beyond_error]
    return said


def _where(table: pd.DataFrame, raters: str) -> str:
    """For whom and for which items the rows of a table hold."""
    kinds = set(table["items"]) - {""}
    if len(kinds) > 1:
        return f"{population('random', raters)} or for these items only, as the table says of each"
    return population(kinds.pop() if kinds else "fixed", raters)


def _screening_sensitivity(report: Report) -> list[str]:
    found = report.screening_sensitivity
    if found is None or not found.verdicts["changes"].any():
        return []
    key = ["kind", "system", "against"]
    n = len(found.verdicts.loc[found.verdicts["changes"], key].drop_duplicates())
    all_of_them = count(len(found.verdicts[key].drop_duplicates()), "verdict")
    verb = "depends" if n == 1 else "depend"
    return [f"{n} of {all_of_them} {verb} on the screening rules (see The claim)."]


def _influence(report: Report) -> list[str]:
    found = report.influence
    if found is None or found.changes.empty:
        return []
    n = len(found.changes[["kind", "a", "b"]].drop_duplicates())
    alone = drivers(found)
    names = dict.fromkeys(called(kind, name) for kind, name in zip(alone["left_out"], alone["name"], strict=True))
    driven = f" Driven by {listed(list(names), most=4)}." if names else ""
    verb = "changes" if n == 1 else "change"
    return [f"{n} of {count(len(found.conclusions), 'verdict')} {verb} when one item or one rater is left out.{driven}"]


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
