"""Which verdicts change when one item or one rater is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.influence import DIFFERENCE, sentences
from analysis.report.cells import chances, numbers, words
from analysis.report.document import Block, Bullets, Table, Text
from analysis.report.sections.pictures import pictures
from analysis.wording import count

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
            f"The mixed model was fitted again without one item or one rater, {left_out}. The table of differences "
            "and, if there is a margin, the claim give a verdict on each pair of systems. "
            + (
                "A verdict that changes without one item or one rater depends on it: report both verdicts. That is no "
                "reason to exclude the item or the rater."
                if len(changes)
                else _no_change(len(found.conclusions))
            )
        )
    ]
    if said := sentences(found):
        blocks.append(Bullets(said))
    blocks += pictures(report, "influence")
    if len(changes):
        key = ["kind", "a", "b"]
        table = changes.merge(found.conclusions[[*key, "difference", "p", "verdict"]], on=key, suffixes=("", "_of_all"))
        columns = [
            words("System", table["a"]),
            words("and", table["b"]),
            words("Test", ["Holm" if kind == DIFFERENCE else "margin" for kind in table["kind"]]),
            words("Verdict", table["verdict_of_all"]),
            numbers("Difference", table["difference_of_all"]),
            chances("p", table["p_of_all"]),
            words("Without", [f"{kind} {name}" for kind, name in zip(table["left_out"], table["name"], strict=True)]),
            words("Verdict", table["verdict"]),
            numbers("Difference", table["difference"]),
            chances("p", table["p"]),
        ]
        caption = (
            "Verdicts that change without one item or one rater. Difference: first minus second, in points. p: Holm's "
            "of the difference; of non-inferiority for the margin. influence.csv has every verdict without each item "
            "and each rater."
        )
        blocks.append(Table(caption, columns, group=True, file="influence.csv"))
    return [*blocks, *(Text(note, note=True) for note in found.notes)]


def _no_change(n: int) -> str:
    return "The verdict stays the same." if n == 1 else f"All {n:,} verdicts stay the same."
