"""The models against R's lme4, lmerTest, emmeans and ordinal, on published and on simulated ratings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.mixed import mixed_model
from analysis.readers import read_ratings
from analysis.screening import screen
from analysis.simulation import Components, Plan, as_frame, draw_scores

HERE = Path(__file__).parent
PACKAGES = "lme4 lmerTest emmeans ordinal"
MEANS = {"A": 45.0, "B": 50.0, "C": 55.0, "D": 60.0, "E": 65.0}
VARIANCES = Components(80, 60, 30, 72, 200)


def missing_r() -> str:
    """Why R can't be asked here; "" if it can."""
    if not shutil.which("Rscript"):
        return "R is not on this machine (apt-get install r-cran-lme4 r-cran-lmertest r-cran-emmeans r-cran-ordinal)"
    look = "cat(setdiff(commandArgs(TRUE), rownames(installed.packages())))"
    lacking = subprocess.run(["Rscript", "-e", look, *PACKAGES.split()], capture_output=True, text=True, check=True)
    names = [f"r-cran-{name.lower()}" for name in lacking.stdout.split()]
    return f"R lacks packages (apt-get install {' '.join(names)})" if names else ""


@pytest.fixture(scope="module")
def r(tmp_path_factory):
    """Runs one of the scripts on a frame; gives the tables that it wrote."""
    if reason := missing_r():
        pytest.skip(reason)

    def run(script: str, frame: pd.DataFrame, *options: str) -> dict[str, pd.DataFrame]:
        folder = tmp_path_factory.mktemp("r")
        frame.to_csv(folder / "ratings.csv", index=False)
        command = ["Rscript", str(HERE / "r" / script), str(folder / "ratings.csv"), *options, str(folder)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        return {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}

    return run


def simulated(n_raters: int, seed: int, **options) -> pd.DataFrame:
    plan = Plan(n_raters, 10, MEANS, VARIANCES, **options)
    return as_frame(draw_scores(plan, np.random.default_rng(seed)), plan)


@pytest.fixture(params=["stahl2024", "balanced", "30% missing"])
def frame(request) -> pd.DataFrame:
    if request.param == "stahl2024":
        ratings = read_ratings(HERE.parent / "data" / "stahl2024" / "ratings_formated.csv")
        kept = screen(ratings, ["bs1534_hidden_reference"]).kept
        return kept[kept["role"] == "system"]
    return simulated(14, 5) if request.param == "balanced" else simulated(16, 6, missing=0.3)


@pytest.mark.parametrize("items", ["random", "fixed"])
def test_the_mixed_model_is_that_of_lme4_with_satterthwaites_degrees(r, frame, items):
    theirs = r("mixed.R", frame[["rater", "item", "condition", "score"]], items)
    model = mixed_model(frame, items=items)
    means = model.means().merge(theirs["means"], on="condition")
    assert len(means) == len(model.conditions)
    assert means["mean"].to_numpy() == pytest.approx(means["emmean"].to_numpy(), rel=1e-6)
    assert means["se"].to_numpy() == pytest.approx(means["SE"].to_numpy(), rel=1e-5)
    assert means["df_x"].to_numpy() == pytest.approx(means["df_y"].to_numpy(), rel=1e-4)
    pairs = both_ways(model.contrasts()).merge(
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
