"""Raters who are no sample: fixed raters, one rater, one item, and raters and items both fixed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import crossed
from analysis.__main__ import main
from analysis.claim import claim
from analysis.frame import RatingsError, tidy
from analysis.influence import influence
from analysis.mixed import cells_of, mixed_model, model_of
from analysis.predictions import predictions
from analysis.rate_contrasts import complete_contrasts, rate_contrasts
from analysis.report import build_report
from analysis.screening_sensitivity import screening_sensitivity
from analysis.simulation import Components, Plan, as_frame, draw_scores

from .test_report import text_of

NAMES = {"Opus 6": 40.0, "Opus 12": 50.0, "MP3 64": 55.0, "Lyra 6": 65.0}
VARIANCES = Components(80, 60, 30, 72, 100)


def study(n_raters=6, n_items=7, *, seed=1, **options):
    plan = Plan(n_raters, n_items, NAMES, VARIANCES, clipped=True, **options)
    return as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)


def paired(frame, a, b, over):
    means = frame.groupby([over, "condition"])["score"].mean().unstack().dropna()
    return stats.ttest_rel(means[a], means[b])


def check_t_tests(found, frame, over):
    for row in found.to_dict("records"):
        test = paired(frame, row["a"], row["b"], over)
        assert (row["t"], row["df"], row["p"]) == pytest.approx((test.statistic, test.df, test.pvalue), rel=1e-12)


@pytest.mark.parametrize("raters", ["random", "fixed"])
def test_one_item_gives_the_paired_t_test_over_raters(raters):
    frame = study(n_items=1)
    model = mixed_model(frame, raters=raters)
    assert (model.items, model.raters) == ("fixed", raters)
    check_t_tests(model.contrasts(), frame, "rater")
    means = model.means().set_index("condition")
    for name, scores in frame.groupby("condition")["score"]:
        assert means.loc[name, "se"] == pytest.approx(stats.sem(scores))
        assert means.loc[name, "df"] == 5


@pytest.mark.parametrize(("n_items", "items"), [(7, "random"), (3, "fixed"), (2, "fixed")])
def test_one_rater_gives_the_paired_t_test_over_items(n_items, items):
    frame = study(2, n_items, seed=4).query("rater == 'R001'")
    model = mixed_model(frame)
    assert (model.items, model.raters) == (items, "fixed")
    assert "1 rater cannot stand for others, and is taken as fixed." in model.notes
    check_t_tests(model.contrasts(), frame, "item")
    assert (model.components["variance"] > 0).all()
    pooled = model.contrasts(error="pooled")
    table = frame.pivot(index="item", columns="condition", values="score").to_numpy()
    rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    variance = (rest**2).sum() / ((n_items - 1) * 3)
    assert pooled["se"].to_numpy() == pytest.approx(np.full(6, (2 * variance / n_items) ** 0.5), rel=1e-5)
    assert pooled["df"].to_numpy() == pytest.approx(np.full(6, 3 * (n_items - 1)), rel=1e-4)


def test_one_item_uses_raters_who_rated_one_of_two_systems():
    """As lme4 does: the model has no rater:condition, and the mean of such a rater says something of the system."""
    frame = study(12, 1).drop(index=[0, 5])
    pair = frame[frame["condition"].isin(["Opus 6", "Opus 12"])]
    found = mixed_model(pair).contrasts().iloc[0]
    assert found["df"] > paired(pair, "Opus 6", "Opus 12", "rater").df
    assert found["se"] > 0


def test_complete_studies_with_fixed_raters_give_the_paired_t_test_over_items():
    frame = study(6, 8, seed=3)
    check_t_tests(mixed_model(frame, raters="fixed").contrasts(), frame, "item")


@pytest.mark.parametrize("error", ["own", "pooled"])
@pytest.mark.parametrize("options", [{}, {"missing": 0.3}, {"items_per_rater": 6}])
def test_fixed_raters_are_fixed_items_with_raters_and_items_in_each_others_place(options, error):
    frame = study(7, 8, **options)
    turned = frame.rename(columns={"rater": "item", "item": "rater"})
    ours, theirs = mixed_model(frame, raters="fixed"), mixed_model(turned, items="fixed")
    drop = ["items", "n_items"]
    pd.testing.assert_frame_equal(
        ours.contrasts(error=error).drop(columns=drop), theirs.contrasts(error=error).drop(columns=drop), rtol=1e-6
    )
    pd.testing.assert_frame_equal(ours.means(error=error), theirs.means(error=error), rtol=1e-6)
    assert ours.taken == "items random, raters fixed"


def least_squares(frame, a, b):
    """Difference of two systems over whole pages, with a mean for each rater and item, by the whole design matrix."""
    wide = frame.pivot(index=["rater", "item"], columns="condition", values="score")[[a, b]].dropna()
    d = (wide[a] - wide[b]).to_numpy()
    columns = [pd.get_dummies(wide.index.get_level_values(name)).to_numpy(float) for name in ("rater", "item")]
    x = np.column_stack(columns)
    inverse = np.linalg.pinv(x.T @ x)
    weights = np.concatenate([np.full(each.shape[1], 1 / each.shape[1]) for each in columns])
    beta = inverse @ x.T @ d
    df = len(d) - np.linalg.matrix_rank(x)
    variance = ((d - x @ beta) ** 2).sum() / df
    return weights @ beta, (variance * weights @ inverse @ weights) ** 0.5, df


@pytest.mark.parametrize("options", [{}, {"missing": 0.2}, {"items_per_rater": 6}])
def test_with_raters_and_items_fixed_the_error_is_what_they_leave(options):
    frame = study(7, 8, **options)
    model = mixed_model(frame, raters="fixed", items="fixed")
    for row in model.contrasts().to_dict("records"):
        theirs = least_squares(frame, row["a"], row["b"])
        assert (row["difference"], row["se"], row["df"]) == pytest.approx(theirs, rel=1e-9)
    assert any("both fixed" in note for note in model.notes)


def test_repeats_are_averaged_with_fixed_raters_too():
    frame = study()
    twice = tidy(pd.concat([frame, frame.assign(repeat=1)], ignore_index=True))
    for options in ({"raters": "fixed"}, {"raters": "fixed", "items": "fixed"}):
        once = mixed_model(frame, **options).contrasts()
        pd.testing.assert_frame_equal(mixed_model(twice, **options).contrasts(), once)


def test_fixed_raters_speak_for_fewer_people_and_have_the_smaller_error():
    frame = study(8, 8)
    errors = {taken: mixed_model(frame, raters=taken).contrasts()["se"] for taken in ("random", "fixed")}
    assert (errors["fixed"] <= errors["random"] + 1e-9).all()
    assert errors["fixed"].mean() < 0.95 * errors["random"].mean()


def coverage(tables, truth, **fixed):
    mean, se, df = crossed.table_means(tables, **fixed)
    return (np.abs(mean - truth) <= stats.t.ppf(0.975, df) * se).mean()


def drawn(n, *, of_rater, of_item, of_both, rest, seed=1):
    """Differences in tables of 6 raters and 8 items; effects of skewed distributions where a sample is drawn."""
    draw = np.random.default_rng(seed)
    raters = of_rater * (draw.exponential(size=(1, 6, 1)) - 1)
    items = of_item * draw.normal(size=(n, 1, 8))
    both = of_both * draw.normal(size=(1, 6, 8))
    return raters, items, both, rest * draw.normal(size=(n, 6, 8))


def test_with_fixed_raters_the_interval_covers_the_mean_of_these_raters_in_95_percent():
    raters, items, _, rest = drawn(4000, of_rater=15, of_item=6, of_both=0, rest=8)
    truth = raters.mean()
    assert coverage(raters + items + rest, truth, fixed_raters=True) == pytest.approx(0.95, abs=0.012)


def test_with_both_fixed_the_interval_covers_95_percent_and_more_where_raters_differ_about_items():
    raters, items, both, rest = drawn(4000, of_rater=15, of_item=6, of_both=6, rest=8)
    items = items[:1]
    fixed = {"fixed_raters": True, "fixed_items": True}
    truth = raters.mean() + items.mean()
    assert coverage(raters + items + rest, truth, **fixed) == pytest.approx(0.95, abs=0.012)
    assert coverage(raters + items + both + rest, truth + both.mean(), **fixed) > 0.96


def scores(rows):
    return tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]).assign(role="system"))


def noisy(keep):
    draw = np.random.default_rng(1)
    cells = [(r, i, c) for r in range(6) for i in range(6) for c in "AB"]
    return scores([(*cell, 50 + draw.normal(0, 5)) for cell in cells if keep(*cell)])


@pytest.mark.parametrize(
    ("frame", "options", "said"),
    [
        (study(2, 2).query("rater == 'R001' and item == 'item 01'"), {}, "One rater and one item"),
        (study(), {"raters": "these"}, "Raters are random or fixed, not 'these'"),
        (
            noisy(lambda r, i, c: (r, c) != (2, "B")),
            {"raters": "fixed"},
            "The rater 2 did not rate the condition B.* Leave that rater out, or take the raters as random",
        ),
        (
            noisy(lambda r, i, c: (r < 3) == (i < 3)),
            {"raters": "fixed", "items": "fixed"},
            "nothing in common.* Take the raters or the items as random",
        ),
        (study(600, 2), {"raters": "fixed"}, "600 raters .* Take the raters as random"),
    ],
    ids=["one of each", "no such word", "a rater without a condition", "two groups", "a crowd"],
)
def test_what_cannot_be_estimated_is_refused_with_what_to_do(frame, options, said):
    with pytest.raises(RatingsError, match=said):
        mixed_model(frame, **options)


def test_pairs_are_compared_by_fixed_raters_who_rated_both():
    frame = study(7, 8, missing=0.3)
    model = mixed_model(frame, raters="fixed")
    few = model.among(["Opus 6", "MP3 64"])
    assert (few.n_raters, few.raters) == (7, "fixed")


@pytest.mark.parametrize("options", [{"raters": "fixed"}, {"raters": "fixed", "items": "fixed"}])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_residuals_sum_to_nothing_for_each_mean_of_the_model(options, missing):
    frame = study(7, 8, missing=missing)
    fitted, residuals = predictions(mixed_model(frame, **options), frame)
    kept = frame.dropna(subset=["score"])
    sums = pd.Series(residuals, kept.index).groupby([kept["rater"], kept["condition"]]).sum()
    assert sums.to_numpy() == pytest.approx(np.zeros(28), abs=1e-2)
    assert fitted + residuals == pytest.approx(kept["score"].to_numpy())


@pytest.mark.parametrize("fixed", [{"fixed_raters": True}, {"fixed_raters": True, "fixed_items": True}])
def test_rate_contrasts_with_fixed_raters_are_the_differences_of_the_model(fixed):
    names = list(NAMES)
    y = draw_scores(Plan(6, 8, NAMES, VARIANCES), np.random.default_rng(2))
    weights = np.array([[1.0, 0, -1], [0.5, 0.5, -1], [0, 1, -1]])
    found = complete_contrasts(y[:, :, :3], weights, **fixed)
    lost = y.copy()
    lost[0, 0, 0] = np.nan
    for scores_, tolerance in ((y, 1e-12), (lost, None)):
        model = model_of(cells_of(scores_, **fixed), names)
        parts = rate_contrasts(model, names[:3], weights, 0.95)
        pair = model.difference(names[0], names[2])
        assert (parts.value[0], parts.se[0], parts.df[0]) == pytest.approx((pair.value, pair.se, pair.df), rel=1e-6)
        if tolerance:
            assert parts.se == pytest.approx(found.se, rel=tolerance)
        else:
            assert parts.se == pytest.approx(found.se, rel=0.2)


def test_claim_influence_and_screening_sensitivity_take_raters_as_they_are_told():
    frame = study(7, 8)
    found = claim(frame, margin=10, raters="fixed")
    model = mixed_model(frame, raters="fixed")
    pair = model.difference("Opus 6", "Lyra 6")
    row = found.comparisons.set_index(["system", "against"]).loc[("Lyra 6", "Opus 6")]
    assert (row["se"], row["df"]) == pytest.approx((pair.se, pair.df))
    without = influence(frame, raters="fixed").without.query("name == 'R001'")
    rest = mixed_model(frame[frame["rater"] != "R001"], raters="fixed").contrasts()
    assert without["p"].to_numpy() == pytest.approx(rest["p_holm"].to_numpy())
    table = screening_sensitivity(frame, ["none"], margin=10, raters="fixed").verdicts
    one = table[(table["system"] == "Lyra 6") & (table["against"] == "Opus 6") & (table["kind"] == "margin")].iloc[0]
    assert one["low"] == pytest.approx(row["lower"])


@pytest.mark.parametrize(
    ("frame", "options"),
    [(study(), {"raters": "fixed"}), (study(2, 7).query("rater == 'R001'"), {})],
    ids=["fixed", "one"],
)
def test_a_report_says_that_it_holds_for_these_raters_only(frame, options):
    report = build_report(frame, screening=["none"], margin=10, **options)
    text = text_of(report.html)
    assert "Raters are fixed: the result holds for these raters only." in text
    assert "for these raters only, on other items of the kind as well (mixed model, items random, raters fixed)" in text
    assert "so that the results hold for these raters only" in text
    assert report.tests()["settings"]["raters"] == options.get("raters", "random")


def test_a_report_on_a_sample_of_raters_does_not_say_so():
    text = text_of(build_report(study(), screening=["none"]).html)
    assert "these raters" not in text
    assert "raters fixed" not in text


def test_the_command_line_takes_raters_as_fixed(tmp_path, capsys):
    file = tmp_path / "ratings.csv"
    study().to_csv(file, index=False)
    assert main(["compare", str(file), "--screening", "none", "--raters", "fixed"]) == 0
    assert "Raters are fixed: the result holds for these raters only." in capsys.readouterr().out
