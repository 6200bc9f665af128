"""Repeated-measures ANOVA against pingouin, statsmodels and figures worked by hand."""

import math
import warnings

import numpy as np
import pandas as pd
import pingouin
import pytest
from statsmodels.stats.anova import AnovaRM

from analysis.anova import repeated_measures
from analysis.frame import tidy
from analysis.inference import system_matrix

from .studies import exported, scores_table


def long(frame: pd.DataFrame) -> pd.DataFrame:
    """Raters' means of the raters who rated every system, one row each."""
    complete = system_matrix(frame).dropna()
    return complete.rename_axis("rater").reset_index().melt("rater", var_name="condition", value_name="score")


def test_f_epsilons_and_mauchly_are_pingouins(frame):
    found, table = repeated_measures(frame), long(frame)
    theirs = pingouin.rm_anova(
        table, dv="score", within="condition", subject="rater", correction=True, detailed=True, effsize="np2"
    ).set_index("Source")
    row, error = theirs.loc["condition"], theirs.loc["Error"]
    assert found.df == (row["DF"], error["DF"])
    assert found.f == pytest.approx(row["F"], rel=1e-9)
    assert found.p == pytest.approx(row["p_unc"], rel=1e-6)
    assert found.p_gg == pytest.approx(row["p_GG_corr"], rel=1e-6)
    assert found.epsilon_gg == pytest.approx(row["eps"], rel=1e-9)
    assert found.eta_squared == pytest.approx(row["np2"], rel=1e-9)
    wide = system_matrix(frame).dropna()
    assert found.epsilon_hf == pytest.approx(pingouin.epsilon(wide, correction="hf"), rel=1e-9)
    sphericity = pingouin.sphericity(wide)
    assert found.mauchly_w == pytest.approx(sphericity.W, rel=1e-9)
    # pingouin, as R, puts the number of systems for that of contrasts in one term of second order.
    assert found.mauchly_p == pytest.approx(sphericity.pval, rel=2e-3, abs=1e-6)


def test_f_is_statsmodels(frame):
    found = repeated_measures(frame)
    theirs = AnovaRM(long(frame), "score", "rater", within=["condition"]).fit().anova_table.iloc[0]
    assert found.f == pytest.approx(theirs["F Value"], rel=1e-9)
    assert found.df == (theirs["Num DF"], theirs["Den DF"])
    assert found.p == pytest.approx(theirs["Pr > F"], rel=1e-6)


def test_by_hand():
    # Means 2, 4, 6 of the systems, 3, 4, 5 of the raters, 4 in all. Effect 3 * (4 + 0 + 4) = 24.
    # What is left: rows (1, 0, -1), (-1, 1, 0), (0, -1, 1), squares 6. F = (24 / 2) / (6 / 4) = 8.
    table = {"A": [2, 1, 3], "B": [3, 5, 4], "C": [4, 6, 8]}
    found = repeated_measures(tidy(scores_table(table)))
    assert (found.f, found.df) == (pytest.approx(8), (2, 4))
    assert found.eta_squared == pytest.approx(24 / 30)
    assert found.p == pytest.approx((1 + 8 * 2 / 4) ** -2)  # an F of 2 and m degrees: (1 + 2f/m) ** (-m/2)


def test_two_systems_are_the_paired_t_test_and_sphericity_is_no_question():
    draw = np.random.default_rng(3)
    frame = tidy(scores_table({"A": list(draw.uniform(20, 60, 12)), "B": list(draw.uniform(30, 70, 12))}))
    found = repeated_measures(frame)
    matrix = system_matrix(frame)
    theirs = pingouin.ttest(matrix["A"], matrix["B"], paired=True).iloc[0]
    assert found.f == pytest.approx(theirs["T"] ** 2)
    assert found.p == found.p_gg == found.p_hf == pytest.approx(theirs["p_val"])
    assert (found.epsilon_gg, found.epsilon_hf) == (1, 1)
    assert math.isnan(found.mauchly_w)
    assert "sphericity holds" in found.note


def test_raters_without_every_system_are_left_out_and_counted():
    export = exported(n_raters=12)
    whole = repeated_measures(tidy(export[export["rater"] != "R05"]))
    found = repeated_measures(tidy(export[~((export["rater"] == "R05") & (export["condition"] == "Opus 6"))]))
    assert (found.f, found.n_raters, found.n_dropped) == (whole.f, 11, 1)


def test_means_over_different_items_are_pointed_out():
    export = exported(n_raters=12)
    gap = (export["rater"] == "R05") & (export["condition"] == "Opus 6") & (export["clip"] == "clip 1")
    assert "1 rater did not rate all systems of every item" in repeated_measures(tidy(export[~gap])).note


POOR = {
    "one rater": (exported(1, 6), "needs 2 systems and 2 raters"),
    "one system": (exported(5, 3)[lambda t: t["condition"] == "Opus 6"], "needs 2 systems and 2 raters"),
    "no system": (exported(5, 3)[lambda t: t["role"] != "system"], "needs 2 systems and 2 raters"),
    "all scores equal": (exported(5, 3).assign(score=70), "no error to test against"),
    "the same distances": (scores_table({"A": [10.1, 20.1, 30.1], "B": [20.4, 30.4, 40.4]}), "no error to test"),
    "nine tenths missing": (exported(12, 6).sample(frac=0.1, random_state=1), "needs 2 systems and 2 raters"),
}


@pytest.mark.parametrize("name", POOR)
def test_poor_data_give_a_reason_and_no_figure(name):
    table, why = POOR[name]
    found = repeated_measures(tidy(table))
    assert math.isnan(found.f)
    assert math.isnan(found.p_gg)
    assert why in found.note


@pytest.mark.parametrize("n_raters", [2, 3, 8])
def test_fewer_raters_than_systems_give_an_f_and_say_that_sphericity_is_not_tested(n_raters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = repeated_measures(tidy(exported(n_raters)))
    assert 0 <= found.p <= found.p_gg <= 1
    assert math.isnan(found.mauchly_p)
    assert f"With {n_raters} raters for 9 systems sphericity cannot be tested" in found.note


def test_as_many_raters_as_systems_are_enough_to_test_sphericity():
    found = repeated_measures(tidy(exported(9)))
    assert 0 < found.mauchly_w < 1
    assert found.note == ""


def test_a_difference_that_is_the_same_for_all_raters_breaks_sphericity():
    a = [10.0, 30, 20, 50, 40, 25]
    table = {"A": a, "B": [score + 5 for score in a], "C": [55, 35, 65, 45, 60, 50]}
    found = repeated_measures(tidy(scores_table(table)))
    assert (found.mauchly_w, found.mauchly_p) == (0, 0)
    assert found.epsilon_gg == pytest.approx(0.5)  # the lowest that there is: 1 / (systems - 1)
