"""All of it: from ratings to tables, figures, tests and one page of HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import material, page
from analysis.describe import COLUMNS, Interval, Quantiles, describe
from analysis.figures import Drawing, box_plot, condition_colours, mean_plot, rater_map
from analysis.findings import versions
from analysis.frame import one_study, rated, tidy
from analysis.inference import Friedman, ZeroMethod, friedman, wilcoxon_pairs
from analysis.screening import Screening, screen


@dataclass(frozen=True, eq=False)
class Report:
    """What was found in the ratings of one study.

    Attributes
    ----------
    title, study : str
    ratings : DataFrame
        Tidy frame of all ratings; `screening.kept` are those analysed.
    screening : Screening
    material : DataFrame
        Conditions as rated, see `analysis.material.conditions`.
    conditions, before : DataFrame
        Description of every condition, see `analysis.describe.describe`: of
        what is analysed, and of all ratings.
    by_category, by_item : DataFrame
        The same per category (empty if there is but one) and per item.
    friedman : Friedman
    pairs : DataFrame
        See `analysis.inference.wilcoxon_pairs`.
    drawings : tuple of Drawing
        means, boxes, raters; fewer where there is nothing to draw.
    ci, level, quantiles, zeros, keep_unfinished
        The choices that the figures were made with.
    made_on : str
        Date for the page, "" for none.
    """

    title: str
    study: str
    ratings: pd.DataFrame = field(repr=False)
    screening: Screening = field(repr=False)
    material: pd.DataFrame = field(repr=False)
    conditions: pd.DataFrame = field(repr=False)
    before: pd.DataFrame = field(repr=False)
    by_category: pd.DataFrame = field(repr=False)
    by_item: pd.DataFrame = field(repr=False)
    friedman: Friedman
    pairs: pd.DataFrame = field(repr=False)
    drawings: tuple[Drawing, ...] = field(repr=False)
    ci: Interval
    level: float
    quantiles: Quantiles
    zeros: ZeroMethod
    keep_unfinished: bool
    made_on: str

    @cached_property
    def fragment_html(self) -> str:
        """The report for a place within another page, under h2 headings; `analysis.page` names its CSS classes."""
        return page.fragment(self)

    @cached_property
    def html(self) -> str:
        """The report as a page of its own that needs no other file."""
        return page.page(self)

    def drawing(self, name: str) -> Drawing | None:
        """The drawing called `name`, if there was something to draw."""
        return next((drawing for drawing in self.drawings if drawing.name == name), None)

    def tests(self) -> dict[str, Any]:
        """What `tests.json` holds: tests, settings, exclusions, versions. None where there is no figure."""
        settings = {"ci": self.ci, "level": self.level, "quantiles": self.quantiles, "zeros": self.zeros}
        screening = {
            "rules": [rule.name for rule in self.screening.rules],
            "raters": len(self.screening.raters),
            "excluded": self.screening.excluded,
            "unfinished_sessions": int(self.screening.raters["n_unfinished"].sum()),
            "notes": list(self.screening.notes),
        }
        found = {
            "study": self.study,
            "screening": screening,
            "settings": {**settings, "keep_unfinished": self.keep_unfinished},
            "friedman": asdict(self.friedman),
            "wilcoxon": self.pairs.to_dict("records"),
            "versions": versions(),
        }
        plain: dict[str, Any] = _without_nan(found)
        return plain

    def _every_condition(self) -> pd.DataFrame:
        """`conditions`, and a row with 0 raters for each that screening left without one."""
        empty = self.before.loc[~self.before["condition"].isin(self.conditions["condition"]), ["condition"]]
        counts = {"n_raters": 0, "n_items": 0, "n_ratings": 0}
        return pd.concat([self.conditions[COLUMNS], empty.assign(**counts)])[COLUMNS]

    def save(self, directory: str | Path) -> None:
        """Write report.html, conditions.csv, raters.csv, tests.json and figures/ (SVG and PNG).

        Parameters
        ----------
        directory : str or Path
            Made if it is not there; files of these names are replaced.
        """
        directory = Path(directory)
        (directory / "figures").mkdir(parents=True, exist_ok=True)
        (directory / "report.html").write_text(self.html, encoding="utf-8")
        self._every_condition().to_csv(directory / "conditions.csv", index=False)
        self.screening.raters[["rater", "excluded", "reason"]].to_csv(directory / "raters.csv", index=False)
        tests = json.dumps(self.tests(), indent=2, ensure_ascii=False, allow_nan=False)
        (directory / "tests.json").write_text(tests + "\n", encoding="utf-8")
        for drawing in self.drawings:
            (directory / "figures" / f"{drawing.name}.svg").write_text(drawing.svg, encoding="utf-8")
            (directory / "figures" / f"{drawing.name}.png").write_bytes(drawing.png())


def build_report(
    ratings: pd.DataFrame,
    *,
    title: str = "",
    screening: Sequence[str] | None = None,
    study: str | None = None,
    roles: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
    ci: Interval = "t",
    level: float = 0.95,
    quantiles: Quantiles = "linear",
    zeros: ZeroMethod = "pratt",
    keep_unfinished: bool = False,
    made_on: str = "",
) -> Report:
    """Analyse the ratings of a study.

    Parameters
    ----------
    ratings : DataFrame
        As exported, or tidy; see `analysis.frame.tidy`.
    title : str
        The study's name where not given.
    screening : sequence of str, optional
        Rules by name, see `analysis.screening.RULES` and `default_rules`.
    study : str, optional
        Which study, where the ratings are of several.
    roles : mapping, optional
        Condition -> role, over what the ratings say.
    order : sequence of str, optional
        Conditions to be shown first, in this order.
    ci, level, quantiles, zeros
        See `analysis.describe.describe` and `analysis.inference.wilcoxon_pairs`.
    keep_unfinished : bool
        See `analysis.screening.screen`.
    made_on : str
        Date to be printed.

    Raises
    ------
    analysis.frame.RatingsError
        If there are no ratings, they fail the checks, or an option has no such value.
    """
    frame = one_study(tidy(ratings, roles=roles), study)
    screened = screen(frame, screening, keep_unfinished=keep_unfinished)
    kept = screened.kept

    def described(rows: pd.DataFrame, *by: str) -> pd.DataFrame:
        return describe(rows, by=by, ci=ci, level=level, quantiles=quantiles, order=order)

    conditions = described(kept)
    shown, colours = list(conditions["condition"]), condition_colours(frame)
    drawings = []
    if shown:
        drawings.append(mean_plot(conditions, colours, level=level))
        drawings.append(box_plot(kept, shown, colours, quantiles=quantiles))
    drawings.append(rater_map(frame, list(described(frame)["condition"]), screened.excluded))
    name = str(frame["study"].iloc[0])
    several = rated(kept)["category"].nunique() > 1
    return Report(
        title=title or name or "Listening test",
        study=name,
        ratings=frame,
        screening=screened,
        material=material.conditions(frame, order),
        conditions=conditions,
        before=described(frame),
        by_category=described(kept if several else kept.iloc[:0], "category"),
        by_item=described(kept, "item"),
        friedman=friedman(kept),
        pairs=wilcoxon_pairs(kept, zeros=zeros, level=level),
        drawings=tuple(drawings),
        ci=ci,
        level=level,
        quantiles=quantiles,
        zeros=zeros,
        keep_unfinished=keep_unfinished,
        made_on=made_on,
    )


def _without_nan(value: Any) -> Any:
    """The value with None for NaN, and numpy's numbers as Python's, for JSON."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
