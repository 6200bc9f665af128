"""What the figures of a test do not carry, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis import material
from analysis.common_items import different_items
from analysis.frame import HIDDEN_REFERENCE, SYSTEM
from analysis.inference import ALPHA, ROUGH_BELOW
from analysis.mixed import FEWEST_ITEMS
from analysis.wording import count, listed, number

if TYPE_CHECKING:
    from analysis.report import Report


def limits(report: Report) -> list[str]:
    """Limits of a report's figures, those of its own data first."""
    if report.screening.kept.empty:
        nothing = "Every rater was excluded or did not finish: there is nothing to describe or to test."
        return [nothing, *_roles(report), *report.notes, *report.screening.notes]
    notes = [note for note in dict.fromkeys(report.conditions["note"]) if note]
    return [
        *_few_raters(report),
        *_no_pair_can_differ(report),
        *_few_items(report),
        *different_items(report.screening.kept),
        *_incomplete(report),
        *_unequal_weights(report),
        *(notes if report.screening.kept["rater"].nunique() > 1 else []),
        *_friedman(report),
        *_roles(report),
        *report.notes,
        *report.screening.notes,
        "Scores depend on what else was in a trial, since raters spread what they hear over the scale. Compare systems "
        "within this test, not scores between tests, and do not read the words of the scale absolutely.",
    ]


def _few_raters(report: Report) -> list[str]:
    n = report.screening.kept["rater"].nunique()
    if n == 1:
        return ["One rater: all results hold for this rater only. Means of raters have no interval and no test."]
    if n < ROUGH_BELOW:
        return [f"Only {n} raters: intervals are wide, and tests find large differences only."]
    return []


def _no_pair_can_differ(report: Report) -> list[str]:
    n_pairs, n_raters = len(report.pairs), report.pairs["n_raters"].max() if len(report.pairs) else 0
    if n_raters < 2:
        return []
    least = min(1.0, n_pairs * 2.0 ** (1 - int(n_raters)))  # all signs equal, two-sided
    if least <= ALPHA:
        return []
    return [
        f"With {n_raters} raters and {count(n_pairs, 'pair')} of systems, Wilcoxon's test cannot show a difference at "
        f"the 5% level after Holm's correction: its smallest p is {number(least, 3)}."
    ]


def _few_items(report: Report) -> list[str]:
    n_items, n_systems = report.screening.kept["item"].nunique(), material.n_systems(report.screening.kept)
    if n_items >= max(5, math.ceil(1.5 * n_systems)):
        return []
    few = n_items < FEWEST_ITEMS
    fixed = " So few items are taken as fixed: the results hold for these items only." if few else ""
    return [
        f"{count(n_items, 'item')} for {count(n_systems, 'system')}. BS.1534-3 asks for at least 5 items, "
        f"and 1.5 times as many items as systems.{fixed}"
    ]


def _incomplete(report: Report) -> list[str]:
    kept = report.screening.kept
    found = []
    low, high = material.items_per_rater(kept)
    n_items = kept["item"].nunique()
    if low < n_items:
        each = f"{low}" if low == high else f"{low} to {high}"
        found.append(
            f"Each rater rated {each} of {count(n_items, 'item')}, so raters' means also differ by their items."
        )
    missing, whole = material.missing_cells(kept)
    if missing:
        found.append(f"{missing:,} of {count(whole, 'rating')} are missing in trials that were begun.")
    return found


def _unequal_weights(report: Report) -> list[str]:
    table = report.conditions
    apart = (table["mean"] - table["mean_of_ratings"]).abs()
    if apart.max() <= 0.05:
        return []
    worst = table.iloc[int(apart.to_numpy().argmax())]
    return [
        "Raters rated different numbers of items. The means, which give every rater the same weight, therefore differ "
        f"from plain means of all ratings, most for {worst['condition']}: {number(worst['mean'])} and "
        f"{number(worst['mean_of_ratings'])}."
    ]


def _friedman(report: Report) -> list[str]:
    found = [report.friedman.note] if report.friedman.note and not math.isnan(report.friedman.p) else []
    if report.friedman.n_dropped:
        n = count(report.friedman.n_dropped, "rater")
        found.append(f"Friedman's test leaves out {n} without a rating of every system.")
    return found


def _roles(report: Report) -> list[str]:
    table, found = report.material, []
    if table["role_guessed"].any():
        guessed = table[table["role_guessed"] & (table["role"] != SYSTEM)]
        pairs = zip(guessed["condition"], guessed["role"], strict=True)
        roles = listed([f"{name} ({role.replace('_', ' ')})" for name, role in pairs])
        found.append(f"The ratings do not say which conditions are no systems. By their names: {roles or 'none'}.")
    if not (table["role"] == HIDDEN_REFERENCE).any():
        found.append("There was no hidden reference, so raters could not be judged by it.")
    return found
