"""The mixed model against what is known of it: dense algebra, closed forms, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from analysis import crossed
from analysis.frame import RatingsError, tidy
from analysis.margins import within_margin
from analysis.mixed import cells_of, mixed_model, model_of
from analysis.simulation import Components, Plan, as_frame, draw_scores

MEANS = {"A": 40.0, "B": 50.0, "C": 55.0, "D": 70.0}


def study(n_raters=9, n_items=6, *, seed=1, **options):
    plan = Plan(n_raters, n_items, MEANS, **options)
    return as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)


def dense_deviance(frame, theta, fixed):
    """-2 log restricted likelihood, profiled, by the whole covariance matrix of all ratings."""
    pairs = frame["item"] + frame["condition"]
    by_rater = [frame["rater"] + frame[other] for other in ("condition", "item")]
    groups = (frame["rater"], by_rater[0], frame["item"], pairs, by_rater[1])
    v = np.eye(len(frame))
    for value, group in zip(theta, groups, strict=True):
        z = pd.get_dummies(group).to_numpy(float)
        v += value**2 * z @ z.T
    x = pd.get_dummies(pairs if fixed else frame["condition"]).to_numpy(float)
    y = frame["score"].to_numpy(float)
    inverse = np.linalg.inv(v)
    gram = x.T @ inverse @ x
    beta = np.linalg.solve(gram, x.T @ inverse @ y)
    rest = y - x @ beta
    free = len(y) - x.shape[1]
    s2 = rest @ inverse @ rest / free
    log_dets = np.linalg.slogdet(v)[1] + np.linalg.slogdet(gram)[1]
    return log_dets + free * (1 + np.log(2 * np.pi * s2)), beta, s2 * np.linalg.inv(gram)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("options", [{}, {"missing": 0.3}, {"items_per_rater": 4}])
def test_the_deviance_is_that_of_the_whole_covariance_matrix(options, fixed):
    frame = study(**options)
    model = mixed_model(frame, items="fixed" if fixed else "random")
    cells = _cells(frame, fixed)
    for theta in ([0.7, 0.3, 0.5, 0.6, 0.0], [0.0, 0.2, 0.0, 1.5, 0.4], [1.0, 0.0, 0.4, 0.0, 2.0]):
        at = np.array(theta) * ([1, 1, 0, 0, 1] if fixed else 1)
        deviance, beta, _ = dense_deviance(frame, at, fixed)
        solution = crossed.solve(cells, at)
        assert crossed.deviance(cells, solution) == pytest.approx(deviance, rel=1e-10)
        assert np.sort(solution.beta) == pytest.approx(np.sort(beta), rel=1e-9)
    deviance, _, cov = dense_deviance(frame, model.fit.theta, fixed)
    assert model.fit.deviance == pytest.approx(deviance, rel=1e-10)
    assert np.sort(np.diag(model.fit.cov)) == pytest.approx(np.sort(np.diag(cov)), rel=1e-8)


def _cells(frame, fixed):
    from analysis.mixed import _cells as cells

    return cells(frame.assign(n_ratings=1), list(MEANS), "fixed" if fixed else "random")


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_no_other_theta_is_more_likely(seed):
    frame = study(6, 5, missing=0.2, seed=seed)
    model = mixed_model(frame)
    other = optimize.minimize(
        lambda theta: dense_deviance(frame, [*theta, 0.0], fixed=False)[0],
        model.fit.theta[:4] + 0.1,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 1000},
    )
    assert model.fit.deviance <= other.fun + 1e-7
    assert model.fit.theta[:4] == pytest.approx(np.abs(other.x), abs=2e-3)


def test_a_complete_study_has_the_closed_form():
    """Mean squares of a three-way table: Searle, Casella and McCulloch, Variance Components, 1992, chapter 4."""
    frame = study(12, 8, components=Components(150, 15, 120, 30, 200), seed=3)
    model = mixed_model(frame)
    table = frame.pivot(index="rater", columns=["item", "condition"], values="score")
    y = table.to_numpy().reshape(12, 8, 4)
    r, i, c = y.shape
    m = {
        "r": y.mean((1, 2), keepdims=True), "i": y.mean((0, 2), keepdims=True), "c": y.mean((0, 1), keepdims=True),
        "rc": y.mean(1, keepdims=True), "ic": y.mean(0, keepdims=True), "all": y.mean(),
    }  # fmt: skip
    rc = i * ((m["rc"] - m["r"] - m["c"] + m["all"]) ** 2).sum() / ((r - 1) * (c - 1))
    ic = r * ((m["ic"] - m["i"] - m["c"] + m["all"]) ** 2).sum() / ((i - 1) * (c - 1))
    rest = y - m["rc"] - m["ic"] + m["c"]
    rest = rest - rest.mean(2, keepdims=True)
    # Within contrasts of systems the residual is what rater:condition and item:condition leave.
    within = (rest**2).sum() / ((r - 1) * (i - 1) * (c - 1))
    variance = 2 * (max(rc - within, 0) / i / r + max(ic - within, 0) / r / i + within / (r * i))
    found = model.contrasts(error="pooled")
    components = dict(zip(model.components["term"], model.components["variance"], strict=True))
    assert min(components.values()) > 0
    closed = 2 * (
        components["rater:condition"] / r + components["item:condition"] / i + components["residual"] / (r * i)
    )
    assert found["se"].to_numpy() ** 2 == pytest.approx(np.full(6, closed), rel=1e-6)
    assert np.ptp(found["se"]) < 1e-6
    assert closed == pytest.approx(variance, rel=0.05)  # the residual is told from rater:item, too
    assert model.means()["mean"].to_numpy() == pytest.approx(y.mean((0, 1)))


def test_interactions_left_out_make_errors_too_small():
    frame = study(10, 6, components=Components(80, 40, 60, 70, 150))
    whole = mixed_model(frame).contrasts()["se"].mean()
    naive = mixed_model(frame, terms=["rater", "item"]).contrasts()["se"].mean()
    assert whole > 1.8 * naive


def test_two_systems_and_fixed_items_give_the_paired_t_test():
    frame = study(10, 5, components=Components(80, 40, 60, 70, 150))
    frame = frame[frame["condition"].isin(["A", "B"])]
    row = mixed_model(frame, items="fixed").contrasts().iloc[0]
    means = frame.groupby(["rater", "condition"])["score"].mean().unstack()
    test = stats.ttest_rel(means["A"], means["B"])
    assert row["t"] == pytest.approx(test.statistic, rel=1e-5)
    assert row["df"] == pytest.approx(9, rel=0.02)


def test_repeats_are_averaged():
    frame = study(5, 4, clipped=True)
    again = pd.concat([frame, frame.assign(repeat=1, score=100 - frame["score"])], ignore_index=True)
    with pytest.raises(RatingsError, match="All scores are equal"):  # every cell has the mean 50
        mixed_model(tidy(again))
    twice = pd.concat([frame, frame.assign(repeat=1)], ignore_index=True)
    pd.testing.assert_frame_equal(mixed_model(tidy(twice)).contrasts(), mixed_model(frame).contrasts())


@pytest.mark.parametrize("terms", [crossed.POOLED_TERMS, crossed.TERMS, ("rater", "item")], ids=len)
@pytest.mark.parametrize(("n_raters", "n_items", "seed"), [(20, 8, 1), (6, 4, 2), (6, 4, 3), (4, 3, 4), (4, 3, 5)])
def test_the_formula_for_complete_studies_finds_what_the_search_finds(n_raters, n_items, seed, terms):
    """Variances that are estimated as 0 among them."""
    plan = Plan(n_raters, n_items, MEANS)
    cells = cells_of(draw_scores(plan, np.random.default_rng(seed)))
    places = tuple(crossed.TERMS.index(term) for term in terms)
    formula, search = crossed.fit(cells, terms), crossed.search(cells, places)
    assert formula.theta == pytest.approx(search.theta, abs=1e-4)
    assert formula.deviance == pytest.approx(search.deviance, abs=1e-6)
    assert formula.cov == pytest.approx(search.cov, rel=1e-3, abs=1e-4)
    for weights in ([1, -1, 0, 0], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]):
        at = np.array(weights, float)
        assert formula.degrees(at) == pytest.approx(search.degrees(at), rel=1e-3)


def against_each_other(n_raters, n_items, seed):
    """Scores (raters, items, 2) of conditions that raters and items prefer to each other."""
    draw = np.random.default_rng(seed)
    taste = draw.normal(0, [[[6]], [[0]]][seed % 2], (n_raters, 1)) + draw.normal(0, seed % 3, (1, n_items))
    y = 50 + draw.normal(0, 3, (n_raters, 1, 1)) + draw.normal(0, 5, (n_raters, n_items, 2))
    return y + taste[:, :, None] * np.array([1, -1])


@pytest.mark.parametrize("seed", range(6))
def test_two_complete_conditions_are_compared_by_their_differences(seed):
    y = against_each_other(7, 6, seed)
    search = crossed.fit_pair(cells_of(y))
    weights = np.array([1.0, -1.0])
    value, se, df = crossed.table_means(y[:, :, 0] - y[:, :, 1])
    assert value == pytest.approx(weights @ search.solution.beta)
    assert se == pytest.approx((weights @ search.cov @ weights) ** 0.5, rel=1e-4)
    assert df == pytest.approx(search.degrees(weights), rel=1e-3)


def test_tables_of_many_studies_give_what_each_gives():
    tables = np.stack([against_each_other(7, 6, seed)[:, :, 0] for seed in range(6)])
    each = np.array([crossed.table_means(table) for table in tables]).T
    assert np.array(crossed.table_means(tables)) == pytest.approx(each)


def test_identical_ratings_differ_by_nothing_with_a_note():
    y = np.repeat(against_each_other(6, 6, 1)[:, :, :1], 2, axis=2)
    row = model_of(cells_of(y), ["A", "B"]).contrasts().iloc[0]
    assert (row["difference"], row["ci_low"], row["ci_high"], row["p"]) == (0, 0, 0, 1)
    assert "cannot be estimated" in row["note"]


@pytest.mark.parametrize("missing", [False, True])
def test_one_rater_of_twenty_who_hears_a_difference_of_20_makes_an_error_of_one_point(missing):
    y = np.repeat(np.random.default_rng(1).normal(60, 10, (20, 6, 1)), 2, axis=2)
    y[0, :, 1] -= 20
    if missing:  # a whole page
        y[3, 2] = np.nan
    found = model_of(cells_of(y), ["A", "B"]).difference("A", "B")
    assert (found.value, found.se, found.df) == pytest.approx((1, 1, 19), rel=0.03)
    verdicts = {margin: within_margin(found.value, found.se, found.df, margin).equivalent for margin in (2, 3)}
    assert verdicts == {2: False, 3: True}


def scores(rows):
    return tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]).assign(role="system"))


def test_what_cannot_be_told_is_left_out_and_said():
    one_item = mixed_model(
        scores([(r, "x", c, 40 + 3 * r + (c == "B") * (7 + (r * r) % 5)) for r in range(6) for c in "AB"])
    )
    assert list(one_item.components["term"]) == ["rater", "residual"]
    assert "item" in " ".join(one_item.notes)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(1, 1, c, score) for c, score in (("A", 50), ("B", 60))], "One rater and one item"),
        ([(r, i, "A", 50 + r) for r in range(3) for i in range(3)], "at least 2 conditions"),
        ([(r, i, c, 50) for r in range(3) for i in range(3) for c in "AB"], "All scores are equal"),
        ([(1, "x", "A", 10), (2, "x", "B", 20)], "no more ratings than means"),
    ],
)
def test_what_cannot_be_modelled_is_refused_with_the_reason(rows, said):
    with pytest.raises(RatingsError, match=said):
        mixed_model(scores(rows))


def test_an_item_that_a_condition_lacks_is_named_where_items_are_fixed():
    rows = [
        (r, i, c, 30 + 5 * i + r + (c == "B") * (1 + r * i % 3))
        for r in range(4)
        for i in range(6)
        for c in "AB"
        if (i, c) != (2, "B")
    ]
    with pytest.raises(RatingsError, match="condition B of the item 2.*, or take the items as random"):
        mixed_model(scores(rows), items="fixed")
    assert len(mixed_model(scores(rows)).contrasts()) == 1
    with pytest.raises(RatingsError, match="condition B of the item 2.*Leave that item out.$"):
        mixed_model(scores([row for row in rows if row[1] < 4]))


@pytest.mark.parametrize("lost", [0, 1])
def test_scores_without_a_rest_are_refused(lost):
    rows = [(r, i, c, 20 + 3 * r + 5 * i + 20 * (c == "B")) for r in range(4) for i in range(3) for c in "AB"]
    with pytest.raises(RatingsError, match="explain every rating"):
        mixed_model(scores(rows[lost:]))


def test_scores_that_only_conditions_explain_give_no_nan():
    rows = [
        (r, i, c, {"A": 20, "B": 80}[c] + (r == i == 1 and c == "A")) for r in range(4) for i in range(3) for c in "AB"
    ]
    found = mixed_model(scores(rows)).contrasts()
    assert not found.isna().any().any()


@pytest.mark.parametrize("n_items", [1, 2, 4])
def test_fewer_than_five_items_are_fixed_and_the_model_says_so(n_items):
    frame = study(8, n_items)
    model, fixed = mixed_model(frame), mixed_model(frame, items="fixed")
    assert model.items == "fixed"
    assert set(model.contrasts()["items"]) == {"fixed"}
    verb = "item is" if n_items == 1 else "items are"
    assert model.notes[0] == f"{n_items} {verb} too few to stand for others, and taken as fixed."
    pd.testing.assert_frame_equal(model.contrasts(), fixed.contrasts())


def test_five_items_are_random():
    assert mixed_model(study(8, 5)).items == "random"


def different_items(n_common: int, seed: int = 1) -> pd.DataFrame:
    """A and B have `n_common` items in common and six each; items that only one of them has are far easier for A."""
    draw = np.random.default_rng(seed)
    own = {"A": range(6), "B": range(6 - n_common, 12 - n_common), "C": range(12 - n_common)}
    rows = [
        (rater, f"i{item:02}", name, 50 + (5 * (name == "C")) + (30 * (item < 6 - n_common)) + draw.normal(0, 5))
        for rater in range(10)
        for name, items in own.items()
        for item in items
    ]
    return scores(rows)


def test_systems_on_different_items_are_compared_over_the_items_that_both_have():
    frame = different_items(5)
    found = mixed_model(frame).contrasts().set_index(["a", "b"])
    common = sorted(
        set(frame.loc[frame["condition"] == "A", "item"]) & set(frame.loc[frame["condition"] == "B", "item"])
    )
    alone = mixed_model(frame[frame["item"].isin(common) & frame["condition"].isin(["A", "B"])]).contrasts().iloc[0]
    assert found.loc[("A", "B"), "n_items"] == 5
    for name in ("difference", "se", "df", "p"):
        assert found.loc[("A", "B"), name] == pytest.approx(alone[name], rel=1e-6)
    assert abs(found.loc[("A", "B"), "difference"]) < 5  # plain means are 25 apart


def test_systems_without_a_common_item_are_not_compared_and_few_common_items_are_fixed():
    found = mixed_model(different_items(0)).contrasts().set_index(["a", "b"])
    assert np.isnan(found.loc[("A", "B"), "difference"])
    assert found.loc[("A", "B"), "note"] == "No item was rated with A and B: they cannot be compared."
    assert found.loc[("A", "C"), ["items", "n_items"]].tolist() == ["random", 6]
    assert mixed_model(different_items(3)).contrasts()["items"].tolist() == ["fixed", "random", "random"]
