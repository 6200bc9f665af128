"""What is computed by arrays is what plain pandas gives: incomplete studies with repeats and several categories."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import material, resampling
from analysis.agreement import alpha, krippendorff_alpha, raters, stimuli
from analysis.describe import describe
from analysis.frame import average_repeats, rater_means, tidy
from analysis.inference import mixed_items, system_matrix
from analysis.resampling import bootstrap_means, permutation_pairs
from analysis.screening import screen

CELL = ["rater", "item", "category", "condition", "role"]
CONDITIONS = ["Reference", "Mid anchor", "Low anchor", "Opus 6", "Opus 12", "Lyra 3"]


def drawn(seed: int) -> pd.DataFrame:
    """Eleven raters, a third of whose pages come twice; a fifth of all rows is lost, some have no score."""
    draw = np.random.default_rng(seed)
    rows = [
        {
            "rater": f"R{rater + 1}",
            "session": f"S{rater + 1}",
            "session_state": "finished" if rater % 7 else "trials",
            "item": f"clip {item + 1}",
            "category": ["speech", "music", "noise"][item % 3],
            "condition": name,
            "repeat": repeat,
            "score": np.nan if draw.random() < 0.05 else float(draw.integers(0, 101)),
            "kbps": {"Opus 6": 6 + draw.random(), "Opus 12": 12.0}.get(name, np.nan),
            "spec": {"Opus 6": "opus@6", "Opus 12": "opus@12"}.get(name, ""),
            "weights": ["own", "published"][item % 2] if name == "Lyra 3" else "",
            "started_at": "2026-03-01T10:00:00Z",
            "rated_at": f"2026-03-01T10:00:{draw.integers(1, 30):02}Z" if draw.random() < 0.9 else "",
            "seconds_heard": draw.uniform(0, 4),
        }
        for rater in range(11)
        for item in range(7)
        for repeat in range(1 + (rater + item) % 3 // 2)
        for name in CONDITIONS
    ]
    return tidy(pd.DataFrame(rows).sample(frac=0.8, random_state=seed))


@pytest.fixture(params=range(3))
def frame(request) -> pd.DataFrame:
    return drawn(request.param)


def cells_of(frame: pd.DataFrame) -> pd.DataFrame:
    groups = frame[frame["score"].notna()].groupby(CELL, sort=False)["score"]
    return groups.agg(score="mean", n_ratings="size").reset_index()


def test_repeats_are_averaged(frame):
    assert (cells_of(frame)["n_ratings"] > 1).any()
    pd.testing.assert_frame_equal(average_repeats(frame), cells_of(frame))


def test_raters_means(frame):
    theirs = cells_of(frame).groupby(["rater", "condition"], sort=False)["score"].mean().unstack("condition")
    pd.testing.assert_frame_equal(rater_means(frame), theirs)


def test_stimuli_are_a_pivot(frame):
    theirs = cells_of(frame).pivot(index=["item", "condition"], columns="rater", values="score")
    pd.testing.assert_frame_equal(stimuli(frame), theirs)


@pytest.mark.parametrize("by", [[], ["category"], ["item"]])
def test_descriptions(frame, by):
    found = describe(frame, by=by)
    assert len(found) == len(cells_of(frame).groupby([*by, "condition"]))
    for row in found.to_dict("records"):
        own = cells_of(frame)
        for name in [*by, "condition"]:
            own = own[own[name] == row[name]]
        means = own.groupby("rater")["score"].mean()
        counts = (len(means), own["item"].nunique(), own["n_ratings"].sum())
        assert (row["n_raters"], row["n_items"], row["n_ratings"]) == counts
        assert row["role"] == own["role"].iloc[0]
        assert [row["mean"], row["mean_of_ratings"]] == pytest.approx([means.mean(), own["score"].mean()])
        assert [row["q1"], row["median"], row["q3"]] == pytest.approx(own["score"].quantile([0.25, 0.5, 0.75]).tolist())
        if len(means) > 1:
            expected = stats.t.interval(0.95, len(means) - 1, loc=means.mean(), scale=stats.sem(means))
            assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected)


def test_what_was_rated(frame):
    found = material.conditions(frame).set_index("condition")
    for name, own in frame.groupby("condition"):
        assert found.loc[name, "role"] == own["role"].iloc[0]
        assert found.loc[name, "weights"] == ", ".join(sorted(set(own["weights"]) - {""}))
        rates = [own["kbps"].min(), own["kbps"].max()]
        assert found.loc[name, ["kbps_low", "kbps_high"]].tolist() == pytest.approx(rates, nan_ok=True)
    given = frame[frame["score"].notna()]
    items = material.items(frame)
    assert items["item"].tolist() == [f"clip {i}" for i in range(1, 8)]
    assert items["n_raters"].tolist() == given.groupby("item")["rater"].nunique().tolist()
    cells = cells_of(frame)
    whole = len(cells.groupby(["rater", "item"])) * 6
    assert material.missing_cells(frame) == (whole - len(cells), whole)
    counts = given.groupby("rater")["item"].nunique()
    assert material.items_per_rater(frame) == (counts.min(), counts.max())
    systems = cells[cells["role"] == "system"].groupby(["rater", "item"]).size()
    n_mixed = systems[systems < 3].index.get_level_values("rater").nunique()
    assert mixed_items(frame)[0].startswith(f"{n_mixed} raters did not rate all systems")


def test_alpha_and_its_interval_are_those_of_stimuli_drawn_one_by_one(frame):
    wide = stimuli(frame)
    table = wide[wide.notna().sum(axis=1) > 1].to_numpy()
    draw, n = np.random.default_rng(5), len(table)
    sample = [krippendorff_alpha(table[draw.integers(0, n, n)]) for _ in range(99)]
    found = alpha(frame, draws=99, seed=5)
    assert [found.low, found.high] == pytest.approx(np.quantile(sample, [0.025, 0.975]).tolist())
    assert found.value == pytest.approx(krippendorff_alpha(wide.to_numpy()))
    assert (found.n_raters, found.n_stimuli) == (wide.shape[1], n)


def test_each_raters_reliability(frame):
    wide, given = stimuli(frame), frame[frame["score"].notna()]
    found = raters(frame).set_index("rater")
    assert list(found.index) == sorted(wide.columns, key=lambda name: int(name[1:]))
    for name in wide.columns:
        own, row = wide[name].dropna(), found.loc[name]
        again = given[given["rater"] == name].groupby(["item", "condition"])["score"].agg(["size", "var"])
        again = again[again["size"] > 1]
        assert row["n_repeated"] == len(again)
        spread = ((again["size"] - 1) * again["var"]).sum() / (again["size"] - 1).sum() if len(again) else math.nan
        assert row["repeat_sd"] == pytest.approx(math.sqrt(spread), nan_ok=True)
        table = own.unstack("condition").dropna()
        k = table.shape[1]
        f = math.nan
        if len(table) > 1:
            rest = table.sub(table.mean(axis=1), axis=0) - table.mean() + table.to_numpy().mean()
            f = len(table) * table.mean().var() / ((rest**2).to_numpy().sum() / (k - 1) / (len(table) - 1))
        assert row["discrimination"] == pytest.approx(f, nan_ok=True)
        p = stats.f.sf(f, k - 1, (k - 1) * (len(table) - 1))
        assert row["discrimination_p"] == pytest.approx(p, nan_ok=True)
        others = wide.drop(columns=name).mean(axis=1)
        assert row["with_others"] == pytest.approx(wide[name].corr(others))


def test_screening_counts_what_each_rater_did_in_each_trial(frame):
    rules = ["bs1534_hidden_reference", "bs1534_mid_anchor", "encodec_2022", "mpeg", "too_fast", "no_variance"]
    found = screen(frame, rules)
    usable = frame[frame["score"].notna() & frame["finished"]]
    checks = found.checks.set_index(["rule", "rater", "check"])[["failed", "of"]]
    trial = ["session", "item", "repeat"]
    for rater, own in usable.groupby("rater"):
        reference = own[own["role"] == "hidden_reference"]
        expected = [(reference["score"] < 90).sum(), len(reference)]
        assert checks.loc[("bs1534_hidden_reference", rater, "hidden reference below 90")].tolist() == expected
        anchor = own[own["role"] == "low_anchor"]
        assert checks.loc[("encodec_2022", rater, "low anchor above 80")].tolist() == [
            (anchor["score"] > 80).sum(),
            len(anchor),
        ]
        table = own[own["role"] != "system"].pivot(index=trial, columns="role", values="score")
        table = table[["hidden_reference", "mid_anchor", "low_anchor"]]
        several = table[table.notna().sum(axis=1) > 1]
        falls = [list(row[~np.isnan(row)]) for row in several.to_numpy()]
        broken = sum(row != sorted(row, reverse=True) for row in falls)
        assert checks.loc[("mpeg", rater, "reference and anchors out of order")].tolist() == [broken, len(several)]
        times = own.assign(rated_at=pd.to_datetime(own["rated_at"].replace("", None))).groupby(trial)
        took = (times["rated_at"].max() - pd.Timestamp("2026-03-01T10:00:00Z")).dropna()
        fast = [(took < pd.Timedelta(seconds=5)).sum(), len(took)]
        assert checks.loc[("too_fast", rater, "rated within less than 5 s")].tolist() == fast
    assert set(found.kept["rater"]) == set(usable["rater"]) - set(found.excluded)
    numbers = found.raters.set_index("rater")["n_ratings"]
    assert numbers.to_dict() == frame[frame["score"].notna()].groupby("rater").size().to_dict()


def test_figures_that_are_drawn_in_blocks_are_those_drawn_at_once(frame, monkeypatch):
    means = rater_means(frame).to_numpy(float)
    whole = bootstrap_means(means, draws=200), permutation_pairs(frame, draws=200)
    monkeypatch.setattr(resampling, "BLOCK", 3 * len(system_matrix(frame)))
    np.testing.assert_allclose(bootstrap_means(means, draws=200), whole[0])
    pd.testing.assert_frame_equal(permutation_pairs(frame, draws=200), whole[1])
