"""Predictions of the mixed model against Henderson's equations, solved whole, and against lme4."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from analysis.frame import RatingsError, tidy
from analysis.mixed import MixedModel, mixed_model
from analysis.predictions import predictions

from .conftest import simulated
from .studies import exported


def of_henderson(model: MixedModel, frame: pd.DataFrame) -> np.ndarray:
    """Fitted scores from Henderson's mixed model equations, written out and solved for means and effects at once."""
    size = len(model.conditions)
    rater, item = pd.factorize(frame["rater"])[0], pd.factorize(frame["item"])[0]
    condition = pd.Categorical(frame["condition"], model.conditions).codes.astype(int)

    def indicators(place):
        return (np.asarray(place)[:, None] == np.arange(max(place) + 1)[None, :]).astype(float)

    x = indicators(item * size + condition if model.items == "fixed" else condition)
    groups = (rater, rater * size + condition, item, item * size + condition)
    blocks = [(indicators(place), theta) for place, theta in zip(groups, model.fit.theta[:4], strict=True) if theta > 0]
    z = np.column_stack([block for block, _ in blocks])
    penalty = np.concatenate([np.full(block.shape[1], theta**-2) for block, theta in blocks])
    whole = np.column_stack([x, z])
    left = whole.T @ whole + np.diag(np.concatenate([np.zeros(x.shape[1]), penalty]))
    solved = np.linalg.lstsq(left, whole.T @ frame["score"].to_numpy(float), rcond=None)[0]
    return whole @ solved


@pytest.mark.parametrize("items", ["random", "fixed"])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_predictions_solve_hendersons_equations(items, missing):
    frame = simulated(9, 3, missing=missing)
    model = mixed_model(frame, items=items)
    fitted, residuals = predictions(model, frame)
    np.testing.assert_allclose(fitted, of_henderson(model, frame), atol=1e-6)
    np.testing.assert_allclose(fitted + residuals, frame["score"], atol=1e-12)


@pytest.mark.parametrize("terms", [("rater",), ("item", "rater:condition"), ("rater", "item"), ()])
def test_terms_that_the_model_leaves_out_have_no_effect(terms):
    frame = simulated(8, 4, missing=0.2)
    model = mixed_model(frame, terms=terms)
    fitted, _ = predictions(model, frame)
    if terms:
        np.testing.assert_allclose(fitted, of_henderson(model, frame), atol=1e-6)
    else:
        np.testing.assert_allclose(fitted, frame.groupby("condition")["score"].transform("mean"))


@pytest.mark.slow
@pytest.mark.parametrize("items", ["random", pytest.param("fixed", marks=pytest.mark.slow)])
def test_predictions_are_those_of_lme4(r, frame, items):
    theirs = r("predictions.R", frame[["rater", "item", "condition", "score"]], items)["fitted"]
    fitted, _ = predictions(mixed_model(frame, items=items), frame)
    assert fitted == pytest.approx(theirs["fitted"].to_numpy(), abs=1e-3)
    assert fitted == pytest.approx(theirs["of_effects"].to_numpy(), abs=1e-3)


def test_reference_anchors_and_repeats_are_treated_as_by_the_model():
    export = exported(6, 4)
    again = export.assign(repeat=1, score=(export["score"] + 7).clip(0, 100))
    frame = tidy(pd.concat([export, again]))
    model = mixed_model(frame)
    fitted, residuals = predictions(model, frame)
    assert len(fitted) == model.n_ratings == 6 * 4 * 9
    systems = frame[frame["role"] == "system"]
    means = systems.groupby(["rater", "item", "condition"], sort=False)["score"].mean().to_numpy()
    np.testing.assert_allclose(fitted + residuals, means)


def test_residuals_vary_less_than_the_scores_and_about_as_the_model_says():
    frame = simulated(60, 7)
    model = mixed_model(frame)
    _, residuals = predictions(model, frame)
    assert np.std(residuals) == pytest.approx(model.fit.sigma, rel=0.1)
    assert np.std(residuals) < 0.8 * frame["score"].std()


def test_other_ratings_than_the_models_are_refused():
    frame = simulated(9, 3, missing=0.2)
    model = mixed_model(frame, items="fixed")
    with pytest.raises(RatingsError, match="Give it the same ratings"):
        predictions(model, frame.iloc[1:])
    changed = frame.assign(score=frame["score"] + frame["condition"].eq("A"))
    with pytest.raises(RatingsError, match="other ratings"):
        predictions(model, changed)
    with pytest.raises(RatingsError, match="another order"):
        predictions(model, frame.iloc[::-1])


def test_a_hundred_thousand_ratings_take_a_moment():
    frame = simulated(2_000, 8)
    model = mixed_model(frame)
    began = time.process_time()
    predictions(model, frame)
    assert time.process_time() - began < 10
