"""What was found in the ratings of one study, and its files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.agreement import Agreement
from analysis.anova import RepeatedMeasures
from analysis.bounded import BoundedModel
from analysis.claim import Claim
from analysis.describe import COLUMNS, Interval, Quantiles
from analysis.effect_sizes import effect_sizes
from analysis.figures import Drawing
from analysis.inference import Friedman, ZeroMethod
from analysis.influence import Influence
from analysis.listeners import Listeners
from analysis.mixed import Items, MixedModel, Raters
from analysis.order import rater_numbers
from analysis.ordinal import OrdinalModel
from analysis.primary_answer import PrimaryAnswer
from analysis.report import html, pdf
from analysis.report.document import Document
from analysis.report.latex import tabular
from analysis.report.paragraph import paragraph
from analysis.report.sections import document
from analysis.scales import POINTS, Scale
from analysis.screening import Screening
from analysis.screening_sensitivity import ScreeningSensitivity
from analysis.short_names import distinct
from analysis.versions import versions


@dataclass(frozen=True)
class Settings:
    """The choices that the figures were made with.

    Attributes
    ----------
    ci, level, quantiles, zeros
        See `analysis.describe.describe` and `analysis.inference.wilcoxon_pairs`.
    items, raters : {"random", "fixed"}
        Of the mixed model and the claim.
    margin : float
        Points; NaN for none.
    keep_unfinished : bool
    scale : Scale
        On which the scores were given. All figures are in points: its lower
        end is 0 and its upper end 100.
    """

    ci: Interval = "t"
    level: float = 0.95
    quantiles: Quantiles = "linear"
    zeros: ZeroMethod = "pratt"
    items: Items = "random"
    raters: Raters = "random"
    margin: float = float("nan")
    keep_unfinished: bool = False
    scale: Scale = POINTS


@dataclass(frozen=True, eq=False)
class Report:
    """What was found in the ratings of one study.

    Attributes
    ----------
    title, study : str
    made_on : str
        Date for the page, "" for none.
    settings : Settings
    design : mapping
        What was said of the test's design, see `analysis.report.sections.design.POINTS`.
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
    ranks : DataFrame
        See `analysis.inference.mean_ranks`.
    pairs : DataFrame
        See `analysis.inference.wilcoxon_pairs`.
    anova : RepeatedMeasures
    permutation : DataFrame
        See `analysis.resampling.permutation_pairs`.
    model : MixedModel, optional
    ordinal : OrdinalModel, optional
    bounded : BoundedModel, optional
    claim : Claim, optional
    primary : PrimaryAnswer, optional
        Where the study declared a primary claim.
    influence : Influence, optional
    screening_sensitivity : ScreeningSensitivity, optional
    agreement : tuple of Agreement
    reliability : DataFrame
        See `analysis.agreement.raters`.
    listeners : Listeners, optional
        Where sessions were given beside the ratings.
    refusals : mapping
        Why there is no model, ordinal or bounded model, claim, influence or
        screening sensitivity.
    notes : tuple of str
        How the file was read, where that may surprise: rates taken from
        names, columns left out, another scale.
    drawings : tuple of Drawing
        Fewer where there is nothing to draw.
    """

    title: str
    study: str
    made_on: str
    settings: Settings
    design: Mapping[str, str]
    ratings: pd.DataFrame = field(repr=False)
    screening: Screening = field(repr=False)
    material: pd.DataFrame = field(repr=False)
    conditions: pd.DataFrame = field(repr=False)
    before: pd.DataFrame = field(repr=False)
    by_category: pd.DataFrame = field(repr=False)
    by_item: pd.DataFrame = field(repr=False)
    friedman: Friedman
    ranks: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    anova: RepeatedMeasures
    permutation: pd.DataFrame = field(repr=False)
    model: MixedModel | None = field(repr=False)
    ordinal: OrdinalModel | None = field(repr=False)
    bounded: BoundedModel | None = field(repr=False)
    claim: Claim | None = field(repr=False)
    primary: PrimaryAnswer | None
    influence: Influence | None = field(repr=False)
    screening_sensitivity: ScreeningSensitivity | None = field(repr=False)
    agreement: tuple[Agreement, ...]
    reliability: pd.DataFrame = field(repr=False)
    listeners: Listeners | None = field(repr=False)
    refusals: Mapping[str, str]
    notes: tuple[str, ...]
    drawings: tuple[Drawing, ...] = field(repr=False)

    @cached_property
    def rater_names(self) -> dict[str, str]:
        """Identifier -> the name in figures and text, such as Rater 3; raters.csv has both."""
        return {name: f"Rater {number}" for name, number in self._rater_numbers.items()}

    @cached_property
    def _rater_numbers(self) -> dict[str, int]:
        return rater_numbers(list(self.screening.raters["rater"]))

    @cached_property
    def short_names(self) -> dict[str, str]:
        """Condition or item -> its name in tables, see `analysis.short_names`."""
        names = [str(name) for name in (*self.material["condition"], *self.ratings["item"].unique())]
        return dict(zip(names, distinct(names), strict=True))

    @cached_property
    def document(self) -> Document:
        """The report as sections of text, tables and figures."""
        return document(self)

    @cached_property
    def fragment_html(self) -> str:
        """The report for a place within another page, under h2 headings; `analysis.report.html` names its classes."""
        return html.fragment(self.document)

    @cached_property
    def html(self) -> str:
        """The report as a page of its own that needs no other file."""
        return html.page(self.document)

    @cached_property
    def pdf(self) -> bytes:
        """The report as a PDF, with what a page keeps closed."""
        return pdf.as_pdf(self.document)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Differences of all pairs of systems in the mixed model; see `analysis.claim.Claim.contrasts`."""
        if self.claim is not None:
            return self.claim.contrasts
        return pd.DataFrame() if self.model is None else self.model.contrasts(self.settings.level)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """How large the differences of all pairs are, see `analysis.effect_sizes`; empty without a mixed model."""
        return pd.DataFrame() if self.model is None else effect_sizes(self.model.cells, self.model.conditions)

    def drawing(self, name: str) -> Drawing | None:
        """The drawing called `name`, if there was something to draw."""
        return next((drawing for drawing in self.drawings if drawing.name == name), None)

    def tests(self) -> dict[str, Any]:
        """What `tests.json` holds: tests, settings, exclusions, versions. None where there is no figure."""
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
            "reading": list(self.notes),
            "settings": asdict(self.settings) | {"scale": str(self.settings.scale)},
            "friedman": asdict(self.friedman),
            "ranks": self.ranks.to_dict("records"),
            "wilcoxon": self.pairs.to_dict("records"),
            "anova": asdict(self.anova),
            "permutation": self.permutation.to_dict("records"),
            "mixed_model": self._model(),
            "ordinal": None if self.ordinal is None else self.ordinal.contrasts(self.settings.level).to_dict("records"),
            "bounded": self._bounded(),
            "primary_claim": self._primary(),
            "claim": self._claim(),
            "influence": self._influence(),
            "screening_sensitivity": self._screening_sensitivity(),
            "agreement": [asdict(each) for each in self.agreement],
            "listeners": self._listeners(),
            "refusals": dict(self.refusals),
            "versions": versions(),
        }
        plain: dict[str, Any] = _without_nan(found)
        return plain

    def _model(self) -> dict[str, Any] | None:
        if self.model is None:
            return None
        return {
            "items": self.model.items,
            "raters": self.model.raters,
            "components": self.model.components.to_dict("records"),
            "means": self.model.means(self.settings.level).to_dict("records"),
            "contrasts": self.contrasts.to_dict("records"),
            "notes": list(self.model.notes),
        }

    def _bounded(self) -> dict[str, Any] | None:
        if self.bounded is None:
            return None
        return {
            "items": self.bounded.items,
            "components": self.bounded.components.to_dict("records"),
            "cutpoints": self.bounded.cutpoints.tolist(),
            "precision": self.bounded.precision,
            "means": self.bounded.means(self.settings.level).to_dict("records"),
            "contrasts": self.bounded.contrasts(self.settings.level).to_dict("records"),
            "notes": list(self.bounded.notes),
        }

    def _claim(self) -> dict[str, Any] | None:
        if self.claim is None:
            return None
        return {
            "margin": self.claim.margin,
            "items": self.claim.model.items,
            "comparisons": self.claim.comparisons.to_dict("records"),
            "transparency": self.claim.transparency.to_dict("records"),
            "rates": self.claim.rates.to_dict("records"),
            "points": self.claim.points.to_dict("records"),
        }

    def _primary(self) -> dict[str, Any] | None:
        found = self.primary
        return None if found is None else asdict(found) | {"words": found.claim.words, "verdict": found.verdict}

    def _influence(self) -> dict[str, Any] | None:
        if self.influence is None:
            return None
        return {
            "items": self.influence.n_items,
            "raters": self.influence.n_raters,
            "conclusions": self.influence.conclusions.to_dict("records"),
            "changes": self.influence.changes.to_dict("records"),
            "notes": list(self.influence.notes),
        }

    def _screening_sensitivity(self) -> dict[str, Any] | None:
        found = self.screening_sensitivity
        if found is None:
            return None
        return {
            "runs": found.runs.to_dict("records"),
            "verdicts": found.verdicts.to_dict("records"),
            "notes": list(found.notes),
        }

    def _listeners(self) -> dict[str, Any] | None:
        if self.listeners is None:
            return None
        return {
            "attrition": self.listeners.attrition.to_dict("records"),
            "traits": self.listeners.traits.to_dict("records"),
            "amounts": self.listeners.amounts.to_dict("records"),
        }

    def _every_condition(self) -> pd.DataFrame:
        """`conditions`, and a row with 0 raters for each that screening left without one."""
        empty = self.before.loc[~self.before["condition"].isin(self.conditions["condition"]), ["condition"]]
        counts = {"n_raters": 0, "n_items": 0, "n_ratings": 0}
        return pd.concat([self.conditions[COLUMNS], empty.assign(**counts)])[COLUMNS]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by the name of their files: conditions, raters, and those of the tests that could be made."""
        found = {
            "conditions.csv": self._every_condition(),
            "raters.csv": self.screening.raters[["rater", "excluded", "reason"]].assign(
                number=self.screening.raters["rater"].map(self._rater_numbers)
            ),
            "checks.csv": self.screening.checks,
            "items.csv": self.by_item,
            "ranks.csv": self.ranks,
            "wilcoxon.csv": self.pairs,
            "permutation.csv": self.permutation,
            "reliability.csv": self.reliability,
        }
        if self.model is not None:
            found["means.csv"] = self.model.means(self.settings.level)
            found["contrasts.csv"] = self.contrasts
            found["variances.csv"] = self.model.components
            found["effects.csv"] = self.effects
        if self.ordinal is not None:
            found["ordinal.csv"] = self.ordinal.contrasts(self.settings.level)
        if self.bounded is not None:
            found["bounded.csv"] = self.bounded.contrasts(self.settings.level)
            found["bounded_means.csv"] = self.bounded.means(self.settings.level)
        if self.claim is not None:
            found["claim.csv"] = self.claim.comparisons
            found["transparency.csv"] = self.claim.transparency
            found["rates.csv"] = self.claim.rates
        if self.influence is not None:
            found["influence.csv"] = self.influence.without
        if self.screening_sensitivity is not None:
            found["screening.csv"] = self.screening_sensitivity.verdicts
        if self.listeners is not None:
            found["attrition.csv"] = self.listeners.attrition
            found["listeners.csv"] = self.listeners.traits
        return found

    def save(self, directory: str | Path) -> None:
        """Write the report and its parts.

        report.html and report.pdf, methods.txt, tests.json, the data of the tables as CSV; every table as the report
        shows it in tables/ (CSV and LaTeX) and every figure in figures/ (PDF, SVG and PNG).

        Parameters
        ----------
        directory : str or Path
            Made if it is not there; files of these names are replaced.
        """
        directory = Path(directory)
        for folder in ("figures", "tables"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        (directory / "report.html").write_text(self.html, encoding="utf-8")
        (directory / "report.pdf").write_bytes(self.pdf)
        for name, table in self.tables().items():
            table.to_csv(directory / name, index=False)
        tests = json.dumps(self.tests(), indent=2, ensure_ascii=False, allow_nan=False)
        (directory / "tests.json").write_text(tests + "\n", encoding="utf-8")
        (directory / "methods.txt").write_text(paragraph(self) + "\n", encoding="utf-8")
        for block in self.document.tables():
            file = directory / "tables" / f"table-{block.number:02}"
            file.with_suffix(".csv").write_text(block.csv(), encoding="utf-8")
            file.with_suffix(".tex").write_text(tabular(block), encoding="utf-8")
        for drawing in self.drawings:
            (directory / "figures" / f"{drawing.name}.pdf").write_bytes(drawing.pdf)
            (directory / "figures" / f"{drawing.name}.svg").write_text(drawing.svg, encoding="utf-8")
            (directory / "figures" / f"{drawing.name}.png").write_bytes(drawing.png())


def _without_nan(value: Any) -> Any:
    """The value with None for NaN and infinity, and numpy's numbers as Python's, for JSON."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
