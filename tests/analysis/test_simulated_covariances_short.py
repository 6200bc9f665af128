"""A short form of tests/verify/test_simulated_covariances.py, of one set: pairs that one error for all misjudges."""

import numpy as np
import pytest

from analysis import crossed
from analysis.mixed import cells_of, mixed_model
from analysis.simulation import Plan, as_frame
from benchmarks.simulated_covariances import by_formula, limits, own_error, sets, simulate

STUDIES = 400


@pytest.fixture(scope="module")
def study_a():
    return next(one for one in sets() if one.name == "study A")


def test_own_error_holds_its_level_in_every_pair_and_one_error_for_all_does_not(study_a):
    found = simulate(study_a, STUDIES, ["own error", "pooled model"])
    _, high = limits(STUDIES, len(found["own error"].wrong))
    assert found["own error"].wrong.max() <= high < found["pooled model"].wrong.max()
    assert found["own error"].family <= limits(STUDIES)[1]


def test_the_figures_of_many_studies_are_those_of_each(study_a):
    y = study_a.draw(np.random.default_rng(3), 2)
    many = own_error(y)
    for at, scores in enumerate(y):
        frame = as_frame(scores, Plan(*scores.shape[:2], dict.fromkeys("ABCDEFGHI", 0.0)))
        pairs = mixed_model(frame).contrasts()
        assert pytest.approx(pairs[["difference", "se", "df"]].to_numpy(), rel=1e-6) == many[:, :, at].T


def test_the_pairs_fit_by_lmertests_formula_is_that_of_the_model(study_a):
    y = study_a.draw(np.random.default_rng(3), 2)[..., :2]
    many = by_formula(y, crossed.TERMS)
    for at, scores in enumerate(y):
        fit = crossed.fit(cells_of(scores), crossed.TERMS)
        weights = np.array([1.0, -1.0])
        assert many[1, at] == pytest.approx((weights @ fit.cov @ weights) ** 0.5)
        assert many[2, at] == pytest.approx(fit.degrees(weights))
