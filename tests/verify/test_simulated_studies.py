"""Ten thousand studies in which nothing differs: see benchmarks/simulated_studies.py and docs/validation.md."""

import numpy as np
import pytest

from analysis.resampling import FEW, FEW_ITEMS
from benchmarks import simulated_bootstraps, simulated_ordinal, simulated_rates
from benchmarks.simulated_studies import ALPHA, COVERED, LEVEL, WRONG, Data, band, simulate, tables, where

pytestmark = pytest.mark.slow

STUDIES = 10_000
RANDOM, FIXED = Data(clipped=False, fixed_items=False), Data(clipped=False, fixed_items=True)
CLIPPED = (Data(clipped=True, fixed_items=False), Data(clipped=True, fixed_items=True))


@pytest.fixture(scope="module")
def tally():
    found = simulate(STUDIES, processes=2)
    print(f"\n{tables(found)}")
    return found


@pytest.fixture(scope="module")
def sizes():
    found = simulated_bootstraps.simulate(STUDIES // 4, processes=2)
    print(f"\n{simulated_bootstraps.tables(found)}")
    return found


@pytest.fixture(scope="module")
def rates():
    found = simulated_rates.simulate(STUDIES, processes=2)
    print(f"\n{simulated_rates.tables(found)}")
    return found


@pytest.fixture(scope="module")
def ordinal():
    found = simulated_ordinal.simulate(STUDIES // 50, processes=2)
    print(f"\n{simulated_ordinal.tables(found)}")
    return found


def place(tally, data, method, what):
    hits, n = tally.counts[data.name, method, what]
    return where(hits / n, n, ALPHA if what == WRONG else LEVEL)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (RANDOM, "own error, items random: contrast"),
        (RANDOM, "pooled model, items random: contrast"),
        (FIXED, "pooled model, items fixed: contrast"),
        (FIXED, "t interval of raters' differences"),
    ],
)
def test_contrasts_of_normal_scores_err_and_cover_as_they_say(tally, data, method):
    assert place(tally, data, method, WRONG) == place(tally, data, method, COVERED) == "within"


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (RANDOM, "own error, items random: mean"),
        (RANDOM, "pooled model, items random: mean"),
        (FIXED, "pooled model, items fixed: mean"),
        (FIXED, "t interval of raters' means"),
    ],
)
def test_means_of_normal_scores_are_covered_as_said(tally, data, method):
    assert place(tally, data, method, COVERED) == "within"


@pytest.mark.parametrize("data", [FIXED, CLIPPED[1]])
@pytest.mark.parametrize(
    "method",
    [
        "Wilcoxon, Hodges and Lehmann",
        "Wilcoxon with Holm, any of 15 pairs",
        "permutation",
        "permutation with largest t, any of 15 pairs",
        "Friedman, all conditions",
        "repeated measures, Greenhouse and Geisser",
        "pooled model, items fixed: Holm, any of 15 pairs",
    ],
)
def test_tests_err_no_more_often_than_they_say(tally, data, method):
    assert place(tally, data, method, WRONG) in ("within", "below")


@pytest.mark.parametrize(
    "method",
    [
        "own error, items random: Holm, any of 15 pairs",
        "own error, items random: non-inferior, the truth at the margin",
        "own error, items random: equivalent, the truth at the margin",
    ],
)
def test_the_mixed_models_decisions_err_no_more_often_than_they_say(tally, method):
    assert place(tally, RANDOM, method, WRONG) in ("within", "below")


@pytest.mark.parametrize(
    "method",
    [
        "naive: mixed model without interactions: contrast",
        "naive: ratings as if independent",
        "items taken as fixed: t interval of raters' differences",
    ],
)
def test_the_naive_analyses_err_several_times_as_often(tally, method):
    for data in (RANDOM, CLIPPED[0]):
        assert tally.share(data.name, method, WRONG) > 0.25


@pytest.mark.parametrize("data", [RANDOM, CLIPPED[0]])
def test_the_ordinal_model_errs_no_more_often_than_it_says(tally, data):
    assert place(tally, data, "ordinal model, interactions: contrast", WRONG) in ("within", "below")


def test_the_ordinal_model_errs_in_6_percent_at_most_and_clmms_test_more_often(tally):
    ours, theirs = (
        np.sum([tally.counts[data.name, f"{method}: contrast", WRONG] for data in (RANDOM, CLIPPED[0])], axis=0)
        for method in ("ordinal model, interactions", "naive: ordinal model, interactions, z as clmm")
    )
    assert ours[0] / ours[1] <= 0.06 < theirs[0] / theirs[1]


def test_the_ordinal_model_errs_no_more_often_than_it_says_in_studies_of_other_sizes(ordinal):
    for (name, test, _), (hits, n) in ordinal.counts.items():
        if test == simulated_ordinal.OURS:
            assert where(hits / n, n, ALPHA) in ("within", "below"), name


def test_a_bootstrap_that_covers_less_than_93_percent_warns(sizes):
    least = band(STUDIES // 4, 0.93)[0]
    for (name, _, _), (hits, n) in sizes.counts.items():
        fixed, (raters, items) = "fixed" in name, map(int, name.split(", ")[-2:])
        if raters >= FEW and (fixed or items >= FEW_ITEMS):
            assert hits / n >= least, name


@pytest.mark.parametrize("target", simulated_rates.MET)
def test_equivalent_rates_hold_the_truth_in_93_to_97_percent_of_the_studies_that_reach_it(rates, target):
    assert rates[target]["reached", "studies"] >= STUDIES // simulated_rates.PER_REACHED
    assert 0.93 <= simulated_rates.coverage(rates, (target,)) <= 0.97


@pytest.mark.parametrize("target", simulated_rates.NOT_MET)
def test_a_quality_that_no_rate_has_is_reached_in_5_percent_at_most(rates, target):
    assert simulated_rates.share(rates, target, "not reached") >= 0.95


def test_the_status_of_an_equivalent_rate_never_contradicts_its_interval(rates):
    assert simulated_rates.contradictions(rates) == 0
