"""Who rated, who was excluded, and how far raters agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.agreement import ALL_CONDITIONS, NOT_REPEATED, Agreement
from analysis.frame import rated
from analysis.report.cells import chances, counts, numbers, words
from analysis.report.document import Block, Column, Details, Table, Text, with_basis
from analysis.report.sections.basis import after_screening, before_screening
from analysis.report.sections.pictures import pictures
from analysis.wording import NOTHING, count, listed, number

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report import Report


def raters(report: Report) -> list[Block]:
    """Counts, exclusions with their reasons and consequences, the map of raters, agreement."""
    table = report.screening.raters
    out = table[table["excluded"]]
    blocks: list[Block] = [Text(" ".join(_counts(report)))]
    blocks += [Text(note, note=True) for note in report.screening.notes]
    if len(out):
        columns = [
            words("Rater", _names(report, out)),
            counts("Ratings", out["n_ratings"]),
            words("Reason", out["reason"]),
        ]
        caption = "Excluded raters, the ratings that they gave, and why they were excluded."
        blocks.append(Table(caption, columns, wrap=True, file="raters.csv", basis=before_screening(report)))
        caption = "Means of the conditions before and after screening, and the change."
        blocks.append(
            Table(caption, _before_and_after(report), basis=f"{before_screening(report)} {after_screening(report)}")
        )
    blocks += with_basis(pictures(report, "raters"), before_screening(report))
    checks = report.screening.checks[report.screening.checks["failed"] > 0]
    if len(checks):
        columns = [
            words("Rater", _names(report, checks)),
            words("Rule", checks["rule"]),
            words("Check", checks["check"]),
            Column("Failed", [f"{k:,} of {n:,}" for k, n in zip(checks["failed"], checks["of"], strict=True)]),
            words("Excluded", ["yes" if yes else "no" for yes in checks["excluded"]]),
        ]
        caption = (
            "Raters who failed a check of a screening rule, how often, and whether that excludes them. checks.csv has "
            "every rater."
        )
        inner = Table(caption, columns, file="checks.csv", basis=before_screening(report))
        blocks.append(Details("Failed checks", [inner]))
    return [*blocks, *_agreement(report)]


def _counts(report: Report) -> list[str]:
    table = report.screening.raters
    unfinished = int(table["n_unfinished"].sum())
    given = rated(report.ratings)
    numbered = "Raters have numbers here; raters.csv has the identifier of each."
    sentences = [f"{count(len(table), 'rater')} gave {count(len(given), 'rating')}. {numbered}"]
    if unfinished:
        sets = "were analysed like the others" if report.settings.keep_unfinished else "were set aside"
        n_set = int((~given["finished"]).sum())
        were = "was" if unfinished == 1 else "were"
        sentences.append(
            f"{count(unfinished, 'session')} {were} not finished; {count(n_set, 'rating')} from there {sets}."
        )
    rules = listed([rule.name for rule in report.screening.rules]) or "none"
    n_out = int(table["excluded"].sum())
    excluded = f"{n_out:,} of {count(len(table), 'rater')} {'was' if n_out == 1 else 'were'} excluded"
    sentences.append(f"Screening rules: {rules}. {excluded if n_out else 'No rater was excluded'}.")
    return sentences


def _names(report: Report, table: pd.DataFrame) -> list[str]:
    return [report.rater_names[name] for name in table["rater"]]


def _before_and_after(report: Report) -> list[Column]:
    after = report.conditions.set_index("condition").reindex(report.before["condition"])
    before = report.before.set_index("condition")
    change = [
        ("+" if late > early else "") + number(late - early) if late == late else NOTHING
        for early, late in zip(before["mean"], after["mean"], strict=True)
    ]
    return [
        words("Condition", before.index),
        counts("Raters before", before["n_raters"]),
        numbers("Mean before", before["mean"]),
        counts("Raters after", after["n_raters"].fillna(0)),
        numbers("Mean after", after["mean"]),
        Column("Change", change),
    ]


def _agreement(report: Report) -> list[Block]:
    found = [each for each in report.agreement if each.value == each.value]
    blocks: list[Block] = []
    if found:
        columns = [
            words("Over", [each.over for each in found]),
            words("Coefficient", [each.name for each in found]),
            numbers("Value", [each.value for each in found], 2),
            Column("CI", [_ends(each) for each in found]),
            counts("Raters", [each.n_raters for each in found]),
            counts("Stimuli", [each.n_stimuli for each in found]),
        ]
        caption = f"Agreement of the raters analysed. CI: {100 * report.settings.level:g}% confidence interval."
        if any(each.over == ALL_CONDITIONS for each in found):
            caption += (
                " The hidden reference and the anchors raise agreement over all conditions: they are far apart by "
                "design. Agreement over the systems shows how far raters agree on what the study compares."
            )
        blocks.append(Table(caption, columns, group=True))
    notes = dict.fromkeys(f"Over {each.over}: {each.note}" for each in report.agreement if each.note)
    blocks += [Text(note, note=True) for note in notes]
    table = report.reliability
    if len(table):
        repeated = bool(table["n_repeated"].any())
        repeat = "Repeat: standard deviation of one rating of the same stimulus. " if repeated else ""
        caption = (
            f"Each rater. {repeat}Discrimination: F of the conditions against their interaction with the items. With "
            "others: correlation with the mean of all others."
        )
        columns = [
            words("Rater", _names(report, table)),
            *(_repeats(table) if repeated else []),
            numbers("Discrimination", table["discrimination"]),
            chances("p", list(table["discrimination_p"])),
            numbers("With others", table["with_others"], 2),
        ]
        why = table["note"] if repeated else table["note"].str.replace(NOT_REPEATED, "").str.strip()
        inner: list[Block] = [Table(caption, columns, file="reliability.csv")]
        inner += [
            Text(f"{note} ({listed(_names(report, rows), most=3)})", note=True)
            for note, rows in table.groupby(why, sort=False)
            if note
        ]
        blocks.append(Details("Reliability and discrimination of each rater", inner))
    return blocks


def _ends(each: Agreement) -> str:
    return f"{number(each.low, 2)} to {number(each.high, 2)}" if each.low == each.low else NOTHING


def _repeats(table: pd.DataFrame) -> list[Column]:
    return [counts("Repeated", table["n_repeated"]), numbers("Repeat, points", table["repeat_sd"])]
