"""Who listened, and how many of those who began are in the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.cells import counts, intervals, numbers, words
from analysis.report.document import Block, Column, Table

if TYPE_CHECKING:
    from analysis.listeners import Listeners

STEPS = {
    "invited": "Invited",
    "began": "Began at the study's link",
    "started": "Agreed to take part",
    "screened out": "Screened out before the trials",
    "withdrawn": "Withdrew; their data were deleted",
    "timed out": "Ran out of time",
    "left": "Left before the end",
    "finished": "Finished",
    "excluded": "Finished and excluded",
    "analysed": "Analysed",
}
"""Step of `analysis.listeners.Listeners.attrition` -> its words."""


def listeners(found: Listeners) -> list[Block]:
    """The flow of listeners, then what is known of them."""
    table = found.attrition
    n = ["not recorded" if value is None else f"{int(value):,}" for value in table["n"]]
    blocks: list[Block] = [
        Table(
            "Listeners, from the invitation to the results.",
            [words("Step", [STEPS[step] for step in table["step"]]), Column("Listeners", n)],
        )
    ]
    if len(found.traits):
        columns = [
            words("Trait", found.traits["trait"]),
            words("Value", found.traits["value"]),
            counts("Analysed", found.traits["n_analysed"]),
            counts("Agreed to take part", found.traits["n_started"]),
        ]
        caption = (
            "Listeners by what their sessions and questionnaires say. A listener may give several answers to one "
            "question, or none."
        )
        blocks.append(Table(caption, columns, group=True, file="listeners.csv"))
    if len(found.amounts):
        names = {"analysed": "analysed", "started": "agreed to take part"}
        columns = [
            words("Trait", found.amounts["trait"]),
            words("Listeners", [names[group] for group in found.amounts["group"]]),
            counts("Number", found.amounts["n"]),
            numbers("Median", found.amounts["median"]),
            intervals("Range", found.amounts["least"], found.amounts["most"]),
        ]
        blocks.append(Table("Listeners: durations of finished sessions, and answers in numbers.", columns, group=True))
    return blocks
