"""What a study of so many raters, clips and codecs can find, beside its design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from listening.models import Condition, Study

if TYPE_CHECKING:
    from analysis.simulation import Components

NUMBERS = (10, 20, 40)
"""Raters that are always in the table."""
SCALE = 100


@dataclass(frozen=True)
class Row:
    """So many raters.

    Attributes
    ----------
    n_raters : int
    planned : bool
        Whether the design wants exactly so many.
    here : float
        Smallest difference of two systems, in points, that they find on these clips.
    beyond : float or None
        The same of other clips like these; None where the clips are too few for it (`analysis.mixed.items_used`).
    """

    n_raters: int
    planned: bool
    here: float
    beyond: float | None

    @property
    def beyond_on_the_scale(self) -> float | None:
        """The same, or None where it is longer than the scale."""
        return None if self.beyond is None or self.beyond > SCALE else self.beyond


@dataclass(frozen=True)
class PlannedPower:
    """The table, with what it stands on.

    Attributes
    ----------
    rows : list of Row
    clips, each, systems : int
        Of the study; clips that each rater gets.
    generalises : bool
        Whether the clips are enough to stand for others.
    percent : int
        Share of studies that find it.
    margin : float or None
    for_margin, for_margin_beyond : int or None
        Raters who show that two equally good systems lie within the margin, on these clips and on others; None:
        not even 1000 do.
    components : Components
        Variances that are assumed.
    """

    rows: list[Row]
    clips: int
    each: int
    systems: int
    generalises: bool
    percent: int
    margin: float | None
    for_margin: int | None
    for_margin_beyond: int | None
    components: Components

    @property
    def first(self) -> Row:
        """The row to say in words: that of the design, else 20 raters."""
        return next((row for row in self.rows if row.planned), self.rows[len(self.rows) // 2])


def of(study: Study) -> PlannedPower | None:
    """Power of a study as it is set now; None as long as there are no clips or fewer than two systems to compare."""
    # scipy's statistics take more than a second to load
    from analysis.mixed import items_used
    from analysis.sample_size import POWER, Sizes, raters_for_margin, smallest_difference

    clips = study.clips.count()
    systems = study.conditions.filter(role=Condition.Role.SYSTEM, repeat=0).count()
    if not clips or systems < 2:
        return None
    generalises = items_used("random", clips) == "random"
    each = study.protocol.design.clips_each(clips)
    planned = raters_of(study)
    sizes = Sizes(2, clips, systems, each)
    rows = [
        Row(
            n,
            n == planned,
            smallest_difference(replace(sizes, n_raters=n), "fixed"),
            smallest_difference(replace(sizes, n_raters=n), "random") if generalises else None,
        )
        for n in sorted({*NUMBERS, planned or NUMBERS[0]})
    ]
    margin = study.margin
    return PlannedPower(
        rows,
        clips,
        each,
        systems,
        generalises,
        round(100 * POWER),
        margin,
        raters_for_margin(sizes, margin, "fixed") if margin else None,
        raters_for_margin(sizes, margin, "random") if margin and generalises else None,
        sizes.components,
    )


def raters_of(study: Study) -> int | None:
    """Raters who must finish by the study's design, in all its panels; None where it sets no number."""
    design = study.protocol.design
    places = design.places(study.clips.count())
    return None if places is None else max(2, places * max(1, len(design.panels)))
