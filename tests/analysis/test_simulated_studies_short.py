"""The simulated studies in short: tests/verify/test_simulated_studies.py draws all of them, and has narrower bands."""

import numpy as np
import pytest

from analysis.anova import repeated_measures
from analysis.inference import friedman, wilcoxon_pairs
from analysis.mixed import mixed_model
from analysis.resampling import bootstrap_table, permutation_pairs
from analysis.simulation import Plan, as_frame
from benchmarks import simulated_ordinal, simulated_rates
from benchmarks.simulated_studies import (
    ALPHA,
    ITEMS,
    LEVEL,
    NAMES,
    RATERS,
    Data,
    bootstraps,
    clipped_mean,
    crossed_bootstraps,
    draw,
    ends_of,
    frames,
    holds,
    mixed,
    own_error,
    p_of,
    simulate,
    where,
    wilcoxon_p,
)

RANDOM, FIXED = Data(clipped=False, fixed_items=False), Data(clipped=False, fixed_items=True)
CLIPPED = Data(clipped=True, fixed_items=True)
CERTAINTY = 0.9999


def whole(scores):
    return as_frame(scores, Plan(RATERS, ITEMS, dict.fromkeys(NAMES, 0.0)))


def is_right(hits, nominal):
    return where(np.mean(hits), len(hits), nominal, CERTAINTY) == "within"


@pytest.fixture(scope="module")
def few():
    return draw(CLIPPED, 3, np.random.default_rng(2))


@pytest.fixture(scope="module")
def studies():
    return draw(RANDOM, 500, np.random.default_rng(3))


@pytest.mark.parametrize(("items", "error"), [("random", "own"), ("random", "pooled"), ("fixed", "pooled")])
def test_the_mixed_model_of_many_studies_is_that_of_each(few, items, error):
    means, pairs = mixed(few, fixed_items=items == "fixed") if error == "pooled" else own_error(few)
    for scores, mean, figures in zip(few, means, pairs, strict=True):
        model = mixed_model(whole(scores), items=items)
        row, table = model.means(error=error).iloc[0], model.contrasts(error=error)
        assert mean == pytest.approx(row[["mean", "se", "df"]].to_numpy(float), rel=1e-6)
        assert figures == pytest.approx(table[["difference", "se", "df"]].to_numpy(float), rel=1e-6)
        assert p_of(figures) == pytest.approx(table["p"].to_numpy())
        assert ends_of(figures) == pytest.approx(table[["ci_low", "ci_high"]].to_numpy(), rel=1e-6)


def test_tests_of_raters_means_are_those_of_the_whole_frame(few):
    p = wilcoxon_p(few.mean(axis=2))
    for at, frame in enumerate(frames(few.mean(axis=2))):
        every = whole(few[at])
        assert p[at] == pytest.approx(wilcoxon_pairs(every)["p"].to_numpy())
        assert friedman(frame).p == pytest.approx(friedman(every).p)
        assert repeated_measures(frame).p_gg == pytest.approx(repeated_measures(every).p_gg)
        ours, theirs = (permutation_pairs(each, draws=99)[["p", "p_max"]] for each in (frame, every))
        assert ours.to_numpy() == pytest.approx(theirs.to_numpy())


def test_bootstraps_of_many_studies_are_those_of_each(few):
    drawn = bootstraps(few.mean(axis=2), "bca", 7)
    for at in range(3):
        assert drawn[at] == pytest.approx(bootstraps(few[at : at + 1].mean(axis=2), "bca", 7)[0])
    for items in ("random", "fixed"):
        for at, ends in enumerate(crossed_bootstraps(few, items, 7)):
            row = bootstrap_table(whole(few[at]), items=items, seed=7).iloc[0]
            assert ends == pytest.approx(row[["ci_low", "ci_high"]].to_numpy(float))


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_processes():
    one, two = (simulate(6, (RANDOM, FIXED), processes=n, ordinal=0).counts for n in (1, 2))
    assert one == two
    assert one


def test_items_that_are_fixed_leave_the_conditions_equal_and_the_truth_known():
    assert draw(FIXED, 4, np.random.default_rng(1)).mean() == pytest.approx(60, abs=3)
    scores = np.concatenate([draw(CLIPPED, 200, np.random.default_rng(seed)) for seed in range(3)])
    assert scores.min() >= 0
    assert scores.max() == 100
    assert 0.1 < (scores == 100).mean() < 0.25
    assert scores.mean() == pytest.approx(CLIPPED.truth, abs=0.5)
    some = np.random.default_rng(1).normal(80, 20, 200_000).clip(0, 100)
    assert clipped_mean(80.0, 20.0)[0] == pytest.approx(some.mean(), abs=0.2)


@pytest.mark.slow
def test_the_mixed_model_errs_as_often_as_it_says(studies):
    means, pairs = mixed(studies)
    assert is_right(p_of(pairs[:, 0]) <= ALPHA, ALPHA)
    assert is_right(holds(ends_of(pairs[:, 0]), 0.0), LEVEL)
    assert is_right(holds(ends_of(means), RANDOM.truth), LEVEL)


@pytest.mark.slow
def test_few_items_need_few_degrees_of_freedom_and_more_of_them_would_be_seen():
    means, pairs = mixed(draw(RANDOM, 1000, np.random.default_rng(4), RATERS, 3))
    assert is_right(p_of(pairs[:, 0]) <= ALPHA, ALPHA)
    assert is_right(holds(ends_of(means), RANDOM.truth), LEVEL)
    means[:, 2] = np.inf
    assert not is_right(holds(ends_of(means), RANDOM.truth), LEVEL)


@pytest.mark.slow
def test_interactions_left_out_are_seen(studies):
    _, pairs = mixed(studies[:100], terms=("rater", "item"))
    assert not is_right(p_of(pairs[:, 0]) <= ALPHA, ALPHA)


@pytest.mark.slow
def test_with_fixed_items_the_mixed_model_errs_as_often_as_it_says():
    scores = draw(FIXED, 120, np.random.default_rng(5))
    means, pairs = mixed(scores, fixed_items=True)
    assert is_right(p_of(pairs[:, 0]) <= ALPHA, ALPHA)
    assert is_right(holds(ends_of(means), FIXED.truth), LEVEL)


@pytest.mark.slow
def test_the_ordinal_model_of_few_items_errs_as_often_as_it_says_and_clmms_test_would_not():
    tallies = [simulated_ordinal.block(RANDOM, (10, 5, 2), number, 50) for number in range(6)]
    ours, theirs = (np.divide(*np.sum([list(tally.counts.values())[at] for tally in tallies], axis=0)) for at in (0, 1))
    assert where(ours, 300, ALPHA, CERTAINTY) == "within"
    assert where(theirs, 300, ALPHA, CERTAINTY) == "above"


@pytest.mark.parametrize("target", [target for target in simulated_rates.TARGETS if target.mean in (72, 80)])
def test_equivalent_rates_hold_the_truth_and_are_not_made_up(target):
    found = simulated_rates.block(target, 0, 150)
    assert simulated_rates.sum_of(found, "contradictions") == 0
    if target.met:
        n = found["reached", "studies"]
        assert where(found["reached", "held"] / n, n, LEVEL, CERTAINTY) == "within"
    else:
        assert simulated_rates.share({target: found}, target, "reached") < 0.07
