"""Which verdicts change when one item or one rater is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analysis.influence import DIFFERENCE, LEFT_OUT, MARGIN, PRIMARY, sentences
from analysis.report.cells import chances, numbers, words
from analysis.report.document import Block, Bullets, Column, Table, Text
from analysis.report.sections.pictures import pictures
from analysis.wording import NOTHING, count

if TYPE_CHECKING:
    from analysis.report import Report


def influence(report: Report) -> list[Block]:
    """What was left out, what changes in words, as a figure and as a table."""
    found = report.influence
    if found is None:
        return [Text(f"No item and no rater was left out. {report.refusals['influence']}")]
    left_out = f"{count(found.n_items, 'item')} and {count(found.n_raters, 'rater')} in turn"
    changes = found.changes
    blocks: list[Block] = [
        Text(
            f"The mixed model was fitted again without one item or one rater, {left_out}. The primary claim, "
            "the table of differences and, if there is a margin, the secondary comparisons each give verdicts. "
            + (
                "A verdict that changes without one item or one rater depends on it: report both verdicts. This "
                "alone does not justify excluding the item or the rater."
                if len(changes)
                else _no_change(len(found.conclusions))
            )
        )
    ]
    if said := sentences(found):
        blocks.append(Bullets(said))
    blocks += pictures(report, "influence")
    changing = found.conclusions[(found.conclusions[list(LEFT_OUT)].map(len) > 0).any(axis=1)]
    if len(changing):
        columns = [
            words("System", changing["a"]),
            words("and", changing["b"]),
            words("Test", changing["kind"].map(TESTS)),
            words("Verdict", changing["verdict"]),
            numbers("Difference", changing["difference"]),
            chances("p", changing["p"]),
            *(_without(kind, changing[kind]) for kind in LEFT_OUT),
        ]
        caption = (
            "Verdicts that change when one item or rater is left out, and which one. Difference: first minus second, "
            "in points; of a primary claim of a rate, that rate in kbit/s. p: with Holm's correction, of the "
            "difference, or of non-inferiority within the margin; that of the primary claim has no correction. "
            "influence.csv has every verdict without each item and each rater."
        )
        blocks.append(Table(caption, columns, group=True, wrap=True))
    return [*blocks, *(Text(note, note=True) for note in found.notes)]


TESTS = {PRIMARY: "primary claim", DIFFERENCE: "difference", MARGIN: "margin"}
"""Kind of a conclusion -> what the table calls its test."""


def _without(kind: str, names: Iterable[Sequence[str]]) -> Column:
    """The items or raters without which each verdict changes: all up to four, else how many."""
    cells = [", ".join(some) if len(some) <= 4 else f"any of {len(some)}" for some in names]
    return words(f"Without {kind}", [cell or NOTHING for cell in cells])


def _no_change(n: int) -> str:
    return "The verdict stays the same." if n == 1 else f"All {n:,} verdicts stay the same."
