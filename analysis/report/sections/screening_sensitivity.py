"""The claim under other screening rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.influence import DIFFERENCE, PRIMARY
from analysis.rates import rates_between
from analysis.report.cells import DIFFERENCES, counts, intervals, numbers, words
from analysis.report.document import Block, Column, Table, Text
from analysis.screening_sensitivity import RATE
from analysis.wording import NOTHING, count

if TYPE_CHECKING:
    from analysis.report import Report


def screening_sensitivity(report: Report) -> list[Block]:
    """How many verdicts each rule changes, and each verdict under each rule."""
    found = report.screening_sensitivity
    if found is None:
        return [Text(f"The claim was not tested under other rules. {report.refusals['screening_sensitivity']}")]
    runs, table = found.runs, found.verdicts
    columns = [
        words("Set", _sets(runs)),
        words("Rules", runs["rules"]),
        counts("Raters", runs["n_raters"]),
        counts("Excluded", runs["n_excluded"]),
        counts("Verdicts that change", runs["changes"]),
    ]
    if (runs["note"] != "").any():
        columns.append(words("No verdict because", [note or NOTHING for note in runs["note"]]))
    differences = len(table) > 0 and set(table["kind"]) <= {DIFFERENCE, PRIMARY}
    what = "differences between systems (the claim compares nothing)" if differences else "claim"
    caption = (
        f"The {what} under the study's screening rules, under each rule alone, and under none. Rules that keep the "
        "same raters share a set. Changes: against the study's rules."
    )
    notes = [Text(note, note=True) for note in found.notes]
    return [Table(caption, columns), *notes, *([_changed_verdicts(report, table, runs)] if len(table) else [])]


def _changed_verdicts(report: Report, table: pd.DataFrame, runs: pd.DataFrame) -> Block:
    """The verdicts that change under some set of rules, and the primary claim, under every set."""
    key = ["kind", "system", "against"]
    of_all = len(table[key].drop_duplicates())
    changed = table.groupby(key, sort=False)["changes"].transform("any")
    n = len(table.loc[changed, key].drop_duplicates())
    shown = table[changed | (table["kind"] == PRIMARY)]
    verb = "changes" if n == 1 else "change"
    summary = f"{n:,} of {count(of_all, 'verdict')} {verb} with the screening rules; screening.csv has all."
    if shown.empty:
        return Text(summary)
    of_rates = {RATE, PRIMARY} if report.primary and report.primary.claim.statement == "reaches" else {RATE}
    in_points = ~shown["kind"].isin(of_rates)
    ends = shown[["low", "high"]].where(in_points)
    bounds = intervals("Bounds", ends["low"], ends["high"], ends=DIFFERENCES)
    cells = [
        cell if points else rates_between(low, high)
        for cell, points, low, high in zip(bounds.cells, in_points, shown["low"], shown["high"], strict=True)
    ]
    columns = [
        words("System", shown["system"]),
        words("against", shown["against"]),
        words("Set", shown["rules"].map(dict(zip(runs["rules"], _sets(runs), strict=True)))),
        words("Value in", ["points" if points else "kbit/s" for points in in_points]),
        numbers("Value", shown["value"]),
        Column("Bounds", cells, note=bounds.note),
        words("Verdict", shown["verdict"], strong=list(shown["changes"])),
    ]
    caption = (
        f"{summary} Value: the difference in points, or the equivalent rate in kbit/s. Bounds: those of the claim. "
        "Bold: another verdict than under the study's rules."
    )
    return Table(caption, columns, group=True)


def _sets(runs: pd.DataFrame) -> list[str]:
    """Short names of the sets of rules, the study's first."""
    return [f"{n} (the study's)" if n == 1 else f"{n}" for n in range(1, len(runs) + 1)]
