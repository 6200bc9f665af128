"""Comparisons, means, the pooled and the bounded model against R's lme4, lmerTest, emmeans and glmmTMB."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis import crossed
from analysis.bounded import bounded_model
from analysis.mixed import mixed_model, model_of
from analysis.simulation import Components, Plan, as_frame, draw_scores

from .conftest import published, simulated


@pytest.mark.parametrize("items", ["random", pytest.param("fixed", marks=pytest.mark.slow)])
def test_comparisons_and_means_are_lme4s_fits_of_their_conditions_alone(r, frame, items):
    theirs = r("pairs.R", frame[["rater", "item", "condition", "score"]], items)
    model = mixed_model(frame, items=items)
    for row in theirs["pairs"].to_dict("records"):
        names = [row["a"], row["b"]]
        of_two = mixed_model(frame[frame["condition"].isin(names)], items=items)
        found = model_of(of_two.cells, of_two.conditions, crossed.TERMS)
        value, se, df = found.estimate(found.weights({row["a"]: 1.0, row["b"]: -1.0}))
        assert (value, se) == pytest.approx((row["estimate"], row["se"]), rel=1e-4, abs=1e-5)
        assert df == pytest.approx(row["df"], rel=1e-3)
        assert found.fit.deviance == pytest.approx(row["reml"], abs=1e-4)
    pairs = both_ways(model.contrasts()).merge(theirs["pairs"], on=["a", "b"], suffixes=("", "_r"))
    assert len(pairs) == len(model.contrasts()) == len(theirs["pairs"])
    inside = pairs[pairs["smallest_sd"] > 0.01]  # elsewhere ours is another model, without a limit at 0
    assert len(inside) >= 3
    assert inside["difference"].to_numpy() == pytest.approx(inside["estimate"].to_numpy(), rel=1e-4, abs=1e-5)
    assert inside["se"].to_numpy() == pytest.approx(inside["se_r"].to_numpy(), rel=1e-4)
    assert inside["df"].to_numpy() == pytest.approx(inside["df_r"].to_numpy(), rel=1e-3)
    assert inside["p"].to_numpy() == pytest.approx(inside["p_r"].to_numpy(), abs=1e-4)
    means = model.means().merge(theirs["alone"], on="condition", suffixes=("", "_r"))
    assert len(means) == len(model.conditions)
    assert means["mean"].to_numpy() == pytest.approx(means["mean_r"].to_numpy(), rel=1e-6)
    assert means["se"].to_numpy() == pytest.approx(means["se_r"].to_numpy(), rel=1e-4)
    assert means["df"].to_numpy() == pytest.approx(means["df_r"].to_numpy(), rel=1e-3)


@pytest.mark.parametrize("items", ["random", pytest.param("fixed", marks=pytest.mark.slow)])
def test_the_pooled_model_is_that_of_lme4_with_satterthwaites_degrees(r, frame, items):
    theirs = r("mixed.R", frame[["rater", "item", "condition", "score"]], items)
    model = mixed_model(frame, items=items)
    means = model.means(error="pooled").merge(theirs["means"], on="condition")
    assert len(means) == len(model.conditions)
    assert means["mean"].to_numpy() == pytest.approx(means["emmean"].to_numpy(), rel=1e-6)
    assert means["se"].to_numpy() == pytest.approx(means["SE"].to_numpy(), rel=1e-5)
    assert means["df_x"].to_numpy() == pytest.approx(means["df_y"].to_numpy(), rel=1e-4)
    pairs = both_ways(model.contrasts(error="pooled")).merge(
        theirs["contrasts"].assign(pair=theirs["contrasts"]["contrast"].str.replace("[()]", "", regex=True)), on="pair"
    )
    assert len(pairs) == len(model.contrasts())
    assert pairs["difference"].to_numpy() == pytest.approx(pairs["estimate"].to_numpy(), rel=1e-5, abs=1e-6)
    assert pairs["se"].to_numpy() == pytest.approx(pairs["SE"].to_numpy(), rel=1e-5)
    assert pairs["df_x"].to_numpy() == pytest.approx(pairs["df_y"].to_numpy(), rel=1e-4)
    assert pairs["p"].to_numpy() == pytest.approx(pairs["p.plain"].to_numpy(), abs=1e-5)
    assert pairs["p_holm"].to_numpy() == pytest.approx(pairs["p.value"].to_numpy(), abs=1e-5)
    variances = dict(zip(model.components["term"], model.components["variance"], strict=True))
    for name, variance in zip(theirs["components"]["grp"], theirs["components"]["vcov"], strict=True):
        assert variances[name.lower()] == pytest.approx(variance, rel=1e-4)
    assert model.fit.deviance == pytest.approx(theirs["reml"]["reml"].item(), abs=1e-5)


FEWER = {  # ratings to leave, items, raters
    "raters fixed": (lambda frame: frame, "random", "fixed"),
    "both fixed": (lambda frame: frame, "fixed", "fixed"),
    "one item": (lambda frame: frame[frame["item"] == frame["item"].iloc[0]], "random", "random"),
    "one rater": (lambda frame: _whole_items(frame[frame["rater"] == frame["rater"].iloc[0]]), "random", "random"),
}
"""Studies that speak for fewer raters or items."""


def _whole_items(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the items that lack a condition: of one rater, items with both conditions are compared."""
    return frame[frame.groupby("item")["condition"].transform("nunique") == frame["condition"].nunique()]


@pytest.mark.parametrize("name", FEWER)
def test_fixed_raters_and_one_rater_or_item_are_models_of_lme4_and_lm(r, frame, name):
    part, items, raters = FEWER[name]
    ratings = part(frame)
    theirs = r("fixed_raters.R", ratings[["rater", "item", "condition", "score"]], items, raters)
    model = mixed_model(ratings, items=items, raters=raters)
    own = both_ways(model.contrasts()).merge(theirs["pairs"], on=["a", "b"], suffixes=("", "_r"))
    assert len(own) == len(model.contrasts()) == len(theirs["pairs"])
    tables = {
        "own": own[own["smallest_sd"] > 0.01],  # elsewhere ours is another model, without a limit at 0
        "pooled": both_ways(model.contrasts(error="pooled")).merge(
            theirs["pooled"], on=["a", "b"], suffixes=("", "_r")
        ),
        "alone": model.means().merge(theirs["alone"], on="condition", suffixes=("", "_r")),
        "means": model.means(error="pooled").merge(theirs["pooled_means"], on="condition", suffixes=("", "_r")),
    }
    for table in tables.values():
        assert len(table) >= 2
        ours = table["difference" if "difference" in table else "mean"].to_numpy()
        assert ours == pytest.approx(table["estimate"].to_numpy(), rel=1e-5, abs=1e-6)
        assert table["se"].to_numpy() == pytest.approx(table["se_r"].to_numpy(), rel=1e-4)
        assert table["df"].to_numpy() == pytest.approx(table["df_r"].to_numpy(), rel=1e-4)


def with_ceiling() -> pd.DataFrame:
    means = {"A": 98.0, "B": 97.0, "C": 92.0, "D": 75.0, "E": 20.0}
    plan = Plan(14, 8, means, Components(30, 20, 12, 16, 90), clipped=True)
    return as_frame(draw_scores(plan, np.random.default_rng(3)), plan)


AT_THE_ENDS = {
    "stahl2024": published,
    "ceiling": with_ceiling,
    "30% missing": lambda: simulated(16, 6, missing=0.3, clipped=True),
}
"""Ratings with scores at both ends of the scale, which glmmTMB asks for."""


@pytest.mark.parametrize("name", ["stahl2024", pytest.param("ceiling", marks=pytest.mark.slow), "30% missing"])
def test_the_bounded_model_is_glmmtmbs_ordered_beta_regression(r, name):
    frame = AT_THE_ENDS[name]()
    theirs = r("bounded.R", frame[["rater", "item", "condition", "score"]])
    found = bounded_model(frame)
    fit = theirs["bounded_fit"].set_index("name")["value"]
    assert found.log_likelihood == pytest.approx(fit["logLik"], abs=1e-4)
    assert found.cutpoints == pytest.approx(fit[["low", "high"]].to_numpy(), rel=1e-4)
    assert found.precision == pytest.approx(fit["precision"], rel=1e-4)
    assert found.components["sd"].to_numpy() == pytest.approx(fit[found.components["term"]].to_numpy(), rel=1e-3)
    effects = theirs["bounded"].set_index("condition").loc[list(found.conditions)]
    assert found.effects == pytest.approx(effects["estimate"].to_numpy(), abs=1e-4)
    assert np.sqrt(np.diag(found.cov)) == pytest.approx(effects["se"].to_numpy(), rel=1e-4)
    covariance = theirs["bounded_covariance"].set_axis(theirs["bounded"]["condition"])
    for row in found.contrasts().to_dict("records"):
        pair = [row["a"], row["b"]]
        two = covariance.loc[pair, pair].to_numpy()
        assert row["se"] == pytest.approx(np.sqrt(two[0, 0] + two[1, 1] - two[0, 1] - two[1, 0]), rel=1e-4)
        assert row["log_odds"] == pytest.approx(effects["estimate"][row["a"]] - effects["estimate"][row["b"]], abs=1e-4)


def both_ways(table: pd.DataFrame) -> pd.DataFrame:
    """Each pair as a - b and as b - a: R orders its names in its own way."""
    turned = table.assign(a=table["b"], b=table["a"], difference=-table["difference"])
    both = pd.concat([table, turned], ignore_index=True)
    return both.assign(pair=both["a"] + " - " + both["b"])
