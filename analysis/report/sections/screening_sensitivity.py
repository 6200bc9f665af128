"""The claim under other screening rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.influence import DIFFERENCE
from analysis.report.cells import DIFFERENCES, counts, intervals, numbers, words
from analysis.report.document import Block, Column, Details, Table, Text
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
    differences = len(table) > 0 and (table["kind"] == DIFFERENCE).all()
    what = "differences between systems (the claim compares nothing)" if differences else "claim"
    caption = (
        f"The {what} under the study's screening rules, under each rule alone, and under none. Rules that keep the "
        "same raters share a set. Changes: against the study's rules."
    )
    notes = [Text(note, note=True) for note in found.notes]
    return [Table(caption, columns), *notes, *([_each_verdict(table, runs)] if len(table) else [])]


def _each_verdict(table: pd.DataFrame, runs: pd.DataFrame) -> Block:
    caption = (
        "Each verdict under each set of rules. Value: the difference in points, or the equivalent rate in kbit/s. "
        "Bounds: those of the claim. Bold: another verdict than under the study's rules."
    )
    points = intervals("Bounds", table["low"], table["high"], ends=DIFFERENCES)
    rates = intervals("Bounds", table["low"], table["high"])
    bounds = [
        rate if kind == RATE else point
        for kind, point, rate in zip(table["kind"], points.cells, rates.cells, strict=True)
    ]
    columns = [
        words("System", table["system"]),
        words("against", table["against"]),
        words("Set", table["rules"].map(dict(zip(runs["rules"], _sets(runs), strict=True)))),
        words("Value in", ["kbit/s" if kind == RATE else "points" for kind in table["kind"]]),
        numbers("Value", table["value"]),
        Column("Bounds", bounds, note=points.note),
        words("Verdict", table["verdict"], strong=list(table["changes"])),
    ]
    n = int(table.loc[table["changes"], ["kind", "system", "against"]].drop_duplicates().shape[0])
    of = table[["kind", "system", "against"]].drop_duplicates().shape[0]
    summary = f"Each verdict under each set of rules: {n:,} of {count(of, 'verdict')} change"
    return Details(summary, [Table(caption, columns, group=True, file="screening.csv")])


def _sets(runs: pd.DataFrame) -> list[str]:
    """Short names of the sets of rules, the study's first."""
    return [f"{n} (the study's)" if n == 1 else f"{n}" for n in range(1, len(runs) + 1)]
