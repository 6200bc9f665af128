"""Comparisons, means and the pooled model against R's lme4, lmerTest and emmeans, on published and drawn ratings."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.mixed import mixed_model


@pytest.mark.parametrize("items", ["random", pytest.param("fixed", marks=pytest.mark.slow)])
def test_comparisons_and_means_are_lme4s_fits_of_their_conditions_alone(r, frame, items):
    theirs = r("pairs.R", frame[["rater", "item", "condition", "score"]], items)
    model = mixed_model(frame, items=items)
    pairs = both_ways(model.contrasts()).merge(theirs["pairs"], on=["a", "b"], suffixes=("", "_r"))
    assert len(pairs) == len(model.contrasts()) == len(theirs["pairs"])
    assert pairs["difference"].to_numpy() == pytest.approx(pairs["estimate"].to_numpy(), rel=1e-4, abs=1e-5)
    assert pairs["se"].to_numpy() == pytest.approx(pairs["se_r"].to_numpy(), rel=1e-4)
    assert pairs["df"].to_numpy() == pytest.approx(pairs["df_r"].to_numpy(), rel=1e-3)
    assert pairs["p"].to_numpy() == pytest.approx(pairs["p_r"].to_numpy(), abs=1e-4)
    for row in theirs["pairs"].to_dict("records"):
        assert model.among([row["a"], row["b"]]).fit.deviance == pytest.approx(row["reml"], abs=1e-4)
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


def both_ways(table: pd.DataFrame) -> pd.DataFrame:
    """Each pair as a - b and as b - a: R orders its names in its own way."""
    turned = table.assign(a=table["b"], b=table["a"], difference=-table["difference"])
    both = pd.concat([table, turned], ignore_index=True)
    return both.assign(pair=both["a"] + " - " + both["b"])
