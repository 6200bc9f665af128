"""The cumulative link mixed model against R's ordinal, statsmodels and figures worked by hand."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t
from statsmodels.miscmodels.ordinal_model import OrderedModel

from analysis.frame import RatingsError, tidy
from analysis.ordinal import BANDS, OrdinalModel, ordinal_model
from analysis.simulation import Components, Plan, as_frame, draw_scores

from .studies import exported, scores_table, small_study


def in_bands(frame: pd.DataFrame) -> pd.DataFrame:
    category = np.searchsorted(BANDS, frame["score"], side="right")
    return frame[["rater", "item", "condition"]].assign(category=category)


def likelihood_errors(model: OrdinalModel, base: str) -> dict[str, float]:
    """Standard errors of the effects relative to a condition, by maximum likelihood."""
    at = model.conditions.index(base)
    variances = np.diag(model.cov) + model.cov[at, at] - 2 * model.cov[at]
    return dict(zip(model.conditions, np.sqrt(variances).tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("interactions", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_model_is_that_of_clmm(r, frame, interactions):
    theirs = r("ordinal.R", in_bands(frame), *(["interactions"] if interactions else []))
    found = ordinal_model(frame, interactions=interactions)
    fit = theirs["ordinal_fit"].set_index("name")["value"]
    assert found.log_likelihood == pytest.approx(fit["logLik"], abs=2e-3)
    for term, sd in zip(found.components["term"], found.components["sd"], strict=True):
        assert sd == pytest.approx(fit[term.replace(":", "_")], rel=2e-3, abs=2e-3)
    rows = theirs["ordinal"].set_index("name")
    assert found.thresholds == pytest.approx(rows["Estimate"].to_numpy()[: len(found.thresholds)], rel=1e-3, abs=1e-3)
    pairs = found.contrasts()
    effects = rows[rows.index.str.startswith("condition")]
    base = (set(found.conditions) - {name.removeprefix("condition") for name in effects.index}).pop()
    errors = likelihood_errors(found, base)
    for name, row in effects.iterrows():
        one = pairs[pairs["a"].isin([base, name.removeprefix("condition")])]
        one = one[one["b"].isin([base, name.removeprefix("condition")])].iloc[0]
        sign = 1 if one["b"] == base else -1
        assert sign * one["log_odds"] == pytest.approx(row["Estimate"], rel=1e-3, abs=1e-3)
        error = errors[name.removeprefix("condition")]
        assert error == pytest.approx(row["Std..Error"], rel=1e-3)
        assert 2 * norm.sf(abs(one["log_odds"]) / error) == pytest.approx(row["Pr...z.."], rel=1e-2, abs=5e-4)


def test_without_effects_of_raters_and_items_it_is_statsmodels_ordered_model():
    # Each rater gives one rating of one item, so that there is nothing to tell raters or items by.
    draw = np.random.default_rng(4)
    means = np.repeat([40.0, 50, 65], 60)
    table = pd.DataFrame(
        {
            "rater": [f"r{i}" for i in range(180)],
            "item": "x",
            "condition": np.repeat(["A", "B", "C"], 60),
            "score": np.clip(draw.normal(means, 18), 0, 100),
        }
    )
    found = ordinal_model(tidy(table))
    assert found.components.empty
    assert found.notes == (
        "One rating of each rater: the model has no effect for it.",
        "One item: the odds are those of this item.",
    )
    category = pd.Series(pd.Categorical(np.searchsorted(BANDS, table["score"], side="right"), ordered=True))
    dummies = pd.get_dummies(table["condition"], drop_first=True, dtype=float)
    theirs = OrderedModel(category, dummies, distr="logit").fit(method="bfgs", disp=False, gtol=1e-8)
    assert found.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)
    assert found.effects[1:] == pytest.approx(theirs.params[["B", "C"]].to_numpy(), rel=1e-4)
    assert np.sqrt(np.diag(found.cov))[1:] == pytest.approx(theirs.bse[["B", "C"]].to_numpy(), rel=1e-3)


def test_two_categories_and_two_conditions_are_the_odds_ratio_of_a_table():
    # A above 50: 10 of 40, B above 50: 25 of 40. Log odds ratio log(10/30) - log(25/15), its variance the sum of 1/n.
    scores = [70] * 10 + [30] * 30 + [70] * 25 + [30] * 15
    table = pd.DataFrame({"rater": range(80), "item": "x", "condition": ["A"] * 40 + ["B"] * 40, "score": scores})
    row = ordinal_model(tidy(table), borders=[50]).contrasts().iloc[0]
    assert row["log_odds"] == pytest.approx(math.log(10 / 30) - math.log(25 / 15), rel=1e-5)
    assert row["se"] == pytest.approx(math.sqrt(1 / 10 + 1 / 30 + 1 / 25 + 1 / 15), rel=1e-5)
    assert row["odds_ratio"] == pytest.approx((10 / 30) / (25 / 15), rel=1e-5)
    assert row["ci_low"] < row["odds_ratio"] < row["ci_high"] < 1


def test_odds_and_spreads_that_ratings_were_drawn_with_are_found_again():
    draw = np.random.default_rng(8)
    n_raters, n_items, effects = 60, 30, np.array([0.0, 0.7, 1.5])
    odds = effects + draw.normal(0, 1.0, (n_raters, 1, 1)) + draw.normal(0, 0.6, (1, n_items, 1))
    odds = odds + draw.logistic(0, 1, (n_raters, n_items, 3))
    category = np.searchsorted([-1.5, 0.0, 1.5, 3.0], odds)
    r, i, c = np.indices(odds.shape).reshape(3, -1)
    table = pd.DataFrame({"rater": r, "item": i, "condition": np.array(list("ABC"))[c]})
    found = ordinal_model(tidy(table.assign(score=20.0 * category.ravel() + 10)))
    errors = np.sqrt(np.diag(found.cov))[1:]
    assert (np.abs(found.effects[1:] - effects[1:]) < 2.5 * errors).all()
    sd = dict(zip(found.components["term"], found.components["sd"], strict=True))
    assert sd["rater"] == pytest.approx(1.0, rel=0.25)
    assert sd["item"] == pytest.approx(0.6, rel=0.35)


def test_scores_may_be_stretched_within_their_bands_and_nothing_changes():
    frame = tidy(exported(10, 6))
    moved = frame.assign(score=np.floor(frame["score"] / 20).clip(upper=4) * 20 + 3)
    assert ordinal_model(frame).contrasts().equals(ordinal_model(moved).contrasts())


def test_a_border_belongs_to_the_band_above_and_empty_bands_are_joined():
    table = scores_table({"A": [20, 19, 45, 25, 0, 38], "B": [41, 30, 10, 59, 40, 20]})
    found = ordinal_model(tidy(table))
    assert found.borders == (20.0, 40.0)
    assert len(found.thresholds) == 2
    gap = ordinal_model(tidy(table.assign(score=table["score"].where(table["score"] < 40, 95))))
    assert gap.borders == (20.0, 80.0)
    assert gap.log_likelihood == pytest.approx(found.log_likelihood)


REFUSED = {
    "one rater": (exported(1, 6), "needs at least 2 raters"),
    "one system": (exported(5, 3)[lambda t: t["condition"] == "Opus 6"], "compares at least 2 conditions; the ratings"),
    "no system": (exported(5, 3)[lambda t: t["role"] != "system"], "the ratings have 0"),
    "all scores equal": (exported(5, 3).assign(score=70), "All scores lie in one category"),
    "each condition in one band": (
        scores_table({"A": [10, 12, 15], "B": [50, 55, 45], "C": [90, 85, 99]}),
        "All scores of A lie in the lowest category",
    ),
    "two conditions on one side": (
        scores_table({"A": [10, 30, 15], "B": [15, 30, 35], "C": [90, 65, 99], "D": [70, 65, 85]}),
        "categories separate A, B on one side and C, D",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ratings_without_finite_odds_are_refused_with_the_reason(name):
    table, why = REFUSED[name]
    with pytest.raises(RatingsError, match=why):
        ordinal_model(tidy(table))


def test_borders_that_do_not_rise_are_refused():
    with pytest.raises(RatingsError, match="Borders must rise, not 40, 20"):
        ordinal_model(tidy(exported(3, 3)), borders=[40, 20])


def test_a_condition_that_is_in_one_middle_band_alone_has_finite_odds():
    table = scores_table({"A": [30, 31, 32, 33], "B": [10, 30, 50, 15], "C": [55, 30, 10, 52]})
    assert np.isfinite(ordinal_model(tidy(table)).contrasts()["log_odds"]).all()


POOR = {
    "one item": exported(12, 1),
    "two raters": exported(2, 6),
    "a rater with one rating": pd.concat([exported(8, 6), exported(9, 6).tail(1)]),
    "ties everywhere": exported(8, 6).assign(score=lambda t: (t["score"] // 50) * 50),
    "nine tenths missing": exported(12, 6).sample(frac=0.1, random_state=1),
    "every condition by one rater": exported(9, 3)[lambda t: t["rater"].str[2:].astype(int) % 3 == t["kbps"] // 1 % 3],
}


@pytest.mark.parametrize("interactions", [False, True])
@pytest.mark.parametrize("name", POOR)
def test_poor_data_give_finite_odds_or_a_reason_and_no_warning(name, interactions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = ordinal_model(tidy(POOR[name]), interactions=interactions)
        except RatingsError:
            return
        pairs = found.contrasts()
    assert np.isfinite(pairs[["log_odds", "se", "t", "p", "p_holm", "odds_ratio"]]).all(axis=None)
    assert (pairs["se"] > 0).all()
    if name == "one item":
        assert "One item: the odds are those of this item." in found.notes


def test_a_spread_that_is_not_there_is_said():
    plan = Plan(20, 8, {"A": 45.0, "B": 55.0}, Components(150, 0, 0, 0, 200), clipped=True)
    found = ordinal_model(as_frame(draw_scores(plan, np.random.default_rng(0)), plan), interactions=True)
    gone = found.components.loc[found.components["sd"] < 1e-3, "term"]
    assert len(gone)
    assert found.notes == tuple(f"No variance between levels of {term} was found." for term in gone)


def test_leaving_the_interactions_out_makes_the_standard_error_too_small():
    plan = Plan(15, 10, {"A": 45.0, "B": 55.0}, Components(80, 60, 20, 150, 100), clipped=True)
    frame = as_frame(draw_scores(plan, np.random.default_rng(3)), plan)
    without, within = (ordinal_model(frame, interactions=each).contrasts().loc[0, "se"] for each in (False, True))
    assert within > 1.5 * without


@pytest.mark.parametrize("seed", [36, 50, 56])
def test_a_standard_deviation_of_none_is_left_where_the_likelihood_rises_away_from_it(seed):
    # A search that stays at 0 ends 0.15, 0.78 and 0.37 below.
    found = ordinal_model(small_study(seed), interactions=True)
    assert found.log_likelihood >= BEST[seed] - 0.01


BEST = {36: -103.4180, 50: -195.5203, 56: -178.6519}
"""Log-likelihoods that clmm gives for three studies of `small_study`; tests/verify asks it for 200."""


def test_tests_have_the_errors_and_degrees_of_freedom_of_the_linear_model_where_these_are_known():
    # Systems differ by item: the variance of a difference has (8 - 1)(4 - 1) = 21 degrees of freedom, somewhat fewer as
    # the scale of the log odds is estimated too. Maximum likelihood divides by 8 items where 7 are left.
    plan = Plan(20, 8, dict.fromkeys("ABCD", 50.0), Components(80, 60, 0, 300, 100))
    found = ordinal_model(as_frame(draw_scores(plan, np.random.default_rng(1)), plan), interactions=True)
    pairs = found.contrasts()
    assert pairs["df"].to_numpy() == pytest.approx(20, rel=0.1)
    at = [found.conditions.index(name) for name in pairs["b"][:3]]
    assert pairs["se"][:3].to_numpy() == pytest.approx(np.sqrt(8 / 7 * np.diag(found.cov)[at]), rel=0.02)
    row = pairs.iloc[0]
    assert row["p"] == pytest.approx(2 * t.sf(abs(row["log_odds"] / row["se"]), row["df"]))
    low, high = np.log(row[["ci_low", "ci_high"]].to_numpy(float))
    assert high - low == pytest.approx(2 * t.ppf(0.975, row["df"]) * row["se"])


def test_without_random_effects_tests_are_those_of_maximum_likelihood():
    scores = [70] * 10 + [30] * 30 + [70] * 25 + [30] * 15
    table = pd.DataFrame({"rater": range(80), "item": "x", "condition": ["A"] * 40 + ["B"] * 40, "score": scores})
    row = ordinal_model(tidy(table), borders=[50]).contrasts().iloc[0]
    assert np.isinf(row["df"])
    assert row["p"] == pytest.approx(2 * norm.sf(abs(row["t"])))


def test_two_categories_and_no_spread_have_infinite_degrees_of_freedom():
    plan = Plan(10, 6, {"A": 45.0, "B": 55.0}, Components(0, 0, 0, 0, 200))
    found = ordinal_model(as_frame(draw_scores(plan, np.random.default_rng(2)), plan), borders=[50])
    assert (found.components["sd"] < 1e-3).all()
    assert np.isinf(found.contrasts()["df"]).all()


@pytest.mark.parametrize("n_items", [1, 4])
def test_the_odds_of_few_items_are_those_of_these_items(n_items):
    found = ordinal_model(tidy(exported(9, n_items)), interactions=True)
    assert found.items == "fixed"
    assert "item:condition" not in set(found.components["term"])


def test_systems_that_were_rated_on_different_items_have_no_ordinal_model():
    table = exported(5, 4)
    table = table[(table["condition"] != "Opus 6") | (table["clip"] != "clip 2")]
    with pytest.raises(RatingsError, match="rated on different items"):
        ordinal_model(tidy(table), interactions=True)
