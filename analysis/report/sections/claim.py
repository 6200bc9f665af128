"""Whether the claim holds: within the margin, and at which rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from analysis import primary_answer
from analysis.claim import bits, bits_between, sentences
from analysis.inference import ALPHA
from analysis.primary_answer import PrimaryAnswer
from analysis.report.cells import bounds, chances, numbers, words
from analysis.report.document import Block, Bullets, Column, Details, Table, Text
from analysis.wording import NOTHING, count, number

if TYPE_CHECKING:
    from analysis.report import Report


def the_claim(report: Report) -> list[Block]:
    """Comparisons within the margin, rate-quality curves, equivalent rates."""
    found = report.claim
    blocks = _primary(report.primary)
    if found is None:
        return [*blocks, Text(f"Nothing else was tested. {report.refusals['claim']}")]
    if math.isnan(found.margin):
        blocks.append(
            Text(
                "No margin was fixed before the data were seen, so that no system could be shown to be no worse than "
                "another. A margin chosen afterwards proves nothing."
            )
        )
    if len(found.comparisons):
        blocks.append(_comparisons(found.comparisons, found.margin, found.level, found.model.raters_taken))
    if len(found.rates):
        blocks.append(_rates(found.rates, found.level, found.model.raters_taken))
    if len(found.transparency):
        blocks.append(_transparency(found.transparency, found.margin, found.level, found.model.raters_taken))
    said = Bullets(sentences(found))
    in_tables = len(found.comparisons) + len(found.rates) > 0
    blocks.append(Details("All of it in words", [said], repeats=True) if in_tables else said)
    without = list(found.points.loc[found.points["kbps"].isna(), "condition"])
    if without:
        blocks.append(Text(f"Without a known rate, and so on no curve: {', '.join(without)}.", note=True))
    return blocks


def _comparisons(table: pd.DataFrame, margin: float, level: float, raters: str) -> Table:
    caption = (
        "Secondary: every system against those of other codecs at its rate or above, or without a known rate, "
        f"margin {margin:g} points{_items(table)}{raters}. {_BOUNDS.format(100 * level)} Non-inferior: p of the test "
        "against the hypothesis that the system is worse by the margin or more; equivalent: of both tests. Each has "
        "Holm's correction over "
        f"{count(len(table), 'row')}; that of a difference is from the table of differences. Verdicts follow these p. "
        f"Bold: below {ALPHA:g}."
    )
    columns = [
        words("System", table["system"]),
        words("against", table["against"]),
        numbers("kbit/s", table["kbps"]),
        numbers("kbit/s, against", table["kbps_against"]),
        numbers("Difference", table["difference"]),
        bounds("Lower bound", table["lower"]),
        bounds("Upper bound", table["upper"]),
        chances("p non-inferior", table["p_non_inferior_holm"], strong=True),
        chances("p equivalent", table["p_equivalent_holm"], strong=True),
        chances("p difference", table["p_difference_holm"], strong=True),
        words("Verdict", table["verdict"]),
        *_items_of_each(table),
    ]
    return Table(caption, columns, group=True, file="claim.csv")


_BOUNDS = "Difference: system minus the other, from the mixed model; bounds: one-sided, {:g}%, of each row by itself."


def _primary(found: PrimaryAnswer | None) -> list[Block]:
    if found is None:
        return [Text("No primary claim was declared: every comparison is secondary.")]
    return [
        Text(primary_answer.sentence(found)),
        Text(
            "This is the primary claim. It was fixed before the data and is tested alone, without a correction.",
            note=True,
        ),
    ]


def _transparency(table: pd.DataFrame, margin: float, level: float, raters: str) -> Table:
    caption = (
        f"Secondary: every system against the hidden reference, margin {margin:g} points{_items(table)}{raters}. "
        f"{_BOUNDS.format(100 * level)} Transparent: shown not to be worse by the margin or more, by p with "
        f"Holm's correction over {count(len(table), 'row')}. Bold: below {ALPHA:g}."
    )
    columns = [
        words("System", table["system"]),
        words("against", table["against"]),
        numbers("Difference", table["difference"]),
        bounds("Lower bound", table["lower"]),
        bounds("Upper bound", table["upper"]),
        chances("p", table["p_non_inferior"]),
        chances("p (Holm)", table["p_non_inferior_holm"], strong=True),
        words("Transparent", ["yes" if p < ALPHA else "not shown" for p in table["p_non_inferior_holm"]]),
        *_items_of_each(table),
    ]
    return Table(caption, columns, file="transparency.csv")


def _rates(table: pd.DataFrame, level: float, raters: str) -> Table:
    caption = (
        f"Equivalent rates: where a codec's curve meets the quality of another's condition, with the {100 * level:g}% "
        f"confidence interval, and how many times fewer or as many bits that is{_items(table)}{raters}. Reached: the "
        "codec is shown to be better at its highest rate; rate and interval allow for that selection. Each row is "
        "tested by itself, without a correction for their number."
    )
    of_bits = [bits_between(low, high) for low, high in zip(table["factor_low"], table["factor_high"], strict=True)]
    columns = [
        words("Codec", table["codec"]),
        words("against", table["against"]),
        numbers("kbit/s", table["kbps_against"]),
        numbers("Equivalent at", table["kbps"], 2),
        Column("CI", [_ends(low, high) for low, high in zip(table["low"], table["high"], strict=True)]),
        words("Bits", [bits(factor) for factor in table["factor"]]),
        words("CI", of_bits),
        words("Status", table["status"]),
        *_items_of_each(table),
    ]
    return Table(caption, columns, group=True, file="rates.csv")


def _items(table: pd.DataFrame) -> str:
    """How items were taken, if it is the same for all rows; `_items_of_each` says it otherwise."""
    kinds = sorted(set(table["items"]) - {""})
    return f", items {kinds[0]}" if len(kinds) == 1 else ""


def _items_of_each(table: pd.DataFrame) -> list[Column]:
    return [] if table["items"].nunique() < 2 else [words("Items", [kind or NOTHING for kind in table["items"]])]


def _ends(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return NOTHING
    if math.isinf(high):
        return f"from {number(low, 2)}, no upper limit" if low > 0 else "no limits"
    return f"{number(low, 2)} to {number(high, 2)}" if low > 0 else f"{number(high, 2)} or less"
