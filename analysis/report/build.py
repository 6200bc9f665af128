"""The one call that analyses a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from analysis import agreement, material
from analysis.anova import repeated_measures
from analysis.bounded import bounded_model
from analysis.claim import Claim, claim
from analysis.describe import Interval, Quantiles, describe
from analysis.figures import (
    Drawing,
    box_plot,
    condition_colours,
    difference_plot,
    influence_plot,
    item_plot,
    mean_plot,
    rate_quality_plot,
    rater_map,
    residual_plot,
    violin_plot,
)
from analysis.frame import NOTES, SCALE, SYSTEM, RatingsError, one_study, rated, tidy
from analysis.inference import ZeroMethod, friedman, mean_ranks, wilcoxon_pairs
from analysis.influence import DIFFERENCE, Influence, influence
from analysis.listeners import ListenerTables, listeners
from analysis.mixed import Items, MixedModel, Raters, mixed_model
from analysis.order import rater_numbers
from analysis.ordinal import ordinal_model
from analysis.predictions import predictions
from analysis.primary import PrimaryClaim
from analysis.primary_answer import PrimaryAnswer, answer
from analysis.rates import known_rates, said_by_names
from analysis.report.report import Report, Settings
from analysis.report.sections.design import check
from analysis.resampling import permutation_pairs
from analysis.scales import Scale, check_margin
from analysis.screening import screen
from analysis.screening_sensitivity import screening_sensitivity

MOST_ORDINAL = 20_000
"""Ratings above which a report leaves the ordinal and the bounded model out, which take minutes then."""

MOST_ORDINAL_LEVELS = 1_000
"""Raters and items, each with each system, above which they are left out too."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class _Attempts:
    """What could be computed, and why the rest could not."""

    refusals: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, compute: Callable[[], Found]) -> Found | None:
        try:
            return compute()
        except RatingsError as error:
            self.refusals[name] = str(error)
            return None


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
    items: Items = "random",
    raters: Raters = "random",
    margin: float = float("nan"),
    primary: PrimaryClaim | None = None,
    rates: Mapping[str, float] | None = None,
    rates_from_names: bool = True,
    keep_unfinished: bool = False,
    design: Mapping[str, str] | None = None,
    listener_tables: ListenerTables | None = None,
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
    items, raters : {"random", "fixed"}
        See `analysis.mixed.mixed_model`.
    margin : float
        Points, fixed before the data; NaN for none. See `analysis.claim.claim`.
    primary : PrimaryClaim, optional
        What the study declared before it opened.
    rates : mapping, optional
        Condition -> kbit/s, over what the ratings say.
    rates_from_names : bool
        Whether conditions' names say rates, see `analysis.codec_names.rate_in_name`.
    keep_unfinished : bool
        See `analysis.screening.screen`.
    design : mapping, optional
        What is to be said of the test's design, see `analysis.report.sections.design.POINTS`.
    listener_tables : ListenerTables, optional
        Sessions and answers, for the section on listeners.
    made_on : str
        Date to be printed.

    Raises
    ------
    analysis.frame.RatingsError
        If there are no ratings, they fail the checks, or an option has no such value.
    """
    check(design or {})
    check_margin(margin)
    frame = one_study(tidy(ratings, roles=roles), study)
    rates = known_rates(frame, rates)
    screened = screen(frame, screening, keep_unfinished=keep_unfinished)
    kept = screened.kept

    def described(rows: pd.DataFrame, *by: str) -> pd.DataFrame:
        return describe(rows, by=by, ci=ci, level=level, quantiles=quantiles, order=order)

    several = rated(kept)["category"].nunique() > 1
    attempt = _Attempts()
    model = attempt("model", lambda: mixed_model(kept, items=items, raters=raters))
    name = str(frame["study"].iloc[0])
    tables = {"conditions": described(kept), "before": described(frame), "by_item": described(kept, "item")}
    scale = Scale(*ratings.attrs.get(SCALE, ()))
    settings = Settings(ci, level, quantiles, zeros, items, raters, margin, keep_unfinished, scale)
    tested = attempt(
        "claim", lambda: _claim(kept, model, attempt.refusals, margin, primary, rates, rates_from_names, level)
    )
    numbers = rater_numbers(list(screened.raters["rater"]))
    without = attempt(
        "influence",
        lambda: _influence(
            kept.assign(rater=kept["rater"].map(numbers).astype(str)), model, tested, attempt.refusals, settings
        ),
    )
    return Report(
        title=title or name or "Listening test",
        study=name,
        made_on=made_on,
        settings=settings,
        design=design or {},
        ratings=frame,
        screening=screened,
        material=material.conditions(frame, order),
        **tables,
        by_category=described(kept if several else kept.iloc[:0], "category"),
        friedman=friedman(kept),
        ranks=mean_ranks(kept),
        pairs=wilcoxon_pairs(kept, zeros=zeros, level=level),
        anova=repeated_measures(kept),
        permutation=permutation_pairs(kept),
        model=model,
        ordinal=attempt("ordinal", lambda: ordinal_model(_not_too_many(kept), interactions=True)),
        bounded=attempt("bounded", lambda: bounded_model(_not_too_many(kept))),
        claim=tested,
        primary=_answered(primary, tested, kept, settings, rates, rates_from_names),
        influence=without,
        screening_sensitivity=attempt(
            "screening_sensitivity",
            lambda: screening_sensitivity(
                frame,
                [rule.name for rule in screened.rules],
                keep_unfinished=keep_unfinished,
                items=items,
                raters=raters,
                margin=margin,
                rates=rates,
                rates_from_names=rates_from_names,
                level=level,
                primary=primary,
            ),
        ),
        agreement=agreement.between_raters(kept, level=level),
        reliability=agreement.raters(kept),
        listeners=None if listener_tables is None else listeners(listener_tables, set(rated(kept)["rater"])),
        refusals=attempt.refusals,
        notes=(*ratings.attrs.get(NOTES, ()), *(said_by_names(tested.points) if tested else ())),
        drawings=(
            *_of_ratings(frame, kept, screened.excluded, tables, settings),
            *_of_the_model(kept, model, tested, settings),
            *_of_influence(without),
            *_of_rates(tested, tables["conditions"], condition_colours(frame), settings),
        ),
    )


def _claim(
    kept: pd.DataFrame,
    model: MixedModel | None,
    refusals: Mapping[str, str],
    margin: float,
    primary: PrimaryClaim | None,
    rates: Mapping[str, float] | None,
    rates_from_names: bool,
    level: float,
) -> Claim:
    if model is None:
        raise RatingsError(f"It takes the mixed model. {refusals['model']}")
    return claim(
        kept,
        margin=margin,
        items=model.items,
        raters=model.raters,
        rates=rates,
        rates_from_names=rates_from_names,
        level=level,
        model=model,
        primary=primary,
    )


def _answered(
    primary: PrimaryClaim | None,
    tested: Claim | None,
    kept: pd.DataFrame,
    settings: Settings,
    rates: Mapping[str, float] | None,
    rates_from_names: bool,
) -> PrimaryAnswer | None:
    """The answer to the primary claim, which a study of one system has without any other comparison."""
    if primary is None or tested is not None:
        return tested.primary if tested else None
    return answer(
        primary,
        kept,
        items=settings.items,
        raters=settings.raters,
        rates=rates,
        rates_from_names=rates_from_names,
    )


def _influence(
    kept: pd.DataFrame,
    model: MixedModel | None,
    tested: Claim | None,
    refusals: Mapping[str, str],
    settings: Settings,
) -> Influence:
    if model is None:
        raise RatingsError(f"It takes the mixed model. {refusals['model']}")
    return influence(
        kept, items=settings.items, raters=settings.raters, claim=tested, model=model, level=settings.level
    )


def _not_too_many(kept: pd.DataFrame) -> pd.DataFrame:
    """The ratings, if a model by Laplace's approximation takes less than minutes on them."""
    n = len(rated(kept))
    levels = (kept["rater"].nunique() + kept["item"].nunique()) * kept["condition"].nunique()
    if n > MOST_ORDINAL or levels > MOST_ORDINAL_LEVELS:
        raise RatingsError(
            f"A report fits it for up to {MOST_ORDINAL:,} ratings and {MOST_ORDINAL_LEVELS:,} random effects, since it "
            "takes minutes above; here it would have "
            f"{n:,} and {levels:,}."
        )
    return kept


def _of_ratings(
    frame: pd.DataFrame,
    kept: pd.DataFrame,
    excluded: Sequence[str],
    tables: Mapping[str, pd.DataFrame],
    settings: Settings,
) -> list[Drawing]:
    conditions, colours = tables["conditions"], condition_colours(frame)
    shown = list(conditions["condition"])
    drawings = []
    if shown:
        drawings.append(mean_plot(conditions, colours, level=settings.level, scale=settings.scale))
        drawings.append(box_plot(kept, shown, colours, quantiles=settings.quantiles, scale=settings.scale))
        drawings.append(violin_plot(kept, shown, colours, quantiles=settings.quantiles, scale=settings.scale))
        if tables["by_item"]["item"].nunique() > 1:
            drawings.append(item_plot(tables["by_item"], shown, colours, scale=settings.scale))
    drawings.append(rater_map(frame, list(tables["before"]["condition"]), excluded, scale=settings.scale))
    return drawings


def _of_the_model(
    kept: pd.DataFrame, model: MixedModel | None, tested: Claim | None, settings: Settings
) -> list[Drawing]:
    if model is None:
        return []
    contrasts = tested.contrasts if tested else model.contrasts(settings.level)
    pairs = contrasts.dropna(subset=["difference"]).reset_index(drop=True)
    shown = [difference_plot(pairs, settings.margin, level=settings.level)] if len(pairs) else []
    return [*shown, residual_plot(*predictions(model, kept))]


def _of_influence(without: Influence | None) -> list[Drawing]:
    if without is None or without.without.empty:
        return []
    differences = without.conclusions.loc[without.conclusions["kind"] == DIFFERENCE, "difference"]
    return [influence_plot(without)] if differences.notna().any() else []


def _of_rates(
    tested: Claim | None, conditions: pd.DataFrame, colours: dict[str, str], settings: Settings
) -> list[Drawing]:
    if tested is None or not tested.curves or not tested.model.same_items:  # means over different items are no curve
        return []
    others = conditions[conditions["role"] != SYSTEM]
    references = dict(zip(others["condition"], others["mean"].astype(float), strict=True))
    means = tested.model.means(settings.level)
    return [
        rate_quality_plot(
            tested.points, means, tested.curves, colours, references, level=settings.level, scale=settings.scale
        )
    ]
